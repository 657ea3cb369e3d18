//! Engines as processes: which there are, how each is started, questions and answers.

use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::counter::Counter;
use super::engine::HEAP_OFFSET;
use super::protocol::{Answer, Ask, Failure, FailureKind, Load, Loaded};
use super::side::Side;
use crate::engines::death::{kernel_kills, verdict};
use crate::engines::process::Process;
use crate::record::{Status, hex};

/// The engine in PyTorch and what it imports, by file name.
const PYTORCH: [(&str, &str); 4] = [
    ("pytorch.py", include_str!("../../scripts/engines/pytorch.py")),
    (
        "pytorch_convolutions.py",
        include_str!("../../tests/reference/pytorch_convolutions.py"),
    ),
    (
        "pytorch_models.py",
        include_str!("../../tests/reference/pytorch_models.py"),
    ),
    (
        "pytorch_parts.py",
        include_str!("../../tests/reference/pytorch_parts.py"),
    ),
];

/// How engines are started.
pub struct Engines {
    program: PathBuf,
    threads: usize,
    python: PathBuf,
    /// Where the scripts that come with the program are while it runs.
    scripts: TempDir,
}

impl Engines {
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

    /// What an engine is asked to make ready, on its device and with its threads.
    pub fn load_of(&self, side: &Side, load: &Load) -> Load {
        Load {
            device: side.device.clone(),
            mode: side.mode.clone(),
            threads: self.threads,
            ..load.clone()
        }
    }

    /// Starts an engine.
    ///
    /// # Errors
    /// Where there is no such program.
    pub fn start(&self, side: &Side) -> Result<Running, Failure> {
        let (program, arguments) = self.command(side);
        self.run(side, program, &arguments, None)
    }

    /// Starts an engine that leaves out so many bytes of its heap. Where its arrays lie within a cache line and a page
    /// follows from what was allocated before them, of a variable's length say, and is the same at each start: two builds, or
    /// one under two names, may differ by this alone (Mytkowicz et al. 2009, "Producing Wrong Data Without Doing Anything
    /// Obviously Wrong!"). Starts at drawn places differ by chance. An engine that is no icdbench, or an older one, does not
    /// look at it.
    ///
    /// # Errors
    /// Where there is no such program.
    pub fn start_at(&self, side: &Side, left_out: usize) -> Result<Running, Failure> {
        let (program, arguments) = self.command(side);
        self.run(side, program, &arguments, Some(left_out))
    }

    /// Starts an engine whose instructions are counted, into the file `counts`.
    ///
    /// # Errors
    /// Where there is no such program as the one that counts.
    pub fn start_counted(&self, side: &Side, counter: Counter, counts: &Path) -> Result<Running, Failure> {
        let (program, arguments) = self.command(side);
        let (tool, before) = counter.command(counts);
        let program = std::iter::once(program.to_string_lossy().into_owned());
        let arguments: Vec<String> = before.into_iter().chain(program).chain(arguments).collect();
        self.run(side, Path::new(tool), &arguments, None)
    }

    fn command<'a>(&'a self, side: &'a Side) -> (&'a Path, Vec<String>) {
        match side.engine.as_str() {
            "burn" | "candle" => {
                let arguments = ["--threads", &self.threads.to_string(), "engine", &side.engine];
                (self.program.as_path(), arguments.map(String::from).to_vec())
            }
            "pytorch" => {
                let script = self.scripts.path().join(PYTORCH[0].0);
                (self.python.as_path(), vec![script.to_string_lossy().into_owned()])
            }
            path => (Path::new(path), Vec::new()),
        }
    }

    fn run(
        &self,
        side: &Side,
        program: &Path,
        arguments: &[String],
        left_out: Option<usize>,
    ) -> Result<Running, Failure> {
        let kills = kernel_kills();
        // What libraries below the engines go by: candle's products of matrices, PyTorch's.
        let threads = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"].map(|name| (name, self.threads.to_string()));
        let left_out = left_out.map(|bytes| (HEAP_OFFSET, bytes.to_string()));
        let variables: Vec<_> = threads.into_iter().chain(left_out).collect();
        let process = Process::start_with(program, arguments, &variables).map_err(|error| Failure {
            kind: FailureKind::Unavailable,
            words: format!("{} does not start: {error}", program.display()),
        })?;
        Ok(Running {
            engine: side.to_string(),
            process,
            kills,
        })
    }
}

/// An engine at work. It ends when this is dropped.
pub struct Running {
    /// As its user names it.
    engine: String,
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
                        Err(_) => Err(Failure::failed(self.unreadable(&line))),
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

    /// Makes a model ready.
    ///
    /// # Errors
    /// As of [`ask`](Self::ask).
    pub fn load(&mut self, load: Load, timeout: Duration) -> Result<Loaded, Failure> {
        self.ask(&Ask::Load(Box::new(load)), timeout)
    }

    /// Ends the engine's questions and waits until it has ended, `timeout` at most.
    ///
    /// # Errors
    /// It does not end, or not well.
    pub fn end(mut self, timeout: Duration) -> Result<(), Failure> {
        self.process.close_input();
        if !self.process.ends_within(timeout) {
            let words = format!("did not end within {:.0} s", timeout.as_secs_f64());
            return Err(Failure::failed(words));
        }
        let death = self.process.death();
        match death.status.is_some_and(|status| status.success()) {
            true => Ok(()),
            false => Err(Failure::failed(verdict(&death, self.kills).1)),
        }
    }

    /// What is wrong with a line that is no answer.
    fn unreadable(&self, line: &str) -> String {
        let engine = &self.engine;
        let begins: String = line.chars().take(200).collect();
        match not_finite(line) {
            Some(word) => format!(
                "{engine} answered with {word}, which JSON does not have: what is not finite is to be answered by an error of \
                 kind `failed` (in Python, json.dumps(answer, allow_nan=False) raises one): {begins}"
            ),
            None => format!("the answer of {engine} is not what was asked for: {begins}"),
        }
    }
}

/// A number that a line has, which JSON does not: Python writes such.
fn not_finite(line: &str) -> Option<&'static str> {
    // Every other piece lies between quotes.
    let pieces = line.replace("\\\\", "").replace("\\\"", "");
    let outside: Vec<&str> = pieces.split('"').step_by(2).collect();
    let has = |word: &&str| outside.iter().any(|piece| piece.contains(*word));
    ["NaN", "-Infinity", "Infinity"].into_iter().find(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_have_are_seen_outside_of_words_only() {
        assert_eq!(not_finite(r#"{"seconds": NaN}"#), Some("NaN"));
        assert_eq!(not_finite(r#"{"logits": [[1.0, -Infinity]]}"#), Some("-Infinity"));
        assert_eq!(not_finite(r#"{"loss": Infinity}"#), Some("Infinity"));
        assert_eq!(not_finite(r#"{"words": "is \"NaN\"", "seconds": 1}"#), None);
        assert_eq!(not_finite(r#"{"words": "a\\", "seconds": NaN}"#), Some("NaN"));
    }
}
