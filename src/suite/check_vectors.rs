//! Where a text's word vectors come from, and what is wrong with how they are trained.

use super::word_vectors::{TrainedVectors, WordVectorChoice, WordVectorFile};
use super::{Suite, TextChoice};
use crate::text::TokenizerSettings;

impl TextChoice {
    /// The file of its word vectors, where they are from one.
    pub fn vector_file(&self) -> Option<&WordVectorFile> {
        match self.word_vectors.as_ref()? {
            WordVectorChoice::File(file) => Some(file),
            WordVectorChoice::Trained(_) => None,
        }
    }

    /// How its word vectors are trained, where they are.
    pub fn trained_vectors(&self) -> Option<&TrainedVectors> {
        match self.word_vectors.as_ref()? {
            WordVectorChoice::File(_) => None,
            WordVectorChoice::Trained(trained) => Some(trained),
        }
    }
}

impl Suite {
    /// What is wrong with how word vectors are trained.
    pub(super) fn check_word_vectors(&self) -> Result<(), (Vec<String>, String)> {
        for (name, choice) in &self.text {
            let Some(TrainedVectors { train, .. }) = choice.trained_vectors() else {
                continue;
            };
            let at = |key: &[&str], problem: String| {
                let steps = ["text", name, "word-vectors", "train"];
                let steps = steps.iter().chain(key).map(|&step| step.to_owned());
                Err((steps.collect(), problem))
            };
            if !matches!(choice.tokenizer, TokenizerSettings::Words { .. }) {
                let problem = "word vectors need a tokenizer of words: set tokenizer.words, or leave the vectors out";
                return at(&[], problem.into());
            }
            let parts = self.division.parts();
            if let Some(part) = train.unlabelled().iter().find(|part| parts.contains(&part.as_str())) {
                let problem = format!(
                    "{part:?} has a role in [division]: expected parts that have none, as held-out notes must not be read and \
                     training notes are read anyway"
                );
                return at(&[train.name(), "unlabelled"], problem);
            }
            if let Err((key, problem)) = train.check() {
                return at(&[train.name(), key], problem);
            }
        }
        Ok(())
    }
}
