//! A throughput suite's file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bench::Side;
use crate::bench::protocol::Kind;
use crate::models::ModelConfig;

/// What is timed, in which engines, and how long that may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThroughputSuite {
    /// The suite's name, as its report is called.
    pub name: String,
    /// What it is for, in a sentence or two.
    pub description: String,
    /// `[throughput]`.
    pub throughput: Settings,
}

/// What is timed: `[throughput]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Engines, `ENGINE[:MODE][@DEVICE]` each: `burn`, `candle`, `pytorch`, `pytorch:compiled`, or a program's path.
    #[serde(with = "sides")]
    pub engines: Vec<Side>,
    /// Models, with their published settings.
    pub models: Vec<String>,
    /// What of a model's settings is other than published, by model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    /// Tokens of every note.
    pub lengths: Vec<usize>,
    /// Codes to predict.
    pub codes: usize,
    /// Tokens of a batch: as many notes as fit, at least one.
    pub batch_tokens: usize,
    /// Whether every length is timed with one note, and the shortest with a whole batch too. How time and memory grow with the
    /// length is told by one note, since a batch's fixed costs and its parameters are shared by as many notes as it has.
    #[serde(default)]
    pub one_note: bool,
    /// The shortest note of a batch, as a share of the length; the others lie evenly between it and the length. 1: all notes
    /// have all their tokens, and nothing is padding.
    #[serde(default = "whole")]
    pub shortest: f64,
    /// Most notes of a batch up to which the largest that fits into memory is looked for. Where absent it is looked for
    /// below a batch that does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_batch: Option<usize>,
    /// What is timed of each.
    pub kinds: Vec<Kind>,
    /// f32 or bf16.
    pub precision: String,
    /// Half of the median's 95 % interval, as a share of the median, that is narrow enough to stop at.
    pub half_width: f64,
    /// Seconds of timed runs of one engine, model, length and kind; a run that has begun is finished.
    pub seconds: f64,
    /// Timed runs of the first engine of one model, length and kind, at least, unless a single one takes fifteen times `seconds`.
    pub least_runs: usize,
    /// The same of the other engines, unless a single one takes longer than `seconds`.
    pub peer_runs: usize,
    /// Seconds after which an engine that has not answered is ended.
    pub timeout: f64,
    /// Minutes for the whole suite: what would not end by then is left for the next run.
    pub minutes: f64,
    /// Memory that an engine may hold; nine tenths of what is free where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

fn whole() -> f64 {
    1.0
}

/// Most seconds and minutes of any setting.
const MOST: f64 = 1e6;

/// Why a throughput suite cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not TOML, an unknown key, a wrong type.
    #[error("{origin}: {source}")]
    Parse {
        /// The file's path, or the name of a built-in suite.
        origin: String,
        /// With line, column, what was found and what was expected.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot be.
    #[error("{origin}: throughput.{key}: {problem}")]
    Value {
        /// The file's path, or the name of a built-in suite.
        origin: String,
        /// The key.
        key: &'static str,
        /// What was found and what was expected.
        problem: String,
    },
}

impl ThroughputSuite {
    /// Whether a suite's text is one of throughput.
    pub fn is_one(text: &str) -> bool {
        text.parse::<toml::Table>()
            .is_ok_and(|table| table.contains_key("throughput"))
    }

    /// Reads and checks a suite's text; `origin` is what errors call it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let suite: Self = toml::from_str(text).map_err(|source| Error::Parse {
            origin: origin.into(),
            source: Box::new(source),
        })?;
        suite.throughput.check().map_err(|(key, problem)| Error::Value {
            origin: origin.into(),
            key,
            problem,
        })?;
        Ok(suite)
    }
}

impl Settings {
    /// Notes of a batch at a length.
    pub fn batch(&self, length: usize) -> usize {
        (self.batch_tokens / length).max(1)
    }

    /// Notes of every batch that is timed at a length.
    pub fn batches(&self, length: usize) -> Vec<usize> {
        match self.batch(length) {
            batch if !self.one_note || batch == 1 => vec![batch],
            batch if self.lengths.iter().all(|&other| length <= other) => vec![batch, 1],
            _ => vec![1],
        }
    }

    /// Tokens of each of so many notes.
    pub fn lengths_of(&self, length: usize, notes: usize) -> Vec<usize> {
        let of = |place: usize| {
            let share = match notes {
                0 | 1 => 1.0,
                _ => 1.0 - (1.0 - self.shortest) * place as f64 / (notes - 1) as f64,
            };
            ((length as f64 * share).round() as usize).clamp(1, length)
        };
        (0..notes).map(of).collect()
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let empty = [
            ("engines", self.engines.is_empty()),
            ("models", self.models.is_empty()),
            ("lengths", self.lengths.is_empty()),
            ("kinds", self.kinds.is_empty()),
        ];
        if let Some((key, _)) = empty.into_iter().find(|(_, empty)| *empty) {
            return Err((key, "found none: expected one or more".into()));
        }
        for (key, twice) in [
            ("engines", twice(self.engines.iter().map(Side::to_string))),
            ("models", twice(self.models.iter().cloned())),
            ("lengths", twice(self.lengths.iter().map(usize::to_string))),
            ("kinds", twice(self.kinds.iter().map(|kind| format!("{kind:?}")))),
        ] {
            if let Some(name) = twice {
                return Err((key, format!("{name} is there twice: expected each once")));
            }
        }
        if let Some(model) = self
            .models
            .iter()
            .find(|model| !ModelConfig::NAMES.contains(&model.as_str()))
        {
            let known = ModelConfig::NAMES.join(", ");
            return Err(("models", format!("{model:?} is not known: expected some of {known}")));
        }
        if let Some(model) = self.settings.keys().find(|model| !self.models.contains(model)) {
            return Err(("settings", format!("{model:?} is not among the models")));
        }
        for (key, value) in [
            ("lengths", self.lengths.iter().copied().min().unwrap_or(0)),
            ("codes", self.codes),
            ("batch-tokens", self.batch_tokens),
            ("least-runs", self.least_runs),
            ("peer-runs", self.peer_runs),
            ("largest-batch", self.largest_batch.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err((key, "found 0: expected 1 or more".into()));
            }
        }
        for (key, value) in [
            ("half-width", self.half_width),
            ("seconds", self.seconds),
            ("timeout", self.timeout),
            ("minutes", self.minutes),
        ] {
            if !(value > 0.0 && value <= MOST) {
                return Err((key, format!("found {value}: expected a number above 0, at most {MOST}")));
            }
        }
        if !(self.shortest > 0.0 && self.shortest <= 1.0) {
            let found = self.shortest;
            return Err((
                "shortest",
                format!("found {found}: expected a share above 0, at most 1"),
            ));
        }
        match self.precision.as_str() {
            "f32" | "bf16" => Ok(()),
            other => Err(("precision", format!("found {other:?}: expected \"f32\" or \"bf16\""))),
        }
    }
}

/// What is there more than once.
fn twice(names: impl Iterator<Item = String>) -> Option<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.windows(2).find(|two| two[0] == two[1]).map(|two| two[0].clone())
}

mod sides {
    //! Engines as a user names them.

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::bench::Side;

    pub fn serialize<S: Serializer>(sides: &[Side], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(sides.iter().map(Side::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Side>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names
            .iter()
            .map(|name| name.parse().map_err(D::Error::custom))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: &str = include_str!("../../suites/throughput.toml");

    #[test]
    fn the_suite_that_comes_with_the_program_is_read_and_written() {
        let suite = ThroughputSuite::parse(SUITE, "suites/throughput.toml").unwrap();
        assert!(ThroughputSuite::is_one(SUITE));
        assert_eq!(suite.throughput.lengths, [512, 1024, 2048, 4096, 8192]);
        assert_eq!(suite.throughput.batch(512) * 512, suite.throughput.batch_tokens);
        assert_eq!(suite.throughput.batch(1 << 20), 1);
        let written = toml::to_string(&suite).unwrap();
        assert_eq!(ThroughputSuite::parse(&written, "again").unwrap(), suite);
        assert!(!ThroughputSuite::is_one(include_str!("../../suites/smoke.toml")));
    }

    #[test]
    fn notes_of_a_batch_lie_evenly_between_the_shortest_and_the_length() {
        let mut settings = ThroughputSuite::parse(SUITE, "x").unwrap().throughput;
        assert_eq!(settings.lengths_of(512, 4), [512; 4]);
        settings.shortest = 0.25;
        assert_eq!(settings.lengths_of(512, 4), [512, 384, 256, 128]);
        assert_eq!(settings.lengths_of(512, 1), [512]);
        assert_eq!(settings.lengths_of(1, 3), [1, 1, 1]);
        settings.one_note = false;
        let batches = |settings: &Settings| [512, 1024, 2048].map(|length| settings.batches(length));
        assert_eq!(batches(&settings), [vec![4], vec![2], vec![1]]);
        settings.one_note = true;
        assert_eq!(batches(&settings), [vec![4, 1], vec![1], vec![1]]);
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (from, to, said) in [
            ("\"caml\"", "\"cmal\"", "throughput.models: \"cmal\" is not known"),
            (
                "\"caml\"",
                "\"long_bert\"",
                "throughput.models: long_bert is there twice",
            ),
            ("512,", "0,", "throughput.lengths: found 0"),
            ("\"f32\"", "\"f16\"", "throughput.precision: found \"f16\""),
            ("\"candle\"", "\"cnadle\"", "engine \"cnadle\" is not known"),
            ("least-runs", "lest-runs", "unknown field `lest-runs`"),
        ] {
            let changed = SUITE.replacen(from, to, 1);
            assert_ne!(changed, SUITE, "{from}");
            let error = ThroughputSuite::parse(&changed, "x.toml").unwrap_err().to_string();
            assert!(error.starts_with("x.toml") && error.contains(said), "{error}");
        }
    }
}
