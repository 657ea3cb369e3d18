//! What is compared: a suite, a results directory, a record, or one run of one of these.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::reported::reported_in;
use super::suites::SUITES;
use super::{Global, suite};
use crate::compare::Side;
use crate::plan::{Plan, externals, recorded};
use crate::record::{Record, Reported, Status};
use crate::results::Store;

/// The records of one side, as it is named on the command line: `PLACE` or `PLACE:RUN`.
pub(super) fn side(global: &Global, name: &str) -> Result<Side> {
    let (place, run) = split(name);
    let (records, store) = records(global, Path::new(place))?;
    let mut cells: Vec<Reported> = records
        .into_iter()
        .map(|record| reported_in(&store, global, record))
        .collect();
    if let Some(run) = run {
        let known: std::collections::BTreeSet<String> = cells.iter().map(|cell| cell.record.cell.run.clone()).collect();
        cells.retain(|cell| cell.record.cell.run == run);
        if cells.is_empty() {
            let known: Vec<String> = known.into_iter().collect();
            bail!(
                "{name}: no record of a run {run:?}; {place} has records of {}",
                known.join(", ")
            );
        }
    }
    if !cells.iter().any(|cell| cell.record.status == Status::Ok) {
        bail!("{name}: found no scored cell, expected some; run it first");
    }
    Ok(Side {
        name: name.to_owned(),
        cells,
    })
}

/// The place and the run. What exists under the whole name is a place.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((place, run)) if !Path::new(name).exists() && !run.is_empty() => (place, Some(run)),
        _ => (name, None),
    }
}

/// Records and where what lies beside them is.
fn records(global: &Global, place: &Path) -> Result<(Vec<Record>, Store)> {
    if place.is_dir() {
        let store = Store::new(place, None);
        let listed = store.records().all()?;
        listed
            .refused
            .iter()
            .for_each(|refused| global.notice(&refused.to_string()));
        return Ok((listed.records, store));
    }
    if place.extension().is_some_and(|ending| ending == "json") {
        let store = Store::new(place.parent().and_then(Path::parent).unwrap_or(Path::new("")), None);
        let key = place.file_stem().unwrap_or_default().to_string_lossy();
        let record = store.records().find(&key)?;
        let record =
            record.with_context(|| format!("{}: no record of that key in a results directory", place.display()))?;
        return Ok((vec![record], store));
    }
    if !place.is_file() && !SUITES.iter().any(|(name, _)| place.as_os_str() == *name) {
        bail!(
            "{}: found no such thing, expected a suite file or the name of a built-in suite, a results directory, or the file \
             of a record (results/records/KEY.json), each with :RUN where one run of it is meant",
            place.display()
        );
    }
    let suite = suite(place)?;
    let device = global.device.class.name();
    let planned = Plan::make(suite.clone(), &global.registry()?, global.data(), device);
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite, device));
    let store = global.store();
    let listed = store.records().all()?;
    listed
        .refused
        .iter()
        .for_each(|refused| global.notice(&refused.to_string()));
    let of_others = externals(&plan.cells, &listed.records);
    let mut found = recorded(&plan.cells, listed.records);
    found.extend(of_others);
    Ok((found, store))
}
