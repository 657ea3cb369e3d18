//! A pretrained encoder that models may start from, as plain numbers.

use super::parameters::Parameters;

/// Sizes and parameters of a pretrained encoder, of BERT or RoBERTa. Models fill their encoder from it and never
/// see the files it came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PretrainedEncoder {
    /// Entries of the token vocabulary.
    pub vocabulary: usize,
    /// Length of a token's state.
    pub hidden: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Attention heads of each layer.
    pub heads: usize,
    /// Width of the feed-forward part.
    pub intermediate: usize,
    /// Longest sequence, special tokens included.
    pub positions: usize,
    /// Segment types.
    pub token_types: usize,
    /// Added to the variance in the norms.
    pub norm_epsilon: f64,
    /// Parameters by path below the encoder, such as `layers.0.query_key_value.weight`; `pooler.*` where it has one.
    pub parameters: Parameters,
}
