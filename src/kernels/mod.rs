//! Fused operators on plain `f32` slices for the CPU: what the models spend their time in, without
//! Burn's types, so that they can be tested and timed alone.
//!
//! Every operator gives the same bits whatever the number of threads: work is cut into pieces of
//! fixed size, and partial sums are added in the order of the pieces. Instructions (AVX-512, AVX2
//! or none) are chosen at run time; their rounding may differ between kinds of processor.

pub mod adam;
pub mod attention;
pub mod bag;
pub mod batch_norm;
pub mod convolution;
pub mod dropout;
pub mod gelu;
pub mod gru;
pub mod instructions;
pub mod label_attention;
pub mod label_documents;
pub mod layer_norm;
pub mod linear;
pub mod lookup;
pub mod lstm;
pub mod matrix;
pub mod pooled_convolution;
pub mod projected_attention;
mod recurrence;
pub mod tanh;
#[cfg(test)]
mod testing;
pub mod vector;
mod windows;
pub mod word_loss;
