//! What the special tokens are called.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::saying::{Saying, either, same};

/// What the tokens are called that encoding and models need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Specials {
    pub(super) unknown: String,
    pub(super) padding: String,
    pub(super) cls: String,
    pub(super) separator: String,
}

impl Specials {
    /// BERT's names.
    pub(super) fn bert() -> Self {
        Self {
            unknown: "[UNK]".into(),
            padding: "[PAD]".into(),
            cls: "[CLS]".into(),
            separator: "[SEP]".into(),
        }
    }

    /// RoBERTa's names: `<s>` begins a text and `</s>` ends it, as `[CLS]` and `[SEP]` do for BERT.
    pub(super) fn roberta() -> Self {
        Self {
            unknown: "<unk>".into(),
            padding: "<pad>".into(),
            cls: "<s>".into(),
            separator: "</s>".into(),
        }
    }

    pub(super) fn are_berts(&self) -> bool {
        *self == Self::bert()
    }
}

/// What the files of a folder call them; `None` where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Called {
    pub(super) unknown: Option<Saying<String>>,
    pub(super) padding: Option<Saying<String>>,
    pub(super) cls: Option<Saying<String>>,
    pub(super) separator: Option<Saying<String>>,
}

impl Called {
    /// Adds what another file of the folder says.
    ///
    /// # Errors
    /// Both say something, and not the same.
    pub(super) fn join(self, other: Self) -> Result<Self, Error> {
        Ok(Self {
            unknown: either(self.unknown, other.unknown)?,
            padding: either(self.padding, other.padding)?,
            cls: either(self.cls, other.cls)?,
            separator: either(self.separator, other.separator)?,
        })
    }

    /// As they are called, by the names of their kind where no file says one.
    pub(super) fn or(&self, usual: Specials) -> Specials {
        let name =
            |said: &Option<Saying<String>>, usual: String| said.as_ref().map_or(usual, |said| said.value.clone());
        Specials {
            unknown: name(&self.unknown, usual.unknown),
            padding: name(&self.padding, usual.padding),
            cls: name(&self.cls, usual.cls),
            separator: name(&self.separator, usual.separator),
        }
    }

    /// Compares with what a tokenizer calls them that may come from somewhere else.
    ///
    /// # Errors
    /// A file says something else than the tokenizer does.
    pub(super) fn compare(&self, specials: &Specials) -> Result<(), Error> {
        same(None, &specials.unknown, &self.unknown)?;
        same(None, &specials.padding, &self.padding)?;
        same(None, &specials.cls, &self.cls)?;
        same(None, &specials.separator, &self.separator)
    }
}
