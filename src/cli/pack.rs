//! `icdbench pack SUITE`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::check::scores;
use super::reported::reported;
use super::terminal::{out, say};
use super::{Global, bytes, exit, print_json, report, suite, suites};
use crate::audit::{Copies, audit};
use crate::data;
use crate::machine::built;
use crate::pack::{Access, Agent, Pack, PackedCell, absolute_paths};
use crate::plan::{GENERATED, Plan, Recorded, externals};
use crate::record::{self, Record, Reported, short};
use crate::report::write_report;
use crate::results::{disk, files};
use crate::suite::Suite;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite, that was run.
    suite: PathBuf,
    /// Where the archive goes; a file that is there stays [default: SUITE.crate.zip].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Pack though cells of the suite have no record; the archive names them.
    #[arg(long)]
    partial: bool,
    /// Pack rows by note of credentialed data, too: you assert that they may be shared with whoever gets the archive. Why,
    /// in your words: it is written into the archive.
    #[arg(long, value_name = "REASON")]
    include_rows: Option<String>,
    /// Who ran the cells.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Their ORCID, such as 0000-0002-1825-0097.
    #[arg(long, value_name = "ORCID", requires = "agent", value_parser = orcid)]
    orcid: Option<String>,
    /// Licence of the archive as a whole: an address, or a name [default: said to be not stated].
    #[arg(long, value_name = "LICENCE")]
    licence: Option<String>,
}

/// The address of an ORCID, whose last digit must be the right one (ISO 7064, MOD 11-2).
fn orcid(text: &str) -> Result<String, String> {
    let short = text.trim_start_matches("https://orcid.org/");
    let digits: Vec<u32> = short
        .chars()
        .filter(|&letter| letter != '-')
        .map(|letter| {
            if letter == 'X' {
                10
            } else {
                letter.to_digit(10).unwrap_or(11)
            }
        })
        .collect();
    let groups = short.split('-').all(|group| group.len() == 4) && digits.len() == 16;
    let (last, first) = digits.split_last().ok_or("expected an ORCID")?;
    let sum = first.iter().fold(0, |sum, digit| (sum + digit) * 2 % 11);
    match groups && first.iter().all(|&digit| digit < 10) && (12 - sum) % 11 == *last {
        true => Ok(format!("https://orcid.org/{short}")),
        false => Err("expected four times four digits whose last fits, such as 0000-0002-1825-0097".into()),
    }
}

pub(super) fn pack(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    if arguments
        .include_rows
        .as_deref()
        .is_some_and(|reason| reason.trim().is_empty())
    {
        bail!("--include-rows: found nothing, expected why rows by note may be shared: it is written into the archive");
    }
    let suite = suite(&arguments.suite)?;
    let text = suites::text(&arguments.suite)?;
    let registry = global.registry()?;
    let dataset = suite.data.entry(&registry)?.into_owned();
    let Some((records, missing)) = cells(global, arguments, &suite)? else {
        return Ok(ExitCode::from(exit::NOT_ENOUGH_DATA));
    };
    let cells: Vec<Reported> = records.iter().map(|record| reported(global, record.clone())).collect();
    if problems(global, &cells) {
        return Ok(ExitCode::from(exit::WORSE));
    }
    let built_in = data::registry()?;
    let known = built_in.find(&dataset.name).ok();
    let reason = arguments.include_rows.as_deref().map(str::trim);
    let access = Access::of(known.into_iter().chain([&dataset]), records.iter(), reason);
    if reason.is_some() && access == Access::Public {
        global.notice(&format!(
            "{} is public: its rows by note are packed without --include-rows, and its reason is not needed",
            dataset.name
        ));
    }
    let small = access.small_counts(records.iter());
    if !small.is_empty() {
        bail!(
            "{} is credentialed, and the records of {} were made when its registry called it public: they show how many \
             notes have each rare code. Run the suite again by a registry that says credentialed, or assert with \
             --include-rows that this may be shared",
            dataset.name,
            small.join("; ")
        );
    }
    let store = global.store();
    let generated = records.iter().any(|record| record.cell.dataset.ends_with(GENERATED));
    let read = |record| {
        let read = PackedCell::read(&store, record, &access);
        read.context("nothing was packed; delete the cell's record and run the suite again")
    };
    let packed = Pack {
        name: &suite.name,
        description: &suite.description,
        suite: &text,
        dataset: &dataset,
        generated,
        registry: registry.text(),
        report: report_files(global, &suite, &cells)?,
        cells: records.into_iter().map(read).collect::<Result<_>>()?,
        missing,
        access: access.clone(),
        agent: arguments.agent.clone().map(|name| Agent {
            name,
            orcid: arguments.orcid.clone(),
        }),
        licence: arguments.licence.as_deref(),
        packed_by: &format!(
            "icdbench {} (git revision: {})",
            env!("CARGO_PKG_VERSION"),
            built::GIT_REVISION
        ),
    };
    let place = arguments.out.clone();
    let place = place.unwrap_or_else(|| PathBuf::from(format!("{}.crate.zip", suite.name)));
    let archive = packed.archive()?;
    // With rows of credentialed data in it, it is under their terms.
    write(&place, &archive, matches!(access, Access::Asserted(_)))?;
    tell(global, &packed, &place, &archive)?;
    Ok(ExitCode::from(exit::GOOD))
}

/// The records of the suite and the cells that have none; `None`, once that was said, where there are not enough.
fn cells(global: &Global, arguments: &Arguments, suite: &Suite) -> Result<Option<(Vec<Record>, Vec<String>)>> {
    let device = global.device.class.name();
    let listed = global.store().records().all()?;
    for refused in &listed.refused {
        match refused {
            // Nobody knows whether it is of this suite.
            record::Error::Refused { .. } | record::Error::Disk(_) => bail!("{refused}"),
            record::Error::Older { .. } | record::Error::Newer { .. } => global.notice(&refused.to_string()),
        }
    }
    let planned = Plan::make(suite.clone(), &global.registry()?, global.data(), device);
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite.clone(), device));
    let mut records = Vec::new();
    let mut missing = Vec::new();
    let found = Recorded::new(&listed.records);
    for cell in &plan.cells {
        match found.of(cell) {
            Some(record) => records.push(record),
            None => missing.push(cell.description.title()),
        }
    }
    records.extend(externals(&plan.cells, &listed.records));
    let name = arguments.suite.display();
    let results = global.results.display();
    if records.is_empty() {
        say!(
            "error: {results} holds no record of {}; run `icdbench run {name}` first",
            suite.name
        );
        return Ok(None);
    }
    if !missing.is_empty() && !arguments.partial {
        say!(
            "error: {results} holds no record of {} of {} cells of {}: {}. Run `icdbench run {name}`, or pack what is there \
             with --partial",
            missing.len(),
            plan.cells.len(),
            suite.name,
            missing.join("; ")
        );
        return Ok(None);
    }
    Ok(Some((records, missing)))
}

/// Whether anything of the cells does not fit, which is said.
fn problems(global: &Global, cells: &[Reported]) -> bool {
    let store = global.store();
    let mut found = Vec::new();
    for cell in cells {
        let audited = audit(cell, scores(&store, &cell.record).as_deref());
        let sentences = audited.problems.into_iter();
        found.extend(sentences.map(|problem| format!("{} ({}): {problem}", audited.cell, short(&audited.key))));
    }
    // Runs of equal settings have one record.
    let mut once: Vec<&Record> = cells.iter().map(|cell| &cell.record).collect();
    once.sort_by(|a, b| a.key.cmp(&b.key));
    once.dedup_by(|a, b| a.key == b.key);
    let mut copies = Copies::default();
    let copied = once.into_iter().filter_map(|record| copies.find(record));
    found.extend(copied.map(|[first, second]| format!("{second} is a copy of {first}")));
    for problem in &found {
        say!("{problem}");
    }
    if !found.is_empty() {
        say!(
            "error: {} things in {} do not fit, and nothing was packed; `icdbench check` says more. Delete those records and \
             run the suite again",
            found.len(),
            global.results.display()
        );
    }
    !found.is_empty()
}

/// The files of the report that is made from the records alone, by their paths in it.
fn report_files(global: &Global, suite: &Suite, cells: &[Reported]) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = tempfile::tempdir().context("making a folder for the report")?;
    write_report(cells, &report::text(global, suite, cells)?, folder.path())
        .with_context(|| format!("writing the report of {}", suite.name))?;
    let mut found = Vec::new();
    read_folder(folder.path(), "", &mut found)?;
    Ok(found)
}

fn read_folder(folder: &Path, within: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for (name, path) in files::list(folder)? {
        match path.is_dir() {
            true => read_folder(&path, &format!("{within}{name}/"), found)?,
            false => found.push((format!("{within}{name}"), files::read(&path)?.unwrap_or_default())),
        }
    }
    Ok(())
}

/// Writes the archive where no file is, at once. One of the same bytes may be there already.
fn write(place: &Path, archive: &[u8], private: bool) -> Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("--out: {} is no folder; name one that is there", folder.display());
    }
    let written = disk::write_new(place, archive, private).map_err(files::Error::at(place, "write the archive"))?;
    if !written && files::read(place)?.as_deref() != Some(archive) {
        bail!(
            "{}: is there already, and holds something else: remove it, or name another file with --out",
            place.display()
        );
    }
    Ok(())
}

fn tell(global: &Global, packed: &Pack<'_>, place: &Path, archive: &[u8]) -> Result<()> {
    if packed.access == Access::Credentialed {
        global.notice(&packed.access.sentence(packed.dataset));
    }
    for (file, text) in [("suite", packed.suite), ("registry of data sets", packed.registry)] {
        let keys = absolute_paths(text);
        if !keys.is_empty() {
            global.notice(&format!(
                "the {file} has paths of this machine, which the archive tells: {}",
                keys.join(", ")
            ));
        }
    }
    if !packed.missing.is_empty() {
        global.notice(&format!(
            "{} cells have no record and are not in the archive: {}",
            packed.missing.len(),
            packed.missing.join("; ")
        ));
    }
    let sha256 = record::hex(&Sha256::digest(archive));
    match global.json {
        true => print_json(&json!({
            "archive": place,
            "sha256": sha256,
            "bytes": archive.len(),
            "cells": packed.cells.len(),
            "missing": packed.missing,
            "access": packed.access.word(),
        }))?,
        false => out!(
            "{}: {} cells, {}, SHA-256 {sha256}",
            place.display(),
            packed.cells.len(),
            bytes(archive.len() as u64)
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::orcid;

    #[test]
    fn an_orcid_whose_last_digit_does_not_fit_is_refused() {
        let good = "https://orcid.org/0000-0002-1825-0097";
        assert_eq!(orcid("0000-0002-1825-0097").as_deref(), Ok(good));
        assert_eq!(orcid(good).as_deref(), Ok(good));
        assert!(orcid("0000-0002-1694-233X").is_ok());
        for wrong in [
            "",
            "0000-0002-1825-0098",
            "0000000218250097",
            "0000-0002-1825-009a",
            "X000-0002-1825-0097",
        ] {
            assert!(orcid(wrong).is_err(), "{wrong}");
        }
    }
}
