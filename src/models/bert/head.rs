//! The two heads of Ji et al. 2021: fully connected on one vector a note, or label-wise attention.

use serde::{Deserialize, Serialize};

use super::config::EncoderConfig;
use crate::models::initialise::Initialiser;
use crate::models::label_attention::LabelAttention;
use crate::models::layers::Linear;
use crate::models::settings::at_least_1;
use crate::models::work::Work;

/// One of the two, as a suite writes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum HeadConfig {
    /// One linear layer on the note's vector (FCN).
    FullyConnected,
    /// Label-wise attention (LAN).
    #[serde(rename_all = "kebab-case")]
    LabelAttention {
        /// Labels computed at a time: memory grows with it, scores do not depend on it.
        label_block: usize,
    },
}

impl HeadConfig {
    /// What is wrong with the settings.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::FullyConnected => Ok(()),
            Self::LabelAttention { label_block } => at_least_1(&[("head.label-attention.label-block", *label_block)]),
        }
    }

    /// Labels computed at a time, where that is a setting.
    pub fn label_block(&mut self) -> Option<&mut usize> {
        match self {
            Self::FullyConnected => None,
            Self::LabelAttention { label_block } => Some(label_block),
        }
    }

    /// The work on notes with so many states each, of an encoder of that hidden size: the fully connected head reads
    /// one vector a note.
    pub fn work(&self, codes: usize, hidden: usize, states: &[usize]) -> Work {
        match self {
            Self::FullyConnected => Linear::work(states.len(), [hidden, codes]),
            Self::LabelAttention { .. } => LabelAttention::work(codes, hidden, states),
        }
    }

    /// The head's parameters for the states of an encoder: one of the two is present.
    pub fn init(
        &self,
        codes: usize,
        encoder: &EncoderConfig,
        initialiser: &mut Initialiser,
    ) -> (Option<Linear>, Option<LabelAttention>) {
        let hidden = encoder.hidden;
        match self {
            Self::FullyConnected => {
                let classifier = Linear::init([hidden, codes], encoder.initializer_range, initialiser);
                (Some(classifier), None)
            }
            Self::LabelAttention { label_block } => {
                let head = LabelAttention::init(codes, hidden, *label_block, initialiser);
                (None, Some(head))
            }
        }
    }
}
