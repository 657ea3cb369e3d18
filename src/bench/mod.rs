//! Single models, without data sets: engines that run them on random notes, and whether a device computes what the CPU
//! computes.
//!
//! A [`Job`] names a model, its sizes and a device. An *engine* ([`engine`], [`protocol`]) makes one ready in a process of
//! its own and answers questions about it: logits, seconds, memory. [`Engines`] starts them, [`verify`](fn@verify) sets the
//! logits of several beside each other; `crate::throughput` times them. [`compare_with_cpu`] compares a device's logits and
//! gradients. [`Peak`] is what the device can do at most, [`Energy`] what it draws meanwhile.

mod burn;
mod check;
mod counter;
mod energy;
pub mod engine;
mod engines;
mod inputs;
mod job;
pub(crate) mod memory;
mod noise;
mod peak;
pub mod protocol;
pub mod sets;
mod side;
mod task_sizes;
mod verify;
mod weights;

pub use burn::Burn;
pub use check::{Difference, compare_with_cpu};
pub use counter::Counter;
pub use energy::Energy;
pub use engines::{Engines, Running};
pub use job::{Job, Refused};
pub use noise::Noise;
pub use peak::Peak;
pub use side::Side;
pub use task_sizes::TaskSizes;
pub use verify::{Agreement, Question, verify};
