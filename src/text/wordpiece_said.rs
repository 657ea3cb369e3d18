//! What the files of a published BERT say about reading text. What no file says is the suite's to say.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::wordpiece::{Asked, Cleaning, MAX_CHARACTERS, Specials};

/// One value, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Saying<T> {
    pub(super) value: T,
    path: PathBuf,
    key: &'static str,
}

/// What the files of a folder say; `None` where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub(super) lowercase: Option<Saying<bool>>,
    pub(super) strip_accents: Option<Saying<bool>>,
    pub(super) split_chinese: Option<Saying<bool>>,
    pub(super) clean_text: Option<Saying<bool>>,
    pub(super) max_characters: Option<Saying<usize>>,
    pub(super) unknown: Option<Saying<String>>,
    pub(super) padding: Option<Saying<String>>,
    pub(super) cls: Option<Saying<String>>,
    pub(super) separator: Option<Saying<String>>,
}

/// `value` as a saying of that place, where the file has one.
pub(super) fn saying<T>(path: &Path, key: &'static str, value: Option<T>) -> Option<Saying<T>> {
    value.map(|value| Saying {
        value,
        path: path.to_owned(),
        key,
    })
}

impl Saying<bool> {
    /// That BERT's default comes to something else, and the suite must decide.
    pub(super) fn ambiguous(&self, setting: &'static str, default: bool) -> Error {
        Error::Ambiguous {
            path: self.path.clone(),
            key: self.key,
            found: self.value,
            default,
            setting,
        }
    }
}

impl Said {
    /// Adds what another file of the folder says.
    ///
    /// # Errors
    /// Both say something, and not the same.
    pub(super) fn join(self, other: Self) -> Result<Self, Error> {
        Ok(Self {
            lowercase: either(self.lowercase, other.lowercase)?,
            strip_accents: either(self.strip_accents, other.strip_accents)?,
            split_chinese: either(self.split_chinese, other.split_chinese)?,
            clean_text: either(self.clean_text, other.clean_text)?,
            max_characters: either(self.max_characters, other.max_characters)?,
            unknown: either(self.unknown, other.unknown)?,
            padding: either(self.padding, other.padding)?,
            cls: either(self.cls, other.cls)?,
            separator: either(self.separator, other.separator)?,
        })
    }

    /// How text is cleaned: as the files say, as the suite asks where they say nothing, else as BERT.
    ///
    /// # Errors
    /// The suite asks for something else than a file says.
    pub(super) fn cleaning(&self, asked: Asked) -> Result<Cleaning, Error> {
        let bert = Cleaning::asked(asked);
        let lowercase = settle("lowercase", Some(asked.lowercase), &self.lowercase)?;
        let strip_accents = settle("strip-accents", asked.strip_accents, &self.strip_accents)?;
        let split_chinese = settle("split-chinese", asked.split_chinese, &self.split_chinese)?;
        let clean_text = self.clean_text.as_ref().map(|said| said.value);
        let max_characters = self.max_characters.as_ref().map(|said| said.value);
        Ok(Cleaning {
            lowercase: lowercase.unwrap_or(bert.lowercase),
            strip_accents: strip_accents.unwrap_or(bert.strip_accents),
            split_chinese: split_chinese.unwrap_or(bert.split_chinese),
            clean_text: clean_text.unwrap_or(bert.clean_text),
            max_characters: max_characters.unwrap_or(MAX_CHARACTERS),
        })
    }

    /// What the special tokens are called.
    pub(super) fn specials(&self) -> Specials {
        let bert = Specials::default();
        let name = |said: &Option<Saying<String>>, bert: String| said.as_ref().map_or(bert, |said| said.value.clone());
        Specials {
            unknown: name(&self.unknown, bert.unknown),
            padding: name(&self.padding, bert.padding),
            cls: name(&self.cls, bert.cls),
            separator: name(&self.separator, bert.separator),
        }
    }

    /// Compares with how a tokenizer reads that may come from somewhere else.
    ///
    /// # Errors
    /// A file says something else than the tokenizer does.
    pub(super) fn compare(&self, cleaning: &Cleaning, specials: &Specials) -> Result<(), Error> {
        same(Some("lowercase"), &cleaning.lowercase, &self.lowercase)?;
        same(Some("strip-accents"), &cleaning.strip_accents, &self.strip_accents)?;
        same(Some("split-chinese"), &cleaning.split_chinese, &self.split_chinese)?;
        same(None, &cleaning.clean_text, &self.clean_text)?;
        same(None, &cleaning.max_characters, &self.max_characters)?;
        same(None, &specials.unknown, &self.unknown)?;
        same(None, &specials.padding, &self.padding)?;
        same(None, &specials.cls, &self.cls)?;
        same(None, &specials.separator, &self.separator)
    }
}

fn either<T: PartialEq + Display>(
    first: Option<Saying<T>>,
    second: Option<Saying<T>>,
) -> Result<Option<Saying<T>>, Error> {
    match (first, second) {
        (Some(first), Some(second)) if first.value != second.value => Err(Error::Disagree {
            path: second.path,
            key: second.key,
            found: second.value.to_string(),
            other: format!("{} is {} in {}", first.key, first.value, first.path.display()),
        }),
        (first, second) => Ok(first.or(second)),
    }
}

/// What is asked for where it is, else what is said.
fn settle(setting: &str, asked: Option<bool>, said: &Option<Saying<bool>>) -> Result<Option<bool>, Error> {
    if let Some(asked) = asked {
        same(Some(setting), &asked, said)?;
    }
    Ok(asked.or(said.as_ref().map(|said| said.value)))
}

/// `setting` is the key of the suite that `own` comes from; `None` where only files say such a thing.
fn same<T: PartialEq + Display>(setting: Option<&str>, own: &T, said: &Option<Saying<T>>) -> Result<(), Error> {
    match said {
        Some(said) if said.value != *own => Err(Error::Contradicted {
            path: said.path.clone(),
            key: said.key,
            found: said.value.to_string(),
            expected: match setting {
                Some(setting) => format!("{own}, as `{setting}` in the suite says"),
                None => format!("{own}, as the tokenizer's own file says"),
            },
        }),
        _ => Ok(()),
    }
}
