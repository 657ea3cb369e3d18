//! The notes as token ids.

use crate::text::TokenStore;

/// The notes as one tokenizer sees them.
pub struct Tokens {
    /// Token ids of the training notes, each as long as it is.
    pub training: TokenStore,
    /// Of the validation notes.
    pub validation: TokenStore,
    /// Of the evaluation notes.
    pub evaluation: TokenStore,
    /// Token ids of the title of each code, by column; empty where there is none.
    pub titles: Vec<Vec<u32>>,
    /// Per token id, the root mean square of its count over the training notes.
    pub count_scale: Vec<f32>,
}
