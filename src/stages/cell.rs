//! One cell from its notes to its result, each stage found or run.

use serde::{Deserialize, Serialize};

use super::record::Scored;
use super::{Error, Stop, Workshop};
use crate::contain::in_full;
use crate::models::Task;
use crate::plan::Cell;
use crate::record::{StageName, Status};

/// What is asked of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellWork {
    /// The stages before training, and whether the model can be built.
    Prepare,
    /// The pretraining of its encoder.
    Pretrain,
    /// All stages.
    Run,
}

/// How a cell's work ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// What was asked for is there; with the result where the cell was run.
    Done(Option<Box<Scored>>),
    /// Without scores, for a reason of its own.
    Failed {
        /// How its record calls it.
        status: Status,
        /// Why, as its record says it.
        reason: String,
    },
    /// On request; what was done is kept.
    Interrupted,
    /// Nothing can go on, neither this cell nor another.
    World(String),
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupted => Self::Interrupted,
            Stop::Cell(status, reason) => Self::Failed { status, reason },
            Stop::World(error) => Self::World(in_full(&error)),
        }
    }
}

impl Workshop<'_> {
    /// Runs the stages of a cell that are missing.
    pub fn work(&self, cell: &Cell, work: CellWork) -> Ended {
        if let Some((index, members)) = &cell.ensemble {
            let combined = match work {
                // Its members are prepared in their own cells.
                CellWork::Prepare | CellWork::Pretrain => Ok(None),
                CellWork::Run => {
                    let scored = self.combine(cell, &self.plan.suite.ensembles[*index], members);
                    scored.map(|scored| Some(Box::new(scored)))
                }
            };
            return combined.map_or_else(Ended::from, Ended::Done);
        }
        let ended = match work {
            CellWork::Prepare => self.prepare(cell).map(|_| None),
            CellWork::Pretrain => self.pretrain(cell).map(|()| None),
            CellWork::Run => self.run(cell).map(|scored| Some(Box::new(scored))),
        };
        ended.map_or_else(Ended::from, Ended::Done)
    }

    /// The stages before training, and what the cell's model is built for. Everything that can be wrong with a run's
    /// settings is found here, before any other cell computes. Where its encoder is not pretrained yet, a blank one of
    /// its sizes stands for it.
    ///
    /// # Errors
    /// The data, the text or the encoder cannot be had, or the model's settings do not fit them.
    pub fn prepare(&self, cell: &Cell) -> Result<Task, Stop> {
        let tokens = self.tokens(cell)?;
        let task = self.task(cell, &tokens)?;
        let task = match self.blank_encoder(cell)? {
            Some(blank) => Task {
                encoder: Some(blank),
                ..task
            },
            None => self.with_encoder(cell, task)?,
        };
        let run = &self.plan.suite.runs[cell.run];
        if cell.chain.contains_key(&StageName::Evidence) && tokens.marked.is_none() {
            let text = self.text(cell).into();
            return Err(Error::NoMarks { text }.into());
        }
        match run.model.check(&task, cell.length as usize) {
            Ok(()) => Ok(task),
            Err(problem) => Err(Error::Model {
                run: run.title().into(),
                length: cell.length,
                problem,
            }
            .into()),
        }
    }

    fn run(&self, cell: &Cell) -> Result<Scored, Stop> {
        let tokens = self.tokens(cell)?;
        let task = self.task(cell, &tokens)?;
        let scores = self.scores(cell, &tokens, &task)?;
        let evidence = self.evidence_spans(cell, &tokens, &task, &scores)?;
        self.record(cell, &tokens, &task, (scores, evidence))
    }
}
