//! Attention of queries that belong to codes or heads over a note's states, and label-wise attention
//! (LongBERT, equation 1; Ji et al. 2021, section 3.3).

use std::sync::Arc;

use candle_core::{D, Result, Tensor};

use super::pass::Pass;
use super::rows::{MaskedSoftmax, add_row, by_row, multiply_row};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::Failure;

/// What each of `queries`, `[query, hidden]`, reads of the first `lengths` states of each note, of
/// `[note, position, hidden]`: `[note, query, hidden]`.
pub fn read(queries: &Tensor, states: &Tensor, lengths: &Arc<[usize]>) -> Result<Tensor> {
    let (notes, _, _) = states.dims3()?;
    let (group, _) = queries.dims2()?;
    // [note, query, position]
    let scores = queries.broadcast_left(notes)?.matmul(&states.t()?)?;
    let softmax = MaskedSoftmax {
        lengths: lengths.clone(),
        group,
        first: 0,
        factor: 1.0,
    };
    by_row(softmax, &scores)?.matmul(states)
}

/// A query and a linear classifier for each code.
pub struct LabelAttention {
    /// `[code, hidden]`.
    queries: Parameter,
    /// `[code, hidden]`.
    weight: Parameter,
    /// `[code]`.
    bias: Parameter,
}

impl LabelAttention {
    /// The head whose parameters have names that begin with `path`.
    ///
    /// # Errors
    /// The weights lack a part or have it in another shape.
    pub fn take(weights: &mut Weights, path: &str, codes: usize, hidden: usize) -> std::result::Result<Self, Failure> {
        let start = Start::Uniform((6.0 / (codes + hidden) as f64).sqrt());
        Ok(Self {
            queries: weights.take(&format!("{path}.queries"), &[codes, hidden], start)?,
            weight: weights.take(&format!("{path}.weight"), &[codes, hidden], start)?,
            bias: weights.take(&format!("{path}.bias"), &[codes], Start::Constant(0.0))?,
        })
    }

    /// Logits `[note, code]` from states `[note, position, hidden]`, of which the first `lengths` count.
    pub fn logits(&self, states: &Tensor, lengths: &Arc<[usize]>, pass: &Pass) -> Result<Tensor> {
        let (notes, _, _) = states.dims3()?;
        let documents = read(&self.queries.on(pass), states, lengths)?;
        let (_, codes, hidden) = documents.dims3()?;
        // One row a note, which holds all codes.
        let weight = self.weight.on(pass).reshape(codes * hidden)?;
        let products = multiply_row(&documents.reshape((notes, codes * hidden))?, &weight)?;
        let sums = products.reshape((notes, codes, hidden))?.sum(D::Minus1)?;
        add_row(&sums, &self.bias.on(pass))
    }
}
