//! The notes as token ids.

use crate::text::TokenStore;

/// The notes as one tokenizer sees them.
pub struct Tokens {
    /// Training notes.
    pub training: TokenStore,
    /// Validation notes.
    pub validation: TokenStore,
    /// Evaluation notes.
    pub evaluation: TokenStore,
    /// Token ids of the title of each code, by column; empty where there is none.
    pub titles: Vec<Vec<u32>>,
    /// Per token id, the root mean square of its count over the training notes.
    pub count_scale: Vec<f32>,
}
