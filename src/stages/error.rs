//! Why a stage did not end with its result.

use crate::record::{DEGENERATE, Status};
use crate::results::files;
use crate::results::runner::Interrupted;
use crate::results::salt;
use crate::{data, metrics, pretrained, pretraining, text, train, word_vectors};

/// What keeps a suite from going on: the world, not a cell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data set cannot be read, or not divided as the suite says.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// Tokenizer, vocabulary or word vectors.
    #[error("[text.{name}]: {source}")]
    Text {
        /// The suite's name of it.
        name: String,
        /// With the file or the setting that is wrong.
        source: text::Error,
    },
    /// Word vectors that cannot be trained on these notes.
    #[error("[text.{name}] word-vectors: {source}")]
    WordVectors {
        /// The suite's name of the text.
        name: String,
        /// With what was found and what was expected.
        source: word_vectors::Error,
    },
    /// A pretrained encoder that cannot be read.
    #[error("[encoder.{name}]: {source}")]
    Encoder {
        /// The suite's name of it.
        name: String,
        /// With the file that is wrong.
        source: Box<pretrained::Error>,
    },
    /// A pretraining that its notes or its start do not fit.
    #[error("[pretrain.{name}]: {problem}")]
    Pretraining {
        /// The suite's name of it.
        name: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// Parts of a run that do not go together.
    #[error("run {run:?}: {problem}")]
    Run {
        /// The run's title.
        run: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// Settings that the model refuses for this task and length.
    #[error("run {run:?}, length {length}: {problem}")]
    Model {
        /// The run's title.
        run: String,
        /// The sequence length at which it refuses them.
        length: u32,
        /// What was found and what was expected.
        problem: String,
    },
    /// A note without tokens.
    #[error(
        "[text.{text}]: {role} note {position} of {all} has no token left after normalising: such a note cannot be \
         scored. Use another `normalise` recipe, or take the note out of the data set"
    )]
    EmptyNote {
        /// The suite's name of the tokenizer.
        text: String,
        /// `training`, `validation` or `evaluation`.
        role: &'static str,
        /// From 1, in the data set's order.
        position: usize,
        /// Notes in that role.
        all: usize,
    },
    /// A suite asks for evidence, and there is nothing to score it against.
    #[error(
        "[evidence]: the notes have no marks of annotators, or [text.{text}] does not tell where its tokens lie (`normalise` is \
         `edin`, or any but `none` before WordPiece). Use CodiEsp in Spanish and another recipe, or remove [evidence]"
    )]
    NoMarks {
        /// The suite's name of the tokenizer.
        text: String,
    },
    /// What a cell came to is wanted, and neither its scores nor its weights are there.
    #[error("run {run:?}: neither its scores nor its weights are kept here: run its suite again first")]
    NotKept {
        /// The run's title.
        run: String,
    },
    /// Nobody says from which score on a code is predicted.
    #[error(
        "the suite tunes its threshold on the validation notes, and the predictions are of other notes: give those of the          validation notes with --validation FILE, or the threshold that was chosen for the system with --threshold T"
    )]
    NoThreshold,
    /// The results directory cannot be read or written.
    #[error(transparent)]
    Disk(#[from] files::Error),
    /// The salt of the results directory cannot be read or made.
    #[error(transparent)]
    Salt(#[from] salt::Error),
    /// A checkpoint that does not fit the cell.
    #[error(transparent)]
    Train(train::Error),
    /// A checkpoint that does not fit the pretraining.
    #[error(transparent)]
    Pretrain(pretraining::Error),
}

/// Why a cell's work stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// On request; what was done is kept.
    #[error("stopped; the same command goes on from here")]
    Interrupted,
    /// The cell has ended without scores; the suite goes on.
    #[error("{1}")]
    Cell(Status, String),
    /// Nothing can go on.
    #[error(transparent)]
    World(Error),
}

impl From<Interrupted> for Stop {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::World(error.into())
    }
}

impl Stop {
    /// Why a cell cannot be trained.
    pub(super) fn of_training(error: train::Error) -> Self {
        match error {
            train::Error::Metrics {
                source: metrics::Error::Degenerate(_),
                ..
            } => Self::Cell(Status::Failed, format!("{DEGENERATE}{error}")),
            train::Error::TooLarge { .. } => Self::Cell(Status::Unsupported, error.to_string()),
            train::Error::Diverged { .. } | train::Error::Metrics { .. } => {
                Self::Cell(Status::Failed, error.to_string())
            }
            train::Error::Disk(error) => Self::World(error.into()),
            train::Error::Mismatch { .. } => Self::World(Error::Train(error)),
        }
    }

    /// Why the encoder of a cell cannot be pretrained.
    pub(super) fn of_pretraining(name: &str, error: pretraining::Error) -> Self {
        match error {
            pretraining::Error::Diverged { .. } => Self::Cell(Status::Failed, error.to_string()),
            pretraining::Error::Unfit(problem) => Self::World(Error::Pretraining {
                name: name.into(),
                problem,
            }),
            pretraining::Error::Disk(error) => Self::World(error.into()),
            pretraining::Error::Mismatch { .. } => Self::World(Error::Pretrain(error)),
        }
    }
}
