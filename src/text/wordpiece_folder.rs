//! A published WordPiece vocabulary with the files beside it that say how its text is read, as `transformers` looks for
//! them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use super::companions::{
    ADDED, CONFIG, Decoder, JSON, Names, SPECIAL, beside, check_added_file, check_decoder, is_what_the_json_says,
    parsed, require_same,
};
use super::kind::TokenizerKind;
use super::saying::saying;
use super::specials::Specials;
use super::wordpiece::{Asked, Origin, WordPieceTable, WordPieceVocabulary};
use super::wordpiece_files::{self, VocabularyFile};
use super::wordpiece_said::Said;

/// Tokenizers of `transformers` that cut text as BERT's does; a name may end in `Fast`.
const AS_BERT: [&str; 4] = [
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MobileBertTokenizer",
];

/// The files beside a vocabulary that can change the ids of a text, those that are there.
pub(super) fn companions(vocabulary: &Path) -> Vec<(&'static str, PathBuf)> {
    beside(vocabulary, &[CONFIG, JSON, SPECIAL, ADDED])
}

/// Reads a vocabulary with its companions and builds what the suite asks for.
pub(super) fn read(path: &Path, expected_sha256: Option<&str>, asked: Asked) -> Result<WordPieceVocabulary, Error> {
    let Folder { tokens, said, open } = read_all(path, expected_sha256)?;
    if let Some(open) = open {
        open.decide(asked)?;
    }
    let table = WordPieceTable {
        origin: Origin::File,
        cleaning: said.cleaning(asked)?,
        specials: Box::new(said.specials.or(Specials::bert())),
        tokens,
    };
    WordPieceVocabulary::from_table(table, path)
}

/// What the files of a folder hold.
pub(super) struct Folder {
    /// By id.
    pub(super) tokens: Vec<String>,
    pub(super) said: Said,
    open: Option<Open>,
}

/// Reads the vocabulary `vocab.txt` or (by the ending `.json`) `tokenizer.json`, and what it and the files beside it say.
pub(super) fn read_all(path: &Path, expected_sha256: Option<&str>) -> Result<Folder, Error> {
    let VocabularyFile { tokens, said: own } = wordpiece_files::read(path, expected_sha256)?;
    let beside: BTreeMap<&str, PathBuf> = companions(path).into_iter().collect();
    let mut json = own;
    if let Some(other) = beside.get(JSON) {
        let file = wordpiece_files::read(other, None)?;
        require_same(path, &tokens, other, &file.tokens)?;
        json = json.join(file.said)?;
    }
    let mut said = Said::default();
    let mut open = None;
    if let Some(path) = beside.get(CONFIG) {
        let config: Config = parsed(path)?;
        config.check(path, &tokens)?;
        said = config.said(path);
        if !config.is_what_the_json_says() {
            open = Some(Open {
                json: json.clone(),
                config: said.clone(),
            });
        }
    }
    said = said.join(json)?;
    if let Some(path) = beside.get(SPECIAL) {
        let names: Names = parsed(path)?;
        said.specials = said.specials.join(names.called(path))?;
    }
    if let Some(path) = beside.get(ADDED) {
        check_added_file(path, &tokens, TokenizerKind::WordPiece)?;
    }
    Ok(Folder { tokens, said, open })
}

/// What `tokenizer_config.json` leaves open where `tokenizer.json` does not: `transformers` then takes BERT's default,
/// `tokenizers` what the file says.
struct Open {
    json: Said,
    config: Said,
}

impl Open {
    /// The suite decides; without it, both must come to the same.
    fn decide(&self, asked: Asked) -> Result<(), Error> {
        for (setting, asked, json, config, default) in [
            (
                "strip-accents",
                asked.strip_accents,
                &self.json.strip_accents,
                &self.config.strip_accents,
                asked.lowercase,
            ),
            (
                "split-chinese",
                asked.split_chinese,
                &self.json.split_chinese,
                &self.config.split_chinese,
                true,
            ),
        ] {
            if let (None, Some(json), None) = (asked, json, config)
                && json.value != default
            {
                return Err(json.ambiguous(setting, default));
            }
        }
        Ok(())
    }
}

/// The parts of `tokenizer_config.json` that decide how a text without special tokens is encoded. `model_max_length` does
/// not: how much a model reads is the suite's `lengths` and the encoder's positions.
#[derive(Deserialize)]
struct Config {
    tokenizer_class: Option<String>,
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    do_basic_tokenize: Option<bool>,
    never_split: Option<Vec<String>>,
    added_tokens_decoder: Option<Decoder>,
    #[serde(flatten)]
    names: Names,
}

impl Config {
    fn is_what_the_json_says(&self) -> bool {
        is_what_the_json_says(self.tokenizer_class.as_deref())
    }

    fn check(&self, path: &Path, tokens: &[String]) -> Result<(), Error> {
        if let Some(class) = &self.tokenizer_class
            && !AS_BERT.contains(&class.trim_end_matches("Fast"))
            && !self.is_what_the_json_says()
        {
            return Err(unsupported(path, "tokenizer_class", class, "BertTokenizer"));
        }
        if self.do_basic_tokenize == Some(false) {
            let expected = "true: text is cut at punctuation before WordPiece";
            return Err(unsupported(path, "do_basic_tokenize", "false", expected));
        }
        if let Some(words) = self.never_split.as_ref().filter(|words| !words.is_empty()) {
            let found = format!("a list of {} words", words.len());
            return Err(unsupported(path, "never_split", &found, "none"));
        }
        check_decoder(
            path,
            self.added_tokens_decoder.as_ref(),
            tokens,
            TokenizerKind::WordPiece,
        )
    }

    fn said(&self, path: &Path) -> Said {
        let specials = self.names.called(path);
        if self.is_what_the_json_says() {
            return Said {
                specials,
                ..Said::default()
            };
        }
        Said {
            lowercase: saying(path, "do_lower_case", self.do_lower_case),
            strip_accents: saying(path, "strip_accents", self.strip_accents),
            split_chinese: saying(path, "tokenize_chinese_chars", self.tokenize_chinese_chars),
            specials,
            ..Said::default()
        }
    }
}

fn unsupported(path: &Path, key: &'static str, found: &str, expected: &str) -> Error {
    Error::unsupported(path, key, found, expected, TokenizerKind::WordPiece)
}
