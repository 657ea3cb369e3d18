//! Operators that Burn has no fused form of under autodiff: one function each, with a portable form of
//! plain tensor operations that runs on every device.

mod attention;

use burn::tensor::{Device, Tensor, activation};

pub use attention::attention;

/// Whether a device is the pure Rust CPU backend.
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// GELU with the exact error function, as BERT.
pub fn gelu(rows: Tensor<2>) -> Tensor<2> {
    activation::gelu(rows)
}
