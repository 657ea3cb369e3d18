//! What the files of a published RoBERTa say about reading text. What no file says is the suite's to say.

use std::path::{Path, PathBuf};

use super::bpe::BpeTable;
use super::error::Error;
use super::saying::{Saying, either, same, settle};
use super::specials::{Called, Specials};

/// The pairs that are merged, and where they stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Merges {
    pub(super) path: PathBuf,
    pub(super) pairs: Vec<(String, String)>,
}

/// What the files of a folder say; `None` where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub(super) add_prefix_space: Option<Saying<bool>>,
    pub(super) specials: Called,
    pub(super) merges: Option<Merges>,
}

impl Merges {
    /// Refuses other pairs, of which `other` is the place.
    fn require(&self, other: &Path, pairs: &[(String, String)]) -> Result<(), Error> {
        let shorter = self.pairs.len().min(pairs.len());
        let differs = (0..shorter).find(|&pair| self.pairs[pair] != pairs[pair]);
        match differs.or((self.pairs.len() != pairs.len()).then_some(shorter)) {
            None => Ok(()),
            Some(pair) => Err(Error::Merges {
                path: self.path.clone(),
                other: other.to_owned(),
                pair: pair + 1,
            }),
        }
    }
}

impl Said {
    /// Adds what another file of the folder says.
    ///
    /// # Errors
    /// Both say something, and not the same.
    pub(super) fn join(self, other: Self) -> Result<Self, Error> {
        if let (Some(own), Some(other)) = (&self.merges, &other.merges) {
            own.require(&other.path, &other.pairs)?;
        }
        Ok(Self {
            add_prefix_space: either(self.add_prefix_space, other.add_prefix_space)?,
            specials: self.specials.join(other.specials)?,
            merges: self.merges.or(other.merges),
        })
    }

    /// Whether a space is put first: as the files say, as the suite asks where they say nothing, else none, as RoBERTa.
    ///
    /// # Errors
    /// The suite asks for something else than a file says.
    pub(super) fn prefix_space(&self, asked: Option<bool>) -> Result<bool, Error> {
        settle("add-prefix-space", asked, &self.add_prefix_space).map(Option::unwrap_or_default)
    }

    /// What the special tokens are called.
    pub(super) fn specials(&self) -> Specials {
        self.specials.or(Specials::roberta())
    }

    /// Compares with how a tokenizer reads that may come from somewhere else.
    ///
    /// # Errors
    /// A file says something else than the tokenizer does.
    pub(super) fn compare(&self, table: &BpeTable) -> Result<(), Error> {
        same(
            Some("add-prefix-space"),
            &table.add_prefix_space,
            &self.add_prefix_space,
        )?;
        self.specials.compare(&table.specials)?;
        match &self.merges {
            Some(merges) => merges.require(Path::new("the tokenizer's own file"), &table.merges),
            None => Ok(()),
        }
    }
}
