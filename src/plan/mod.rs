//! From a suite to its cells: which there are, what each is made from, and the key of every stage. No note is read.

mod cell;
mod chain;
mod error;
mod external;
mod externals;
mod lacking;
mod links;
mod recorded;
pub mod sources;

use std::collections::HashMap;
use std::path::Path;

pub use cell::{Cell, descriptions};
pub use error::Error;
pub use external::ExternalSystem;
pub use externals::externals;
pub use recorded::{Recorded, recorded};

use crate::data::{self, Registry};
use crate::record::StagePool;
use crate::suite::{Run, Suite};

/// What stands behind the name of a data set where its notes are generated ones.
pub const GENERATED: &str = " (generated)";

/// A suite's cells, each with the keys of all its stages.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What was planned; a cell's `run` counts its runs.
    pub suite: Suite,
    /// In the order of the suite: runs, then lengths, then seeds.
    pub cells: Vec<Cell>,
    /// Whether the data set's texts are under a data use agreement.
    pub credentialed: bool,
}

impl Plan {
    /// Lays out the cells. Files that the suite or the registry names without a hash are hashed; note texts that the
    /// registry has a hash of are not opened: reading them later compares it. A cell that cannot be scored with what is
    /// here (not prepared, no codes to score against; an encoder or word vectors that the suite says how to get) is skipped.
    ///
    /// # Errors
    /// A data set that the registry does not know, a file that cannot be read, a run whose parts do not go together.
    pub fn make(suite: Suite, registry: &Registry, data: Option<&Path>, device: &str) -> Result<Self, Error> {
        let credentialed = suite.data.entry(registry)?.credentialed;
        let skipped = data::lacking(&suite.data, suite.division.scored_part(), data, registry)?;
        let of_runs = suite.runs.iter();
        let skipped: Vec<_> = of_runs
            .map(|run| skipped.clone().or_else(|| lacking::lacking(&suite, run)))
            .collect();
        for run in &suite.runs {
            takes_its_encoder(run)?;
        }
        let facts = chain::Facts::find(&suite, &skipped, registry, data)?;
        let pool = &mut StagePool::default();
        let cells = cell::grid(&suite)
            .map(|(index, run, length, seed)| {
                let mut links = chain::chain(&suite, run, (length, seed), device, (&facts, pool));
                if let Some(reason) = &skipped[index] {
                    links.skip(reason);
                }
                let mut cell = Cell::new(&suite, index, (length, seed), device, links);
                if facts.generated {
                    cell.description.dataset.push_str(GENERATED);
                }
                Cell {
                    skipped: skipped[index].clone(),
                    ..cell
                }
            })
            .collect();
        let cells = with_ensembles(&suite, cells, pool);
        Ok(Self {
            suite,
            cells,
            credentialed,
        })
    }

    /// The cells as the suite alone describes them, for a place where the data and the files are not: which cells they
    /// are is right, their keys are not.
    pub fn without_data(suite: Suite, device: &str) -> Self {
        let facts = chain::Facts::default();
        let pool = &mut StagePool::default();
        let cells = cell::grid(&suite).map(|(index, run, length, seed)| {
            let links = chain::chain(&suite, run, (length, seed), device, (&facts, pool));
            Cell::new(&suite, index, (length, seed), device, links)
        });
        let cells = cells.collect();
        Self {
            cells: with_ensembles(&suite, cells, pool),
            suite,
            credentialed: false,
        }
    }

    /// The cell whose key starts with `asked`.
    ///
    /// # Errors
    /// None does, or several do.
    pub fn cell(&self, asked: &str) -> Result<usize, Error> {
        // Runs of equal settings have cells of one key; the first is as good as the others.
        if let Some(whole) = self.cells.iter().position(|cell| cell.key == asked) {
            return Ok(whole);
        }
        let wrong = |problem: String| Error::Cell {
            asked: asked.into(),
            problem,
        };
        let fits = |&index: &usize| !asked.is_empty() && self.cells[index].key.starts_with(asked);
        let found: Vec<usize> = (0..self.cells.len()).filter(fits).collect();
        match found[..] {
            [one] => Ok(one),
            [] => Err(wrong(format!(
                "no cell of {} has this key; expected one that `icdbench plan` lists: keys change with the suite, the data \
                 and the program",
                self.suite.name
            ))),
            _ => Err(wrong(format!(
                "{} cells have keys that start so; give more of it",
                found.len()
            ))),
        }
    }
}

/// The cells of the runs, and after them those of the suite's ensembles. One that lacks a member is skipped for that
/// member's reason.
fn with_ensembles(suite: &Suite, mut cells: Vec<Cell>, pool: &mut StagePool) -> Vec<Cell> {
    let mut places: HashMap<(usize, u32, u64), usize> = HashMap::new();
    for (place, cell) in cells.iter().enumerate() {
        places.entry((cell.run, cell.length, cell.seed)).or_insert(place);
    }
    for (index, ensemble, length, seed) in cell::ensembles(suite) {
        let member = |name: &String| {
            let run = suite.runs.iter().position(|run| run.title() == *name)?;
            places.get(&(run, length, seed)).copied()
        };
        let members: Vec<usize> = ensemble.runs.iter().filter_map(member).collect();
        let of_members: Vec<&Cell> = members.iter().map(|&member| &cells[member]).collect();
        let Some(first) = of_members.first() else { continue };
        let mut links = chain::ensemble(suite, ensemble, &of_members, pool);
        let lacking = of_members
            .iter()
            .find_map(|cell| Some((&cell.description.run, cell.skipped.as_ref()?)));
        let skipped = lacking.map(|(run, reason)| format!("its run {run:?} is skipped: {reason}"));
        if let Some(reason) = &skipped {
            links.skip(reason);
        }
        let made = first.of_ensemble((index, members.clone()), ensemble, links);
        cells.push(Cell { skipped, ..made });
    }
    cells
}

/// Refuses an encoder for a model that has none, whether it is there or not.
fn takes_its_encoder(run: &Run) -> Result<(), Error> {
    match run.encoder.is_none() || run.model.takes_encoder() {
        true => Ok(()),
        false => Err(Error::Run {
            run: run.title().into(),
            problem: format!("{} has no encoder: remove `encoder` from the run", run.model.name()),
        }),
    }
}
