//! A pretrained encoder.

use std::sync::Arc;

use crate::models::PretrainedEncoder;

/// An encoder and the tokens it was trained with.
pub(in crate::stages) struct Loaded {
    pub(in crate::stages) tokens: Vec<String>,
    pub(in crate::stages) encoder: Arc<PretrainedEncoder>,
}
