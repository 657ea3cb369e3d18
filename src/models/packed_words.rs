//! The words of a batch one after another, as recurrent models read them: no row is padding.

use burn::module::Param;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::batch::Batch;
use super::ops::{lookup, lookup_back};
use super::recurrence::Rows;

/// The vectors of a batch's words. Nothing in it is tracked.
pub struct PackedWords {
    /// Which rows are which note's.
    pub rows: Rows,
    /// Word vectors after dropout, `[row, dimension]`.
    pub vectors: Tensor<2>,
    /// Token ids, `[row]`.
    tokens: Vec<i32>,
    /// What dropout multiplied the word vectors by, `[row, dimension]`.
    mask: Option<Tensor<2>>,
}

impl PackedWords {
    /// The rows of `embedding`, `[word, dimension]`, for the words of a batch, with dropout while training. A note
    /// without tokens reads as one padding token, a vector of zeros to begin with.
    pub fn new(embedding: &Param<Tensor<2>>, batch: &Batch, dropout: f64) -> Self {
        let lengths: Vec<usize> = batch.lengths().iter().map(|&length| length.max(1)).collect();
        let rows = Rows::new(&lengths);
        let mut tokens = Vec::with_capacity(rows.count());
        for (note, _) in rows.ranges() {
            match batch.note(note) {
                [] => tokens.push(batch.padding()),
                note => tokens.extend_from_slice(note),
            }
        }
        let vectors = lookup(embedding.val().inner(), &tokens);
        let mask = batch
            .noise
            .as_ref()
            .map(|noise| noise.dropout(vectors.ones_like(), dropout));
        let vectors = match &mask {
            Some(mask) => vectors * mask.clone(),
            None => vectors,
        };
        Self {
            rows,
            vectors,
            tokens,
            mask,
        }
    }

    /// Registers the gradient of the embedding, from that at the vectors, `[row, dimension]`.
    pub fn backward(self, embedding: &Param<Tensor<2>>, at_vectors: Tensor<2>, registered: &mut GradientsParams) {
        let at_vectors = match self.mask {
            Some(mask) => at_vectors * mask,
            None => at_vectors,
        };
        let entries = embedding.dims()[0];
        registered.register(embedding.id, lookup_back(at_vectors, &self.tokens, entries));
    }
}
