//! The vocabulary beside the weights. Which tokenizer reads the notes is the suite's choice; here only
//! the number of tokens counts, as it must be that of the embedding table.

use std::path::Path;

use super::{BertConfig, Error};
use crate::text;

/// Compares the vocabulary files of the directory with the configuration.
pub(super) fn check(directory: &Path, config: &BertConfig) -> Result<(), Error> {
    let files = ["vocab.txt", "tokenizer.json"].map(|name| directory.join(name));
    let mut there = files.iter().filter(|path| path.is_file()).peekable();
    if there.peek().is_none() {
        return Err(Error::NoVocabulary {
            directory: directory.to_owned(),
        });
    }
    for path in there {
        let found = text::word_piece_file_size(path)?;
        if found != config.vocabulary {
            return Err(Error::VocabularySize {
                path: path.to_owned(),
                found,
                expected: config.vocabulary,
            });
        }
    }
    Ok(())
}
