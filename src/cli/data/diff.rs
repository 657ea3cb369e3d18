//! `icdbench data diff A B`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::super::terminal::out;
use super::super::{Global, print_json};
use crate::machine;
use crate::prepare::{Diff, Noted, diff};

/// Lines of a list that are shown; JSON has all.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A prepared directory.
    a: PathBuf,
    /// Another.
    b: PathBuf,
}

pub(super) fn compare(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    machine::no_core_dumps();
    let found = diff(&arguments.a, &arguments.b)?;
    if global.json {
        print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    show(&found)?;
    Ok(ExitCode::SUCCESS)
}

fn show(found: &Diff) -> Result<()> {
    if found.same {
        out!("the notes are the same: ids, patients, parts, texts and codes");
    }
    if let Some((a, b)) = &found.datasets {
        out!("data sets: {a} and {b}");
    }
    if let Some((a, b)) = &found.rules {
        out!("rules: {a}\n   and {b}");
    }
    if !found.inputs.is_empty() {
        out!("input files that differ: {}", found.inputs.join(", "));
    }
    out!("{:>10}  notes in both", found.notes_in_both);
    for (noted, what) in [
        (&found.notes_only.a, "notes in A alone"),
        (&found.notes_only.b, "notes in B alone"),
        (&found.other_part, "notes in another part"),
        (&found.other_patient, "notes of another patient"),
        (&found.other_text, "notes with another text"),
        (&found.other_codes, "notes with other codes"),
    ] {
        out!("{:>10}  {what}{}", noted.count, examples(noted));
    }
    out!("{:>10}  (note, code) pairs in A alone", found.pairs_only.a);
    out!("{:>10}  (note, code) pairs in B alone", found.pairs_only.b);
    out!("{:>10}  different codes in A, {} in B", found.labels.a, found.labels.b);
    only("A", &found.labels_only.a)?;
    only("B", &found.labels_only.b)?;
    if !found.rewritten.is_empty() {
        out!("\ncodes that are written otherwise:");
        for row in found.rewritten.iter().take(SHOWN) {
            out!("{:>10}  {} -> {}", row.notes, row.from, row.to);
        }
        more(found.rewritten.len())?;
    }
    merged("several codes of A that are one in B", &found.merged.b)?;
    merged("several codes of B that are one in A", &found.merged.a)
}

fn examples(noted: &Noted) -> String {
    match noted.examples.is_empty() {
        true => String::new(),
        false => format!(" (by hash: {})", noted.examples.join(", ")),
    }
}

fn only(which: &str, codes: &BTreeMap<String, u64>) -> Result<()> {
    if codes.is_empty() {
        return Ok(());
    }
    out!("\n{} codes in {which} alone, with their notes:", codes.len());
    let mut sorted: Vec<(&String, &u64)> = codes.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    for (code, notes) in sorted.iter().take(SHOWN) {
        out!("{notes:>10}  {code}");
    }
    more(codes.len())
}

fn merged(title: &str, codes: &BTreeMap<String, BTreeSet<String>>) -> Result<()> {
    if codes.is_empty() {
        return Ok(());
    }
    out!("\n{title}:");
    for (one, several) in codes.iter().take(SHOWN) {
        let several: Vec<&str> = several.iter().map(String::as_str).collect();
        out!("            {one} <- {}", several.join(", "));
    }
    more(codes.len())
}

fn more(all: usize) -> Result<()> {
    if all > SHOWN {
        out!("            ... and {} more (--json has all)", all - SHOWN);
    }
    Ok(())
}
