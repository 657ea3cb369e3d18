//! Every width of vector and number of registers gives the same numbers, up to rounding.

use pulp::{Scalar, Simd, WithSimd};

use super::*;
use crate::kernels::testing::{close, noise};

const HIDDEN: usize = 53;
const LENGTHS: [usize; 11] = [9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1];

/// What `forward` and `backward` write.
type Numbers = [Vec<f32>; 5];

/// Both, by `dispatch`ed kernels.
fn run(forward: impl FnOnce(forward::Forward), backward: impl FnOnce(backward::Backward) -> Vec<f32>) -> Numbers {
    let scan = Scan {
        hidden: HIDDEN,
        lengths: &LENGTHS,
        reversed: true,
    };
    let size = scan.rows() * HIDDEN;
    let weight: Vec<f32> = noise(1, 4 * HIDDEN * HIDDEN).iter().map(|w| w / 4.0).collect();
    let [input_bias, bias] = [noise(2, 4 * HIDDEN), noise(3, 4 * HIDDEN)];
    let (mut gates, mut cells) = (noise(4, 4 * size), vec![0.0; size]);
    let mut states = vec![0.0; size];
    forward(forward::Forward {
        scan,
        recurrence: Recurrence {
            weight: &weight,
            input_bias: &input_bias,
            bias: &bias,
        },
        gates: &mut gates,
        cells: Some(&mut cells),
        states: &mut states,
    });
    let kept = gates.clone();
    let bias = backward(backward::Backward {
        scan,
        weight: &weight,
        gates: &mut gates,
        cells: &cells,
        at_states: &noise(5, size),
    });
    [states, kept, cells, gates, bias]
}

fn assert_close(found: &Numbers, expected: &Numbers) {
    for (found, expected) in found.iter().zip(expected) {
        let expected: Vec<f64> = expected.iter().map(|&value| f64::from(value)).collect();
        close(found, &expected, 1e-5);
    }
}

#[test]
fn this_processors_vectors_give_the_numbers_of_single_ones() {
    let widest = run(
        |forward| Arch::new().dispatch(forward),
        |backward| Arch::new().dispatch(backward),
    );
    let single = run(
        |forward| forward.with_simd(Scalar),
        |backward| backward.with_simd(Scalar),
    );
    assert_close(&widest, &single);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn sixteen_registers_of_eight_lanes_give_the_numbers_of_single_ones() {
    let Some(simd) = pulp::x86::V3::try_new() else {
        return;
    };
    let narrow = run(
        |forward| Simd::vectorize(simd, forward),
        |backward| Simd::vectorize(simd, backward),
    );
    let single = run(
        |forward| forward.with_simd(Scalar),
        |backward| backward.with_simd(Scalar),
    );
    assert_close(&narrow, &single);
}
