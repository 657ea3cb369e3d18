//! The vocabulary beside the weights, and what the files there say of reading text. Which tokenizer reads the notes is the
//! suite's choice; its tokens must be these, and it must read as these files say.

use std::path::Path;

use super::{BertConfig, Error};
use crate::text::{self, Published, TokenizerKind};

/// The tokens by id, from `vocab.txt`, or `tokenizer.json` where that is absent; both must hold the same. There may be
/// fewer than the embedding table has rows: many encoders pad it to a round number.
pub(super) fn read(directory: &Path, config: &BertConfig) -> Result<Published, Error> {
    let files = ["vocab.txt", "tokenizer.json"].map(|name| directory.join(name));
    let path = files
        .iter()
        .find(|path| path.is_file())
        .ok_or_else(|| Error::NoVocabulary {
            directory: directory.to_owned(),
        })?;
    let published = text::published(path, TokenizerKind::WordPiece)?;
    match published.tokens.len() {
        found if found > config.vocabulary => Err(Error::VocabularySize {
            path: path.to_owned(),
            found,
            expected: config.vocabulary,
        }),
        _ => Ok(published),
    }
}
