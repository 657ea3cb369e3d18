//! A pretrained encoder.

use std::sync::Arc;

use crate::models::PretrainedEncoder;
use crate::models::parameters::Parameters;
use crate::pretrained::PretrainedBert;
use crate::text::Said;

/// An encoder and the tokens it was trained with.
pub(in crate::stages) struct Loaded {
    pub(in crate::stages) tokens: Vec<String>,
    /// What its files say of reading text.
    pub(in crate::stages) said: Said,
    pub(in crate::stages) encoder: Arc<PretrainedEncoder>,
    /// The heads of its pretraining, where its file has them.
    pub(in crate::stages) heads: Parameters,
}

impl From<PretrainedBert> for Loaded {
    fn from(mut found: PretrainedBert) -> Self {
        Self {
            tokens: std::mem::take(&mut found.tokens),
            said: found.said.clone(),
            heads: std::mem::take(&mut found.heads),
            encoder: Arc::new(found.into_encoder()),
        }
    }
}
