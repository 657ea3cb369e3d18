//! The work of each stage, one file a stage. [`Workshop`] is what they share: the plan, the data, the store.

mod cell;
mod curves;
mod encoder;
mod ensemble;
mod error;
pub mod estimate;
pub mod evidence;
pub mod export;
mod external;
mod made;
pub mod masked;
mod notes;
mod pretraining;
pub mod reading;
pub mod record;
pub mod scores;
pub mod statistics;
mod tokenizer;
#[allow(clippy::type_complexity)] // A note's marks are columns with places: a type of their own would say no more.
mod tokens;
mod trained_vectors;
mod vectors;
pub mod weights;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use burn::tensor::Device;

pub use cell::{CellWork, Ended};
pub use error::{Error, Stop};
pub use external::PredictionFiles;
pub use made::{Notes, Overlap, Seen, Tokens, identifiers};

use crate::data::Registry;
use crate::device::{DeviceChoice, DeviceClass};
use crate::models::PretrainedEncoder;
use crate::models::coding_model::WordVectors;
use crate::plan::{Cell, Plan};
use crate::record::StageName;
use crate::results::runner::{Patience, Runner, Wanted};
use crate::text::{TokenStore, Tokenizer};
use crate::train::Observer;

/// What the stages of a plan's cells work with.
pub struct Workshop<'a> {
    /// The cells, and the suite that says what each stage does.
    pub plan: &'a Plan,
    /// What data sets are expected to be.
    pub registry: &'a Registry,
    /// The directory they lie in, if one was named.
    pub data: Option<&'a Path>,
    /// Runs stages in the store.
    pub runner: Runner,
    /// Told how the work goes on.
    pub observer: &'a dyn Observer,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
    /// What models are computed on, open and without autodiff.
    pub device: &'a Device,
    /// Where that device is one of several.
    choice: DeviceChoice,
    texts: OnceCell<made::Texts>,
    notes: OnceCell<Arc<Notes>>,
    tokenizers: RefCell<BTreeMap<String, Arc<Tokenizer>>>,
    /// Training notes whose ids came with the fit of their tokenizer, until the tokens are written.
    encoded: RefCell<BTreeMap<String, TokenStore>>,
    /// The key of the last tokens that were read, and these.
    tokens: RefCell<Option<(String, Arc<Tokens>)>>,
    /// The key of the last word vectors that were made and are kept nowhere, and these.
    trained: RefCell<Option<(String, WordVectors)>>,
    encoders: RefCell<BTreeMap<String, Arc<made::Loaded>>>,
    /// Of pretrainings that are not done.
    blank_encoders: RefCell<BTreeMap<String, Arc<PretrainedEncoder>>>,
}

impl<'a> Workshop<'a> {
    /// A workshop whose stages are found and kept by a runner.
    pub fn new(
        plan: &'a Plan,
        (registry, data): (&'a Registry, Option<&'a Path>),
        runner: Runner,
        (device, checkpoint_every): (&'a Device, Duration),
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            plan,
            registry,
            data,
            runner,
            observer,
            checkpoint_every,
            device,
            choice: DeviceClass::Flex.into(),
            texts: OnceCell::new(),
            notes: OnceCell::new(),
            tokenizers: RefCell::default(),
            encoded: RefCell::default(),
            tokens: RefCell::default(),
            trained: RefCell::default(),
            encoders: RefCell::default(),
            blank_encoders: RefCell::default(),
        }
    }

    /// The workshop where further devices, for trainings on several, come after `choice`; on the CPU where nothing is said.
    #[must_use]
    pub fn on(self, choice: DeviceChoice) -> Self {
        Self { choice, ..self }
    }

    fn wanted<'c>(&self, cell: &'c Cell, name: StageName) -> Wanted<'c> {
        Wanted {
            name,
            stage: &cell.chain[&name],
            key: cell.key_of(name),
        }
    }

    fn patience(&self) -> Waiting<'_> {
        Waiting(self.observer)
    }

    /// The text choice of a cell's run.
    fn text(&self, cell: &Cell) -> &str {
        &self.plan.suite.runs[cell.run].text
    }
}

/// A runner's patience is the observer's.
struct Waiting<'a>(&'a dyn Observer);

impl Patience for Waiting<'_> {
    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }

    fn notice(&self, sentence: &str) {
        self.0.notice(sentence);
    }
}
