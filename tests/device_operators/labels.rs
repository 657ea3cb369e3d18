//! Label-wise attention with its loss and gradients, beside plain loops in f64.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use icdbench::models::blockwise::BlockwiseHead;
use icdbench::models::label_attention::LabelAttention;
use icdbench::models::parameters::{self, host};
use icdbench::models::shared_attention::SharedAttention;
use icdbench::models::{Initialiser, Precision};

use super::{common, near, numbers, tensor};

const CODES: usize = 11;
const DIMENSION: usize = 20;
/// Below and above the units that share a row, and no token at all.
const LENGTHS: [usize; 5] = [1, 300, 7, 0, 256];
const WIDTH: usize = 301;

/// Token states, zeros past each note's end.
fn states() -> Vec<f32> {
    let mut states = numbers(31, LENGTHS.len() * WIDTH * DIMENSION);
    for (note, &length) in states.chunks_mut(WIDTH * DIMENSION).zip(&LENGTHS) {
        note[length * DIMENSION..].fill(0.0);
    }
    states
}

fn targets() -> Vec<f32> {
    (0..LENGTHS.len() * CODES)
        .map(|cell| f32::from(u8::from(cell % 3 == 0)))
        .collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The softmax of some scores.
fn softmax(scores: &[f64]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The loss, the logits, and the gradients at states, queries, weights and biases.
struct Expected {
    loss: f64,
    logits: Vec<f64>,
    at_states: Vec<f64>,
    of_head: [Vec<f64>; 3],
}

fn expected([queries, weight, bias]: [&[f32]; 3]) -> Expected {
    let (queries, weight, states) = (wide(queries), wide(weight), wide(&states()));
    let row = |of: &[f64], at: usize| of[at * DIMENSION..][..DIMENSION].to_vec();
    let mut found = Expected {
        loss: 0.0,
        logits: Vec::new(),
        at_states: vec![0.0; states.len()],
        of_head: [vec![0.0; queries.len()], vec![0.0; weight.len()], vec![0.0; CODES]],
    };
    let share = 1.0 / (LENGTHS.len() * CODES) as f64;
    for (cell, target) in targets().into_iter().enumerate() {
        let (note, code) = (cell / CODES, cell % CODES);
        let (query, reads) = (row(&queries, code), row(&weight, code));
        let tokens: Vec<Vec<f64>> = (0..LENGTHS[note])
            .map(|token| row(&states, note * WIDTH + token))
            .collect();
        let attention = softmax(&tokens.iter().map(|state| dot(state, &query)).collect::<Vec<_>>());
        let read: Vec<f64> = tokens.iter().map(|state| dot(state, &reads)).collect();
        let mean = dot(&attention, &read);
        let logit = mean + f64::from(bias[code]);
        let target = f64::from(target);
        found.logits.push(logit);
        found.loss -= share * (target * sigmoid(logit).ln() + (1.0 - target) * sigmoid(-logit).ln());
        let slope = (sigmoid(logit) - target) * share;
        found.of_head[2][code] += slope;
        for (token, state) in tokens.iter().enumerate() {
            let at_read = attention[token] * slope;
            let at_score = at_read * (read[token] - mean);
            for c in 0..DIMENSION {
                found.at_states[(note * WIDTH + token) * DIMENSION + c] += at_score * query[c] + at_read * reads[c];
                found.of_head[0][code * DIMENSION + c] += at_score * state[c];
                found.of_head[1][code * DIMENSION + c] += at_read * state[c];
            }
        }
    }
    found
}

fn on_device() -> (Tensor<3>, Tensor<2>) {
    let states = tensor(states(), [LENGTHS.len(), WIDTH, DIMENSION], false);
    (states, tensor(targets(), [LENGTHS.len(), CODES], false))
}

#[test]
fn label_attention_and_its_gradients_are_those_of_loops() {
    // All labels at once, and blocks of which the last is smaller.
    for block in [CODES, 4] {
        let mut initialiser = Initialiser::new(2, &common::device().autodiff());
        let head = LabelAttention::init(CODES, DIMENSION, block, &mut initialiser);
        let mut values = parameters::read(&head);
        for parameter in values.values_mut() {
            parameter.values.iter_mut().for_each(|value| *value *= 3.0);
        }
        let head = parameters::write(head, values).expect("the head's own parameters");
        let values = parameters::read(&head);
        let parts = ["queries", "weight", "bias"].map(|name| values[name].values.as_slice());
        let expected = expected(parts);

        let (states, targets) = on_device();
        let logits = host(head.clone().valid().logits(states.clone(), &LENGTHS, Precision::F32));
        near(&logits, &expected.logits, 1e-5, "logits");
        let mut gradients = GradientsParams::new();
        let (loss, at_states) = head.loss(&states, &LENGTHS, &targets, Precision::F32, &mut gradients);
        near(&host(loss), &[expected.loss], 1e-5, "loss");
        near(&host(at_states), &expected.at_states, 1e-5, "gradient at the states");
        let gradients = parameters::gradients(&head, gradients);
        for (name, expected) in ["queries", "weight", "bias"].into_iter().zip(&expected.of_head) {
            near(&gradients[name].values, expected, 1e-5, name);
        }
    }
}

/// The loss of BERT-XML's head on a device, the gradient at the states, and those of its parameters, one after another.
fn shared(device: &Device) -> [Vec<f32>; 3] {
    let mut initialiser = Initialiser::new(4, &device.clone().autodiff());
    let labels = initialiser.xavier_uniform([CODES, DIMENSION], DIMENSION, 1);
    let head = SharedAttention::init(labels, 9, 4, &mut initialiser);
    let shape = [LENGTHS.len(), WIDTH, DIMENSION];
    let states = Tensor::<3>::from_data(TensorData::new(states(), shape), device);
    let targets = Tensor::<2>::from_data(TensorData::new(targets(), [LENGTHS.len(), CODES]), device);
    let mut gradients = GradientsParams::new();
    let (loss, at_states) = head.loss(&states, &LENGTHS, &targets, Precision::F32, &mut gradients);
    let gradients = parameters::gradients(&head, gradients);
    let gradients = gradients.into_values().flat_map(|gradient| gradient.values);
    [host(loss), host(at_states), gradients.collect()]
}

#[test]
fn shared_attention_and_its_gradients_are_those_of_the_cpu() {
    let (found, expected) = (shared(&common::device()), shared(&Device::flex()));
    for (what, (found, expected)) in ["loss", "gradient at the states", "gradients"]
        .into_iter()
        .zip(found.iter().zip(&expected))
    {
        near(found, &wide(expected), 2e-5, what);
    }
}
