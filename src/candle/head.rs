//! The two heads of Ji et al. 2021.

use super::label_attention::LabelAttention;
use super::linear::Linear;
use super::settings;
use super::weights::Weights;
use crate::bench::protocol::Failure;

/// What makes logits of an encoder's states.
pub enum Head {
    /// One linear layer on a note's vector.
    FullyConnected(Linear),
    /// Label-wise attention over its states.
    LabelAttention(LabelAttention),
}

impl Head {
    /// The head of the settings.
    ///
    /// # Errors
    /// The weights lack a part or have it in another shape.
    pub fn take(weights: &mut Weights, head: settings::Head, codes: usize, hidden: usize) -> Result<Self, Failure> {
        Ok(match head {
            settings::Head::FullyConnected => Self::FullyConnected(Linear::take(weights, "classifier", hidden, codes)?),
            settings::Head::LabelAttention(_) => {
                Self::LabelAttention(LabelAttention::take(weights, "label_attention", codes, hidden)?)
            }
        })
    }
}
