//! A published vocabulary with the files beside it that say how its text is read, as `transformers` looks for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::files;
use super::wordpiece::{Asked, Origin, WordPieceTable, WordPieceVocabulary};
use super::wordpiece_files::{self, VocabularyFile, unsupported};
use super::wordpiece_said::{Said, saying};

const CONFIG: &str = "tokenizer_config.json";
const JSON: &str = "tokenizer.json";
const SPECIAL: &str = "special_tokens_map.json";
const ADDED: &str = "added_tokens.json";

/// Tokenizers of `transformers` that cut text as BERT's does; a name may end in `Fast`.
const AS_BERT: [&str; 4] = [
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MobileBertTokenizer",
];
/// Those that are what `tokenizer.json` says, and leave the settings of BERT's in `tokenizer_config.json` unread.
const AS_JSON: [&str; 2] = ["PreTrainedTokenizer", "TokenizersBackend"];

/// A published vocabulary and how its text is read.
#[derive(Clone, Debug)]
pub struct Published {
    /// By id.
    pub tokens: Vec<String>,
    /// What its files say.
    pub said: Said,
}

/// The files beside a vocabulary that can change the ids of a text, those that are there.
pub fn companions(vocabulary: &Path) -> Vec<(&'static str, PathBuf)> {
    let beside = [CONFIG, JSON, SPECIAL, ADDED].map(|name| (name, vocabulary.with_file_name(name)));
    beside
        .into_iter()
        .filter(|(_, path)| path != vocabulary && path.exists())
        .collect()
}

/// Reads a vocabulary with its companions and builds what the suite asks for.
pub(super) fn read(path: &Path, expected_sha256: Option<&str>, asked: Asked) -> Result<WordPieceVocabulary, Error> {
    let (Published { tokens, said }, open) = read_all(path, expected_sha256)?;
    if let Some(open) = open {
        open.decide(asked)?;
    }
    let table = WordPieceTable {
        origin: Origin::File,
        cleaning: said.cleaning(asked)?,
        specials: Box::new(said.specials()),
        tokens,
    };
    WordPieceVocabulary::from_table(table, path)
}

/// Reads the vocabulary `vocab.txt` or (by the ending `.json`) `tokenizer.json`, and what it and the files beside it say.
///
/// # Errors
/// When a file cannot be read, is not what its name says, or would not be encoded as its authors encode it.
pub fn published(vocabulary: &Path) -> Result<Published, Error> {
    read_all(vocabulary, None).map(|(published, _)| published)
}

fn read_all(path: &Path, expected_sha256: Option<&str>) -> Result<(Published, Option<Open>), Error> {
    let VocabularyFile { tokens, said: own } = wordpiece_files::read(path, expected_sha256)?;
    let beside: BTreeMap<&str, PathBuf> = companions(path).into_iter().collect();
    let mut json = own;
    if let Some(other) = beside.get(JSON) {
        let file = wordpiece_files::read(other, None)?;
        if let Some(id) = first_difference(&tokens, &file.tokens) {
            return Err(Error::Vocabularies {
                path: path.to_owned(),
                other: other.clone(),
                id,
            });
        }
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
        said = said.join(names.said(path))?;
    }
    if let Some(path) = beside.get(ADDED) {
        let added: BTreeMap<String, usize> = parsed(path)?;
        let added = added.iter().map(|(token, &id)| (id, token.as_str(), None));
        check_added(path, "a token", added, &tokens)?;
    }
    Ok((Published { tokens, said }, open))
}

/// The first id for which two vocabularies have another token.
fn first_difference(first: &[String], second: &[String]) -> Option<usize> {
    let shorter = first.len().min(second.len());
    let differs = (0..shorter).find(|&id| first[id] != second[id]);
    differs.or((first.len() != second.len()).then_some(shorter))
}

fn parsed<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = files::read_small(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "tokenizer's settings",
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Settings {
        path: path.to_owned(),
        source,
    })
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
    added_tokens_decoder: Option<BTreeMap<usize, Added>>,
    #[serde(flatten)]
    names: Names,
}

/// What the special tokens are called: in `tokenizer_config.json` and in `special_tokens_map.json`.
#[derive(Deserialize)]
struct Names {
    unk_token: Option<Name>,
    pad_token: Option<Name>,
    cls_token: Option<Name>,
    sep_token: Option<Name>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Plain(String),
    Added { content: String },
}

#[derive(Deserialize)]
struct Added {
    content: String,
    #[serde(default)]
    special: bool,
}

impl Config {
    fn is_what_the_json_says(&self) -> bool {
        self.tokenizer_class
            .as_deref()
            .is_some_and(|class| AS_JSON.contains(&class.trim_end_matches("Fast")))
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
        let added = self.added_tokens_decoder.iter().flatten();
        let added = added.map(|(&id, added)| (id, added.content.as_str(), Some(added.special)));
        check_added(path, "added_tokens_decoder", added, tokens)
    }

    fn said(&self, path: &Path) -> Said {
        let names = self.names.said(path);
        if self.is_what_the_json_says() {
            return names;
        }
        Said {
            lowercase: saying(path, "do_lower_case", self.do_lower_case),
            strip_accents: saying(path, "strip_accents", self.strip_accents),
            split_chinese: saying(path, "tokenize_chinese_chars", self.tokenize_chinese_chars),
            ..names
        }
    }
}

impl Names {
    fn said(&self, path: &Path) -> Said {
        let named = |key, name: &Option<Name>| {
            let name = name.as_ref().map(|name| match name {
                Name::Plain(name) | Name::Added { content: name } => name.clone(),
            });
            saying(path, key, name)
        };
        Said {
            unknown: named("unk_token", &self.unk_token),
            padding: named("pad_token", &self.pad_token),
            cls: named("cls_token", &self.cls_token),
            separator: named("sep_token", &self.sep_token),
            ..Said::default()
        }
    }
}

/// Added tokens are cut out of a text before WordPiece, which this program does not do; those that only repeat special
/// tokens of the vocabulary change nothing. Each is an id, a token, and whether it is special where the file says so.
fn check_added<'a>(
    path: &Path,
    key: &'static str,
    added: impl Iterator<Item = (usize, &'a str, Option<bool>)>,
    tokens: &[String],
) -> Result<(), Error> {
    for (id, token, special) in added {
        let in_vocabulary = tokens.get(id).is_some_and(|own| own == token);
        let bracketed =
            (token.starts_with('[') && token.ends_with(']')) || (token.starts_with('<') && token.ends_with('>'));
        if !in_vocabulary || !special.unwrap_or(bracketed) {
            let found = format!("added for id {id}");
            let expected = format!(
                "a special token of the vocabulary, whose ids are below {}: this program cuts no other token out of a \
                 text before WordPiece",
                tokens.len()
            );
            return Err(unsupported(path, key, &found, &expected));
        }
    }
    Ok(())
}
