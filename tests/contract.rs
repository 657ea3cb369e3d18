//! What every model in the table must do: the same tests for all, over their `tiny` settings and over those that
//! take another way through a model.

mod common;

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use icdbench::models::bert::{Encoder, EncoderConfig};
use icdbench::models::dropout::Noise;
use icdbench::models::evidence::{Evidence, EvidenceNote, EvidenceSpan};
use icdbench::models::parameters::{self, Parameters};
use icdbench::models::{Batch, Depth, Initialiser, Model, ModelConfig, PretrainedEncoder, Task};
use icdbench::train::{Decay, EncoderRates, Moments, Optimiser, Stepper};
use serde_json::{Value, json};

const CODES: usize = 9;
const WORDS: usize = 40;

fn task() -> Task {
    Task {
        codes: CODES,
        vocabulary: WORDS,
        padding: 0,
        cls: Some(2),
        separator: Some(3),
        training_notes: 20,
        code_frequency: (0..CODES as u32).map(|code| 1 + code).collect(),
        document_frequency: Some((0..WORDS as u32).collect()),
        count_scale: (0..WORDS).map(|word| 0.1 + word as f32 / 10.0).collect(),
        descriptions: (0..CODES as u32).map(|code| vec![2 + code, 3 + code]).collect(),
        word_vectors: None,
        encoder: None,
        evidence: Some(Arc::new(evidence())),
    }
}

/// What annotators marked in notes like those of the tests, for every code some tokens side by side and some apart.
fn evidence() -> Evidence {
    let marked = |(number, tokens): (usize, Vec<i32>)| {
        let codes: Vec<u32> = (0..CODES as u32)
            .filter(|code| (*code as usize + number).is_multiple_of(3))
            .collect();
        let span = |&code: &u32| {
            let first = code % (tokens.len() as u32).max(1);
            let places = [first, first + 1, first + 3]
                .into_iter()
                .filter(|place| (*place as usize) < tokens.len());
            EvidenceSpan {
                code,
                places: places.collect(),
            }
        };
        // And the last token, so that none is read for nothing.
        let last = EvidenceSpan {
            code: codes[0],
            places: vec![tokens.len() as u32 - 1],
        };
        EvidenceNote {
            spans: codes.iter().map(span).chain([last]).collect(),
            codes,
            tokens,
        }
    };
    Evidence {
        notes: notes().into_iter().enumerate().map(marked).collect(),
    }
}

fn notes() -> Vec<Vec<i32>> {
    let length = [1, 13, 30, 7, 22];
    (0..5)
        .map(|note| {
            (0..length[note])
                .map(|i| 1 + ((i * 7 + note * 11) % (WORDS - 1)) as i32)
                .collect()
        })
        .collect()
}

/// A batch of the given notes, `spare` positions wider than the longest.
fn batch(notes: &[Vec<i32>], spare: usize, device: &Device) -> Batch {
    let batch = Batch::new(notes, 0, device);
    let width = batch.width() + spare;
    let marked = evidence().notes;
    let marks = notes.iter().map(|note| {
        let same = marked.iter().find(|marked| marked.tokens == *note);
        same.map_or_else(Vec::new, |marked| marked.spans.clone())
    });
    batch.padded_to(width).with_marks(marks.collect())
}

fn targets(notes: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..notes * CODES).map(|cell| f32::from(cell % 4 == 1)).collect();
    Tensor::from_data(TensorData::new(values, [notes, CODES]), device)
}

/// A model whose parameters are all away from 0, so that no test passes because of a zero.
fn model(config: &ModelConfig, device: &Device) -> Model {
    let model = config.init(&task(), &mut Initialiser::new(3, device));
    let mut values = parameters::read(&model);
    let mut drawn = Initialiser::new(5, device).normal_values(100_000, 0.3).into_iter();
    for parameter in values.values_mut() {
        for value in &mut parameter.values {
            *value += drawn.next().expect("enough numbers");
        }
    }
    parameters::write(model, values).unwrap()
}

fn rows(logits: Tensor<2>) -> Vec<Vec<f32>> {
    parameters::host(logits).chunks(CODES).map(<[f32]>::to_vec).collect()
}

fn assert_close(left: &[f32], right: &[f32], tolerance: f32, what: &str) {
    assert_eq!(left.len(), right.len(), "{what}");
    for (a, b) in left.iter().zip(right) {
        assert!(
            a.is_finite() && (a - b).abs() <= tolerance * (1.0 + b.abs()),
            "{what}: {a} against {b}"
        );
    }
}

/// The name of the settings under which the model keeps its word vectors as they are.
const FROZEN: &str = "bigru_attention, frozen embedding";

/// What each variant changes of the `tiny` settings of a model: its name, a comma, what it is; the settings.
fn variants() -> Vec<(&'static str, Value)> {
    let label_wise = json!({"label-attention": {"label-block": 7}});
    let all_positions = json!({"positions": 40});
    let cross = json!({"cross-attention": {"initializer-range": 0.03, "label-block": 7}});
    let mut roberta = json!(EncoderConfig::preset("roberta-base").unwrap());
    for (size, value) in [
        ("layers", 1),
        ("hidden", 8),
        ("heads", 2),
        ("intermediate", 6),
        ("positions", 9),
    ] {
        roberta[size] = json!(value);
    }
    vec![
        ("caml, plain", json!({"description-weight": 0.0})),
        ("caml, shown its evidence", json!({"evidence-weight": 0.3})),
        ("bert_xml, shown its evidence", json!({"evidence-weight": 0.3})),
        ("long_bert, shown its evidence", json!({"evidence-weight": 0.3})),
        ("bert_trun, no pooler", json!({"pooler": false})),
        (
            "bert_trun, label attention",
            json!({"pooler": false, "head": label_wise}),
        ),
        (
            "bert_trun, cut off",
            json!({"pooler": false, "head": label_wise, "encoder": {"positions": 16}}),
        ),
        (
            "bert_hier, fully connected on the mean",
            json!({"head": "fully-connected"}),
        ),
        (
            "bert_hier, fully connected on the greatest",
            json!({"head": "fully-connected", "pooling": "max"}),
        ),
        (
            "bert_xml, whole notes",
            json!({"long-notes": "whole", "encoder": all_positions}),
        ),
        ("bert_xml, cut off", json!({"long-notes": "truncate"})),
        ("bert_xml, random label vectors", json!({"label-vectors": "random"})),
        ("long_bert, no overlap", json!({"overlap": 0})),
        ("long_bert, one token forward", json!({"overlap": 7})),
        ("plm_icd, labels as queries", json!({"head": cross})),
        (
            "plm_icd, as queries with RoBERTa's norms",
            json!({"head": cross, "encoder": roberta}),
        ),
        ("plm_icd, one token a chunk", json!({"chunk": 1})),
        (FROZEN, json!({"train-embedding": false})),
    ]
}

/// Sets what `changes` names, at whatever depth.
fn change(settings: &mut Value, changes: &Value) {
    match (settings, changes) {
        // A weight of 0 is not written.
        (Value::Object(settings), Value::Object(changes))
            if changes
                .keys()
                .all(|key| settings.contains_key(key) || key == "evidence-weight") =>
        {
            for (key, value) in changes {
                change(settings.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (settings, value) => *settings = value.clone(),
    }
}

fn for_each_model(test: impl Fn(&'static str, &ModelConfig)) {
    for config in ModelConfig::tiny() {
        test(config.name(), &config);
    }
    for (name, changes) in variants() {
        let model = name.split_once(',').unwrap().0;
        let tiny = ModelConfig::tiny().into_iter().find(|config| config.name() == model);
        let tiny = serde_json::to_value(tiny.unwrap()).unwrap();
        let mut settings = tiny.clone();
        change(&mut settings[model], &changes);
        assert_ne!(settings, tiny, "{name} is what tiny is");
        let config: ModelConfig = serde_json::from_value(settings).unwrap();
        config
            .check(&task(), 30)
            .unwrap_or_else(|problem| panic!("{name}: {problem}"));
        test(name, &config);
    }
}

#[test]
fn published_settings_are_sound_at_every_length_and_in_short_segments() {
    for name in ModelConfig::NAMES {
        for length in [1, 512, 8192] {
            let published = ModelConfig::published(name, length).unwrap();
            assert_eq!(published.name(), *name);
            for config in [published.clone(), published.segmented(128, 33)] {
                assert_eq!(config.check(&task(), length), Ok(()), "{name} at {length}");
            }
        }
    }
    assert_eq!(ModelConfig::published("no model", 512), None);
}

#[test]
fn logits_have_a_row_a_note_and_a_column_a_code() {
    let device = common::device();
    for_each_model(|name, config| {
        let logits = model(config, &device).logits(&batch(&notes(), 0, &device));
        assert_eq!(logits.dims(), [5, CODES], "{name}");
        assert!(parameters::host(logits).iter().all(|logit| logit.is_finite()), "{name}");
    });
}

#[test]
fn a_note_alone_in_a_batch_padded_further_or_in_another_order_has_the_same_logits() {
    let device = common::device();
    let notes = notes();
    for_each_model(|name, config| {
        let model = model(config, &device);
        let together = rows(model.logits(&batch(&notes, 0, &device)));
        let padded = rows(model.logits(&batch(&notes, 17, &device)));
        let mut reversed = notes.clone();
        reversed.reverse();
        let reversed = rows(model.logits(&batch(&reversed, 3, &device)));
        for (i, note) in notes.iter().enumerate() {
            let alone = rows(model.logits(&batch(std::slice::from_ref(note), 0, &device)));
            assert_close(&alone[0], &together[i], 1e-5, &format!("{name}: note {i} alone"));
            assert_close(&padded[i], &together[i], 1e-5, &format!("{name}: note {i} padded"));
            assert_close(
                &reversed[4 - i],
                &together[i],
                1e-5,
                &format!("{name}: note {i} reversed"),
            );
        }
    });
}

#[test]
fn tokens_past_what_a_model_reads_move_nothing() {
    let device = common::device();
    let longest = notes().swap_remove(2);
    for_each_model(|name, config| {
        let read = config.reads(longest.len());
        assert!((1..=longest.len()).contains(&read), "{name}: {read}");
        assert_eq!(config.reads(read), read, "{name}");
        let model = model(config, &device);
        let logits = |note: &[i32]| rows(model.logits(&batch(&[note.to_vec()], 0, &device)));
        assert_eq!(logits(&longest), logits(&longest[..read]), "{name}");
        assert_ne!(logits(&longest), logits(&longest[..read - 1]), "{name}");
    });
}

#[test]
fn bert_trun_reads_no_token_past_its_positions() {
    let device = common::device();
    let config = ModelConfig::tiny()
        .into_iter()
        .find(|config| config.name() == "bert_trun");
    let settings = serde_json::to_value(config.as_ref().unwrap()).unwrap();
    let read = settings["bert_trun"]["encoder"]["positions"].as_u64().unwrap() as usize - 2;
    let long: Vec<i32> = (0..read + 9).map(|i| 1 + (i % (WORDS - 1)) as i32).collect();
    let mut other = long.clone();
    other[read..].reverse();
    other[read] = 4;
    let model = model(&config.unwrap(), &device);
    let logits = |note: &[i32]| rows(model.logits(&batch(&[note.to_vec()], 0, &device))).remove(0);
    assert_eq!(logits(&long), logits(&other));
    assert_eq!(logits(&long), logits(&long[..read]));
    assert_ne!(logits(&long), logits(&long[..read - 1]));
}

#[test]
fn two_different_notes_have_different_logits() {
    let device = common::device();
    for_each_model(|name, config| {
        let logits = rows(model(config, &device).logits(&batch(&notes(), 0, &device)));
        assert_ne!(logits[1], logits[2], "{name}");
    });
}

/// Gradients by path, from the model's own `gradients`.
fn gradients(model: &Model, batch: &Batch, targets: Tensor<2>) -> (f32, Parameters) {
    let (loss, found) = model.gradients(batch, targets);
    (parameters::host(loss)[0], parameters::gradients(model, found))
}

#[test]
fn every_parameter_receives_a_gradient_of_its_own_shape() {
    let device = common::device().autodiff();
    for_each_model(|name, config| {
        let model = model(config, &device);
        let (loss, found) = gradients(&model, &batch(&notes(), 2, &device), targets(5, &device));
        assert!(loss.is_finite() && loss > 0.0, "{name}: loss {loss}");
        for (path, parameter) in parameters::read(&model) {
            if name == FROZEN && path == "embedding" {
                assert!(!found.contains_key(&path), "{name}: {path} has a gradient");
                continue;
            }
            let gradient = found
                .get(&path)
                .unwrap_or_else(|| panic!("{name}: {path} has no gradient"));
            assert_eq!(gradient.shape, parameter.shape, "{name}: {path}");
            assert!(
                gradient.values.iter().any(|value| *value != 0.0),
                "{name}: {path} is all 0"
            );
            assert!(gradient.values.iter().all(|value| value.is_finite()), "{name}: {path}");
        }
    });
}

#[test]
fn gradients_are_those_of_the_loss_by_finite_differences() {
    let device = common::device().autodiff();
    for_each_model(|name, config| {
        let model = model(config, &device);
        let loss = |values: &Parameters| {
            let model = parameters::write(model.clone(), values.clone()).unwrap();
            gradients(&model, &batch(&notes(), 2, &device), targets(5, &device)).0
        };
        let values = parameters::read(&model);
        let (_, found) = gradients(&model, &batch(&notes(), 2, &device), targets(5, &device));
        for (path, gradient) in &found {
            // The element with the largest gradient: its difference stands out of the rounding.
            let (at, largest) = gradient
                .values
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
                .unwrap();
            let shifted = |by: f32| {
                let mut values = values.clone();
                values.get_mut(path).unwrap().values[at] += by;
                loss(&values)
            };
            let step = 2e-3;
            let difference = (shifted(step) - shifted(-step)) / (2.0 * step);
            let tolerance = 2e-2 * largest.abs() + 2e-4;
            assert!(
                (difference - largest).abs() <= tolerance,
                "{name}: {path}: {difference} against {largest}"
            );
        }
    });
}

#[test]
fn a_saved_and_loaded_model_has_the_same_logits() {
    let device = common::device();
    for_each_model(|name, config| {
        let original = model(config, &device);
        let fresh = config.init(&task(), &mut Initialiser::new(99, &device));
        let loaded = parameters::write(fresh, parameters::read(&original)).unwrap();
        let batch = batch(&notes(), 0, &device);
        assert_eq!(rows(original.logits(&batch)), rows(loaded.logits(&batch)), "{name}");
    });
}

#[test]
fn loading_refuses_missing_left_over_and_misshapen_parameters_by_name() {
    let device = common::device();
    for_each_model(|name, config| {
        let model = model(config, &device);
        let values = parameters::read(&model);
        let path = values.keys().next().unwrap().clone();

        let mut missing = values.clone();
        missing.remove(&path);
        assert_eq!(
            parameters::write(model.clone(), missing).unwrap_err(),
            format!("lacks {path}"),
            "{name}"
        );

        let mut extra = values.clone();
        extra.insert("zzz".into(), values[&path].clone());
        assert!(
            parameters::write(model.clone(), extra).unwrap_err().contains("zzz"),
            "{name}"
        );

        let mut misshapen = values.clone();
        misshapen.get_mut(&path).unwrap().shape.push(1);
        let message = parameters::write(model.clone(), misshapen).unwrap_err();
        assert!(
            message.contains(&path) && message.contains("expected"),
            "{name}: {message}"
        );
    });
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let device = common::device();
    for_each_model(|name, config| {
        let drawn = |seed| parameters::read(&config.init(&task(), &mut Initialiser::new(seed, &device)));
        assert_eq!(drawn(1), drawn(1), "{name}");
        // Logistic regression is convex and starts from zeros; the dictionary is what its training notes say.
        let draws_nothing = ["logistic_regression", "evidence_dictionary"].contains(&config.name());
        assert_eq!(drawn(1) == drawn(2), draws_nothing, "{name}");
    });
}

#[test]
fn the_same_noise_gives_the_same_loss_to_the_last_bit() {
    let device = common::device().autodiff();
    for_each_model(|name, config| {
        let model = model(config, &device);
        let run = |step| {
            let batch = batch(&notes(), 2, &device).with_noise(Noise::new(4, step));
            gradients(&model, &batch, targets(5, &device))
        };
        assert_eq!(run(1), run(1), "{name}");
    });
}

/// Whether there is a setting of that name, at whatever depth.
fn has_setting(settings: &Value, name: &str) -> bool {
    let inside = settings.as_object();
    inside.is_some_and(|inside| {
        inside
            .iter()
            .any(|(key, value)| key == name || has_setting(value, name))
    })
}

#[test]
fn blocks_of_one_seven_and_all_labels_agree() {
    let device = common::device().autodiff();
    for_each_model(|name, config| {
        let mut config = config.clone();
        let blockwise = has_setting(&json!(config), "label-block");
        assert_eq!(config.label_block().is_some(), blockwise, "{name}");
        if !blockwise {
            return;
        }
        let mut with_block = |block: usize| {
            *config.label_block().unwrap() = block;
            let model = model(&config, &device);
            let batch = batch(&notes(), 2, &device);
            let logits = parameters::host(model.logits(&batch).inner());
            (logits, gradients(&model, &batch, targets(5, &device)))
        };
        let (logits, (loss, whole)) = with_block(CODES);
        for block in [1, 7] {
            let (blocked_logits, (blocked_loss, blocked)) = with_block(block);
            assert_close(
                &blocked_logits,
                &logits,
                1e-5,
                &format!("{name}: logits, block {block}"),
            );
            assert_close(&[blocked_loss], &[loss], 1e-5, &format!("{name}: loss, block {block}"));
            for (path, gradient) in &whole {
                let what = format!("{name}: {path}, block {block}");
                assert_close(&blocked[path].values, &gradient.values, 1e-5, &what);
            }
        }
    });
}

#[test]
fn explanations_are_weights_over_the_real_tokens() {
    let device = common::device();
    for_each_model(|name, config| {
        let batch = batch(&notes(), 4, &device);
        let explained = model(config, &device).explain(&batch, &[2]);
        assert_eq!(explained.is_some(), config.explains(), "{name}");
        let Some(weights) = explained.and_then(|mut explained| explained.pop()) else {
            return;
        };
        assert_eq!(weights.dims(), [5, batch.width()], "{name}");
        for (row, &length) in parameters::host(weights).chunks(batch.width()).zip(batch.lengths()) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{name}");
            assert!(row[length..].iter().all(|&weight| weight == 0.0), "{name}");
        }
    });
}

/// The settings of an encoder among those of a model, at whatever depth.
fn encoder_of(settings: &Value) -> Option<EncoderConfig> {
    let inside = settings.as_object()?;
    let whole = serde_json::from_value(settings.clone()).ok();
    whole.or_else(|| inside.values().find_map(encoder_of))
}

/// A pretrained encoder of those sizes, with a pooler. No two of its parameters are alike.
fn pretrained(config: &EncoderConfig) -> PretrainedEncoder {
    let device = common::device();
    let encoder = Encoder::init(config, &task(), true, &mut Initialiser::new(8, &device));
    let mut parameters = parameters::read(&encoder);
    let mut drawn = Initialiser::new(9, &device).normal_values(100_000, 1.0).into_iter();
    for parameter in parameters.values_mut() {
        parameter.values.fill_with(|| drawn.next().expect("enough numbers"));
    }
    PretrainedEncoder {
        vocabulary: WORDS,
        hidden: config.hidden,
        layers: config.layers,
        heads: config.heads,
        intermediate: config.intermediate,
        positions: config.positions,
        token_types: 2,
        norm_epsilon: config.norm_epsilon,
        parameters,
    }
}

/// How deep a parameter of an encoder lies, by its path below the encoder.
fn depth(path: &str) -> Depth {
    match path.split('.').collect::<Vec<_>>()[..] {
        ["embeddings", ..] => Depth::Embeddings,
        ["layers", layer, ..] => Depth::Layer(layer.parse().unwrap()),
        ["pooler", ..] => Depth::Top,
        _ => panic!("{path} is no parameter of an encoder"),
    }
}

#[test]
fn a_model_that_takes_an_encoder_starts_from_all_of_it_and_knows_how_deep_each_parameter_lies() {
    let device = common::device();
    for_each_model(|name, config| {
        let start = |task: &Task| config.init(task, &mut Initialiser::new(3, &device));
        let deep = |model: &Model| {
            let paths = parameters::read(model).into_keys();
            paths.filter(|path| model.depth(path) != Depth::Head).count()
        };
        if !config.takes_encoder() {
            assert_eq!(deep(&start(&task())), 0, "{name} takes no encoder");
            return;
        }
        let sizes = encoder_of(&json!(config)).unwrap_or_else(|| panic!("{name} has no encoder among its settings"));
        let given = Arc::new(pretrained(&sizes));
        let task = Task {
            encoder: Some(given.clone()),
            ..task()
        };
        assert_eq!(config.check(&task, 30), Ok(()), "{name}");
        let model = start(&task);
        let started = parameters::read(&model);
        let mut taken = 0;
        for (path, values) in &given.parameters {
            let holders: Vec<&String> = started
                .iter()
                .filter(|(_, own)| *own == values)
                .map(|(own, _)| own)
                .collect();
            match holders[..] {
                [holder] => assert_eq!(model.depth(holder), depth(path), "{name}: {holder}"),
                [] => assert_eq!(depth(path), Depth::Top, "{name} starts without {path}"),
                _ => panic!("{name}: {path} is in {holders:?}"),
            }
            taken += holders.len();
        }
        assert_eq!(deep(&model), taken, "{name}");
    });
}

#[test]
fn layer_wise_rates_move_every_layer_of_an_encoder_by_its_own() {
    let device = common::device().autodiff();
    let rates = EncoderRates {
        learning_rate: 0.008,
        layer_decay: 0.25,
    };
    // Adam's first step is as long as the rate, whatever the gradient.
    let adam = Optimiser::Adam(Moments {
        betas: [0.9, 0.999],
        epsilon: 1e-12,
        weight_decay: 0.0,
        decay: Decay::All,
    });
    for_each_model(|name, config| {
        let model = model(config, &device);
        let before = parameters::read(&model);
        let depths: Vec<Depth> = before.keys().map(|path| model.depth(path)).collect();
        let last = depths
            .iter()
            .filter(|depth| matches!(depth, Depth::Layer(_)))
            .max()
            .copied();
        assert_eq!(last.is_some(), config.takes_encoder(), "{name}");
        let (_, gradients) = model.gradients(&batch(&notes(), 0, &device), targets(5, &device));
        let stepper = Stepper::new(&adam, 0.0).unwrap();
        let after = stepper
            .with_encoder_rates(&rates, 0.02, &model)
            .step(0.02, model, gradients);
        let after = parameters::read(&after);
        for ((path, before), depth) in before.iter().zip(depths) {
            if name == FROZEN && path == "embedding" {
                continue; // it has no gradient
            }
            let rate: f32 = match (depth, last) {
                (Depth::Head, _) => 0.02,
                (Depth::Top, _) => 0.008,
                (Depth::Layer(layer), Some(Depth::Layer(last))) => 0.008 * 0.25f32.powi((last - layer) as i32),
                (Depth::Embeddings, Some(Depth::Layer(last))) => 0.008 * 0.25f32.powi(last as i32 + 1),
                _ => panic!("{name}: {path} lies in an encoder without layers"),
            };
            let moved = after[path]
                .values
                .iter()
                .zip(&before.values)
                .map(|(a, b)| (a - b).abs());
            let moved = moved.fold(0.0, f32::max);
            assert!(
                (moved / rate - 1.0).abs() < 1e-2,
                "{name}: {path} moved by {moved}, expected {rate}"
            );
        }
    });
}
