//! Stage `pretraining`: an encoder pretrained on the texts of the training notes, and of parts that nobody is scored on
//! where the suite names some. It is kept as a Hugging Face directory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::made::Loaded;
use super::{Error, Stop, Workshop};
use crate::data::UnlabelledNotes;
use crate::machine;
use crate::models::PretrainedEncoder;
use crate::models::bert::blank;
use crate::plan::Cell;
use crate::pretrained::PretrainedBert;
use crate::pretraining::{
    self, DevelopmentNotes, Documents, End, Fit, FitDocuments, Look, Pieces, PretrainedStart, Pretraining, Start,
    pretrain,
};
use crate::record::{LookRow, PretrainingFacts, PretrainingTimings, StageName};
use crate::results::files;
use crate::results::kept::{Kept, Trouble};
use crate::results::runner::{Found, Wanted};
use crate::text::Tokenizer;
use crate::train::{Effort, Observer};

/// The file of the weights in the stage's folder.
const WEIGHTS: &str = "model.safetensors";

/// What the list of the stage says beside its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Facts {
    /// How the encoder came about.
    pub(super) pretrained: pretraining::Facts,
    /// Notes that were read: training notes, and those of parts without a role.
    pub(super) notes: [usize; 2],
    /// Notes of such parts that were left out, as they have the text of a held-out note.
    pub(super) left_out: usize,
    /// Most memory that the process held meanwhile, in bytes.
    pub(super) peak_memory_bytes: Option<u64>,
}

/// What a pretraining reads, as tokens.
struct Reading {
    pieces: Pieces,
    training: FitDocuments,
    development: Documents,
    start: Option<PretrainedStart>,
    notes: [usize; 2],
    left_out: usize,
}

impl Workshop<'_> {
    /// Has the encoder pretrained that a cell's run starts from, where that is not done.
    ///
    /// # Errors
    /// The notes or the encoder that it starts from cannot be had, or pretraining ended without a result.
    pub fn pretrain(&self, cell: &Cell) -> Result<(), Stop> {
        match self.pretraining_of(cell) {
            Some((name, settings)) => self.pretrained(cell, name, settings).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The pretraining that a cell's run starts from.
    pub(super) fn pretraining_of(&self, cell: &Cell) -> Option<(&str, &Pretraining)> {
        let suite = &self.plan.suite;
        suite.pretraining(&suite.runs[cell.run])
    }

    /// The pretrained encoder; pretraining is done, or goes on, where it is missing.
    pub(super) fn pretrained(&self, cell: &Cell, name: &str, settings: &Pretraining) -> Result<Arc<Loaded>, Stop> {
        if let Some(found) = self.encoders.borrow().get(name) {
            return Ok(found.clone());
        }
        let wanted = self.wanted(cell, StageName::Pretraining);
        let found = self.runner.obtain(
            wanted,
            &self.patience(),
            |kept| read(kept).map(Some),
            || self.pretrain_now(cell, (name, settings)).map(|()| None),
        )?;
        // What was written is what everybody reads.
        let found = found.map_or_else(|| self.read_again(wanted), Ok)?;
        // A run that was killed between its last two steps has left its checkpoints.
        self.forget_work(wanted)?;
        let loaded = Arc::new(Loaded::from(found));
        self.encoders.borrow_mut().insert(name.to_owned(), loaded.clone());
        Ok(loaded)
    }

    fn read_again(&self, wanted: Wanted) -> Result<PretrainedBert, Error> {
        match self.runner.look(wanted, read)? {
            Found::Whole(found) => Ok(found),
            Found::Nothing | Found::Damaged(_) => {
                let place = self.runner.store().place(wanted.name, wanted.key);
                let gone = std::io::Error::other("it is not what was written there just now");
                Err(files::Error::at(&place, "read back the pretrained encoder")(gone).into())
            }
        }
    }

    fn pretrain_now(&self, cell: &Cell, (name, settings): (&str, &Pretraining)) -> Result<(), Stop> {
        let wanted = self.wanted(cell, StageName::Pretraining);
        let store = self.runner.store();
        let tokenizer = self.tokenizer(cell)?;
        let reading = self.read_texts(cell, (name, settings), &tokenizer)?;
        let directory = store.work(wanted.key);
        files::make_directory(&store.private().join("work"), true)?;
        files::make_directory(&directory, true)?;
        let fit = Fit {
            checkpoint_every: self.checkpoint_every,
            ..self.fit(settings, &reading, &directory)
        };
        let stop = |error| Stop::of_pretraining(name, error);
        let pretrained = match pretrain(&fit, self.observer).map_err(stop)? {
            End::Finished(pretrained) => pretrained,
            End::Interrupted => return Err(Stop::Interrupted),
        };
        let facts = Facts {
            notes: reading.notes,
            left_out: reading.left_out,
            peak_memory_bytes: machine::peak_memory(),
            pretrained: pretrained.facts.clone(),
        };
        let files = pretrained.files(&tokenizer);
        let files = files.map_err(|error| unfit(name, error.to_string()))?;
        self.runner.keep(wanted, &facts, |draft| -> Result<(), Error> {
            let mut files = files.iter();
            Ok(files.try_for_each(|(file, bytes)| draft.write(file, bytes))?)
        })?;
        Ok(())
    }

    /// Begins a cell's pretraining by settings that are its own or nearly so, where nobody keeps what comes of it.
    pub(super) fn begin_pretraining(
        &self,
        cell: &Cell,
        (name, settings): (&str, &Pretraining),
        observer: &dyn Observer,
    ) -> Result<(), Stop> {
        let tokenizer = self.tokenizer(cell)?;
        let reading = self.read_texts(cell, (name, settings), &tokenizer)?;
        // What it has learned by then derives from note text.
        let place = match self.runner.keeps() {
            true => self.runner.store().private().to_owned(),
            false => std::env::temp_dir(),
        };
        let scratch = files::begin_directory(&place)?;
        let fit = self.fit(settings, &reading, scratch.path());
        pretrain(&fit, observer).map_err(|error| Stop::of_pretraining(name, error))?;
        Ok(())
    }

    fn fit<'f>(&'f self, settings: &'f Pretraining, reading: &'f Reading, directory: &'f Path) -> Fit<'f> {
        Fit {
            settings,
            pieces: &reading.pieces,
            start: reading.start.as_ref(),
            training: &reading.training,
            development: &reading.development,
            device: self.device,
            precision: self.plan.suite.precision,
            directory,
            checkpoint_every: Duration::MAX,
        }
    }

    /// What a pretraining reads: training notes and notes of parts without a role, never a held-out one. Validation notes
    /// are looked at where the suite says so, and nothing is fitted on them.
    fn read_texts(
        &self,
        cell: &Cell,
        (name, settings): (&str, &Pretraining),
        tokenizer: &Tokenizer,
    ) -> Result<Reading, Stop> {
        let texts = self.texts()?;
        let notes: UnlabelledNotes = texts.corpus.unlabelled(&texts.division, &settings.unlabelled)?;
        let read = notes.texts();
        let mut progress = |done, all| self.observer.scored(done, all);
        let training = FitDocuments::read(read, tokenizer, settings, &mut progress);
        let (training, development) = match settings.development.notes {
            DevelopmentNotes::Validation => {
                let validation: Vec<&str> = texts
                    .division
                    .validation
                    .iter()
                    .map(|note| note.text.as_str())
                    .collect();
                let development = Documents::read(&validation, tokenizer, settings, &mut progress);
                (training, development)
            }
            DevelopmentNotes::Share(share) => training.divided(share, settings.seed),
        };
        let start = match &settings.start {
            Start::Scratch => None,
            Start::Encoder(encoder) => {
                let loaded = self.encoder(cell, encoder)?;
                Some(PretrainedStart {
                    encoder: loaded.encoder.clone(),
                    heads: loaded.heads.clone(),
                })
            }
        };
        Ok(Reading {
            pieces: Pieces::of(tokenizer).map_err(|problem| unfit(name, problem))?,
            training,
            development,
            start,
            notes: [notes.trained_on(), read.len() - notes.trained_on()],
            left_out: notes.left_out(),
        })
    }

    /// An encoder of the sizes of a cell's pretraining, where that is not done: enough to check the run's settings and to
    /// time a step. What is wrong with the pretraining's own settings is found too. `None` where it is done, or the run
    /// starts from none.
    pub(super) fn blank_encoder(&self, cell: &Cell) -> Result<Option<Arc<PretrainedEncoder>>, Stop> {
        let Some((name, settings)) = self.pretraining_of(cell) else {
            return Ok(None);
        };
        let done = self
            .runner
            .look(self.wanted(cell, StageName::Pretraining), |_| Ok(()))?;
        if done == Found::Whole(()) {
            return Ok(None);
        }
        if let Some(found) = self.blank_encoders.borrow().get(name) {
            return Ok(Some(found.clone()));
        }
        let tokenizer = self.tokenizer(cell)?;
        let reading = self.read_texts(cell, (name, settings), &tokenizer)?;
        let checked = self.fit(settings, &reading, Path::new("")).check();
        checked.map_err(|problem| unfit(name, problem))?;
        let blank = blank(&settings.encoder, tokenizer.size(), settings.objective.next_sentence);
        let blank = Arc::new(blank);
        self.blank_encoders.borrow_mut().insert(name.to_owned(), blank.clone());
        Ok(Some(blank))
    }

    /// What a cell's record says of its pretraining, where it has one.
    pub(super) fn pretraining_facts(&self, cell: &Cell) -> Result<Option<Facts>, files::Error> {
        if !cell.chain.contains_key(&StageName::Pretraining) {
            return Ok(None);
        }
        let found = self
            .runner
            .look(self.wanted(cell, StageName::Pretraining), Kept::facts)?;
        Ok(match found {
            Found::Whole(facts) => Some(facts),
            Found::Nothing | Found::Damaged(_) => None,
        })
    }
}

impl Facts {
    /// What came out of it, for a record.
    pub(super) fn outcome(&self) -> PretrainingFacts {
        let pretrained = &self.pretrained;
        let look = |look: &Look| LookRow {
            epoch: look.epoch,
            step: look.step,
            training_loss: look.training_loss,
            mlm_loss: look.mlm_loss,
            mlm_accuracy: look.mlm_accuracy,
            nsp_loss: look.nsp_loss,
            nsp_accuracy: look.nsp_accuracy,
        };
        let [training, unlabelled] = self.notes.map(|notes| notes as u64);
        PretrainingFacts {
            parameters: pretrained.parameters,
            training_notes: training,
            unlabelled_notes: unlabelled,
            left_out_notes: self.left_out as u64,
            notes: pretrained.documents,
            tokens: pretrained.tokens,
            steps: pretrained.steps,
            stopped: pretrained.stopped.clone(),
            development_sequences: pretrained.development_sequences,
            looks: pretrained.looks.iter().map(look).collect(),
        }
    }

    /// How long it took.
    pub(super) fn timings(&self) -> PretrainingTimings {
        let Effort {
            training_seconds,
            validation_seconds,
            notes,
            tokens,
            sittings,
        } = self.pretrained.effort;
        let a_second = |count: u64| match training_seconds > 0.0 {
            true => count as f64 / training_seconds,
            false => 0.0,
        };
        PretrainingTimings {
            training_seconds,
            development_seconds: validation_seconds,
            sequences_per_second: a_second(notes),
            tokens_per_second: a_second(tokens),
            peak_memory_bytes: self.peak_memory_bytes,
            sittings,
        }
    }
}

fn unfit(name: &str, problem: String) -> Error {
    Error::Pretraining {
        name: name.into(),
        problem,
    }
}

/// Reads an encoder that was kept.
pub(super) fn read(kept: &Kept) -> Result<PretrainedBert, Trouble> {
    kept.verify()?;
    let directory = kept.path("");
    PretrainedBert::read(&directory, kept.sha256(WEIGHTS)).map_err(|error| Trouble::Damaged {
        path: kept.path(WEIGHTS),
        problem: error.to_string(),
    })
}
