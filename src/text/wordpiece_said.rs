//! What the files of a published BERT say about reading text. What no file says is the suite's to say.

use super::error::Error;
use super::saying::{Saying, either, same, settle};
use super::specials::{Called, Specials};
use super::wordpiece::{Asked, Cleaning, MAX_CHARACTERS};

/// What the files of a folder say; `None` where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub(super) lowercase: Option<Saying<bool>>,
    pub(super) strip_accents: Option<Saying<bool>>,
    pub(super) split_chinese: Option<Saying<bool>>,
    pub(super) clean_text: Option<Saying<bool>>,
    pub(super) max_characters: Option<Saying<usize>>,
    pub(super) specials: Called,
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
            specials: self.specials.join(other.specials)?,
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
        self.specials.compare(specials)
    }
}
