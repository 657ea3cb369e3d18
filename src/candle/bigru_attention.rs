//! The bi-GRU with query heads (Zhang et al. 2020, section 3.4.2, equations 5 to 8).

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::gru::Gru;
use super::inputs::Notes;
use super::label_attention::read;
use super::linear::Linear;
use super::model::Model;
use super::pass::Pass;
use super::sequences::indices;
use super::settings::{self, at_least_1, probabilities};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::{Failure, Load};

/// A bidirectional GRU under attention heads that all codes share.
pub struct BigruAttention {
    /// `[word, dimension]`.
    embedding: Parameter,
    forward: Gru,
    backward: Gru,
    /// `[head, 2 * hidden]`, forward states first.
    queries: Parameter,
    output: Linear,
    dropout: f64,
}

impl BigruAttention {
    /// The model of a job.
    ///
    /// # Errors
    /// Settings that are not computed here, weights that do not fit.
    pub fn take(load: &Load, weights: &mut Weights) -> std::result::Result<Self, Failure> {
        let settings: settings::BigruAttention = settings::read(load)?;
        let (dimension, hidden, heads) = (settings.embedding, settings.hidden, settings.heads);
        at_least_1(&[("embedding", dimension), ("hidden", hidden), ("heads", heads)])?;
        probabilities(&[("dropout", settings.dropout)])?;
        let shape = [load.task.vocabulary, dimension];
        let start = Start::Uniform(1.0 / (dimension as f64).sqrt());
        let queries = Start::Uniform((6.0 / (heads + 2 * hidden) as f64).sqrt());
        Ok(Self {
            embedding: match settings.train_embedding {
                true => weights.take("embedding", &shape, start)?,
                false => weights.frozen("embedding", &shape, start)?,
            },
            forward: Gru::take(weights, "forward", dimension, hidden)?,
            backward: Gru::take(weights, "backward", dimension, hidden)?,
            queries: weights.take("queries", &[heads, 2 * hidden], queries)?,
            output: Linear::take(weights, "output", heads * 2 * hidden, load.codes)?,
            dropout: settings.dropout,
        })
    }
}

impl Model for BigruAttention {
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor> {
        let (count, lengths) = (notes.count(), notes.lengths());
        let steps = Steps::new(notes);
        let words = self.embedding.on(pass).index_select(&indices(steps.ids)?, 0)?;
        let words = pass.dropout(&words, self.dropout)?;
        let turned = indices(steps.turned)?;
        let reversed = words.index_select(&turned, 0)?;
        let (ahead, back) = rayon::join(
            || self.forward.states(&words, count, pass),
            || self.backward.states(&reversed, count, pass),
        );
        // Turning twice puts every state at its word.
        let states = Tensor::cat(&[ahead?, back?.index_select(&turned, 0)?], 1)?;
        let (rows, width) = states.dims2()?;
        let states = states
            .reshape((rows / count, count, width))?
            .transpose(0, 1)?
            .contiguous()?;
        let lengths: Arc<[usize]> = lengths.into();
        let found = (read(&self.queries.on(pass), &states, &lengths)? / (width as f64).sqrt())?;
        self.output.forward(&found.flatten_from(1)?, pass)
    }
}

/// The words of all notes by their places, `[place * note]`.
struct Steps {
    ids: Vec<u32>,
    /// The rows of each note's words in reverse order; padding stays in its place after them.
    turned: Vec<u32>,
}

impl Steps {
    fn new(notes: &Notes) -> Self {
        let (count, longest) = (notes.count(), notes.longest());
        let mut ids = vec![0; longest * count];
        let mut turned: Vec<u32> = (0..(longest * count) as u32).collect();
        for (at, note) in notes.iter().enumerate() {
            for (place, &id) in note.iter().enumerate() {
                ids[place * count + at] = id;
                turned[place * count + at] = ((note.len() - 1 - place) * count + at) as u32;
            }
        }
        Self { ids, turned }
    }
}
