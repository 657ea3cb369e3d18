//! Every width of vector and number of registers gives the same numbers, up to rounding.

use pulp::{Scalar, Simd, WithSimd};

use super::*;

const HIDDEN: usize = 21;
const LENGTHS: [usize; 11] = [9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1];

fn values(count: usize, seed: usize) -> Vec<f32> {
    let value = |i: usize| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1000.0 - 1.0;
    (0..count).map(value).collect()
}

/// What `forward` and `backward` write.
type Numbers = [Vec<f32>; 6];

/// Both, by `dispatch`ed kernels.
fn run(forward: impl FnOnce(forward::Forward), backward: impl FnOnce(backward::Backward) -> Vec<f32>) -> Numbers {
    let scan = Scan {
        hidden: HIDDEN,
        lengths: &LENGTHS,
        reversed: true,
    };
    let size = scan.rows() * HIDDEN;
    let weight: Vec<f32> = values(3 * HIDDEN * HIDDEN, 1).iter().map(|w| w / 4.0).collect();
    let [input_bias, bias] = [values(3 * HIDDEN, 2), values(3 * HIDDEN, 3)];
    let (mut gates, mut candidate) = (values(3 * size, 4), vec![0.0; size]);
    let mut states = vec![0.0; size];
    forward(forward::Forward {
        scan,
        recurrence: Recurrence {
            weight: &weight,
            input_bias: &input_bias,
            bias: &bias,
        },
        gates: &mut gates,
        candidate: Some(&mut candidate),
        states: &mut states,
    });
    let (kept_gates, kept_candidate) = (gates.clone(), candidate.clone());
    let biases = backward(backward::Backward {
        scan,
        weight: &weight,
        gates: &mut gates,
        candidate: &mut candidate,
        states: &states,
        at_states: &values(size, 5),
    });
    [states, kept_gates, kept_candidate, gates, candidate, biases]
}

fn assert_close(found: &Numbers, expected: &Numbers) {
    for (which, (found, expected)) in found.iter().zip(expected).enumerate() {
        for (at, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!(
                (a - b).abs() <= 1e-5 * (1.0 + b.abs()),
                "{which}, {at}: {a} against {b}"
            );
        }
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
