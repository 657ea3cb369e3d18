//! The sets of notes that a job is run on, read from its file.

use std::path::Path;

use candle_core::{Device, Result, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::failure::problem;
use crate::bench::protocol::{Failure, Load};

/// Notes by set.
pub struct Inputs {
    sets: Vec<Set>,
}

/// Notes that are read together, and the codes that they have.
pub struct Set {
    /// The notes.
    pub notes: Notes,
    /// `[note, code]`, row-major, 1 where the note has the code.
    targets: Vec<u8>,
}

/// Token ids of some notes, each of which has at least one.
pub struct Notes {
    tokens: Vec<Vec<u32>>,
}

impl Notes {
    /// Token ids of each note.
    pub fn new(tokens: Vec<Vec<u32>>) -> Self {
        Self { tokens }
    }

    /// The notes in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.tokens.iter().map(Vec::as_slice)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens of each.
    pub fn lengths(&self) -> Vec<usize> {
        self.tokens.iter().map(Vec::len).collect()
    }

    /// Tokens of the longest.
    pub fn longest(&self) -> usize {
        self.tokens.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Ids `[note * longest]`, each note filled up with padding.
    pub fn rectangle(&self) -> Vec<u32> {
        let longest = self.longest();
        let row = |note: &'_ Vec<u32>| note.iter().copied().chain(std::iter::repeat(0)).take(longest).collect();
        self.tokens.iter().flat_map(|note| -> Vec<u32> { row(note) }).collect()
    }
}

impl Set {
    /// 1 where a note has the code, `[note, code]`.
    pub fn targets(&self) -> Result<Tensor> {
        let values: Vec<f32> = self.targets.iter().map(|&target| f32::from(target)).collect();
        let notes = self.notes.count();
        Tensor::from_vec(values, (notes, self.targets.len() / notes), &Device::Cpu)
    }
}

impl Inputs {
    /// Reads the file of a job.
    ///
    /// # Errors
    /// A file that cannot be read or is of another form, and notes that do not fit the job.
    pub fn read(load: &Load) -> std::result::Result<Self, Failure> {
        let path = &load.inputs;
        let bytes = std::fs::read(path).map_err(|error| problem(path, &error.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| problem(path, &error.to_string()))?;
        let (shape, tokens) = array(path, &file, "tokens", Dtype::I32)?;
        let [sets, notes, width] = shape[..] else {
            return Err(problem(
                path,
                &format!("tokens: found the shape {shape:?}, expected [set, note, length]"),
            ));
        };
        let tokens = integers(tokens);
        let (shape, lengths) = array(path, &file, "lengths", Dtype::I32)?;
        expect(path, "lengths", &shape, &[sets, notes])?;
        let lengths = integers(lengths);
        let (shape, targets) = array(path, &file, "targets", Dtype::U8)?;
        expect(path, "targets", &shape, &[sets, notes, load.codes])?;
        if sets * notes * width * load.codes == 0 {
            return Err(problem(
                path,
                "tokens, lengths or targets are empty: expected at least one of everything",
            ));
        }
        let row = |at: usize| {
            let place = format!("set {}, note {}", at / notes, at % notes);
            let row = &tokens[at * width..(at + 1) * width];
            note(row, lengths[at], load).map_err(|words| problem(path, &format!("{place}: {words}")))
        };
        let sets = (0..sets).map(|set| {
            let tokens = (set * notes..(set + 1) * notes)
                .map(row)
                .collect::<std::result::Result<_, _>>()?;
            let targets = targets[set * notes * load.codes..(set + 1) * notes * load.codes].to_vec();
            Ok(Set {
                notes: Notes::new(tokens),
                targets,
            })
        });
        Ok(Self {
            sets: sets.collect::<std::result::Result<_, _>>()?,
        })
    }

    /// A set by its number.
    ///
    /// # Errors
    /// There are not as many.
    pub fn set(&self, number: usize) -> std::result::Result<&Set, Failure> {
        let sets = self.sets.len();
        let none = || Failure::failed(format!("set {number}: the inputs have {sets}, counted from 0"));
        self.sets.get(number).ok_or_else(none)
    }
}

/// A note's ids without its padding.
fn note(row: &[i32], length: i32, load: &Load) -> std::result::Result<Vec<u32>, String> {
    let longest = row.len().min(load.length);
    let length = usize::try_from(length).unwrap_or(0);
    if length < 1 || length > longest {
        return Err(format!("its length is {length}: expected 1 to {longest}"));
    }
    let id = |&token: &i32| {
        let vocabulary = load.task.vocabulary;
        let found = u32::try_from(token).ok().filter(|&id| (id as usize) < vocabulary);
        found.ok_or_else(|| format!("token {token} is not in a vocabulary of {vocabulary}"))
    };
    row[..length].iter().map(id).collect()
}

fn array<'a>(
    path: &Path,
    file: &SafeTensors<'a>,
    name: &str,
    kind: Dtype,
) -> std::result::Result<(Vec<usize>, &'a [u8]), Failure> {
    let view = file
        .tensor(name)
        .map_err(|_| problem(path, &format!("it has no {name}")))?;
    match view.dtype() {
        found if found == kind => Ok((view.shape().to_vec(), view.data())),
        found => Err(problem(path, &format!("{name}: found {found:?}, expected {kind:?}"))),
    }
}

fn expect(path: &Path, name: &str, found: &[usize], expected: &[usize]) -> std::result::Result<(), Failure> {
    match found == expected {
        true => Ok(()),
        false => Err(problem(
            path,
            &format!("{name}: found the shape {found:?}, expected {expected:?}"),
        )),
    }
}

fn integers(bytes: &[u8]) -> Vec<i32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&bytes| i32::from_le_bytes(bytes))
        .collect()
}
