//! Runs of tokens as an encoder reads them: side by side, filled up to the longest.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use crate::bench::protocol::{Failure, Load};

/// Several runs of tokens.
pub struct Sequences {
    /// Ids `[sequence * width]`, filled up with padding.
    pub ids: Tensor,
    /// Tokens of each, padding left out.
    pub lengths: Arc<[usize]>,
    /// Tokens of the longest.
    pub width: usize,
}

impl Sequences {
    /// From the ids of each.
    pub fn new(runs: &[Vec<u32>]) -> Result<Self> {
        let lengths: Arc<[usize]> = runs.iter().map(Vec::len).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let mut ids = vec![0; runs.len() * width];
        for (row, run) in ids.chunks_mut(width).zip(runs) {
            row[..run.len()].copy_from_slice(run);
        }
        Ok(Self {
            ids: indices(ids)?,
            lengths,
            width,
        })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// The first state of each, `[sequence, hidden]`, of states `[sequence * width, hidden]`.
    pub fn first_states(&self, states: &Tensor) -> Result<Tensor> {
        let rows = (0..self.count())
            .map(|sequence| (sequence * self.width) as u32)
            .collect();
        states.index_select(&indices(rows)?, 0)
    }

    /// The states between the first and the last of each, `[sequence, width - 2, hidden]`, and how many of them count.
    pub fn inner_states(&self, states: &Tensor) -> Result<(Tensor, Arc<[usize]>)> {
        let (_, hidden) = states.dims2()?;
        let states = states.reshape((self.count(), self.width, hidden))?;
        let lengths = self.lengths.iter().map(|length| length - 2).collect();
        Ok((states.narrow(1, 1, self.width - 2)?, lengths))
    }
}

/// Numbers that select rows.
pub fn indices(numbers: Vec<u32>) -> Result<Tensor> {
    let count = numbers.len();
    Tensor::from_vec(numbers, count, &Device::Cpu)
}

/// The tokens that BERT puts around what it reads.
#[derive(Clone, Copy)]
pub struct Specials {
    cls: u32,
    separator: u32,
}

impl Specials {
    /// Those of a job's task.
    ///
    /// # Errors
    /// It has none, or they are not in its vocabulary.
    pub fn of(load: &Load) -> std::result::Result<Self, Failure> {
        let task = &load.task;
        let (Some(cls), Some(separator)) = (task.cls, task.separator) else {
            return Err(Failure::failed(
                "task: no cls or no separator: a BERT model reads [CLS] and [SEP]",
            ));
        };
        match (cls.max(separator) as usize) < task.vocabulary {
            true => Ok(Self { cls, separator }),
            false => Err(Failure::failed(format!(
                "task: cls = {cls}, separator = {separator}: expected ids below vocabulary = {}",
                task.vocabulary
            ))),
        }
    }

    /// `[CLS] run [SEP]`.
    pub fn enclose(&self, run: &[u32]) -> Vec<u32> {
        [&[self.cls], run, &[self.separator]].concat()
    }
}
