//! Tokenizers for tests, fitted on texts that are nobody's held-out notes.

use std::sync::Arc;

use icdbench::data::{FitNotes, Note};
use icdbench::text::{Error, TextSettings, TokenStore, Tokenizer};

/// The tokenizer that the settings give on these training texts, and their ids where fitting gives them.
pub fn fit_and_encode<T: AsRef<str>>(
    settings: &TextSettings,
    texts: &[T],
) -> Result<(Tokenizer, Option<TokenStore>), Error> {
    let note = |(number, text): (usize, &T)| {
        let id = number.to_string();
        Arc::new(Note {
            patient: id.clone(),
            id,
            text: text.as_ref().to_owned(),
            codes: Vec::new(),
            evidence: Vec::new(),
        })
    };
    let notes = FitNotes::new(texts.iter().enumerate().map(note).collect(), &[], &[]).unwrap();
    Tokenizer::fit(settings, notes.texts())
}

/// The tokenizer that the settings give on these training texts.
pub fn fit<T: AsRef<str>>(settings: &TextSettings, texts: &[T]) -> Result<Tokenizer, Error> {
    fit_and_encode(settings, texts).map(|(tokenizer, _)| tokenizer)
}
