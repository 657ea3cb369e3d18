//! Suites: one TOML file that says everything about an experiment, read strictly. What a file gets
//! wrong is answered with its name, the line, the column and what was expected.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::{DatasetSettings, DivisionSettings, LabelRule, UnseenCodes};
use crate::models::{ModelConfig, Precision};
use crate::text::{TextSettings, VectorScale};
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
    /// Training seeds.
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
    /// How scores become decisions and metrics.
    pub evaluation: EvaluationSettings,
    /// What a cell may take. It moves no result.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// What is kept of a finished cell beside its record. It moves no result.
    #[serde(default, skip_serializing_if = "Keep::is_empty")]
    pub keep: Keep,
    /// The models.
    #[serde(rename = "run")]
    pub runs: Vec<Run>,
}

/// What a cell may take: `[limits]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// Seconds after which a cell that is not done is ended, in one sitting; its record says so. Left out: it may take
    /// as long as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell_seconds: Option<f64>,
}

impl Limits {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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

/// Which codes are predicted.
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
        match self.rule {
            LabelRule::All => "all".into(),
            LabelRule::Top(codes) => format!("top {codes}"),
            LabelRule::MinCount(notes) => format!("at least {notes}"),
        }
    }
}

/// One way of turning text into tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TextChoice {
    /// Normalising recipe.
    pub normalise: crate::text::Recipe,
    /// Tokenizer and vocabulary.
    pub tokenizer: crate::text::TokenizerSettings,
    /// Pretrained word vectors, for models that ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word_vectors: Option<WordVectorFile>,
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

/// A file of pretrained word vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WordVectorFile {
    /// In the text format of word2vec and GloVe, relative to the working directory.
    pub file: PathBuf,
    /// The file's SHA-256.
    pub sha256: String,
    /// Length of a vector.
    pub dimension: usize,
    /// Whether vectors are rescaled.
    pub scale: VectorScale,
}

/// A pretrained encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EncoderChoice {
    /// A Hugging Face BERT directory, relative to the working directory: `config.json`, the weights, the vocabulary.
    pub directory: PathBuf,
    /// SHA-256 of the weights file, `model.safetensors` or `pytorch_model.bin`.
    pub sha256: String,
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
    /// Which of the suite's `[encoder.<name>]` its encoder starts from. Left out: all parameters are drawn
    /// from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
    /// The model and all of its settings.
    pub model: ModelConfig,
    /// How it is trained.
    pub training: Recipe,
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
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, a wrong type.
    #[error("{origin}: {source}")]
    Parse {
        /// The file.
        origin: String,
        /// With line, column, what was found and what was expected.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot be.
    #[error("{origin}:{line}:{column}: {key}: {problem}")]
    Value {
        /// The file.
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
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads and checks a suite's text; `origin` is what errors call it.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let suite: Self = toml::from_str(text).map_err(|source| Error::Parse {
            origin: origin.into(),
            source: Box::new(source),
        })?;
        suite.check().map_err(|(key, problem)| {
            let (line, column) = locate(text, &key);
            Error::Value {
                origin: origin.into(),
                line,
                column,
                key: shown(&key),
                problem,
            }
        })?;
        Ok(suite)
    }

    /// The first value that cannot be: its key as steps, and the problem.
    fn check(&self) -> Result<(), (Vec<String>, String)> {
        let at = |key: &str, problem: &str| Err((vec![key.to_owned()], problem.to_owned()));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return at(
                "name",
                "expected letters, digits, `-` and `_`: it names the report's folder",
            );
        }
        if self.lengths.is_empty() || self.lengths.contains(&0) {
            return at("lengths", "expected at least one length, each 1 or more");
        }
        if self.seeds.is_empty() {
            return at("seeds", "expected at least one seed");
        }
        for (key, unsorted) in [("lengths", repeats(&self.lengths)), ("seeds", repeats(&self.seeds))] {
            if unsorted {
                return at(key, "names a value twice");
            }
        }
        if self.runs.is_empty() {
            return at("run", "expected at least one [[run]]");
        }
        for (name, choice) in &self.encoders {
            let hexadecimal = choice.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            if choice.sha256.len() != 64 || !hexadecimal {
                let key = ["encoder", name, "sha256"].map(str::to_owned);
                let problem = format!(
                    "{:?}: expected 64 hexadecimal digits, as sha256sum prints them",
                    choice.sha256
                );
                return Err((key.to_vec(), problem));
            }
        }
        if let Some(seconds) = self.limits.cell_seconds
            && !(seconds > 0.0 && seconds.is_finite())
        {
            let key = ["limits", "cell-seconds"].map(str::to_owned);
            return Err((key.to_vec(), format!("{seconds}: expected a number of seconds above 0")));
        }
        let in_evaluation = |(key, problem)| (vec!["evaluation".to_owned(), key], problem);
        self.evaluation.check().map_err(in_evaluation)?;
        for (index, run) in self.runs.iter().enumerate() {
            self.check_run(index, run)?;
        }
        Ok(())
    }

    fn check_run(&self, index: usize, run: &Run) -> Result<(), (Vec<String>, String)> {
        let key = |last: &[&str]| {
            let mut steps = vec!["run".to_owned(), index.to_string()];
            steps.extend(last.iter().map(|&step| step.to_owned()));
            steps
        };
        if !self.text.contains_key(&run.text) {
            return Err((key(&["text"]), undefined("text", &run.text, self.text.keys())));
        }
        if let Some(name) = &run.encoder
            && !self.encoders.contains_key(name)
        {
            let problem = undefined("encoder", name, self.encoders.keys());
            return Err((key(&["encoder"]), problem));
        }
        if let Some(other) = self.runs[..index].iter().find(|other| other.title() == run.title()) {
            let problem = format!("a second run called {:?}: give one of them a `name`", other.title());
            return Err((key(&[]), problem));
        }
        if run.training.encoder.is_some() && !run.model.takes_encoder() {
            let problem = format!("{} has no encoder: remove these rates", run.model.name());
            return Err((key(&["training", "encoder"]), problem));
        }
        let known = |metric: &str| self.evaluation.knows(metric);
        run.training
            .check(known)
            .map_err(|(last, problem)| (key(&["training", &last]), problem))
    }
}

/// The problem with a name that no `[<table>.<name>]` defines.
fn undefined<'a>(table: &str, name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let known = if known.is_empty() {
        "none is there".to_owned()
    } else {
        known.join(", ")
    };
    format!("{name:?} is not defined: expected one of [{table}.<name>]: {known}")
}

fn repeats<T: Ord + Clone>(values: &[T]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// `run[1].training.batch-size` from its steps.
fn shown(steps: &[String]) -> String {
    let mut key = String::new();
    for step in steps {
        if step.chars().all(|c| c.is_ascii_digit()) {
            key.push_str(&format!("[{step}]"));
        } else {
            if !key.is_empty() {
                key.push('.');
            }
            key.push_str(step);
        }
    }
    key
}

/// Line and column, from 1, of a key's value; of its nearest parent where the key itself is absent.
fn locate(text: &str, steps: &[String]) -> (usize, usize) {
    use toml::de::{DeTable, DeValue};
    fn offset(value: &DeValue, start: usize, steps: &[String]) -> usize {
        let Some((step, rest)) = steps.split_first() else {
            return start;
        };
        let child = match value {
            DeValue::Table(table) => table.get(step.as_str()),
            DeValue::Array(array) => step.parse().ok().and_then(|index: usize| array.get(index)),
            _ => None,
        };
        child.map_or(start, |child| offset(child.get_ref(), child.span().start, rest))
    }
    let start = DeTable::parse(text).map_or(0, |table| {
        let table = DeValue::Table(table.into_inner());
        offset(&table, 0, steps)
    });
    let before = &text[..start.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    (line, column)
}
