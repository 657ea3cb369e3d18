//! Engines as processes: which there are, how each is started, questions and answers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::protocol::{Answer, Ask, Failure, FailureKind};
use crate::engines::death::{kernel_kills, verdict};
use crate::engines::process::Process;
use crate::record::{Status, hex};

/// The engine in PyTorch and what it imports, by file name.
const PYTORCH: [(&str, &str); 3] = [
    ("pytorch.py", include_str!("../../scripts/engines/pytorch.py")),
    (
        "pytorch_models.py",
        include_str!("../../tests/reference/pytorch_models.py"),
    ),
    (
        "pytorch_parts.py",
        include_str!("../../tests/reference/pytorch_parts.py"),
    ),
];

/// An engine as a user names it, `ENGINE[:MODE][@DEVICE]`: `burn`, `burn@cuda:1`, `pytorch:compiled@cuda`, `./mine.py`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// `burn`, `candle`, `pytorch`, or the path of a program that speaks the protocol.
    pub engine: String,
    /// One of its modes.
    pub mode: Option<String>,
    /// Where it computes.
    pub device: String,
}

impl Side {
    /// The program's own models on the CPU.
    pub fn burn() -> Self {
        Self {
            engine: "burn".into(),
            mode: None,
            device: "cpu".into(),
        }
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, device) = text.split_once('@').unwrap_or((text, "cpu"));
        let is_path = name.contains('/');
        let (engine, mode) = match name.split_once(':') {
            Some((engine, mode)) if !is_path => (engine, Some(mode.to_owned())),
            _ => (name, None),
        };
        if !is_path && !Engines::NAMES.contains(&engine) {
            let known = Engines::NAMES.join(", ");
            return Err(format!(
                "engine {engine:?} is not known: expected {known}, or the path of a program with a / in it"
            ));
        }
        Ok(Self {
            engine: engine.into(),
            mode,
            device: device.into(),
        })
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.engine)?;
        if let Some(mode) = &self.mode {
            write!(f, ":{mode}")?;
        }
        match self.device.as_str() {
            "cpu" => Ok(()),
            device => write!(f, "@{device}"),
        }
    }
}

/// How engines are started.
pub struct Engines {
    program: PathBuf,
    threads: usize,
    python: PathBuf,
    /// Where the scripts that come with the program are while it runs.
    scripts: TempDir,
}

impl Engines {
    /// Engines that come with the program.
    pub const NAMES: [&str; 3] = ["burn", "candle", "pytorch"];

    /// Engines that compute with so many threads. `program` is this program; `python` runs those in Python.
    ///
    /// # Errors
    /// Where the scripts cannot be written to a temporary folder: the system's own words.
    pub fn new(program: PathBuf, threads: usize, python: PathBuf) -> std::io::Result<Self> {
        let scripts = tempfile::Builder::new().prefix("icdbench-engines").tempdir()?;
        for (name, text) in PYTORCH {
            std::fs::write(scripts.path().join(name), text)?;
        }
        Ok(Self {
            program,
            threads,
            python,
            scripts,
        })
    }

    /// Hash of the scripts that come with the program.
    pub fn scripts_sha256() -> String {
        let mut hash = Sha256::new();
        for (name, text) in PYTORCH {
            hash.update(format!("{name} {}\n{text}", text.len()));
        }
        hex(&hash.finalize())
    }

    /// Computing threads of an engine.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Starts an engine.
    ///
    /// # Errors
    /// Where there is no such program.
    pub fn start(&self, side: &Side) -> Result<Running, Failure> {
        let (program, arguments) = match side.engine.as_str() {
            "burn" | "candle" => {
                let arguments = ["--threads", &self.threads.to_string(), "engine", &side.engine];
                (self.program.as_path(), arguments.map(String::from).to_vec())
            }
            "pytorch" => {
                let script = self.scripts.path().join(PYTORCH[0].0);
                (self.python.as_path(), vec![script.to_string_lossy().into_owned()])
            }
            path => (Path::new(path), Vec::new()),
        };
        let kills = kernel_kills();
        // What libraries below the engines go by: candle's products of matrices, PyTorch's.
        let variables = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"].map(|name| (name, self.threads.to_string()));
        let process = Process::start_with(program, &arguments, &variables).map_err(|error| Failure {
            kind: FailureKind::Unavailable,
            words: format!("{} does not start: {error}", program.display()),
        })?;
        Ok(Running { process, kills })
    }
}

/// An engine at work. It ends when this is dropped.
pub struct Running {
    process: Process,
    kills: Option<u64>,
}

impl Running {
    /// The answer to a question, within `timeout`. After a failure other than an answered one the engine is of no more use.
    ///
    /// # Errors
    /// What the engine answers; its death; no answer in time, or one that is not in the protocol.
    pub fn ask<T: DeserializeOwned>(&mut self, ask: &Ask, timeout: Duration) -> Result<T, Failure> {
        let deadline = Instant::now() + timeout;
        // OK because questions hold text, numbers and nothing that JSON lacks.
        self.process
            .send(&serde_json::to_string(ask).expect("a question as JSON"));
        loop {
            match self.process.line(deadline.saturating_duration_since(Instant::now())) {
                // What does not begin as an answer is a library's talk.
                Ok(line) if !line.trim_start().starts_with('{') => eprintln!("{line}"),
                Ok(line) => {
                    return match serde_json::from_str(&line) {
                        Ok(Answer::Given(given)) => Ok(given),
                        Ok(Answer::Error { error }) => Err(error),
                        Err(_) => Err(Failure::failed(format!(
                            "the engine's answer is not what was asked for: {}",
                            line.chars().take(200).collect::<String>()
                        ))),
                    };
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Failure::failed(format!(
                        "no answer after {:.0} s",
                        timeout.as_secs_f64()
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let (status, words) = verdict(&self.process.death(), self.kills);
                    let kind = match status {
                        Status::OutOfMemory => FailureKind::OutOfMemory,
                        _ => FailureKind::Failed,
                    };
                    return Err(Failure { kind, words });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_read_as_they_are_shown() {
        for (text, engine, mode, device) in [
            ("burn", "burn", None, "cpu"),
            ("burn@cuda:1", "burn", None, "cuda:1"),
            ("pytorch:compiled", "pytorch", Some("compiled"), "cpu"),
            ("pytorch:compiled-bf16@cuda", "pytorch", Some("compiled-bf16"), "cuda"),
            ("./a:b.py", "./a:b.py", None, "cpu"),
        ] {
            let side: Side = text.parse().unwrap();
            assert_eq!(
                (side.engine.as_str(), side.mode.as_deref(), side.device.as_str()),
                (engine, mode, device)
            );
            assert_eq!(side.to_string(), text);
        }
        let error = "tensorflow".parse::<Side>().unwrap_err();
        assert!(error.contains("burn, candle, pytorch"), "{error}");
    }
}
