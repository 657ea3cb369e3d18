//! Suites: one TOML file that says everything about an experiment, read strictly. What a file gets
//! wrong is answered with its name, the line, the column and what was expected.

mod bounds;
mod check;
mod check_vectors;
mod ensemble;
mod evidence;
mod place;
mod pretraining;
mod resources;
mod search;
mod word_vectors;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use bounds::MOST_LETTERS;
pub use ensemble::Ensemble;
pub use evidence::EvidenceSettings;
pub use resources::Resources;
pub use search::{Chosen, Draw, Range, Search, Values};
pub use word_vectors::{TrainedVectors, VectorTraining, WordVectorChoice, WordVectorFile};

use crate::data::{DataLimits, DatasetSettings, DivisionSettings, LabelRule, UnseenCodes};
use crate::models::{ModelConfig, Precision};
use crate::pretraining::Pretraining;
use crate::text::TextSettings;
use crate::train::{EvaluationSettings, Recipe};

/// An experiment: every model in `runs` at every length with every seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Suite {
    /// The suite's name, as its report is called.
    pub name: String,
    /// What it is for, in a sentence or two.
    pub description: String,
    /// Sequence lengths: a model reads the first N tokens of a note.
    pub lengths: Vec<u32>,
    /// What parameters, dropout and the order of the notes are drawn from: a cell for each.
    pub seeds: Vec<u64>,
    /// What models compute in; a device that cannot is an error before anything runs.
    pub precision: Precision,
    /// The data set and its settings.
    pub data: DatasetSettings,
    /// Which part trains, which tunes and which is scored.
    pub division: DivisionSettings,
    /// Which codes are predicted.
    pub labels: LabelSettings,
    /// Ways of turning text into tokens, by a name that runs refer to.
    pub text: BTreeMap<String, TextChoice>,
    /// Pretrained encoders, by a name that runs refer to.
    #[serde(default, rename = "encoder", skip_serializing_if = "BTreeMap::is_empty")]
    pub encoders: BTreeMap<String, EncoderChoice>,
    /// Encoders that are pretrained on the notes' texts. Runs name them as they name pretrained encoders.
    #[serde(default, rename = "pretrain", skip_serializing_if = "BTreeMap::is_empty")]
    pub pretrainings: BTreeMap<String, Pretraining>,
    /// How scores become decisions and metrics.
    pub evaluation: EvaluationSettings,
    /// Whether models are scored by the evidence they give, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceSettings>,
    /// Published scores that the report shows beside its own. It moves no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// What a cell may take, and what its data may lack. It moves no result.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// What is kept of a finished cell beside its record. It moves no result.
    #[serde(default, skip_serializing_if = "Keep::is_empty")]
    pub keep: Keep,
    /// What a scheduler is asked for, for each cell. It moves no result.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// A search for settings of the runs, in place of the runs themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// `[[run]]`: each model in one setting. No two have the same title.
    #[serde(rename = "run")]
    pub runs: Vec<Run>,
    /// `[[ensemble]]`: runs whose scores are put together.
    #[serde(default, rename = "ensemble", skip_serializing_if = "Vec::is_empty")]
    pub ensembles: Vec<Ensemble>,
}

/// What a cell may take, and what its data may lack: `[limits]`. What is left out of the shares is as
/// [`DataLimits::default`] says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// Seconds after which a cell that is not done is ended, in one sitting; its record says so. Left out: it may take
    /// as long as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell_seconds: Option<f64>,
    /// See [`DataLimits::left_out_notes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out_notes: Option<f64>,
    /// See [`DataLimits::unknown_codes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_codes: Option<f64>,
    /// See [`DataLimits::respelt_codes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respelt_codes: Option<f64>,
    /// See [`DataLimits::repeated_texts`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated_texts: Option<f64>,
}

impl Limits {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the data may lack.
    pub fn of_data(&self) -> DataLimits {
        let usual = DataLimits::default();
        DataLimits {
            left_out_notes: self.left_out_notes.unwrap_or(usual.left_out_notes),
            unknown_codes: self.unknown_codes.unwrap_or(usual.unknown_codes),
            respelt_codes: self.respelt_codes.unwrap_or(usual.respelt_codes),
            repeated_texts: self.repeated_texts.unwrap_or(usual.repeated_texts),
        }
    }
}

/// Which published scores stand beside a suite's own: `[beside]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Beside {
    /// The metric that is compared.
    pub metric: String,
    /// Pairs of a paper's name and the number of one of its tables, as `icdbench reproduce` has them.
    pub tables: Vec<[String; 2]>,
}

/// What is kept of a finished cell beside its record: `[keep]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Keep {
    /// The probabilities of all validation and evaluation notes, 4 bytes a note and code: a new metric then needs no
    /// model. Left out: they are computed again from the weights when they are needed.
    #[serde(default)]
    pub scores: bool,
}

impl Keep {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which codes are predicted: `[labels]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LabelSettings {
    /// The label set, chosen from the training notes.
    pub rule: LabelRule,
    /// What becomes of gold codes that no training note has.
    pub unseen_codes: UnseenCodes,
}

impl LabelSettings {
    /// For people: `top 50`, `at least 10`, `all`.
    pub fn title(&self) -> String {
        match &self.rule {
            LabelRule::All => "all".into(),
            LabelRule::Codes(codes) => format!("{} listed", codes.len()),
            LabelRule::Top(codes) => format!("top {codes}"),
            LabelRule::MinCount(notes) => format!("at least {notes}"),
        }
    }
}

/// One way of turning text into tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TextChoice {
    /// What is done to a whole note before it is cut into tokens.
    pub normalise: crate::text::Normalisation,
    /// Tokenizer and vocabulary.
    pub tokenizer: crate::text::TokenizerSettings,
    /// Word vectors, for models that ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word_vectors: Option<WordVectorChoice>,
}

impl TextChoice {
    /// What the tokenizer is made from.
    pub fn settings(&self) -> TextSettings {
        TextSettings {
            normalise: self.normalise,
            tokenizer: self.tokenizer.clone(),
        }
    }
}

/// A pretrained encoder: `[encoder.<name>]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EncoderChoice {
    /// A Hugging Face BERT or RoBERTa directory, relative to the working directory: `config.json`, the weights, the vocabulary.
    pub directory: PathBuf,
    /// SHA-256 of the weights file, `model.safetensors` or `pytorch_model.bin`; where an index names several, of all of
    /// them one after another in the order of their names, as `cat FILES | sha256sum` prints it.
    pub sha256: String,
    /// How a user gets it, in a sentence or a command. With it, runs that name it are skipped where it is not there, and
    /// say this; without it, its absence is an error. It moves no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
}

/// One model in one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// What reports call it; the model's name where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which of the suite's `[text.<name>]` the model reads.
    pub text: String,
    /// Which of the suite's `[encoder.<name>]` or `[pretrain.<name>]` its encoder starts from. Left out: all parameters are
    /// drawn from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
    /// Its own sequence lengths, in the place of the suite's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Vec<u32>>,
    /// The model and all of its settings.
    pub model: ModelConfig,
    /// `[run.training]`: everything that its training goes by.
    pub training: Recipe,
    /// Set where a search chose the settings. It moves no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// `[run.resources]`: what a scheduler is asked for, for a cell of this run, over the suite's own. It moves no result.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
}

impl Run {
    /// What reports call it.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(self.model.name())
    }
}

/// Why a suite cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: cannot read the suite: {source}. `icdbench list` names the suites that come with the program")]
    Read {
        /// As the command line names it.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, a wrong type.
    #[error("{origin}: {source}")]
    Parse {
        /// The file's path, or the name of a built-in suite.
        origin: String,
        /// With line, column, what was found and what was expected.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot be.
    #[error("{origin}:{line}:{column}: {key}: {problem}")]
    Value {
        /// The file's path, or the name of a built-in suite.
        origin: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The key, such as `run[1].training.batch-size`.
        key: String,
        /// What was found and what was expected.
        problem: String,
    },
}

impl Suite {
    /// Reads and checks a suite file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = read(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// What is wrong with the suite's values, if anything: the key and the problem, for a suite that no file holds.
    pub fn problem(&self) -> Option<String> {
        // As a file would write it, so that the same bounds hold.
        let written = toml::Value::try_from(self);
        let bounded = written.map_or(Ok(()), |written| bounds::of(&written));
        let (key, problem) = bounded.and_then(|()| self.check()).err()?;
        Some(format!("{}: {problem}", place::shown(&key)))
    }

    /// Reads and checks a suite's text; `origin` is what errors call it.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let suite: Self = toml::from_str(text).map_err(|source| Error::Parse {
            origin: origin.into(),
            source: Box::new(source),
        })?;
        bounds::check(text)
            .and_then(|()| suite.check())
            .map_err(|(key, problem)| {
                let (line, column) = place::locate(text, &key);
                Error::Value {
                    origin: origin.into(),
                    line,
                    column,
                    key: place::shown(&key),
                    problem,
                }
            })?;
        Ok(suite)
    }
}

/// The text of a suite's file, which is no larger than people write: what is named by mistake may have no end.
fn read(path: &Path) -> std::io::Result<String> {
    const MOST_BYTES: u64 = 16 << 20;
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    let length = file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    match length as u64 > MOST_BYTES {
        true => Err(std::io::Error::other(format!(
            "it is larger than the {MOST_BYTES} bytes of any suite"
        ))),
        false => Ok(text),
    }
}
