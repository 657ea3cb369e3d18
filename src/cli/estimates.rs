//! What a store has of a suite's cells, and what the rest would take.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use anyhow::Result;
use burn::tensor::Device;

use super::{Global, Sentences};
use crate::data::Registry;
use crate::plan::{Cell, Plan, Recorded};
use crate::record::{Record, StageName};
use crate::results::Store;
use crate::stages::Workshop;
use crate::stages::estimate::Estimate;

/// Whether the store has a stage of a cell.
pub(super) fn is_there(store: &Store, cell: &Cell, stage: StageName) -> bool {
    matches!(store.open(stage, cell.key_of(stage)), Ok(Some(_)))
}

/// The record of each cell. One that cannot be believed is named, and its cell is to do.
pub(super) fn records(global: &Global, plan: &Plan) -> Result<Vec<Option<Record>>> {
    let store = global.store().records();
    let all = match plan.cells.iter().any(|cell| cell.skipped.is_some()) {
        true => store.all()?.records,
        false => Vec::new(),
    };
    let before = Recorded::new(&all);
    let find = |cell: &Cell| match before.scored_before(cell) {
        Some(record) => Ok(Some(record)),
        None => match store.find(&cell.key) {
            Err(refused) if refused.is_as_if_absent() => {
                global.notice(&refused.to_string());
                Ok(None)
            }
            found => Ok(found?),
        },
    };
    plan.cells.iter().map(find).collect()
}

/// What is left to do would take.
#[derive(Default)]
pub(super) struct Estimates {
    /// By run and length.
    pub(super) of_cells: BTreeMap<(usize, u32), Estimate>,
    /// By key.
    pub(super) of_pretrainings: BTreeMap<String, Estimate>,
}

/// One estimate for each run and length that has a cell to do, and for each pretraining that such a cell waits
/// for.
pub(super) fn estimates(
    global: &Global,
    device: &Device,
    registry: &Registry,
    plan: &Plan,
    to_do: &[usize],
) -> Result<Estimates> {
    let sentences = Sentences::of(global);
    let workshop = Workshop::new(
        plan,
        (registry, global.data()),
        global.runner()?,
        (device, Duration::MAX),
        &sentences,
    )
    .on(global.device);
    let store = global.store();
    let mut estimates = Estimates::default();
    for cell in to_do.iter().map(|&index| &plan.cells[index]) {
        let place = (cell.run, cell.length);
        if cell.skipped.is_some() || cell.ensemble.is_some() {
            continue;
        }
        if let Entry::Vacant(unknown) = estimates.of_cells.entry(place) {
            unknown.insert(workshop.estimate(cell)?);
        }
        if let Some(key) = cell.keys.get(&StageName::Pretraining)
            && !estimates.of_pretrainings.contains_key(key)
            && !is_there(&store, cell, StageName::Pretraining)
            && let Some(estimate) = workshop.estimate_pretraining(cell)?
        {
            estimates.of_pretrainings.insert(key.clone(), estimate);
        }
    }
    Ok(estimates)
}
