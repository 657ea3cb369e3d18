//! Losses and every gradient beside Hugging Face's, read from the files that `tests/reference/make_pretraining.py` wrote.

use std::collections::BTreeMap;

use icdbench::models::Precision;
use icdbench::models::parameters::{self, Parameters};
use icdbench::pretrained::PretrainedBert;
use icdbench::pretraining::{Batches, PretrainingModel, Sequence, gradients};
use serde::Deserialize;

use super::{as_start, fixture, settings, tokenizer};

/// Greatest deviation from a number of Hugging Face's (computed in f64), as a share of the greatest of its tensor, or of the
/// loss.
const RELATIVE: f32 = 1e-4;
/// What is allowed beside that: the gradient at the keys' bias is 0.
const ABSOLUTE: f32 = 1e-6;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Case {
    sequences: Vec<Expected>,
    masked_loss: f64,
    next_loss: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Expected {
    tokens: Vec<i32>,
    types: Vec<i32>,
    masked: Vec<usize>,
    targets: Vec<i32>,
    is_random_next: Option<bool>,
}

fn cases() -> BTreeMap<String, Case> {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn sequences(case: &Case) -> Vec<Sequence> {
    let sequence = |expected: &Expected| Sequence {
        tokens: expected.tokens.clone(),
        types: expected.types.clone(),
        masked: expected.masked.clone(),
        targets: expected.targets.clone(),
        is_random_next: expected.is_random_next,
    };
    case.sequences.iter().map(sequence).collect()
}

/// The encoder's and the heads' parameters by the paths of the whole model.
fn joined(read: &PretrainedBert) -> Parameters {
    let encoder = read.parameters.iter();
    let encoder = encoder.map(|(path, values)| (format!("encoder.{path}"), values.clone()));
    let heads = read.heads.iter().map(|(path, values)| (path.clone(), values.clone()));
    encoder.chain(heads).collect()
}

#[test]
fn losses_and_every_gradient_are_hugging_faces_whatever_the_batch() {
    let device = super::common::device();
    for (name, folder, pairs) in [
        ("pairs", "gradients", true),
        ("masked-only", "gradients-masked-only", false),
    ] {
        let case = &cases()[name];
        let mut settings = settings();
        settings.encoder = toml::from_str(
            "layers = 2\nhidden = 8\nheads = 2\nintermediate = 12\npositions = 20\ndropout = 0.0\nattention-dropout = 0.0\n\
             initializer-range = 0.02",
        )
        .unwrap();
        settings.objective.next_sentence = pairs;
        let start = as_start(PretrainedBert::read(&fixture("weights"), None).unwrap());
        let expected = joined(&PretrainedBert::read(&fixture(folder), None).unwrap());
        let vocabulary = tokenizer().size();
        let tracked = device.clone().autodiff();
        let model = PretrainingModel::init(&settings, vocabulary, Some(&start), &tracked).unwrap();
        for size in [1, 2, 8] {
            let batches = Batches {
                size,
                padding: 0,
                precision: Precision::F32,
                device: &device,
                noise: None,
            };
            let found = gradients(&model, &sequences(case), batches);
            assert!(
                (found.masked / case.masked_loss - 1.0).abs() < f64::from(RELATIVE),
                "{name}: {}",
                found.masked
            );
            match (found.next, case.next_loss) {
                (Some(found), Some(expected)) => {
                    assert!((found / expected - 1.0).abs() < f64::from(RELATIVE), "{name}: {found}");
                }
                (found, expected) => assert_eq!((found, expected), (None, None), "{name}"),
            }
            let found = parameters::gradients(&model, found.gradients);
            let names = |of: &Parameters| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&found), names(&expected), "{name}");
            for (path, expected) in &expected {
                let found = &found[path];
                assert_eq!(found.shape, expected.shape, "{name}: {path}");
                let most = expected.values.iter().fold(0f32, |most, value| most.max(value.abs()));
                for (at, (found, expected)) in found.values.iter().zip(&expected.values).enumerate() {
                    let error = (found - expected).abs();
                    assert!(
                        error <= RELATIVE * most + ABSOLUTE,
                        "{name}, batches of {size}: {path}[{at}] is {found}, expected {expected}"
                    );
                }
            }
        }
    }
}
