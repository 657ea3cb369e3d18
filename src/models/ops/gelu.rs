//! GELU.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::cpu::{CpuOps, has_kernels};

/// GELU with the exact error function, as BERT.
pub fn gelu(rows: Tensor<2>) -> Tensor<2> {
    match has_kernels(&rows.device()) {
        true => Tensor::from_dispatch(Dispatch::exact_gelu(rows.into_dispatch())),
        false => portable(rows),
    }
}

/// Written out: Burn's own takes another derivative on GPUs, that of the tanh approximation.
fn portable(rows: Tensor<2>) -> Tensor<2> {
    let share = ((rows.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    rows * share
}
