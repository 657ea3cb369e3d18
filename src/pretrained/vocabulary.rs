//! The vocabulary beside the weights. Which tokenizer reads the notes is the suite's choice; its tokens
//! must be these.

use std::path::Path;

use super::{BertConfig, Error};
use crate::text;

/// The tokens by id, from `vocab.txt`, or `tokenizer.json` where that is absent. There may be fewer than the embedding
/// table has rows: many encoders pad it to a round number.
pub(super) fn read(directory: &Path, config: &BertConfig) -> Result<Vec<String>, Error> {
    let files = ["vocab.txt", "tokenizer.json"].map(|name| directory.join(name));
    let mut first = None;
    for path in files.iter().filter(|path| path.is_file()) {
        let tokens = text::word_piece_tokens(path)?;
        if tokens.len() > config.vocabulary {
            return Err(Error::VocabularySize {
                path: path.to_owned(),
                found: tokens.len(),
                expected: config.vocabulary,
            });
        }
        first.get_or_insert(tokens);
    }
    first.ok_or_else(|| Error::NoVocabulary {
        directory: directory.to_owned(),
    })
}
