//! From the gates back to the states before them, and to the recurrent weight.

use pulp::Simd;

use super::panel::{Panels, ROWS, WIDE};
use super::scan::{Scan, load, store};

/// The transpose of a recurrent weight `[H, GH]`: gates back to hidden units.
#[inline(always)]
pub fn transposed<S: Simd>(simd: S, scan: Scan, weight: &[f32]) -> Panels<S> {
    let hidden = scan.hidden;
    let width = weight.len() / hidden;
    let count = scan.vectors::<S>().div_ceil(WIDE);
    Panels::pack(simd, count, width, |depth, panel, vector, lane| {
        let unit = (panel * WIDE + vector) * S::F32_LANES + lane;
        if unit < hidden {
            weight[unit * width + depth]
        } else {
            0.0
        }
    })
}

/// Adds to `carried`, `[note, H]`, what reaches the states before a step from its recurrent products.
/// `at_gates` has the gradients there, `[gate and unit, note]`, `weight` is [`transposed`].
#[inline(always)]
pub fn carry<S: Simd>(
    simd: S,
    weight: &Panels<S>,
    at_gates: &[[f32; ROWS]],
    active: usize,
    hidden: usize,
    carried: &mut [f32],
) {
    for panel in 0..weight.count() {
        let tile = weight.product(simd, panel, at_gates, active, [simd.splat_f32s(0.0); WIDE]);
        for (note, sums) in tile[..active].iter().enumerate() {
            for (vector, &sum) in sums.iter().enumerate() {
                let first = hidden.min((panel * WIDE + vector) * S::F32_LANES);
                let units = first..hidden.min(first + S::F32_LANES);
                let carried = &mut carried[note * hidden..][units];
                let total = simd.add_f32s(load(simd, carried), sum);
                store::<S>(carried, total);
            }
        }
    }
}

/// Adds `states^T gates` to some columns of `sum`, `[H, GH]`. `states` is `[row, H]`; `gates` has as
/// many rows and starts at the columns' first.
pub fn add_product(sum: &mut [f32], states: &[f32], gates: &[f32], hidden: usize, columns: std::ops::Range<usize>) {
    let rows = states.len() / hidden;
    let (width, stride) = (sum.len() / hidden, gates.len() / rows);
    assert!(columns.len() <= stride && columns.end <= width && sum.len() == width * hidden);
    // The other direction runs beside this one: half of the threads each.
    let parallelism = match rayon::current_num_threads() / 2 {
        0 | 1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    // SAFETY: the strides are those of the slices, whose lengths were just compared, and `sum` is
    // borrowed mutably.
    unsafe {
        gemm::gemm(
            hidden,
            columns.len(),
            rows,
            sum.as_mut_ptr().add(columns.start),
            1,
            width as isize,
            true,
            states.as_ptr(),
            hidden as isize,
            1,
            gates.as_ptr(),
            1,
            stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
