//! What a file of a published model says, and where: compared with what other files and the suite say.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::error::Error;

/// One value, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Saying<T> {
    pub(super) value: T,
    path: PathBuf,
    key: &'static str,
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
    /// That the default of the model's authors comes to something else, and the suite must decide.
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

/// What one of two files says.
///
/// # Errors
/// Both say something, and not the same.
pub(super) fn either<T: PartialEq + Display>(
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
///
/// # Errors
/// The suite asks for something else than a file says.
pub(super) fn settle(setting: &str, asked: Option<bool>, said: &Option<Saying<bool>>) -> Result<Option<bool>, Error> {
    if let Some(asked) = asked {
        same(Some(setting), &asked, said)?;
    }
    Ok(asked.or(said.as_ref().map(|said| said.value)))
}

/// Compares what a tokenizer does with what is said. `setting` is the key of the suite that `own` comes from; `None` where
/// only files say such a thing.
///
/// # Errors
/// Something else is said.
pub(super) fn same<T: PartialEq + Display>(
    setting: Option<&str>,
    own: &T,
    said: &Option<Saying<T>>,
) -> Result<(), Error> {
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
