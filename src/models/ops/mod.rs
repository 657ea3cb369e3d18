//! Operators that Burn has no fused form of under autodiff. Each is one function with two forms: plain
//! tensor operations that run on every device, and one pass over the memory on the CPU. What GPUs do otherwise is in
//! `models/gpu`.

mod attention;
mod bag;
mod convolution;
mod cpu;
mod gelu;
mod layout;
mod linear;
mod lookup;
mod norm;
mod product;
mod word_loss;

#[cfg(feature = "gpu")]
pub use super::gpu::{AdamFactors, adam, has_kernels as has_gpu_kernels};
pub use attention::attention;
pub use bag::bag_linear;
pub use convolution::{Extent, convolution};
pub use cpu::has_kernels;
pub use gelu::gelu;
pub use layout::{Layout, ids};
pub use linear::linear;
pub use lookup::{lookup, lookup_back};
pub use norm::{NormParameters, add_norm, norm};
pub use product::{add_row, column_sums, product};
pub use word_loss::{Words, likely_words, word_loss};
