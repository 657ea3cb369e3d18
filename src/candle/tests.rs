//! The engine beside PyTorch (the fixtures of `tests/reference/make_parity.py`), and what it refuses.

mod files;
mod refused;

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use serde::Deserialize;
use serde_json::{Value, json};

use self::files::{Array, Case, cases, fixture};
use super::*;
use crate::bench::engine::serve;
use crate::bench::protocol::{Answer, FailureKind};

/// Greatest deviation from a number of PyTorch's (computed in f64), as a share of it.
const RELATIVE: f32 = 1e-4;
/// What is allowed beside that, for numbers near 0.
const ABSOLUTE: f32 = 1e-6;

/// Parameters by their names.
fn named(optimiser: &AdamW) -> impl Iterator<Item = (&str, &Var)> {
    optimiser
        .parameters
        .iter()
        .map(|(name, variable, _)| (name.as_str(), variable))
}

#[track_caller]
fn assert_close<'a>(found: impl IntoIterator<Item = &'a f32>, expected: &[f32], what: &str) {
    let found: Vec<f32> = found.into_iter().copied().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let allowed = RELATIVE * expected.abs() + ABSOLUTE;
        assert!(
            (found - expected).abs() <= allowed,
            "{what}: element {at} is {found}, PyTorch's is {expected}"
        );
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|tensor| tensor.to_vec1()).unwrap()
}

fn loaded(case: &Case) -> Candle {
    let mut engine = Candle::default();
    let loaded = case
        .on_disk(|load| engine.load(load))
        .unwrap_or_else(|failure| panic!("{}: {failure}", case.name));
    let count: usize = case.parameters.values().map(|array| array.values.len()).sum();
    assert_eq!(loaded.parameters, count as u64, "{}", case.name);
    engine
}

/// Whether a case is of settings that the engine refuses; then that it does, by the setting's name.
fn refused(case: &Case) -> bool {
    let (model, settings) = case.model_and_settings();
    let asks = |setting: &str, plain: Value| settings.get(setting).is_some_and(|value| *value != plain);
    let refused = match model {
        "caml" if asks("attend-to-padding", json!(false)) => "attend-to-padding",
        "caml" if asks("description-weight", json!(0.0)) => "description-weight",
        "logistic_regression" if asks("unit-length", json!(false)) => "unit-length",
        "logistic_regression" if asks("penalty", json!("none")) => "penalty",
        "logistic_regression" if settings["features"] == "tf-idf" => "features",
        _ => return false,
    };
    let failure = case.on_disk(|load| Candle::default().load(load)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported, "{}", case.name);
    assert!(failure.words.contains(refused), "{}: {failure}", case.name);
    true
}

/// A case of a model that the engine computes.
fn plain(model: &str) -> Case {
    cases(model).into_iter().find(|case| !refused(case)).unwrap()
}

#[test]
fn logits_loss_and_gradients_of_every_model_are_pytorchs() {
    for model in table::NAMES {
        let mut compared = 0;
        for case in cases(model).into_iter().filter(|case| !refused(case)) {
            compared += 1;
            let name = &case.name;
            let mut engine = loaded(&case);
            let logits = engine.logits(0).unwrap().logits;
            assert_close(logits.iter().flatten(), &case.logits.values, &format!("{name}: logits"));

            let ready = engine.ready.as_ref().unwrap();
            let set = ready.inputs.set(0).unwrap();
            let loss = ready
                .model
                .loss(&set.notes, &set.targets().unwrap(), &Pass::training(1))
                .unwrap();
            assert_close(&values(&loss), &[case.loss], &format!("{name}: loss"));
            let gradients = loss.backward().unwrap();
            let found: BTreeMap<&str, &Var> = named(&ready.optimiser).collect();
            assert!(
                found.keys().copied().eq(case.gradients.keys().map(String::as_str)),
                "{name}: {:?}",
                found.keys()
            );
            for (parameter, expected) in &case.gradients {
                let gradient = gradients.get(found[parameter.as_str()]).unwrap();
                assert_eq!(gradient.dims(), expected.shape, "{name}: {parameter}");
                assert_close(
                    &values(gradient),
                    &expected.values,
                    &format!("{name}: gradient of {parameter}"),
                );
            }
        }
        assert!(compared > 0, "{model}");
    }
}

#[test]
fn logits_of_every_weighting_of_words_are_pytorchs() {
    for features in ["counts", "binary", "log-counts"] {
        let mut case = cases("logistic_regression")
            .into_iter()
            .find(|case| case.name.contains(&format!(", {features}, unit length False")))
            .unwrap();
        // A penalty does not move logits.
        case.model["logistic_regression"]["penalty"] = json!("none");
        let logits = loaded(&case).logits(0).unwrap().logits;
        assert_close(logits.iter().flatten(), &case.logits.values, &case.name);
    }
}

#[test]
fn a_notes_logits_depend_on_it_alone() {
    for model in table::NAMES {
        for case in cases(model).into_iter().filter(|case| !refused(case)) {
            let together = loaded(&case).logits(0).unwrap().logits;
            for (note, expected) in case.notes.iter().zip(together) {
                let alone = Case {
                    notes: vec![note.clone()],
                    gold: vec![vec![]],
                    ..case.clone()
                };
                let logits = loaded(&alone).logits(0).unwrap().logits;
                assert_close(&logits[0], &expected, &format!("{}: {} tokens", case.name, note.len()));
            }
        }
    }
}

#[test]
fn a_preset_stands_for_its_sizes() {
    let encoder = json!({"preset": "small-2x256", "positions": 100, "dropout": 0.1, "attention-dropout": 0.0,
        "initializer-range": 0.02});
    let read: settings::EncoderSettings = serde_json::from_value(encoder).unwrap();
    assert_eq!(
        [read.layers, read.hidden, read.heads, read.intermediate, read.positions],
        [2, 256, 4, 1024, 100]
    );
}

#[derive(Deserialize)]
struct Steps {
    rates: Vec<f64>,
    start: BTreeMap<String, Array>,
    gradients: Vec<BTreeMap<String, Array>>,
    cases: BTreeMap<String, Vec<Value>>,
}

#[test]
fn adamw_takes_pytorchs_steps() {
    let steps: Steps = fixture("optimisers");
    let tensor = |array: &Array| Tensor::from_slice(&array.values, &array.shape[..], &Device::Cpu).unwrap();
    let mut compared = 0;
    for case in steps.cases["steps"].iter().chain(&steps.cases["weight-decay"]) {
        let settings = &case["optimiser"]["adamw"];
        if settings["decay"] != "all" {
            continue;
        }
        compared += 1;
        let parameters = steps
            .start
            .iter()
            .map(|(name, array)| (name.clone(), Var::from_tensor(&tensor(array)).unwrap()));
        let mut optimiser = AdamW::new(parameters.collect());
        // The third step leaves a parameter out.
        for (step, gradients) in steps.gradients[..2].iter().enumerate() {
            let mut store = GradStore::default();
            for (name, variable) in named(&optimiser) {
                store.insert(variable, tensor(&gradients[name]));
            }
            let rates = Rates {
                rate: steps.rates[step],
                decay: settings["weight-decay"].as_f64().unwrap(),
                ..RATES
            };
            optimiser.step(&mut store, rates).unwrap();
            for (name, variable) in named(&optimiser) {
                let after: Array = serde_json::from_value(case["after"][step][name].clone()).unwrap();
                // How far it moved: an error in a step cannot hide beside a large value.
                let moved = |values: &[f32]| -> Vec<f32> {
                    values
                        .iter()
                        .zip(&steps.start[name].values)
                        .map(|(value, start)| value - start)
                        .collect()
                };
                let found = moved(&values(variable));
                assert_close(&found, &moved(&after.values), &format!("{}: {name}", case["name"]));
            }
        }
    }
    assert!(compared > 1);
}

#[test]
fn dropout_drops_a_share_and_its_gradient_the_same() {
    let ones = Var::ones((50, 40), candle_core::DType::F32, &Device::Cpu).unwrap();
    let pass = Pass::training(3);
    let dropped = pass.dropout(&ones, 0.2).unwrap();
    let found = values(&dropped);
    let zeros = found.iter().filter(|value| **value == 0.0).count();
    assert!((300..500).contains(&zeros), "{zeros} of 2000 are dropped");
    assert!(found.iter().all(|value| *value == 0.0 || (value - 1.25).abs() < 1e-6));
    let gradient = dropped.sum_all().unwrap().backward().unwrap();
    assert_eq!(values(gradient.get(&ones).unwrap()), found);
    assert_ne!(
        values(&pass.dropout(&ones, 0.2).unwrap()),
        found,
        "another place, another mask"
    );
    assert_eq!(values(&Pass::inference().dropout(&ones, 0.2).unwrap()), values(&ones));
}

#[test]
fn a_step_with_dropout_is_the_same_again_and_another_step_is_not() {
    let mut case = plain("bert_hier");
    case.model["bert_hier"]["encoder"]["attention-dropout"] = json!(0.2);
    let engine = loaded(&case);
    let ready = engine.ready.as_ref().unwrap();
    let set = ready.inputs.set(0).unwrap();
    let loss = |step: u64| {
        let loss = ready
            .model
            .loss(&set.notes, &set.targets().unwrap(), &Pass::training(step));
        loss.unwrap().to_scalar::<f32>().unwrap()
    };
    assert_eq!(loss(1), loss(1));
    assert_ne!(loss(1), loss(2));
    assert_ne!(loss(1), case.loss);
}

#[test]
fn an_engines_life_from_questions_to_answers() {
    let answers = plain("bert_hier").on_disk(|load| {
        let mut load = serde_json::to_value(load).unwrap();
        load["ask"] = json!("load");
        // It draws its own.
        load.as_object_mut().unwrap().remove("weights");
        let mut questions = vec![json!({"ask": "about"}), json!({"ask": "logits", "set": 0}), load];
        questions.push(json!({"ask": "logits", "set": 0}));
        questions.push(json!({"ask": "run", "kind": "inference", "set": 0}));
        questions.extend((0..30).map(|_| json!({"ask": "run", "kind": "step", "set": 0})));
        questions.push(json!({"ask": "run", "kind": "step", "set": 1}));
        questions.push(json!({"ask": "memory", "reset": true}));
        let questions: Vec<String> = questions.iter().map(Value::to_string).collect();
        let mut answers = Vec::new();
        serve(&mut Candle::default(), questions.join("\n").as_bytes(), &mut answers).unwrap();
        String::from_utf8(answers).unwrap()
    });
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 37);
    assert_eq!(answers[0]["engine"], "candle");
    assert_eq!(
        answers[1]["error"]["kind"], "failed",
        "nothing is loaded yet: {}",
        answers[1]
    );
    assert!(answers[2]["parameters"].as_u64() > Some(1000), "{}", answers[2]);
    assert_eq!(answers[3]["logits"].as_array().map(Vec::len), Some(6));
    assert!(
        answers[4]["parts"]["forward"].as_f64() <= answers[4]["seconds"].as_f64(),
        "{}",
        answers[4]
    );
    let losses: Vec<f64> = answers[5..35].iter().map(|ran| ran["loss"].as_f64().unwrap()).collect();
    assert!(losses[29] < losses[0], "{losses:?}");
    for part in ["data", "forward", "backward", "optimiser"] {
        assert!(answers[34]["parts"][part].as_f64() > Some(0.0), "{}", answers[34]);
    }
    assert!(
        answers[35]["error"]["words"].as_str().unwrap().contains("set 1"),
        "{}",
        answers[35]
    );
    assert!(
        !cfg!(target_os = "linux") || answers[36]["rss_bytes"].as_u64() > Some(0),
        "{}",
        answers[36]
    );
}

#[test]
fn a_question_that_cannot_be_read_ends_an_engine_and_a_panic_does_not() {
    let mut answers = Vec::new();
    let error = serve(&mut Candle::default(), &b"{\"ask\": \"sing\"}\n"[..], &mut answers).unwrap_err();
    assert!(error.to_string().contains("sing"), "{error}");
    assert!(answers.is_empty());

    struct Panics;
    impl Model for Panics {
        fn logits(&self, _: &inputs::Notes, _: &Pass) -> Result<Tensor> {
            panic!("out of memory, says the model");
        }
    }
    let mut engine = loaded(&plain("caml"));
    engine.ready.as_mut().unwrap().model = Box::new(Panics);
    let questions = b"{\"ask\": \"logits\", \"set\": 0}\n{\"ask\": \"about\"}\n";
    serve(&mut engine, &questions[..], &mut answers).unwrap();
    let answers = String::from_utf8(answers).unwrap();
    let lines: Vec<&str> = answers.lines().collect();
    let Ok(Answer::Error { error }) = serde_json::from_str::<Answer<Logits>>(lines[0]) else {
        panic!("{answers}");
    };
    assert_eq!(error.kind, FailureKind::OutOfMemory);
    assert!(
        error.words.contains("says the model") && lines[1].contains("candle"),
        "{answers}"
    );
}

#[test]
fn the_version_is_that_of_the_package() {
    let lock = include_str!("../../Cargo.lock");
    let package = format!("name = \"candle-core\"\nversion = \"{VERSION}\"\n");
    assert!(
        lock.contains(&package),
        "candle-core is not {VERSION}: correct VERSION in src/candle/mod.rs"
    );
}
