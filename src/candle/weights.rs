//! Parameters by icdbench's names: from a file in the format safetensors, or drawn at random.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor, Var};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::tensor::{Dtype, Metadata};

use super::failure::{computing, problem};
use super::pass::Pass;
use crate::bench::protocol::Failure;

/// The seed of weights that no file gives.
const SEED: u64 = 1;

/// Bytes before the header of a file, which say how long it is.
const PREFIX: u64 = 8;

/// The most that a header may take: what the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// A parameter as the model holds it.
pub struct Parameter(Tensor);

impl Parameter {
    /// Its values, tracked where the pass trains.
    pub fn on(&self, pass: &Pass) -> Tensor {
        match pass.trains() {
            true => self.0.clone(),
            false => self.0.detach(),
        }
    }
}

/// What a parameter is drawn from where no file gives it.
#[derive(Clone, Copy)]
pub enum Start {
    /// All elements the same.
    Constant(f32),
    /// Uniform between this and its negative.
    Uniform(f64),
}

impl Start {
    /// Uniform with the deviation that BERT's matrices start with.
    pub fn deviation(deviation: f64) -> Self {
        Self::Uniform(deviation * 3f64.sqrt())
    }
}

/// Where a model takes its parameters from, each by its name.
pub struct Weights {
    source: Source,
    taken: BTreeSet<String>,
    count: u64,
    trained: Vec<(String, Var)>,
}

enum Source {
    File(Stored),
    Random(Box<ChaCha8Rng>),
}

struct Stored {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the values begin.
    start: u64,
}

impl Weights {
    /// Opens the file, or begins to draw where there is none.
    ///
    /// # Errors
    /// A file that cannot be read or has another form.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let source = match path {
            Some(path) => Source::File(Stored::open(path)?),
            None => Source::Random(Box::new(ChaCha8Rng::seed_from_u64(SEED))),
        };
        Ok(Self {
            source,
            taken: BTreeSet::new(),
            count: 0,
            trained: Vec::new(),
        })
    }

    /// The parameter of that name and shape, which is trained.
    ///
    /// # Errors
    /// The file lacks it or has it in another shape or type.
    pub fn take(&mut self, name: &str, shape: &[usize], start: Start) -> Result<Parameter, Failure> {
        let tensor = self.values(name, shape, start)?;
        let variable = Var::from_tensor(&tensor).map_err(computing)?;
        let parameter = Parameter(variable.as_tensor().clone());
        self.trained.push((name.to_owned(), variable));
        Ok(parameter)
    }

    /// The parameter of that name and shape, which stays as it is.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn frozen(&mut self, name: &str, shape: &[usize], start: Start) -> Result<Parameter, Failure> {
        self.values(name, shape, start).map(Parameter)
    }

    /// The parameters that are trained by their names, and how many numbers all parameters have.
    ///
    /// # Errors
    /// The file has some that no one took.
    pub fn finish(self) -> Result<(Vec<(String, Var)>, u64), Failure> {
        if let Source::File(stored) = &self.source {
            let mut names: Vec<String> = stored.metadata.tensors().into_keys().collect();
            names.retain(|name| !self.taken.contains(name));
            names.sort();
            if !names.is_empty() {
                let words = format!(
                    "the model has no {}: expected the weights of these settings",
                    names.join(", ")
                );
                return Err(problem(&stored.path, &words));
            }
        }
        Ok((self.trained, self.count))
    }

    fn values(&mut self, name: &str, shape: &[usize], start: Start) -> Result<Tensor, Failure> {
        let count = shape.iter().product();
        let values = match &mut self.source {
            Source::File(stored) => stored.read(name, shape)?,
            Source::Random(generator) => draw(generator, count, start),
        };
        self.taken.insert(name.to_owned());
        self.count += count as u64;
        Tensor::from_vec(values, shape, &Device::Cpu).map_err(computing)
    }
}

impl Stored {
    fn open(path: &Path) -> Result<Self, Failure> {
        let wrong = |words: &dyn std::fmt::Display| problem(path, &words.to_string());
        let mut file = File::open(path).map_err(|error| wrong(&error))?;
        let mut prefix = [0; PREFIX as usize];
        file.read_exact(&mut prefix).map_err(|error| wrong(&error))?;
        let size = u64::from_le_bytes(prefix);
        if size > LONGEST_HEADER {
            return Err(wrong(&format!(
                "its header would take {size} bytes: expected a file in the format safetensors"
            )));
        }
        let mut header = vec![0; size as usize];
        file.read_exact(&mut header).map_err(|error| wrong(&error))?;
        // The header alone: a whole file and the model would not fit into memory that holds the model.
        let metadata = serde_json::from_slice(&header).map_err(|error| wrong(&error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
            start: PREFIX + size,
        })
    }

    fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Failure> {
        let wrong = |words: String| problem(&self.path, &format!("{name}: {words}"));
        let found = self.metadata.info(name);
        let info = found.ok_or_else(|| wrong(format!("it is not there, expected the shape {shape:?}")))?;
        if info.dtype != Dtype::F32 || info.shape != shape {
            let (found, kind) = (&info.shape, info.dtype);
            return Err(wrong(format!("found {found:?} of {kind:?}, expected {shape:?} of F32")));
        }
        let (from, to) = info.data_offsets;
        let mut bytes = vec![0; to - from];
        let mut read = || {
            self.file.seek(SeekFrom::Start(self.start + from as u64))?;
            self.file.read_exact(&mut bytes)
        };
        read().map_err(|error| wrong(error.to_string()))?;
        Ok(bytes
            .as_chunks()
            .0
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect())
    }
}

fn draw(generator: &mut ChaCha8Rng, count: usize, start: Start) -> Vec<f32> {
    match start {
        Start::Constant(value) => vec![value; count],
        Start::Uniform(bound) => {
            let mut unit = || f64::from(generator.next_u32()) / (f64::from(u32::MAX) + 1.0);
            (0..count).map(|_| (bound * (2.0 * unit() - 1.0)) as f32).collect()
        }
    }
}
