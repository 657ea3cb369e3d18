//! Reading a directory.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use candle_core::{DType, Device, Tensor};
use icdbench::pretrained::{Architecture, PretrainedBert};
use serde_json::json;

use super::{
    CONVERTED, HIDDEN, INTERMEDIATE, LAYERS, Naming, POSITIONS, TODAY, TYPES, Tiny, VOCABULARY, config, fixture,
    tensors, value,
};

#[test]
fn every_parameter_has_its_name_shape_and_values() {
    let encoder = Tiny::new().read().unwrap();
    let mut expected: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut put = |name: String, shape: &[usize]| expected.insert(name, shape.to_vec());
    for (table, entries) in [("word", VOCABULARY), ("position", POSITIONS), ("token_type", TYPES)] {
        put(format!("embeddings.{table}"), &[entries, HIDDEN]);
    }
    let mut norms = vec!["embeddings.norm".to_owned()];
    let mut linears = vec![("pooler".to_owned(), HIDDEN, HIDDEN)];
    for layer in 0..LAYERS {
        norms.extend(["attention_norm", "output_norm"].map(|norm| format!("layers.{layer}.{norm}")));
        linears.push((format!("layers.{layer}.query_key_value"), HIDDEN, 3 * HIDDEN));
        linears.push((format!("layers.{layer}.attention_output"), HIDDEN, HIDDEN));
        linears.push((format!("layers.{layer}.intermediate"), HIDDEN, INTERMEDIATE));
        linears.push((format!("layers.{layer}.output"), INTERMEDIATE, HIDDEN));
    }
    for name in norms {
        put(format!("{name}.weight"), &[HIDDEN]);
        put(format!("{name}.bias"), &[HIDDEN]);
    }
    for (name, inputs, outputs) in linears {
        put(format!("{name}.weight"), &[inputs, outputs]);
        put(format!("{name}.bias"), &[outputs]);
    }
    let found = encoder.parameters.iter();
    let found: BTreeMap<String, Vec<usize>> = found.map(|(name, found)| (name.clone(), found.shape.clone())).collect();
    assert_eq!(found, expected);

    let at = |name: &str, place: usize| encoder.parameters[name].values[place];
    for element in 0..VOCABULARY * HIDDEN {
        let name = "embeddings.word_embeddings.weight";
        assert_eq!(at("embeddings.word", element), value(name, element));
    }
    for element in 0..HIDDEN {
        let (weight, bias) = ("embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias");
        assert_eq!(at("embeddings.norm.weight", element), value(weight, element));
        assert_eq!(at("embeddings.norm.bias", element), value(bias, element));
    }
    let linears = [
        ("layers.1.attention_output", "attention.output.dense", HIDDEN, HIDDEN),
        ("layers.1.intermediate", "intermediate.dense", HIDDEN, INTERMEDIATE),
        ("layers.1.output", "output.dense", INTERMEDIATE, HIDDEN),
    ];
    for (ours, theirs, inputs, outputs) in linears {
        let weight = format!("encoder.layer.1.{theirs}.weight");
        for (input, output) in (0..inputs).flat_map(|input| (0..outputs).map(move |output| (input, output))) {
            let found = at(&format!("{ours}.weight"), input * outputs + output);
            assert_eq!(found, value(&weight, output * inputs + input), "{ours}");
        }
    }
    for (part, name) in ["query", "key", "value"].into_iter().enumerate() {
        let start = format!("encoder.layer.0.attention.self.{name}");
        for output in 0..HIDDEN {
            let column = part * HIDDEN + output;
            let bias = at("layers.0.query_key_value.bias", column);
            assert_eq!(bias, value(&format!("{start}.bias"), output));
            for input in 0..HIDDEN {
                let found = at("layers.0.query_key_value.weight", input * 3 * HIDDEN + column);
                let weight = value(&format!("{start}.weight"), output * HIDDEN + input);
                assert_eq!(found, weight, "{name} {input} {output}");
            }
        }
    }
}

#[test]
fn every_naming_precision_and_format_gives_the_same_numbers() {
    let expected = Tiny::new().read().unwrap().parameters;
    let gamma = Naming {
        prefix: "",
        ..CONVERTED
    };
    let prefixed = Naming {
        norm: TODAY.norm,
        ..CONVERTED
    };
    for naming in [TODAY, gamma, prefixed, CONVERTED] {
        for precision in [DType::F32, DType::F16, DType::BF16] {
            let found = Tiny::with(&tensors(naming, precision)).read().unwrap();
            assert_eq!(found.parameters, expected);
        }
    }
    for name in ["zip.bin", "legacy.bin"] {
        let tiny = Tiny::without_weights();
        tiny.write("pytorch_model.bin", fixture(name));
        let found = tiny.read().unwrap();
        assert_eq!(found.parameters, expected, "{name}");
        let left_over = [
            "bert.embeddings.position_ids",
            "cls.predictions.bias",
            "cls.predictions.decoder.weight",
            "cls.seq_relationship.bias",
            "cls.seq_relationship.weight",
        ];
        assert_eq!(found.report.left_over, left_over, "{name}");
        assert_eq!(found.report.file, "pytorch_model.bin");
    }
}

#[test]
fn the_configuration_is_read_and_old_ones_may_lack_keys() {
    let config = Tiny::new().read().unwrap().config;
    assert_eq!((config.hidden, config.layers, config.heads), (HIDDEN, LAYERS, 2));
    assert_eq!((config.intermediate, config.vocabulary), (INTERMEDIATE, VOCABULARY));
    assert_eq!((config.positions, config.token_types), (POSITIONS, TYPES));
    assert_eq!((config.architecture, config.norm_epsilon), (Architecture::Bert, 1e-12));
    assert_eq!((config.dropout, config.attention_dropout), (Some(0.1), Some(0.2)));
    let tiny = Tiny::new();
    let mut old = self::config();
    for key in [
        "model_type",
        "layer_norm_eps",
        "position_embedding_type",
        "architectures",
    ] {
        old.as_object_mut().unwrap().remove(key).unwrap();
    }
    tiny.write("config.json", old.to_string());
    let read = tiny.read().unwrap();
    assert_eq!(read.config, config);
    let given = read.into_encoder();
    let sizes = (given.vocabulary, given.hidden, given.layers, given.heads);
    assert_eq!(sizes, (VOCABULARY, HIDDEN, LAYERS, 2));
    let sizes = (given.intermediate, given.positions, given.token_types);
    assert_eq!(sizes, (INTERMEDIATE, POSITIONS, TYPES));
    assert_eq!(given.norm_epsilon, 1e-12);
    assert!(given.parameters.contains_key("pooler.weight"));
}

#[test]
fn safetensors_are_preferred() {
    let tiny = Tiny::new();
    tiny.write("pytorch_model.bin", "not read");
    assert_eq!(tiny.read().unwrap().report.file, "model.safetensors");
}

#[test]
fn the_report_says_what_was_loaded_missing_and_left_over() {
    let mut tensors = tensors(TODAY, DType::F32);
    let all = tensors.len();
    let parameters: usize = tensors.values().map(Tensor::elem_count).sum();
    let report = Tiny::with(&tensors).read().unwrap().report;
    assert_eq!((report.loaded.len(), report.parameters), (all, parameters as u64));
    assert!(report.missing.is_empty() && report.left_over.is_empty());
    let text =
        format!("model.safetensors: loaded {all} tensors with {parameters} parameters; missing: none; left over: none");
    assert_eq!(report.to_string(), text);

    // Half a pooler is no pooler.
    tensors.remove("pooler.dense.bias").unwrap();
    for head in 0..14 {
        let extra = Tensor::zeros(3, DType::I64, &Device::Cpu).unwrap();
        tensors.insert(format!("head.{head:02}"), extra);
    }
    let read = Tiny::with(&tensors).read().unwrap();
    assert!(!read.parameters.keys().any(|name| name.starts_with("pooler")));
    assert_eq!(read.report.missing, ["pooler.dense.bias"]);
    assert_eq!(read.report.loaded.len(), all - 2);
    assert_eq!(read.report.left_over.len(), 15);
    let text = read.report.to_string();
    assert!(
        text.contains("missing: pooler.dense.bias (drawn from the seed"),
        "{text}"
    );
    assert!(text.contains("left over: head.00, head.01,"), "{text}");
    assert!(text.ends_with("head.11 and 3 more"), "{text}");
}

#[test]
fn the_hashes_are_those_of_the_files() {
    let tiny = Tiny::new();
    let read = tiny.read().unwrap();
    let digest = |name: &str| {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(fs::read(tiny.path(name)).unwrap());
        icdbench::record::hex(&digest)
    };
    assert_eq!(read.weights_sha256, digest("model.safetensors"));
    assert_eq!(read.config_sha256, digest("config.json"));
    let expect = |sha256: &str| PretrainedBert::read(tiny.0.path(), Some(sha256));
    assert!(expect(&read.weights_sha256.to_uppercase()).is_ok());
    let wrong = "0".repeat(64);
    let message = expect(&wrong).unwrap_err().to_string();
    for word in [
        "model.safetensors",
        &read.weights_sha256,
        &wrong,
        "Fetch the file again",
        "`sha256`",
    ] {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let change = |edit: &dyn Fn(&mut HashMap<String, Tensor>)| {
        let mut tensors = tensors(CONVERTED, DType::F32);
        edit(&mut tensors);
        Tiny::with(&tensors)
    };
    let zeros = |shape: &[usize], kind| Tensor::zeros(shape, kind, &Device::Cpu).unwrap();
    let key = "bert.encoder.layer.1.attention.self.key.weight";
    change(&|tensors| drop(tensors.insert(key.into(), zeros(&[3, 4], DType::F32)))).assert_refused(&[
        "model.safetensors",
        key,
        "has shape [3, 4], expected [4, 4] from config.json",
    ]);
    change(&|tensors| drop(tensors.remove(key).unwrap())).assert_refused(&[
        "model.safetensors: no tensor encoder.layer.1.attention.self.key.weight",
        "expected one of shape [4, 4]",
    ]);
    let norm = "bert.embeddings.LayerNorm.gamma";
    change(&|tensors| drop(tensors.remove(norm).unwrap()))
        .assert_refused(&["no tensor embeddings.LayerNorm.weight (nor under its older names)"]);
    change(&|tensors| drop(tensors.insert("embeddings.LayerNorm.weight".into(), zeros(&[4], DType::F32))))
        .assert_refused(&["holds both embeddings.LayerNorm.weight and bert.embeddings.LayerNorm.gamma"]);
    change(&|tensors| drop(tensors.insert(norm.into(), zeros(&[4], DType::I64))))
        .assert_refused(&[norm, "holds I64, expected F32, F16 or BF16"]);
    let infinite = Tensor::new(&[0f32, f32::INFINITY, 0.0, 0.0], &Device::Cpu).unwrap();
    change(&|tensors| drop(tensors.insert(norm.into(), infinite.clone())))
        .assert_refused(&[norm, "not a finite number"]);
}

#[test]
fn a_configuration_that_the_encoder_does_not_compute_is_refused() {
    let cases: &[(&str, serde_json::Value, &str)] = &[
        (
            "model_type",
            json!("electra"),
            "model_type is electra, expected bert or roberta",
        ),
        ("hidden_act", json!("gelu_new"), "hidden_act is gelu_new, expected gelu"),
        ("hidden_act", json!(null), "hidden_act is missing, expected gelu"),
        (
            "layer_norm_eps",
            json!(0.0),
            "layer_norm_eps is 0e0, expected a number above 0 and below 1",
        ),
        (
            "position_embedding_type",
            json!("relative_key"),
            "position_embedding_type is relative_key, expected absolute",
        ),
        ("is_decoder", json!(true), "is_decoder is true, expected false"),
        (
            "num_attention_heads",
            json!(3),
            "num_attention_heads is 3, expected a divisor of hidden_size, 4",
        ),
        (
            "num_hidden_layers",
            json!(0),
            "num_hidden_layers is 0, expected at least 1",
        ),
        (
            "hidden_size",
            json!("four"),
            "not the config.json of a BERT or RoBERTa: invalid type: string \"four\"",
        ),
    ];
    for (key, value, words) in cases {
        Tiny::with_config(key, value.clone()).assert_refused(&["config.json", words]);
    }
    let tiny = Tiny::new();
    let mut config = config();
    config.as_object_mut().unwrap().remove("hidden_size").unwrap();
    tiny.write("config.json", config.to_string());
    tiny.assert_refused(&["config.json", "missing field `hidden_size`"]);
}

#[test]
fn a_layer_more_in_the_configuration_is_a_missing_tensor() {
    Tiny::with_config("num_hidden_layers", json!(3))
        .assert_refused(&["no tensor encoder.layer.2.attention.self.query"]);
}

#[test]
fn missing_files_are_named_with_the_next_step() {
    let without = |name: &str| {
        let tiny = Tiny::new();
        fs::remove_file(tiny.path(name)).unwrap();
        tiny
    };
    without("config.json").assert_refused(&["config.json: cannot read it", "icdbench data list"]);
    without("model.safetensors").assert_refused(&[
        "no weights: found neither model.safetensors nor pytorch_model.bin",
        "TensorFlow",
        "icdbench data list",
    ]);
    without("vocab.txt").assert_refused(&[
        "no vocabulary: found neither vocab.txt nor tokenizer.json",
        "[text.<name>]",
    ]);
}

#[test]
fn a_vocabulary_larger_than_the_table_is_refused_in_either_format() {
    let tiny = Tiny::new();
    let tokens = fs::read_to_string(tiny.path("vocab.txt")).unwrap();
    tiny.write("vocab.txt", tokens + "more\n");
    tiny.assert_refused(&[
        "vocab.txt: 10 tokens, expected 9 at most, the vocab_size of config.json",
        "so that 9 are left",
    ]);
    let json = |size: usize| {
        let tokens: BTreeMap<String, usize> = (0..size).map(|token| (format!("token{token}"), token)).collect();
        json!({
            "normalizer": { "type": "BertNormalizer" },
            "pre_tokenizer": { "type": "BertPreTokenizer" },
            "model": { "type": "WordPiece", "vocab": tokens },
        })
        .to_string()
    };
    fs::remove_file(tiny.path("vocab.txt")).unwrap();
    tiny.write("tokenizer.json", json(VOCABULARY));
    assert!(tiny.read().is_ok());
    tiny.write("tokenizer.json", json(VOCABULARY + 1));
    tiny.assert_refused(&["tokenizer.json: 10 tokens, expected 9 at most"]);
    tiny.write("tokenizer.json", "{}");
    tiny.assert_refused(&["tokenizer.json: not a tokenizer.json"]);
}

#[test]
fn rows_beyond_the_vocabulary_are_read_and_told() {
    let mut config = config();
    config["vocab_size"] = json!(12);
    let mut tensors = tensors(TODAY, DType::F32);
    let name = "embeddings.word_embeddings.weight";
    let padding = Tensor::zeros((3, HIDDEN), DType::F32, &Device::Cpu).unwrap();
    let padded = Tensor::cat(&[&tensors[name], &padding], 0).unwrap();
    tensors.insert(name.into(), padded);
    let tiny = Tiny::with(&tensors);
    // The table and the configuration must still agree.
    tiny.assert_refused(&[name, "has shape [12, 4], expected [9, 4] from config.json"]);
    tiny.write("config.json", config.to_string());
    let read = tiny.read().unwrap();
    assert_eq!((read.tokens.len(), read.report.unused_rows), (VOCABULARY, 3));
    let text = read.report.to_string();
    assert!(
        text.ends_with("; 3 rows of its table of tokens are beyond the vocabulary"),
        "{text}"
    );
    assert_eq!(read.parameters["embeddings.word"].shape, [12, HIDDEN]);
}

#[test]
fn truncated_weights_are_refused_at_every_length() {
    let whole = fs::read(Tiny::new().path("model.safetensors")).unwrap();
    let formats = [
        ("model.safetensors", whole),
        ("pytorch_model.bin", fixture("zip.bin")),
        ("pytorch_model.bin", fixture("legacy.bin")),
        ("pytorch_model.bin", fixture("protocol4.bin")),
    ];
    for (name, bytes) in formats {
        let tiny = Tiny::without_weights();
        for cut in (0..16).chain((16..bytes.len()).step_by(61)).chain([bytes.len() - 1]) {
            tiny.write(name, &bytes[..cut]);
            let message = tiny.read().unwrap_err().to_string();
            assert!(message.contains(name), "{cut}: {message}");
            assert!(
                message.contains("not a whole weights file"),
                "{name} cut at {cut}: {message}"
            );
        }
    }
}
