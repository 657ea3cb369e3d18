//! The two forms of the operators that the convolutional models are made of beside each other: values and gradients.

use std::sync::Arc;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};

use super::batch_norm::{
    ColumnMoments, Counted, batch_norm, column_moments, portable as portable_norm, portable_moments,
};
use super::convolution::{Extent, convolution, plain_convolution, portable as portable_convolution};
use super::norm::NormParameters;
use super::pooled_convolution::{pooled_convolution, portable as portable_pooled};
use super::tanh::tanh;
use crate::device::Precision;
use crate::kernels::pooled_convolution::positions;
use crate::models::Initialiser;
use crate::models::batch::mask;
use crate::models::parameters::host;

const ROW: usize = 12;
const LENGTHS: [usize; 4] = [7, 1, 12, 0];
const DIMENSION: usize = 3;
const FILTERS: usize = 5;

fn noise(seed: u64, count: usize) -> Vec<f32> {
    Initialiser::new(seed, &Device::flex()).normal_values(count, 0.6)
}

/// Each within a hundred-thousandth of the largest that is expected.
fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(1e-30, |size: f32, value| size.max(value.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= 1e-5 * size,
            "{place}: {found} against {expected}, the largest {size}"
        );
    }
}

fn leaf<const D: usize>(seed: u64, shape: [usize; D]) -> Param<Tensor<D>> {
    let values = noise(seed, shape.iter().product());
    let tensor = Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff());
    Param::from_tensor(tensor.require_grad())
}

/// What is read and what it is read by.
struct Leaves {
    states: Param<Tensor<3>>,
    weight: Param<Tensor<3>>,
    bias: Param<Tensor<1>>,
}

fn leaves(width: usize) -> Leaves {
    Leaves {
        states: leaf(1, [LENGTHS.len(), ROW, DIMENSION]),
        weight: leaf(2, [FILTERS, DIMENSION, width]),
        bias: leaf(3, [FILTERS]),
    }
}

/// The values of an operator's result and, of its product with some numbers, the gradients at three leaves. What is not
/// of meaning is multiplied by 0.
fn run<const D: usize, const A: usize, const B: usize>(
    found: Tensor<D>,
    wanted: Tensor<D>,
    states: &Param<Tensor<3>>,
    others: (&Param<Tensor<A>>, &Param<Tensor<B>>),
) -> [Vec<f32>; 4] {
    let shape = found.dims();
    let factors = Tensor::from_data(
        TensorData::new(noise(9, shape.iter().product()), shape),
        &found.device(),
    );
    let found = found * wanted;
    let gradients = (found.clone() * factors).sum().backward();
    let zeros = |count: usize| vec![0.0; count];
    let states_count = states.val().shape().num_elements();
    let first = others.0.val().shape().num_elements();
    let second = others.1.val().shape().num_elements();
    [
        host(found.inner()),
        states.val().grad(&gradients).map_or_else(|| zeros(states_count), host),
        others.0.val().grad(&gradients).map_or_else(|| zeros(first), host),
        others.1.val().grad(&gradients).map_or_else(|| zeros(second), host),
    ]
}

fn assert_same(kernel: [Vec<f32>; 4], portable: [Vec<f32>; 4], what: &str) {
    for (part, (kernel, portable)) in kernel.iter().zip(&portable).enumerate() {
        assert!(
            part == 3 || kernel.iter().any(|&value| value != 0.0),
            "{what}: part {part} is 0"
        );
        close(kernel, portable);
    }
}

/// 1 at the first `counts` positions of each note, for so many columns.
fn counted(counts: &[usize], row: usize, columns: usize) -> Tensor<3> {
    let mask = mask(counts, row, &Device::flex().autodiff());
    mask.unsqueeze_dim::<3>(2).repeat_dim(2, columns)
}

#[test]
fn convolutions_with_and_without_tanh_have_two_forms_that_agree() {
    for width in [1, 4, 5] {
        let counts: Vec<usize> = LENGTHS.iter().map(|length| length + 1 - width % 2).collect();
        let extent = || Extent {
            lengths: Arc::new(LENGTHS.to_vec()),
            positions: Arc::new(counts.clone()),
        };
        let wanted = || counted(&counts, ROW + 1 - width % 2, FILTERS);
        let values = |leaves: &Leaves| (leaves.states.val(), leaves.weight.val(), leaves.bias.val());
        let portable = |leaves: &Leaves, bias: Tensor<1>| {
            let (states, weight, _) = values(leaves);
            portable_convolution(states, &LENGTHS, weight, bias, (width / 2, Precision::F32))
        };

        let of = leaves(width);
        let (states, weight, bias) = values(&of);
        let found = convolution(states, extent(), weight, bias, Precision::F32);
        let kernel = run(found, wanted(), &of.states, (&of.weight, &of.bias));
        let of = leaves(width);
        let found = portable(&of, of.bias.val()).tanh();
        let other = run(found, wanted(), &of.states, (&of.weight, &of.bias));
        assert_same(kernel, other, &format!("width {width}, tanh"));

        let of = leaves(width);
        let (states, weight, _) = values(&of);
        let found = plain_convolution(states, extent(), weight, Precision::F32);
        let kernel = run(found, wanted(), &of.states, (&of.weight, &of.bias));
        let of = leaves(width);
        let found = portable(&of, Tensor::zeros([FILTERS], &of.states.val().device()));
        let other = run(found, wanted(), &of.states, (&of.weight, &of.bias));
        assert_same(kernel, other, &format!("width {width}, plain"));
    }
}

#[test]
fn the_maximum_of_a_convolution_has_two_forms_that_agree() {
    // The widest is wider than a row.
    for width in [1, 4, 14] {
        for of_padding in [false, true] {
            let windows = |&length: &usize| positions(if of_padding { ROW } else { length }, width);
            let extent = Extent {
                lengths: Arc::new(LENGTHS.to_vec()),
                positions: Arc::new(LENGTHS.iter().map(windows).collect()),
            };
            let wanted = || Tensor::ones([LENGTHS.len(), FILTERS], &Device::flex().autodiff());
            let of = leaves(width);
            let (states, weight, bias) = (of.states.val(), of.weight.val(), of.bias.val());
            let found = pooled_convolution(states, extent.clone(), weight, bias, Precision::F32);
            let kernel = run(found, wanted(), &of.states, (&of.weight, &of.bias));
            let of = leaves(width);
            let (states, weight, bias) = (of.states.val(), of.weight.val(), of.bias.val());
            let found = portable_pooled(states, &extent, weight, bias, Precision::F32);
            let other = run(found, wanted(), &of.states, (&of.weight, &of.bias));
            assert_same(kernel, other, &format!("width {width}, padding {of_padding}"));
        }
    }
}

#[test]
fn batch_norms_by_their_own_and_by_given_moments_have_two_forms_that_agree() {
    let counts = Arc::new(LENGTHS.to_vec());
    let leaves = || {
        let states = leaf(1, [LENGTHS.len(), ROW, DIMENSION]);
        (states, leaf(2, [DIMENSION]), leaf(3, [DIMENSION]))
    };
    let (states, ..) = leaves();
    let own_moments = column_moments(&states.val(), &counts);
    let portable_own = portable_moments(states.val().inner(), &LENGTHS);
    for (kernel, portable) in [
        (&own_moments.mean, portable_own.mean),
        (&own_moments.variance, portable_own.variance),
    ] {
        close(&host(kernel.clone()), &host(portable));
    }
    let given = ColumnMoments {
        mean: Tensor::from_floats([0.3, -0.2, 0.1], &Device::flex()),
        variance: Tensor::from_floats([0.5, 2.0, 1.5], &Device::flex()),
    };
    for (moments, own) in [(own_moments, true), (given, false)] {
        let wanted = || counted(&LENGTHS, ROW, DIMENSION);
        let parameters = |weight: &Param<Tensor<1>>, bias: &Param<Tensor<1>>| NormParameters {
            weight: weight.val(),
            bias: bias.val(),
            epsilon: 1e-5,
        };
        let (states, weight, bias) = leaves();
        let parameters = parameters(&weight, &bias);
        let found = batch_norm(states.val(), counts.clone(), parameters, moments.clone(), own);
        let kernel = run(found, wanted(), &states, (&weight, &bias));
        let (states, weight, bias) = leaves();
        let counted = Counted {
            counts: counts.clone(),
            epsilon: 1e-5,
            own,
        };
        let found = portable_norm(states.val(), weight.val(), bias.val(), moments, &counted);
        let other = run(found, wanted(), &states, (&weight, &bias));
        assert_same(kernel, other, &format!("own moments {own}"));
    }
}

#[test]
fn columns_far_from_0_are_normed_as_well_in_both_forms() {
    let row = 3000;
    let counts = Arc::new(vec![row, row - 7]);
    let values = noise(4, 2 * row * DIMENSION).into_iter().map(|value| 50.0 + value);
    let values = TensorData::new(values.collect(), [2, row, DIMENSION]);
    let states = || Param::from_tensor(Tensor::<3>::from_data(values.clone(), &Device::flex().autodiff()));
    let columns = || (leaf(2, [DIMENSION]), leaf(3, [DIMENSION]));
    let moments = column_moments(&states().val(), &counts);
    let portable = portable_moments(states().val().inner(), &counts);
    // A deviation is 0.6, the next number after 50 is 4e-6 from it.
    let apart = host((portable.mean.clone() - moments.mean.clone()).abs());
    assert!(apart.iter().all(|&apart| apart <= 6e-6), "{apart:?}");
    close(&host(portable.variance.clone()), &host(moments.variance.clone()));
    let wanted = || counted(&counts, row, DIMENSION);
    let (of, (weight, bias)) = (states(), columns());
    let parameters = NormParameters {
        weight: weight.val(),
        bias: bias.val(),
        epsilon: 1e-5,
    };
    let found = batch_norm(of.val(), counts.clone(), parameters, moments, true);
    let kernel = run(found, wanted(), &of, (&weight, &bias));
    let (of, (weight, bias)) = (states(), columns());
    let counted = Counted {
        counts: counts.clone(),
        epsilon: 1e-5,
        own: true,
    };
    let found = portable_norm(of.val(), weight.val(), bias.val(), portable, &counted);
    let other = run(found, wanted(), &of, (&weight, &bias));
    assert_same(kernel, other, "far from 0");
}

#[test]
fn the_tangent_has_two_forms_that_agree() {
    let shape = [LENGTHS.len(), ROW, DIMENSION];
    let wanted = || Tensor::ones(shape, &Device::flex().autodiff());
    let of = leaves(1);
    let kernel = run(
        tanh(of.states.val() * 3.0),
        wanted(),
        &of.states,
        (&of.states, &of.bias),
    );
    let of = leaves(1);
    let found = (of.states.val() * 3.0).tanh();
    let other = run(found, wanted(), &of.states, (&of.states, &of.bias));
    assert_same(kernel, other, "tanh");
}
