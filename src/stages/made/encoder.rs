//! A pretrained encoder.

use std::sync::Arc;

use crate::models::PretrainedEncoder;
use crate::text::Said;

/// An encoder and the tokens it was trained with.
pub(in crate::stages) struct Loaded {
    pub(in crate::stages) tokens: Vec<String>,
    /// What its files say of reading text.
    pub(in crate::stages) said: Said,
    pub(in crate::stages) encoder: Arc<PretrainedEncoder>,
}
