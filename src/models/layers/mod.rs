//! Layers that models share: each is parameters and one forward function over rows, `[row, dimension]`.

pub mod batch_norm;
pub mod linear;
pub mod norm;
pub mod packing;
pub mod transformer;

pub use batch_norm::BatchNorm;
pub use linear::Linear;
pub use norm::Norm;
pub use packing::{Gather, Packed};
