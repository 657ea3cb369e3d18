//! The notes as token ids.

use serde::{Deserialize, Serialize};

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
    /// What annotators marked; absent where the data set has no marks, or the tokenizer does not tell where its tokens lie.
    pub marked: Option<Marked>,
}

/// What annotators marked in the notes, by role, and where tokens lie in the texts.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Marked {
    /// Of each training note: the column of a code, and the places of its evidence among the note's tokens.
    pub training: Vec<Vec<(u32, Vec<u32>)>>,
    /// Of each validation note.
    pub validation: Vec<MarkedNote>,
    /// Of each evaluation note.
    pub evaluation: Vec<MarkedNote>,
}

/// A note that is scored, with its annotators' evidence.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MarkedNote {
    /// The first character of each token in the note's text, and the one after its last.
    pub tokens: Vec<[u32; 2]>,
    /// Each mark: its code, which a model may not know, and its pieces as characters of the text in the order of the data set.
    pub gold: Vec<(String, Vec<[u32; 2]>)>,
}
