//! icdbench: the benchmark and reproducibility harness for automated ICD coding, which reads a
//! clinical note and assigns its diagnosis and procedure codes.
//!
//! A [`suite`] names a data set, a label set, models with all their settings, sequence lengths and
//! seeds. Each combination is a *cell*, a chain of [`stages`]; a [`plan`] gives each stage its key, the hash of
//! everything that can move its result; [`engines`] run cells in processes of their own, and what they come to lies in
//! [`results`]: a [`record`] each, and what is private apart. A [`report`] is made from records alone.
//!
//! The modules stand in reading order; ARCHITECTURE.md says what each may know.
//!
//! ```
//! use icdbench::metrics::{Options, Scores, Targets, TieOrder, evaluate};
//!
//! // Probabilities of two codes for two notes, and the notes' gold codes.
//! let scores = Scores::new(&[0.9, 0.2, 0.3, 0.8], 2, 2)?;
//! let gold = Targets::from_rows(&[vec![0], vec![0, 1]], 2)?;
//! let options = Options { threshold: 0.5, at_k: vec![1], ties: TieOrder::HigherIndexFirst };
//! let scores = evaluate(&scores, &gold, &options)?.scores;
//! assert_eq!(scores["micro-precision"], 1.0);
//! # Ok::<(), icdbench::metrics::Error>(())
//! ```

#![warn(missing_docs)]

pub mod audit;
pub mod bench;
pub mod candle;
pub mod cli;
pub mod codiesp;
pub mod compare;
mod contain;
pub mod data;
pub mod device;
pub mod engines;
pub mod gate;
pub mod kernels;
pub mod machine;
pub mod metrics;
pub mod models;
pub mod pack;
pub mod plan;
pub mod prepare;
pub mod pretrained;
pub mod pretraining;
pub mod published;
pub mod record;
pub mod report;
pub mod reproduce;
pub mod results;
pub mod search;
pub mod speed;
pub mod stages;
pub mod submit;
pub mod suite;
pub mod text;
pub mod throughput;
pub mod train;
pub mod word_vectors;
