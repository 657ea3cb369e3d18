//! The tokens of a batch's notes as labels attend to them: softmax over a note's tokens, and what labels read by it. On a GPU
//! each is one kernel, and what is read needs no attention in memory.

use burn::tensor::{Device, Tensor, TensorData, activation};

#[cfg(feature = "gpu")]
use super::gpu;

/// Added to the attention score of padding: its weight is then exactly 0 in f32, and a row of
/// nothing but padding still has finite weights.
const PADDED: f32 = -1e30;

/// Which tokens of `[note, .., token]` are a note's own.
pub(super) enum NoteTokens {
    /// 0 at real tokens and a large negative number past a note's length, `[note, 1, token]`.
    Bias(Tensor<3>),
    #[cfg(feature = "gpu")]
    Lengths(gpu::Lengths),
}

/// What labels read of the notes, and what its way back needs.
pub(super) struct Reading {
    /// `[note, code]`: the attention's mean of what is read of each token.
    pub means: Tensor<2>,
    /// The scores and what is read, `[note, 2 code, token]`.
    both: Tensor<3>,
    kept: Kept,
}

#[cfg_attr(feature = "gpu", expect(clippy::large_enum_variant, reason = "there is one a batch"))]
enum Kept {
    /// `[note, code, token]`.
    Attention(Tensor<3>),
    #[cfg(feature = "gpu")]
    Sums(gpu::Read),
}

impl NoteTokens {
    /// The first `lengths[note]` tokens of `width`.
    pub fn new(lengths: &[usize], width: usize, device: &Device) -> Self {
        #[cfg(feature = "gpu")]
        if gpu::has_kernels(device) {
            return Self::Lengths(gpu::Lengths::new(lengths, device));
        }
        let mut values = vec![PADDED; lengths.len() * width];
        for (row, &length) in values.chunks_mut(width.max(1)).zip(lengths) {
            row[..length].fill(0.0);
        }
        Self::Bias(Tensor::from_data(
            TensorData::new(values, [lengths.len(), 1, width]),
            device,
        ))
    }

    /// Softmax over the tokens of `[note, code, token]`; exactly 0 at padding.
    pub fn softmax(&self, scores: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Bias(bias) => activation::softmax(scores + bias.clone(), 2),
            #[cfg(feature = "gpu")]
            Self::Lengths(lengths) => gpu::document_weights(scores, lengths),
        }
    }

    /// What labels read, from their scores and what they would read of each token, both `[note, 2 code, token]`;
    /// untracked.
    pub fn read(&self, both: Tensor<3>) -> Reading {
        match self {
            Self::Bias(_) => {
                let codes = both.dims()[1] / 2;
                let attention = self.softmax(both.clone().narrow(1, 0, codes));
                let read = both.clone().narrow(1, codes, codes);
                Reading {
                    means: (attention.clone() * read).sum_dim(2).squeeze_dim(2),
                    both,
                    kept: Kept::Attention(attention),
                }
            }
            #[cfg(feature = "gpu")]
            Self::Lengths(lengths) => {
                let read = gpu::read(both.clone(), lengths);
                Reading {
                    means: read.means.clone(),
                    both,
                    kept: Kept::Sums(read),
                }
            }
        }
    }
}

impl Reading {
    /// The gradients at the scores and at what is read of each token, `[note, 2 code, token]`, from those at the means.
    pub fn back(self, at_means: Tensor<2>) -> Tensor<3> {
        match self.kept {
            Kept::Attention(attention) => {
                let codes = self.means.dims()[1];
                let read = self.both.narrow(1, codes, codes);
                let at_read = attention * at_means.unsqueeze_dim::<3>(2);
                let at_scores = at_read.clone() * (read - self.means.unsqueeze_dim::<3>(2));
                Tensor::cat(vec![at_scores, at_read], 1)
            }
            #[cfg(feature = "gpu")]
            Kept::Sums(read) => gpu::read_back(at_means, self.both, read),
        }
    }
}

/// The gradient at the scores of a softmax over tokens, from that at the weights, both `[note, code, token]`; untracked.
/// `through` `[note, code, 1]` is their product's sum over the tokens.
pub(super) fn softmax_back(
    at_weights: Tensor<3>,
    weights: Tensor<3>,
    through: impl FnOnce() -> Tensor<3>,
) -> Tensor<3> {
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&weights.device()) {
        return gpu::document_weights_back(at_weights, weights);
    }
    weights * (at_weights - through())
}
