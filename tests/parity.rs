//! The models and optimisers beside PyTorch: the same logits, loss, gradients and steps, read from
//! the files that `tests/reference/make_parity.py` wrote. No PyTorch is needed here.

mod common;
#[path = "parity/gradients.rs"]
mod gradients;
#[path = "parity/lstm.rs"]
mod lstm;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use icdbench::models::dropout::Noise;
use icdbench::models::evidence::Evidence;
use icdbench::models::parameters::{self, Parameters, Values};
use icdbench::models::running::follow;
use icdbench::models::{Batch, Initialiser, Model, ModelConfig, PretrainedEncoder, Task};
use icdbench::train::{Optimiser, Stepper};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Greatest deviation from a number of PyTorch's (computed in f64), as a share of it.
const RELATIVE: f32 = 1e-4;
/// What is allowed beside that, for numbers near 0.
const ABSOLUTE: f32 = 1e-6;

/// A model's settings, inputs and parameters, and what PyTorch makes of them.
#[derive(Deserialize)]
struct Case {
    name: String,
    model: ModelConfig,
    task: TaskFixture,
    row: usize,
    notes: Vec<Vec<i32>>,
    gold: Vec<Vec<usize>>,
    parameters: Arrays,
    logits: Array,
    loss: f32,
    gradients: Arrays,
    /// Whether it is a batch of training, though without dropout.
    #[serde(default)]
    training: bool,
    /// Running values after a step on it.
    #[serde(default)]
    running: Arrays,
}

/// An encoder, the codes' descriptions, and the label vectors that BERT-XML starts from.
#[derive(Deserialize)]
struct LabelVectors {
    model: ModelConfig,
    task: TaskFixture,
    parameters: Arrays,
    labels: Array,
}

/// The part of a [`Task`] that matters to a case.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TaskFixture {
    codes: usize,
    vocabulary: usize,
    cls: Option<u32>,
    separator: Option<u32>,
    #[serde(default)]
    training_notes: usize,
    document_frequency: Option<Vec<u32>>,
    #[serde(default)]
    count_scale: Vec<f32>,
    #[serde(default)]
    descriptions: Vec<Vec<u32>>,
    evidence: Option<Evidence>,
}

/// A tensor, row-major.
#[derive(Clone, Deserialize)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

type Arrays = BTreeMap<String, Array>;

/// Steps of several optimisers from the same parameters along the same gradients.
#[derive(Deserialize)]
struct Steps {
    model: ModelConfig,
    task: TaskFixture,
    rates: Vec<f64>,
    start: Arrays,
    gradients: Vec<Arrays>,
    cases: BTreeMap<String, Vec<StepCase>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StepCase {
    name: String,
    optimiser: Optimiser,
    clip_norm: f64,
    /// The parameters after each step.
    after: Vec<Arrays>,
}

fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/parity")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        let path = path.display();
        panic!("{path}: {error}. Write what PyTorch computes with tests/reference/make_parity.py {name}")
    });
    serde_json::from_str(&text).unwrap()
}

/// The cases of a file by their groups, none of which is empty.
fn groups(name: &str) -> BTreeMap<String, Vec<Case>> {
    let groups: BTreeMap<String, Vec<Case>> = fixture(&format!("{name}.json"));
    assert!(
        !groups.is_empty() && groups.values().all(|cases| !cases.is_empty()),
        "{name}"
    );
    groups
}

impl TaskFixture {
    fn task(&self) -> Task {
        Task {
            codes: self.codes,
            vocabulary: self.vocabulary,
            padding: 0,
            cls: self.cls,
            separator: self.separator,
            training_notes: self.training_notes,
            code_frequency: vec![1; self.codes],
            document_frequency: self.document_frequency.clone(),
            count_scale: self.count_scale.clone(),
            descriptions: self.descriptions.clone(),
            evidence: self.evidence.clone().map(Arc::new),
            ..Task::default()
        }
    }
}

fn numbers(arrays: &Arrays) -> Parameters {
    let values = |array: &Array| Values {
        shape: array.shape.clone(),
        values: array.values.clone(),
    };
    arrays
        .iter()
        .map(|(name, array)| (name.clone(), values(array)))
        .collect()
}

/// A model for notes of `length` tokens with the given parameters: exactly these, by name and shape.
fn model(config: &ModelConfig, task: &TaskFixture, length: usize, values: &Arrays, device: &Device) -> Model {
    let task = task.task();
    config.check(&task, length).unwrap();
    let model = config.init(&task, &mut Initialiser::new(1, device));
    parameters::write(model, numbers(values)).unwrap()
}

fn targets(gold: &[Vec<usize>], codes: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0f32; gold.len() * codes];
    for (row, gold) in values.chunks_mut(codes).zip(gold) {
        for &code in gold {
            row[code] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(values, [gold.len(), codes]), device)
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= RELATIVE * expected.abs() + ABSOLUTE,
            "{what}: element {at} is {found}, PyTorch's is {expected}"
        );
    }
}

fn assert_all_close(found: &Parameters, expected: &Parameters, what: &str) {
    assert!(found.keys().eq(expected.keys()), "{what}: {:?}", found.keys());
    for (name, expected) in expected {
        assert_eq!(found[name].shape, expected.shape, "{what}: {name}");
        assert_close(&found[name].values, &expected.values, &format!("{what}: {name}"));
    }
}

fn assert_agrees(case: &Case) {
    let name = &case.name;
    let device = common::device().autodiff();
    let model = model(&case.model, &case.task, case.row, &case.parameters, &device);
    let batch = || {
        let batch = Batch::new(&case.notes, 0, &device).padded_to(case.row);
        match case.training {
            true => batch.with_noise(Noise::new(1, 1)),
            false => batch,
        }
    };
    let logits = model.logits(&batch());
    assert_eq!(logits.dims().to_vec(), case.logits.shape, "{name}");
    assert_close(
        &parameters::host(logits),
        &case.logits.values,
        &format!("{name}: logits"),
    );
    let targets = targets(&case.gold, case.task.codes, &device);
    let batch = batch();
    let (loss, gradients) = model.gradients(&batch, targets);
    assert_close(&parameters::host(loss), &[case.loss], &format!("{name}: loss"));
    let gradients = parameters::gradients(&model, gradients);
    assert_all_close(&gradients, &numbers(&case.gradients), &format!("{name}: gradients"));
    let before = parameters::read(&model);
    let mut moved = parameters::read(&follow(model, batch.take_seen()));
    moved.retain(|path, values| before[path] != *values);
    assert_all_close(&moved, &numbers(&case.running), &format!("{name}: running values"));
}

#[test]
fn logits_loss_and_gradients_of_every_model_are_pytorchs() {
    for name in ModelConfig::NAMES {
        for (group, cases) in groups(name) {
            for mut case in cases {
                assert_eq!(case.model.name(), *name);
                case.name = format!("{name}, {group}, {}", case.name);
                assert_agrees(&case);
            }
        }
    }
}

#[test]
fn bert_xml_starts_from_the_descriptions_as_pytorch_encodes_them() {
    let found: LabelVectors = fixture("bert_xml_label_vectors.json");
    let ModelConfig::BertXml(settings) = &found.model else {
        panic!("{} is not BERT-XML", found.model.name());
    };
    let encoder = numbers(&found.parameters).into_iter();
    let pretrained = PretrainedEncoder {
        vocabulary: found.task.vocabulary,
        hidden: settings.encoder.hidden,
        layers: settings.encoder.layers,
        heads: settings.encoder.heads,
        intermediate: settings.encoder.intermediate,
        positions: settings.encoder.positions,
        token_types: 2,
        norm_epsilon: settings.encoder.norm_epsilon,
        parameters: encoder
            .map(|(path, values)| (path["encoder.".len()..].to_string(), values))
            .collect(),
    };
    let task = Task {
        encoder: Some(Arc::new(pretrained)),
        ..found.task.task()
    };
    found.model.check(&task, usize::MAX).unwrap();
    let model = found.model.init(&task, &mut Initialiser::new(1, &common::device()));
    let labels = &parameters::read(&model)["head.labels"];
    assert_eq!(labels.shape, found.labels.shape);
    assert_close(&labels.values, &found.labels.values, "label vectors");
}

/// What each word's weights are multiplied by when stored: with all stored weights 1 and no bias, a
/// note of that word alone has a logit of one over it.
fn stored_scale(case: &Case) -> Vec<f32> {
    let device = common::device();
    let words = case.task.vocabulary;
    let mut probe = case.parameters.clone();
    probe.get_mut("weight").unwrap().values.fill(1.0);
    probe.get_mut("bias").unwrap().values.fill(0.0);
    let notes: Vec<Vec<i32>> = (0..words as i32).map(|word| vec![word]).collect();
    let logits = model(&case.model, &case.task, 1, &probe, &device).logits(&Batch::new(&notes, 0, &device));
    let first_code = parameters::host(logits).into_iter().step_by(case.task.codes);
    first_code.map(|logit| 1.0 / logit).collect()
}

#[test]
fn counts_with_weights_stored_in_scale_are_the_same_logistic_regression() {
    for mut case in groups("logistic_regression_scaled").remove("scaled").unwrap() {
        let scale = stored_scale(&case);
        assert!(
            scale.iter().all(|scale| (scale - 1.0).abs() > 0.05),
            "{}: {scale:?}: nothing is converted",
            case.name
        );
        let codes = case.task.codes;
        let weight = case.parameters.get_mut("weight").unwrap();
        for (row, scale) in weight.values.chunks_mut(codes).zip(&scale) {
            row.iter_mut().for_each(|weight| *weight *= scale);
        }
        let gradient = case.gradients.get_mut("weight").unwrap();
        for (row, scale) in gradient.values.chunks_mut(codes).zip(&scale) {
            row.iter_mut().for_each(|gradient| *gradient /= scale);
        }
        assert_agrees(&case);
    }
}

/// How far each element is from its start: an error in a step cannot hide beside a large value.
fn moved(mut values: Parameters, start: &Arrays) -> Parameters {
    for (name, array) in &mut values {
        for (value, start) in array.values.iter_mut().zip(&start[name].values) {
            *value -= start;
        }
    }
    values
}

fn assert_same_steps(group: &str) {
    let mut steps: Steps = fixture("optimisers.json");
    let cases = steps.cases.remove(group).unwrap();
    assert!(!cases.is_empty());
    let device = common::device().autodiff();
    for case in cases {
        let mut model = model(&steps.model, &steps.task, usize::MAX, &steps.start, &device);
        let mut stepper = Stepper::new(&case.optimiser, case.clip_norm).unwrap();
        assert_eq!(case.after.len(), steps.rates.len(), "{}", case.name);
        for (step, (gradients, &rate)) in steps.gradients.iter().zip(&steps.rates).enumerate() {
            let gradients = gradients::tensors(&model, numbers(gradients));
            model = stepper.step(rate, model, gradients);
            let found = moved(parameters::read(&model), &steps.start);
            let expected = moved(numbers(&case.after[step]), &steps.start);
            assert_all_close(&found, &expected, &format!("{}: moved by step {step}", case.name));
        }
    }
}

#[test]
fn adam_and_adamw_take_pytorchs_steps() {
    assert_same_steps("steps");
}

#[test]
fn weight_decay_on_all_parameters_and_on_matrices_only_is_pytorchs_for_adam_and_adamw() {
    assert_same_steps("weight-decay");
}

#[test]
fn gradients_are_clipped_by_their_common_norm_as_in_pytorch_and_left_alone_below_it() {
    assert_same_steps("clipping");
}
