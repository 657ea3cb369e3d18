//! What has a form of its own on GPUs, beside loops that are plain to read, on the device that `ICDBENCH_TEST_DEVICE`
//! names (the CPU unless it is set).

mod common;

#[path = "device_operators/attention.rs"]
mod attention;
#[path = "device_operators/labels.rs"]
mod labels;
#[path = "device_operators/words.rs"]
mod words;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use icdbench::models::dropout::Noise;
use icdbench::models::ops;
use icdbench::models::parameters::host;
use icdbench::train::{Decay, Moments, Stepper};

/// `count` numbers around 0, others for another seed.
fn numbers(seed: usize, count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 + seed * 104_729) % 1013) as f32 / 506.5 - 1.0)
        .collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], tracked: bool) -> Tensor<D> {
    let device = if tracked {
        common::device().autodiff()
    } else {
        common::device()
    };
    Tensor::from_data(TensorData::new(values, shape), &device)
}

#[test]
fn a_dropout_mask_is_the_same_on_every_device() {
    for (shape, probability) in [([1, 1], 0.5), ([3, 11], 0.1), ([37, 301], 0.1), ([64, 2048], 0.3)] {
        let count = shape[0] * shape[1];
        let (first, second) = (
            Noise::new(0x0123_4567_89ab_cdef, 1 << 20),
            Noise::new(0x0123_4567_89ab_cdef, 1 << 20),
        );
        // The first place of a step, then the second.
        for _ in 0..2 {
            let mut expected = vec![0.0; count];
            first.masks(probability).expect("a mask").fill_all(&mut expected);
            let found = host(second.dropout(tensor(vec![1.0; count], shape, false), probability));
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn dropout_passes_the_gradient_of_what_it_kept() {
    let shape = [5, 70];
    let values = Param::from_tensor(tensor(numbers(1, 350), shape, true));
    let noise = Noise::new(9, 3);
    let mut mask = vec![0.0; 350];
    noise.masks(0.3).expect("a mask").fill_all(&mut mask);
    let dropped = Noise::new(9, 3).dropout(values.val(), 0.3);
    let sum = (dropped * tensor(numbers(2, 350), shape, true)).sum();
    let gradient = values.val().grad(&sum.backward()).expect("a gradient");
    let expected: Vec<f32> = mask
        .iter()
        .zip(numbers(2, 350))
        .map(|(mask, factor)| mask * factor)
        .collect();
    close(&host(gradient), &expected);
}

#[test]
fn rows_of_a_table_and_the_sum_of_their_gradients_are_those_of_a_loop() {
    let (entries, dimension) = (9, 33);
    // One entry often, some once, entries 7 and 8 never.
    let ids: Vec<i32> = (0..200).map(|i| if i % 3 == 0 { 2 } else { i * i % 7 }).collect();
    let table = numbers(3, entries * dimension);
    let factors = numbers(4, ids.len() * dimension);
    let tracked = Param::from_tensor(tensor(table.clone(), [entries, dimension], true));
    let rows = ops::lookup(tracked.val(), &ids);
    let row = |values: &[f32], at: usize| values[at * dimension..][..dimension].to_vec();
    let expected: Vec<f32> = ids.iter().flat_map(|&id| row(&table, id as usize)).collect();
    assert_eq!(host(rows.clone()), expected);

    let mut expected = vec![0.0; entries * dimension];
    for (place, &id) in ids.iter().enumerate() {
        for column in 0..dimension {
            expected[id as usize * dimension + column] += factors[place * dimension + column];
        }
    }
    let weighted = (rows * tensor(factors.clone(), [ids.len(), dimension], true)).sum();
    let gradient = tracked.val().grad(&weighted.backward()).expect("a gradient");
    close(&host(gradient), &expected);
    let summed = ops::lookup_back(tensor(factors, [ids.len(), dimension], false), &ids, entries);
    close(&host(summed), &expected);
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= 1e-5 * (1.0 + expected.abs()),
            "{place}: {found} against {expected}"
        );
    }
}

/// Each within `tolerance` of the largest that is expected.
fn near(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(0f64, |size, value| size.max(value.abs()));
    assert!(size > 0.0, "{what}: nothing but zeros");
    for (place, (&found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(found) - expected).abs() <= tolerance * size,
            "{what}, element {place}: {found} against {expected}, the largest being {size}"
        );
    }
}

#[derive(Module, Debug)]
struct Two {
    matrix: Param<Tensor<2>>,
    vector: Param<Tensor<1>>,
}

/// What three steps make of two parameters, with a gradient that is clipped.
fn stepped(device: &Device, decoupled: bool) -> Vec<f32> {
    let matrix = |seed| Tensor::<2>::from_data(TensorData::new(numbers(seed, 21 * 40), [21, 40]), device);
    let vector = |seed| Tensor::<1>::from_data(TensorData::new(numbers(seed, 40), [40]), device);
    let autodiff = |tensor: Tensor<2>| Tensor::from_inner(tensor).require_grad();
    let mut model = Two {
        matrix: Param::from_tensor(autodiff(matrix(5))),
        vector: Param::from_tensor(Tensor::from_inner(vector(6)).require_grad()),
    };
    let moments = Moments {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.1,
        decay: Decay::Matrices,
    };
    let mut stepper = match decoupled {
        true => Stepper::adamw(moments, 1.0),
        false => Stepper::adam(moments, 1.0),
    };
    for step in 0..3 {
        let mut gradients = GradientsParams::new();
        gradients.register(model.matrix.id, matrix(10 + step));
        gradients.register(model.vector.id, vector(20 + step));
        model = stepper.step(0.01, model, gradients);
    }
    let mut found = host(model.matrix.val().inner());
    found.extend(host(model.vector.val().inner()));
    found
}

#[test]
fn an_optimisers_steps_are_those_of_the_cpu() {
    for decoupled in [true, false] {
        let found = stepped(&common::device(), decoupled);
        close(&found, &stepped(&Device::flex(), decoupled));
        assert!(
            found
                .iter()
                .zip(numbers(5, 21 * 40))
                .any(|(new, old)| (new - old).abs() > 0.01)
        );
    }
}

#[test]
fn sums_down_columns_are_those_of_a_loop() {
    for (rows, columns) in [(1, 1), (7, 33), (300, 70), (1500, 5)] {
        let values = numbers(7, rows * columns);
        let found = host(ops::column_sums(tensor(values.clone(), [rows, columns], false)));
        let sum = |column| {
            (0..rows)
                .map(|row| f64::from(values[row * columns + column]))
                .sum::<f64>() as f32
        };
        let expected: Vec<f32> = (0..columns).map(sum).collect();
        let size = (rows as f32).sqrt();
        assert!(
            found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-5 * size),
            "{rows} x {columns}"
        );
    }
}
