//! A published byte-level BPE with the files beside it that say how its text is read, as `transformers` looks for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::bpe::{BpeTable, BpeVocabulary};
use super::bpe_files::{self, BpeFile, MERGES};
use super::bpe_said::Said;
use super::companions::{
    ADDED, CONFIG, Decoder, JSON, Names, SPECIAL, beside, check_added_file, check_decoder, is_what_the_json_says,
    parsed, require_same,
};
use super::error::Error;
use super::kind::TokenizerKind;
use super::saying::{Saying, saying};

const VOCABULARY: &str = "vocab.json";
const KIND: TokenizerKind = TokenizerKind::ByteLevelBpe;

/// Tokenizers of `transformers` that cut text as RoBERTa's does; a name may end in `Fast`.
const AS_ROBERTA: [&str; 2] = ["RobertaTokenizer", "GPT2Tokenizer"];

/// The files beside a vocabulary that can change the ids of a text, those that are there.
pub(super) fn companions(vocabulary: &Path) -> Vec<(&'static str, PathBuf)> {
    beside(vocabulary, &[VOCABULARY, MERGES, CONFIG, JSON, SPECIAL, ADDED])
}

/// Reads a vocabulary with its companions and builds what the suite asks for.
pub(super) fn read(
    path: &Path,
    expected_sha256: Option<&str>,
    add_prefix_space: Option<bool>,
) -> Result<BpeVocabulary, Error> {
    let Folder { tokens, said, open } = read_all(path, expected_sha256)?;
    if let (Some(open), None) = (open, add_prefix_space) {
        return Err(open.ambiguous("add-prefix-space", false));
    }
    let table = BpeTable {
        add_prefix_space: said.prefix_space(add_prefix_space)?,
        specials: said.specials(),
        tokens,
        merges: said.merges.map(|merges| merges.pairs).unwrap_or_default(),
    };
    BpeVocabulary::from_table(table, path)
}

/// What the files of a folder hold.
pub(super) struct Folder {
    /// By id.
    pub(super) tokens: Vec<String>,
    pub(super) said: Said,
    /// A prefix space that `tokenizer.json` asks for and `tokenizer_config.json` says nothing of: `transformers` then takes
    /// RoBERTa's default, `tokenizers` what the file says.
    open: Option<Saying<bool>>,
}

/// Reads the vocabulary `vocab.json` or `tokenizer.json`, and what it and the files beside it say.
pub(super) fn read_all(path: &Path, expected_sha256: Option<&str>) -> Result<Folder, Error> {
    let BpeFile { tokens, mut said } = bpe_files::read(path, expected_sha256)?;
    let beside: BTreeMap<&str, PathBuf> = companions(path).into_iter().collect();
    for name in [VOCABULARY, JSON] {
        let Some(other) = beside.get(name) else { continue };
        let file = bpe_files::read(other, None)?;
        require_same(path, &tokens, other, &file.tokens)?;
        said = said.join(file.said)?;
    }
    let mut open = None;
    if let Some(path) = beside.get(CONFIG) {
        let config: Config = parsed(path)?;
        config.check(path, &tokens)?;
        if config.add_prefix_space.is_none() && !is_what_the_json_says(config.tokenizer_class.as_deref()) {
            open = said.add_prefix_space.clone().filter(|said| said.value);
        }
        said = config.said(path).join(said)?;
    }
    if let Some(path) = beside.get(SPECIAL) {
        let names: Names = parsed(path)?;
        said.specials = said.specials.join(names.called(path))?;
    }
    if let Some(path) = beside.get(ADDED) {
        check_added_file(path, &tokens, KIND)?;
    }
    Ok(Folder { tokens, said, open })
}

/// The parts of `tokenizer_config.json` that decide how a text without special tokens is encoded. `model_max_length` and
/// `trim_offsets` do not.
#[derive(Deserialize)]
struct Config {
    tokenizer_class: Option<String>,
    add_prefix_space: Option<bool>,
    added_tokens_decoder: Option<Decoder>,
    #[serde(flatten)]
    names: Names,
}

impl Config {
    fn check(&self, path: &Path, tokens: &[String]) -> Result<(), Error> {
        if let Some(class) = &self.tokenizer_class
            && !AS_ROBERTA.contains(&class.trim_end_matches("Fast"))
            && !is_what_the_json_says(Some(class))
        {
            return Err(Error::unsupported(
                path,
                "tokenizer_class",
                class,
                "RobertaTokenizer",
                KIND,
            ));
        }
        check_decoder(path, self.added_tokens_decoder.as_ref(), tokens, KIND)
    }

    fn said(&self, path: &Path) -> Said {
        Said {
            add_prefix_space: saying(path, "add_prefix_space", self.add_prefix_space),
            specials: self.names.called(path),
            merges: None,
        }
    }
}
