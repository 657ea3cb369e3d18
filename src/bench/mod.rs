//! How long one training step and one inference of a model take and how much memory they need, on
//! random tokens; and whether a device computes what the CPU computes.
//!
//! A [`Job`] names a model, its sizes and a device. [`Workers`] runs jobs, each of the CPU's in a
//! process of its own, so that one's memory is not counted to the next, and gives back a record for
//! each, with keys that `scripts/speed/pytorch_bench.py` uses too. [`compare_with_cpu`] compares logits and gradients.
//! [`Peak`] is what the device can do at most, [`Energy`] what it draws meanwhile.
//!
//! An *engine* ([`engine`], [`protocol`]) makes one model ready and answers questions about it; [`Engines`] starts them,
//! [`verify`](fn@verify) sets the logits of several beside each other.

mod burn;
mod check;
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
mod task_sizes;
mod timing;
mod verify;
mod weights;
mod worker;

pub use burn::Burn;
pub use check::{Difference, compare_with_cpu};
pub use energy::Energy;
pub use engines::{Engines, Running, Side};
pub use job::{Job, Refused};
pub use noise::Noise;
pub use peak::Peak;
pub use task_sizes::TaskSizes;
pub use timing::Measured;
pub use verify::{Agreement, Question, verify};
pub use worker::{Unavailable, Workers, serve};
