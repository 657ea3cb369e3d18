//! Cells: one (data set, division, label set, model, settings, length, seed, device class, precision) each.

use std::collections::BTreeMap;

use super::external::{EXTERNAL, ExternalSystem};
use super::links::Links;
use crate::record::{CellDescription, Chain, StageName, identity};
use crate::suite::{Ensemble, Run, Suite};

/// One cell of a plan.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Index of the run in the suite; of an ensemble, of its first run.
    pub run: usize,
    /// Of an ensemble: which of the suite's, and the plan's cells that it puts together.
    pub ensemble: Option<(usize, Vec<usize>)>,
    /// The model reads the first so many tokens of a note.
    pub length: u32,
    /// What parameters, dropout and the order of the notes are drawn from.
    pub seed: u64,
    /// In the words of the suite.
    pub description: CellDescription,
    /// Its stages, each with all that can move its result.
    pub chain: Chain,
    /// SHA-256 of each of these stages, in the order of the work.
    pub keys: BTreeMap<StageName, String>,
    /// The key of the last: the record's name.
    pub key: String,
    /// See [`identity`].
    pub identity: String,
    /// Why it cannot be scored with what is here, if so.
    pub skipped: Option<String>,
}

impl Cell {
    pub(super) fn new(suite: &Suite, run: usize, (length, seed): (u32, u64), device: &str, links: Links) -> Self {
        let Links { chain, keys } = links;
        Self {
            run,
            ensemble: None,
            length,
            seed,
            description: describe(suite, &suite.runs[run], length, seed, device),
            key: keys.values().next_back().cloned().unwrap_or_default(),
            identity: identity(&chain),
            keys,
            chain,
            skipped: None,
        }
    }

    /// The cell of an ensemble of which this is the first member.
    pub(super) fn of_ensemble(&self, members: (usize, Vec<usize>), ensemble: &Ensemble, links: Links) -> Self {
        let Links { chain, keys } = links;
        Self {
            run: self.run,
            ensemble: Some(members),
            length: self.length,
            seed: self.seed,
            description: of_ensemble(self.description.clone(), ensemble),
            key: keys.values().next_back().cloned().unwrap_or_default(),
            identity: identity(&chain),
            keys,
            chain,
            skipped: None,
        }
    }

    /// The cell of an external system on the notes of this one.
    pub(super) fn of_external(&self, asked: &ExternalSystem, links: Links) -> Self {
        let Links { chain, keys } = links;
        Self {
            run: self.run,
            ensemble: None,
            length: asked.length,
            seed: asked.seed,
            description: CellDescription {
                model: EXTERNAL.into(),
                run: asked.run(),
                length: asked.length,
                seed: asked.seed,
                ..self.description.clone()
            },
            key: keys.values().next_back().cloned().unwrap_or_default(),
            identity: identity(&chain),
            keys,
            chain,
            skipped: self.skipped.clone(),
        }
    }

    /// The key of a stage that every cell has.
    ///
    /// # Panics
    /// When this cell has no such stage.
    pub fn key_of(&self, stage: StageName) -> &str {
        &self.keys[&stage]
    }
}

/// The cells a suite asks for, in its order, described without its data.
pub fn descriptions(suite: &Suite, device: &str) -> Vec<CellDescription> {
    let of_runs = grid(suite).map(|(_, run, length, seed)| describe(suite, run, length, seed, device));
    let of_ensembles = ensembles(suite).map(|(_, ensemble, length, seed)| {
        let first = describe(suite, &suite.runs[0], length, seed, device);
        of_ensemble(first, ensemble)
    });
    of_runs.chain(of_ensembles).collect()
}

/// Ensembles, then lengths, then seeds.
pub(super) fn ensembles(suite: &Suite) -> impl Iterator<Item = (usize, &Ensemble, u32, u64)> {
    suite.ensembles.iter().enumerate().flat_map(move |(index, ensemble)| {
        let lengths = suite.lengths.iter();
        lengths.flat_map(move |&length| suite.seeds.iter().map(move |&seed| (index, ensemble, length, seed)))
    })
}

/// A description of a cell of an ensemble, from one of a run at the same place.
pub(super) fn of_ensemble(description: CellDescription, ensemble: &Ensemble) -> CellDescription {
    CellDescription {
        model: "ensemble".into(),
        run: ensemble.name.clone(),
        ..description
    }
}

/// Runs, then lengths, then seeds.
pub(super) fn grid(suite: &Suite) -> impl Iterator<Item = (usize, &Run, u32, u64)> {
    suite.runs.iter().enumerate().flat_map(move |(index, run)| {
        let lengths = run.lengths.as_ref().unwrap_or(&suite.lengths).iter();
        lengths.flat_map(move |&length| suite.seeds.iter().map(move |&seed| (index, run, length, seed)))
    })
}

fn describe(suite: &Suite, run: &Run, length: u32, seed: u64, device: &str) -> CellDescription {
    CellDescription {
        suite: suite.name.clone(),
        dataset: suite.data.name().into(),
        labels: suite.labels.title(),
        evaluation_part: suite.division.evaluation.clone(),
        model: run.model.name().into(),
        run: run.title().into(),
        length,
        seed,
        device: device.into(),
        precision: suite.precision.name().into(),
    }
}
