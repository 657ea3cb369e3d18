//! Stage `vectors` where word vectors are trained: on the training notes, and on the texts of parts without a role where the
//! suite names some.

use std::time::{Duration, Instant};

use super::{Error, Stop, Workshop};
use crate::data::UnlabelledNotes;
use crate::plan::Cell;
use crate::record::Status;
use crate::suite::{TrainedVectors, VectorTraining};
use crate::text::{Tokenizer, WordCorpus, WordVectors};
use crate::word_vectors::{self, Corpus, Labels, Progress, starspace, word2vec};

/// Time between two words on how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);

impl Workshop<'_> {
    /// Trains word vectors and aligns them to the vocabulary of a cell's text.
    pub(super) fn train_vectors(
        &self,
        cell: &Cell,
        tokenizer: &Tokenizer,
        trained: &TrainedVectors,
    ) -> Result<WordVectors, Stop> {
        let name = self.text(cell);
        let texts = self.texts()?;
        let notes: UnlabelledNotes = texts.corpus.unlabelled(&texts.division, trained.train.unlabelled())?;
        if notes.left_out() > 0 {
            self.observer.notice(&format!(
                "[text.{name}] word-vectors: {} notes of unlabelled parts are left out, as they have the text of a held-out note",
                notes.left_out()
            ));
        }
        let words = WordCorpus::of(tokenizer.recipe(), notes.texts());
        let corpus = Corpus {
            counts: words.counts(),
            words: words.tokens(),
            ends: words.ends(),
        };
        let method = trained.train.name();
        let started = Instant::now();
        let mut told = started;
        let mut listener = |progress: Progress| {
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                self.observer.notice(&format!(
                    "[text.{name}] {method}: epoch {}, {:.0} % of all words",
                    progress.epoch,
                    100.0 * progress.done as f64 / progress.all.max(1) as f64
                ));
            }
            !self.observer.interrupted()
        };
        let vectors = match &trained.train {
            VectorTraining::Word2Vec(settings) => word2vec(settings, &corpus, &mut listener),
            VectorTraining::StarSpace(settings) => {
                let notes = self.notes(cell)?;
                let labels = Labels {
                    count: notes.fitted(),
                    of_text: &notes.training_gold,
                };
                starspace(settings, &corpus, &labels, &mut listener)
            }
        };
        let vectors = vectors.map_err(|error| stopped(name, error))?;
        let dimension = trained.train.dimension();
        let of_words = words.words().iter().map(String::as_str);
        let of_words = of_words.zip(vectors.chunks_exact(dimension));
        self.observer.notice(&format!(
            "[text.{name}] {method}: {} words have a vector, from {} words of {} texts, in {:.1} s",
            of_words.len(),
            words.tokens().len(),
            words.ends().len(),
            started.elapsed().as_secs_f64()
        ));
        Ok(WordVectors::of(tokenizer, dimension, trained.scale, of_words))
    }
}

fn stopped(name: &str, error: word_vectors::Error) -> Stop {
    match error {
        word_vectors::Error::Stopped => Stop::Interrupted,
        word_vectors::Error::Diverged { .. } => {
            Stop::Cell(Status::Failed, format!("[text.{name}] word-vectors: {error}"))
        }
        word_vectors::Error::TooFewWords { .. } | word_vectors::Error::NoExample { .. } => Error::WordVectors {
            name: name.into(),
            source: error,
        }
        .into(),
    }
}
