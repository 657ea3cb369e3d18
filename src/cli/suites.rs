//! Where a suite comes from.

use std::path::Path;

use anyhow::{Context, Result};

use crate::search::Trials;
use crate::suite::Suite;

/// Suites that come with the program, by name: `icdbench run quick` works wherever it is called.
pub(super) const SUITES: &[(&str, &str)] = &[
    ("smoke", include_str!("../../suites/smoke.toml")),
    ("quick", include_str!("../../suites/quick.toml")),
    ("quick-seeds", include_str!("../../suites/quick-seeds.toml")),
    ("quick-search", include_str!("../../suites/quick-search.toml")),
    ("lengths", include_str!("../../suites/lengths.toml")),
    ("codiesp-search", include_str!("../../suites/codiesp-search.toml")),
    ("codiesp", include_str!("../../suites/codiesp.toml")),
    ("codiesp-dev", include_str!("../../suites/codiesp-dev.toml")),
    ("codiesp-official", include_str!("../../suites/codiesp-official.toml")),
    (
        "codiesp-official-train-dev",
        include_str!("../../suites/codiesp-official-train-dev.toml"),
    ),
    (
        "codiesp-official-dev",
        include_str!("../../suites/codiesp-official-dev.toml"),
    ),
    (
        "codiesp-official-dev-p",
        include_str!("../../suites/codiesp-official-dev-p.toml"),
    ),
    (
        "codiesp-official-dev-x",
        include_str!("../../suites/codiesp-official-dev-x.toml"),
    ),
    ("bert-xml", include_str!("../../suites/bert-xml.toml")),
    ("longbert", include_str!("../../suites/longbert.toml")),
    ("longbert-50", include_str!("../../suites/longbert-50.toml")),
    ("longbert-mimic4", include_str!("../../suites/longbert-mimic4.toml")),
    ("magic-of-bert", include_str!("../../suites/magic-of-bert.toml")),
    (
        "magic-of-bert-full",
        include_str!("../../suites/magic-of-bert-full.toml"),
    ),
];

/// A suite by path, or by the name of one that comes with the program; of one that searches, its trials.
pub(super) fn suite(argument: &Path) -> Result<Suite> {
    let suite = as_written(argument)?;
    match suite.search {
        Some(_) => Ok(Trials::of(&suite)?.suite),
        None => Ok(suite),
    }
}

/// The text of a suite's file.
pub(super) fn text(argument: &Path) -> Result<String> {
    let built_in = SUITES.iter().find(|(name, _)| argument.as_os_str() == *name);
    match built_in {
        Some((_, text)) if !argument.is_file() => Ok((*text).to_owned()),
        _ => {
            std::fs::read_to_string(argument).with_context(|| format!("{}: cannot read the suite", argument.display()))
        }
    }
}

/// A suite as its file writes it.
pub(super) fn as_written(argument: &Path) -> Result<Suite> {
    let built_in = SUITES.iter().find(|(name, _)| argument.as_os_str() == *name);
    let suite = match built_in {
        Some((name, text)) if !argument.is_file() => Suite::parse(text, &format!("suites/{name}.toml"))?,
        _ => Suite::read(argument)?,
    };
    Ok(suite)
}
