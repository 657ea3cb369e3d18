//! Packed rows against padded ones, and the operators that are one pass on the CPU against plain tensor operations:
//! the same values, and the same gradients of all that is trained.
//!
//! A dropout mask is drawn for the rows as they lie: element `i` of a place's mask meets element `i` of the tensor. So
//! the same noise drops the same elements in both layouts where no row is padding: where all sequences are equally
//! long. Where they are not, the layouts (and so the CPU, which packs, and other devices, which pad) drop others.

mod common;

use std::collections::BTreeMap;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use icdbench::models::bert::{Encoder, EncoderConfig};
use icdbench::models::dropout::Noise;
use icdbench::models::layers::Packed;
use icdbench::models::ops::{self, Layout, NormParameters};
use icdbench::models::parameters::{self, host};
use icdbench::models::{Initialiser, Pass, Task};

const HIDDEN: usize = 8;
const HEADS: usize = 2;
const WORDS: usize = 30;

fn numbers<const D: usize>(shape: [usize; D], seed: u64, deviation: f64) -> Vec<f32> {
    Initialiser::new(seed, &Device::flex()).normal_values(shape.iter().product(), deviation)
}

fn tensor<const D: usize>(shape: [usize; D], values: Vec<f32>, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A trained leaf with drawn values.
fn leaf<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    tensor(shape, numbers(shape, seed, 1.0), &common::device().autodiff()).require_grad()
}

fn assert_close(left: &[f32], right: &[f32], what: &str) {
    assert_eq!(left.len(), right.len(), "{what}");
    let size = right.iter().fold(0f32, |size, value| size.max(value.abs()));
    assert!(size > 0.0, "{what}: nothing but zeros");
    for (i, (a, b)) in left.iter().zip(right).enumerate() {
        assert!((a - b).abs() <= 2e-5 * size, "{what}, element {i}: {a} against {b}");
    }
}

/// The rows of the sequences themselves, in order.
fn real_rows(layout: &Layout) -> Vec<usize> {
    let sequences = layout.starts().into_iter().zip(layout.lengths());
    sequences.flat_map(|(start, &length)| start..start + length).collect()
}

/// Rows `[row, dimension]` for the real rows of a layout; zeros at padding.
fn placed(values: &[f32], dimension: usize, layout: &Layout) -> Vec<f32> {
    let mut rows = vec![0.0; layout.rows() * dimension];
    for (from, to) in values.chunks(dimension).zip(real_rows(layout)) {
        rows[to * dimension..][..dimension].copy_from_slice(from);
    }
    rows
}

/// The real rows of `[row, dimension]`.
fn taken(values: Vec<f32>, dimension: usize, layout: &Layout) -> Vec<f32> {
    let rows = real_rows(layout).into_iter();
    rows.flat_map(|row| values[row * dimension..][..dimension].to_vec())
        .collect()
}

/// An encoder whose parameters are all away from 0.
fn encoder(dropout: f64) -> Encoder {
    let config = EncoderConfig {
        layers: 2,
        hidden: HIDDEN,
        heads: HEADS,
        intermediate: 12,
        positions: 40,
        dropout,
        attention_dropout: dropout,
        initializer_range: 0.02,
        norm_epsilon: 1e-12,
    };
    let task = Task {
        vocabulary: WORDS,
        ..Task::default()
    };
    let encoder = Encoder::init(
        &config,
        &task,
        false,
        &mut Initialiser::new(1, &common::device().autodiff()),
    );
    let mut values = parameters::read(&encoder);
    let mut drawn = numbers([100_000], 2, 0.3).into_iter();
    for parameter in values.values_mut() {
        parameter
            .values
            .iter_mut()
            .for_each(|value| *value += drawn.next().unwrap());
    }
    parameters::write(encoder, values).unwrap()
}

fn gradients(encoder: &Encoder, found: GradientsParams) -> BTreeMap<String, Vec<f32>> {
    let found = parameters::gradients(encoder, found).into_iter();
    found.map(|(path, gradient)| (path, gradient.values)).collect()
}

/// Token states of all sequences, and the gradient of every parameter of a fixed weighted sum of them.
fn encoded(dropout: f64, layout: Layout) -> (Vec<f32>, BTreeMap<String, Vec<f32>>) {
    let device = common::device().autodiff();
    let encoder = encoder(dropout);
    let tokens = |(sequence, &length): (usize, &usize)| {
        (0..length)
            .map(|i| 1 + ((i * 7 + sequence * 11) % (WORDS - 1)) as i32)
            .collect()
    };
    let sequences: Vec<Vec<i32>> = layout.lengths().iter().enumerate().map(tokens).collect();
    let packed = Packed::with_layout(&sequences, 0, layout.clone());
    let noise = Noise::new(4, 7);
    let states = encoder.forward(
        &packed,
        Pass {
            noise: Some(&noise),
            ..Pass::default()
        },
    );
    let real = numbers([real_rows(&layout).len(), HIDDEN], 3, 1.0);
    let weights = tensor([layout.rows(), HIDDEN], placed(&real, HIDDEN, &layout), &device);
    let sum = (states.clone() * weights).sum();
    let found = gradients(&encoder, GradientsParams::from_grads(sum.backward(), &encoder));
    (taken(host(states), HIDDEN, &layout), found)
}

fn assert_same_in_both_layouts(dropout: f64, lengths: &[usize]) {
    let (states, found) = encoded(dropout, Layout::packed(lengths.to_vec()));
    let (padded_states, padded) = encoded(dropout, Layout::padded(lengths.to_vec()));
    assert_close(&states, &padded_states, "states");
    assert_eq!(found.len(), 5 + 2 * 12);
    for (path, gradient) in &padded {
        assert_close(&found[path], gradient, path);
    }
    let of_padding = &padded["embeddings.word"][..HIDDEN];
    assert!(of_padding.iter().all(|&value| value == 0.0), "padding is trained");
}

#[test]
fn token_states_and_gradients_are_the_same_packed_and_padded() {
    assert_same_in_both_layouts(0.0, &[7, 1, 40, 3, 1]);
    assert_same_in_both_layouts(0.0, &[1]);
}

#[test]
fn the_same_noise_drops_the_same_packed_and_padded_where_no_row_is_padding() {
    assert_same_in_both_layouts(0.4, &[9, 9, 9]);
    // It did drop something.
    let layout = Layout::packed(vec![9, 9, 9]);
    assert_ne!(encoded(0.4, layout.clone()).0, encoded(0.0, layout).0);
}

/// The value of a function and its gradients at some leaves, weighing its elements differently.
fn backpropagated<const D: usize>(
    leaves: [&Tensor<2>; D],
    function: impl Fn() -> Tensor<2>,
) -> (Vec<f32>, [Vec<f32>; D]) {
    let value = function();
    let weights = tensor(value.dims(), numbers(value.dims(), 77, 1.0), &value.device());
    let gradients = (value.clone() * weights).sum().backward();
    let found = leaves.map(|leaf| host(leaf.grad(&gradients).expect("a gradient")));
    (host(value), found)
}

fn assert_agree<const D: usize>(
    what: &str,
    leaves: [&Tensor<2>; D],
    fused: impl Fn() -> Tensor<2>,
    plain: impl Fn() -> Tensor<2>,
) {
    let (values, gradients) = backpropagated(leaves, fused);
    let (plain_values, plain_gradients) = backpropagated(leaves, plain);
    assert_close(&values, &plain_values, what);
    for (i, (fused, plain)) in gradients.iter().zip(&plain_gradients).enumerate() {
        assert_close(fused, plain, &format!("{what}, gradient {i}"));
    }
}

#[test]
fn gelu_is_the_exact_one() {
    let rows = leaf([37, 29], 1);
    let wide = || rows.clone() * 4.0; // to where GELU is 0 or the identity
    // Burn's own gelu has the derivative of the tanh form on GPUs.
    let plain = || wide() * ((wide() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    assert_agree("gelu", [&rows], || ops::gelu(wide()), plain);
    // x (1 + erf(x / sqrt 2)) / 2, from a table of the normal distribution.
    let device = common::device();
    let known = host(ops::gelu(tensor([1, 3], vec![1.0, -1.0, 2.0], &device)));
    assert_close(&known, &[0.841_344_7, -0.158_655_3, 1.954_499_7], "gelu of 1, -1 and 2");
}

/// A norm's parameters as leaves: weight and bias as matrices of one row, whose gradients are easily asked for.
fn norm_leaves(dimension: usize) -> [Tensor<2>; 2] {
    [leaf([1, dimension], 21), leaf([1, dimension], 22)]
}

fn norm_parameters([weight, bias]: &[Tensor<2>; 2], epsilon: f64) -> NormParameters {
    NormParameters {
        weight: weight.clone().squeeze_dim(0),
        bias: bias.clone().squeeze_dim(0),
        epsilon,
    }
}

fn plain_norm(rows: Tensor<2>, [weight, bias]: &[Tensor<2>; 2], epsilon: f64) -> Tensor<2> {
    let centred = rows.clone() - rows.mean_dim(1);
    let variance = centred.clone().powi_scalar(2).mean_dim(1);
    centred / (variance + epsilon).sqrt() * weight.clone() + bias.clone()
}

#[test]
fn layer_norm_is_the_formula_at_any_width_and_epsilon() {
    for (dimension, epsilon) in [(3, 1e-12), (8, 1e-5), (67, 1e-12), (256, 0.5)] {
        let rows = leaf([19, dimension], dimension as u64);
        let [weight, bias] = norm_leaves(dimension);
        let parts = [weight.clone(), bias.clone()];
        let what = format!("norm of {dimension}");
        assert_agree(
            &what,
            [&rows, &weight, &bias],
            || ops::norm(rows.clone() * 3.0 + 2.0, norm_parameters(&parts, epsilon)),
            || plain_norm(rows.clone() * 3.0 + 2.0, &parts, epsilon),
        );
    }
}

#[test]
fn a_norm_over_a_sum_with_dropout_is_the_formula() {
    for probability in [0.0, 0.3] {
        let (rows, residual) = (leaf([53, 24], 1), leaf([53, 24], 2));
        let [weight, bias] = norm_leaves(24);
        let parts = [weight.clone(), bias.clone()];
        // The second place of a step: one mask was drawn before.
        let noise = || {
            let noise = Noise::new(3, 9);
            noise.masks(0.5);
            noise
        };
        let fused = || {
            let parameters = norm_parameters(&parts, 1e-12);
            ops::add_norm(rows.clone(), residual.clone(), parameters, Some(&noise()), probability)
        };
        let plain = || {
            let kept = noise().dropout(rows.clone(), probability);
            plain_norm(residual.clone() + kept, &parts, 1e-12)
        };
        let what = format!("norm over a sum, dropout {probability}");
        assert_agree(&what, [&rows, &residual, &weight, &bias], fused, plain);
    }
}

/// Attention in both layouts from the same projections of the real tokens.
fn assert_attention_agrees(lengths: &[usize], dropout: f64) {
    let packed = Layout::packed(lengths.to_vec());
    let padded = Layout::padded(lengths.to_vec());
    let rows = leaf([packed.rows(), 3 * HIDDEN], 5);
    let device = rows.device();
    // Puts the rows in their padded places and takes results back: plain products, so that gradients go through.
    let places = real_rows(&padded);
    let mut there = vec![0.0; padded.rows() * packed.rows()];
    for (from, &to) in places.iter().enumerate() {
        there[to * packed.rows() + from] = 1.0;
    }
    let there = tensor([padded.rows(), packed.rows()], there, &device);
    let attention = |rows: Tensor<2>, layout: &Layout| {
        let noise = Noise::new(6, 1);
        ops::attention(
            rows,
            layout,
            HEADS,
            dropout,
            Pass {
                noise: Some(&noise),
                ..Pass::default()
            },
        )
    };
    let in_padded = || {
        let attended = attention(there.clone().matmul(rows.clone()), &padded);
        there.clone().transpose().matmul(attended)
    };
    let what = format!("attention over {lengths:?}, dropout {dropout}");
    assert_agree(&what, [&rows], || attention(rows.clone(), &packed), in_padded);
}

#[test]
fn attention_is_the_same_packed_and_padded() {
    assert_attention_agrees(&[3, 1, 12, 5, 1], 0.0);
    assert_attention_agrees(&[2], 0.0);
    // More queries and keys than the CPU takes at a time.
    assert_attention_agrees(&[530, 1, 140], 0.0);
}

#[test]
fn attention_drops_the_same_weights_packed_and_padded_where_no_row_is_padding() {
    assert_attention_agrees(&[6, 6, 6, 6], 0.3);
    assert_attention_agrees(&[530], 0.3);
    assert_attention_agrees(&[1, 1, 1], 0.3);
}

#[test]
fn a_token_sees_its_own_sequence_only() {
    let device = common::device();
    for layout in [Layout::packed(vec![4, 1, 6]), Layout::padded(vec![4, 1, 6])] {
        let attended = |values: &[f32]| {
            let rows = tensor(
                [layout.rows(), 3 * HIDDEN],
                placed(values, 3 * HIDDEN, &layout),
                &device,
            );
            taken(
                host(ops::attention(rows, &layout, HEADS, 0.0, Pass::default())),
                HIDDEN,
                &layout,
            )
        };
        let mut values = numbers([11, 3 * HIDDEN], 8, 1.0);
        let before = attended(&values);
        // Alone in its sequence a token attends to itself: what comes out is its value.
        let own = &values[4 * 3 * HIDDEN + 2 * HIDDEN..5 * 3 * HIDDEN];
        assert_close(&before[4 * HIDDEN..5 * HIDDEN], own, "a sequence of one token");
        values[4 * 3 * HIDDEN..5 * 3 * HIDDEN].fill(9.0);
        let after = attended(&values);
        assert_eq!(before[..4 * HIDDEN], after[..4 * HIDDEN]);
        assert_ne!(before[4 * HIDDEN..5 * HIDDEN], after[4 * HIDDEN..5 * HIDDEN]);
        assert_eq!(before[5 * HIDDEN..], after[5 * HIDDEN..]);
    }
}
