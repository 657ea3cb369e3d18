//! The notes of a suite as one of its tokenizers sees them, and the task that models are built for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::prepare::Error;
use crate::data::{Corpus, Division, LabelSet, Note};
use crate::models::Task;
use crate::models::coding_model::WordVectors;
use crate::suite::TextChoice;
use crate::text::{self, TokenCache, TokenStore, Tokenizer};

/// The notes as one tokenizer sees them.
pub struct TextData {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// Training notes.
    pub training: TokenStore,
    /// Validation notes.
    pub validation: TokenStore,
    /// Evaluation notes.
    pub evaluation: TokenStore,
    /// What models are built for, without a checkpoint.
    pub task: Arc<Task>,
    pub(super) word_vectors: String,
}

impl TextData {
    pub(super) fn make(
        name: &str,
        choice: &TextChoice,
        corpus: &Corpus,
        division: &Division,
        labels: &LabelSet,
        cache: &Path,
        notice: &mut dyn FnMut(String),
    ) -> Result<Self, Error> {
        let wrong = |source| Error::Text {
            name: name.into(),
            source,
        };
        let texts = |notes: &[Arc<Note>]| notes.iter().cloned().map(NoteText).collect::<Vec<_>>();
        let fit = texts(division.fit.notes());
        let tokenizer = Tokenizer::fit(&choice.settings(), &fit).map_err(wrong)?;
        let cache = TokenCache::new(cache.join("tokens"));
        let mut encode = |role: &'static str, texts: &[NoteText]| {
            let cached = cache.load_or_encode(&tokenizer, texts, &mut |_, _| {});
            for found in cached.notices {
                notice(found.to_string());
            }
            match cached.store.empty_notes().first() {
                Some(index) => Err(Error::EmptyNote {
                    text: name.into(),
                    role,
                    position: index + 1,
                    all: texts.len(),
                }),
                None => Ok(cached.store),
            }
        };
        let training = encode("training", &fit)?;
        let validation = encode("validation", &texts(&division.validation))?;
        let evaluation = encode("evaluation", &texts(&division.evaluation))?;
        let (vectors, word_vectors) = match &choice.word_vectors {
            None => (None, "none".to_owned()),
            Some(file) => {
                text::require_sha256(&file.file, &file.sha256).map_err(wrong)?;
                let read = text::WordVectors::read(&file.file, &tokenizer, file.dimension, file.scale);
                let read = read.map_err(wrong)?;
                let vectors = WordVectors {
                    dimension: read.dimension,
                    values: read.values,
                };
                (Some(vectors), file.sha256.clone())
            }
        };
        let describe = |code: &String| {
            corpus
                .title(code)
                .map_or_else(Vec::new, |title| tokenizer.encode(title))
        };
        let task = Task {
            codes: labels.fitted(),
            vocabulary: tokenizer.size(),
            padding: tokenizer.padding(),
            cls: tokenizer.cls(),
            separator: tokenizer.sep(),
            training_notes: training.len(),
            code_frequency: labels.train_frequency()[..labels.fitted()].to_vec(),
            document_frequency: tokenizer.document_frequency().map(<[u32]>::to_vec),
            count_scale: count_scale(&training, tokenizer.size()),
            descriptions: labels.codes()[..labels.fitted()].iter().map(describe).collect(),
            word_vectors: vectors,
            checkpoint: None,
        };
        Ok(Self {
            tokenizer,
            training,
            validation,
            evaluation,
            task: Arc::new(task),
            word_vectors,
        })
    }
}

/// A note seen as its text.
struct NoteText(Arc<Note>);

impl AsRef<str> for NoteText {
    fn as_ref(&self) -> &str {
        &self.0.text
    }
}

/// The root mean square of each token's count over the notes.
fn count_scale(notes: &TokenStore, vocabulary: usize) -> Vec<f32> {
    let mut squares = vec![0f64; vocabulary];
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for note in 0..notes.len() {
        counts.clear();
        for &token in notes.note(note, usize::MAX) {
            *counts.entry(token).or_default() += 1;
        }
        for (&token, &count) in &counts {
            squares[token as usize] += f64::from(count).powi(2);
        }
    }
    let notes = notes.len() as f64;
    squares.into_iter().map(|sum| (sum / notes).sqrt() as f32).collect()
}
