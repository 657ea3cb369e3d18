//! The vocabulary beside the weights, and what the files there say of reading text. Which tokenizer reads the notes is the
//! suite's choice; its tokens must be these, and it must read as these files say.

use std::path::Path;

use super::config::{Architecture, unsupported};
use super::{BertConfig, Error};
use crate::text::{self, Published, TokenizerKind};

/// The tokens by id, from `vocab.txt` (of a RoBERTa `vocab.json`), or `tokenizer.json` where that is absent; both must hold
/// the same. There may be fewer than the embedding table has rows: many encoders pad it to a round number.
pub(super) fn read(directory: &Path, config: &BertConfig) -> Result<Published, Error> {
    let (usual, kind) = match config.architecture {
        Architecture::Bert => ("vocab.txt", TokenizerKind::WordPiece),
        Architecture::Roberta => ("vocab.json", TokenizerKind::ByteLevelBpe),
    };
    let files = [usual, "tokenizer.json"].map(|name| directory.join(name));
    let path = files
        .iter()
        .find(|path| path.is_file())
        .ok_or_else(|| Error::NoVocabulary {
            usual,
            directory: directory.to_owned(),
        })?;
    let published = text::published(path, kind)?;
    let found = published.tokens.len();
    if found > config.vocabulary {
        return Err(Error::VocabularySize {
            path: path.to_owned(),
            found,
            expected: config.vocabulary,
        });
    }
    if config.architecture == Architecture::Roberta {
        first_position_is_the_paddings(directory, config, &published)?;
    }
    Ok(published)
}

/// Refuses a RoBERTa whose positions are counted from another token than the one that fills rows up.
fn first_position_is_the_paddings(directory: &Path, config: &BertConfig, published: &Published) -> Result<(), Error> {
    let padding = published.said.padding();
    let found = config.first_position() - 1;
    match published.tokens.iter().position(|token| *token == padding) {
        Some(id) if id != found => {
            let expected = format!("{id}, the id of {padding} in the vocabulary");
            let path = directory.join("config.json");
            Err(unsupported(&path, "pad_token_id", &found.to_string(), &expected))
        }
        // A vocabulary without it is for whoever makes a tokenizer of it to refuse.
        _ => Ok(()),
    }
}
