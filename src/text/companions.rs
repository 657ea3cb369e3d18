//! The files beside a published vocabulary, as `transformers` looks for them, and what vocabularies of every kind share.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::files;
use super::kind::TokenizerKind;
use super::saying::saying;
use super::specials::Called;

pub(super) const CONFIG: &str = "tokenizer_config.json";
pub(super) const JSON: &str = "tokenizer.json";
pub(super) const SPECIAL: &str = "special_tokens_map.json";
pub(super) const ADDED: &str = "added_tokens.json";

/// Tokenizers of `transformers` that are what `tokenizer.json` says, and leave settings of their own kind in
/// `tokenizer_config.json` unread.
const AS_JSON: [&str; 2] = ["PreTrainedTokenizer", "TokenizersBackend"];

/// Whether a tokenizer of that class is what `tokenizer.json` says.
pub(super) fn is_what_the_json_says(class: Option<&str>) -> bool {
    class.is_some_and(|class| AS_JSON.contains(&class.trim_end_matches("Fast")))
}

/// The files of those names beside a vocabulary, those that are there.
pub(super) fn beside(vocabulary: &Path, names: &[&'static str]) -> Vec<(&'static str, PathBuf)> {
    let beside = names.iter().map(|name| (*name, vocabulary.with_file_name(name)));
    beside.filter(|(_, path)| path != vocabulary && path.exists()).collect()
}

/// A file of settings.
pub(super) fn parsed<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
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

/// A part of `tokenizer.json`, by its kind.
#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(super) fn kind_of(typed: &Typed) -> &str {
    typed.kind.as_deref().unwrap_or("missing")
}

/// What the special tokens are called: in `tokenizer_config.json` and in `special_tokens_map.json`.
#[derive(Deserialize)]
pub(super) struct Names {
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

impl Names {
    pub(super) fn called(&self, path: &Path) -> Called {
        let named = |key, name: &Option<Name>| {
            let name = name.as_ref().map(|name| match name {
                Name::Plain(name) | Name::Added { content: name } => name.clone(),
            });
            saying(path, key, name)
        };
        Called {
            unknown: named("unk_token", &self.unk_token),
            padding: named("pad_token", &self.pad_token),
            cls: named("cls_token", &self.cls_token),
            separator: named("sep_token", &self.sep_token),
        }
    }
}

/// A token in the list of `tokenizer.json`.
#[derive(Deserialize)]
pub(super) struct AddedToken {
    id: u32,
    #[serde(default)]
    special: bool,
}

impl AddedToken {
    /// Refuses one that is not a special token of the vocabulary.
    pub(super) fn check(&self, path: &Path, size: usize, kind: TokenizerKind) -> Result<(), Error> {
        if self.id as usize >= size {
            let expected = format!("an id below {size}, the size of model.vocab");
            return Err(Error::unsupported(
                path,
                "added_tokens.id",
                &self.id.to_string(),
                &expected,
                kind,
            ));
        }
        if !self.special {
            let found = format!("not special for id {}", self.id);
            let expected = "special: this program cuts no other token out of a text before it cuts words";
            return Err(Error::unsupported(path, "added_tokens", &found, expected, kind));
        }
        Ok(())
    }
}

/// The tokens of `tokenizer_config.json` that are beside the vocabulary's own, by id.
pub(super) type Decoder = BTreeMap<usize, Added>;

/// One of them.
#[derive(Deserialize)]
pub(super) struct Added {
    content: String,
    #[serde(default)]
    special: bool,
}

/// Checks the added tokens of `tokenizer_config.json`.
pub(super) fn check_decoder(
    path: &Path,
    decoder: Option<&Decoder>,
    tokens: &[String],
    kind: TokenizerKind,
) -> Result<(), Error> {
    let added = decoder.into_iter().flatten();
    let added = added.map(|(&id, added)| (id, added.content.as_str(), Some(added.special)));
    check_added(path, "added_tokens_decoder", added, tokens, kind)
}

/// Checks `added_tokens.json`.
pub(super) fn check_added_file(path: &Path, tokens: &[String], kind: TokenizerKind) -> Result<(), Error> {
    let added: BTreeMap<String, usize> = parsed(path)?;
    let added = added.iter().map(|(token, &id)| (id, token.as_str(), None));
    check_added(path, "a token", added, tokens, kind)
}

/// Added tokens are cut out of a text before its words, which this program does not do; those that only repeat special
/// tokens of the vocabulary change nothing. Each is an id, a token, and whether it is special where the file says so.
fn check_added<'a>(
    path: &Path,
    key: &'static str,
    added: impl Iterator<Item = (usize, &'a str, Option<bool>)>,
    tokens: &[String],
    kind: TokenizerKind,
) -> Result<(), Error> {
    for (id, token, special) in added {
        let in_vocabulary = tokens.get(id).is_some_and(|own| own == token);
        let bracketed =
            (token.starts_with('[') && token.ends_with(']')) || (token.starts_with('<') && token.ends_with('>'));
        if !in_vocabulary || !special.unwrap_or(bracketed) {
            let found = format!("added for id {id}");
            let expected = format!(
                "a special token of the vocabulary, whose ids are below {}: this program cuts no other token out of a \
                 text before it cuts words",
                tokens.len()
            );
            return Err(Error::unsupported(path, key, &found, &expected, kind));
        }
    }
    Ok(())
}

/// Tokens in the order of their ids; `None` unless the ids are 0, 1, 2, ...
pub(super) fn by_id(vocabulary: HashMap<String, u32>) -> Option<Vec<String>> {
    let mut tokens: Vec<(u32, String)> = vocabulary.into_iter().map(|(token, id)| (id, token)).collect();
    tokens.sort_unstable();
    let contiguous = (0..).zip(&tokens).all(|(expected, (id, _))| expected == *id);
    contiguous.then(|| tokens.into_iter().map(|(_, token)| token).collect())
}

/// The same of a file, at that place in it.
pub(super) fn tokens_in_order(
    path: &Path,
    key: &'static str,
    vocabulary: HashMap<String, u32>,
    kind: TokenizerKind,
) -> Result<Vec<String>, Error> {
    let size = vocabulary.len();
    by_id(vocabulary).ok_or_else(|| {
        let found = format!("{size} tokens whose ids have gaps or repeats");
        let expected = format!("each id from 0 to {} once", size.saturating_sub(1));
        Error::unsupported(path, key, &found, &expected, kind)
    })
}

/// Refuses two vocabularies of a folder that do not hold the same tokens.
pub(super) fn require_same(path: &Path, tokens: &[String], other: &Path, others: &[String]) -> Result<(), Error> {
    let shorter = tokens.len().min(others.len());
    let differs = (0..shorter).find(|&id| tokens[id] != others[id]);
    match differs.or((tokens.len() != others.len()).then_some(shorter)) {
        None => Ok(()),
        Some(id) => Err(Error::Vocabularies {
            path: path.to_owned(),
            other: other.to_owned(),
            id,
        }),
    }
}
