//! Where a suite comes from.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Global;
use crate::device::DeviceClass;
use crate::search::Trials;
use crate::suite::Suite;
use crate::throughput::ThroughputSuite;

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
    (
        "codiesp-pretraining",
        include_str!("../../suites/codiesp-pretraining.toml"),
    ),
    ("bert-xml-smoke", include_str!("../../suites/bert-xml-smoke.toml")),
    ("bert-xml-small", include_str!("../../suites/bert-xml-small.toml")),
    ("bert-xml", include_str!("../../suites/bert-xml.toml")),
    ("longbert", include_str!("../../suites/longbert.toml")),
    ("longbert-50", include_str!("../../suites/longbert-50.toml")),
    ("longbert-mimic4", include_str!("../../suites/longbert-mimic4.toml")),
    ("magic-of-bert", include_str!("../../suites/magic-of-bert.toml")),
    (
        "magic-of-bert-full",
        include_str!("../../suites/magic-of-bert-full.toml"),
    ),
    ("multirescnn", include_str!("../../suites/multirescnn.toml")),
    ("multirescnn-50", include_str!("../../suites/multirescnn-50.toml")),
    ("caml", include_str!("../../suites/caml.toml")),
    ("laat", include_str!("../../suites/laat.toml")),
    ("plm-icd", include_str!("../../suites/plm-icd.toml")),
    ("plm-icd-50", include_str!("../../suites/plm-icd-50.toml")),
    ("plm-ca", include_str!("../../suites/plm-ca.toml")),
    ("edin-2023-clean", include_str!("../../suites/edin-2023-clean.toml")),
    (
        "edin-2023-mimic4-icd9",
        include_str!("../../suites/edin-2023-mimic4-icd9.toml"),
    ),
    (
        "edin-2023-mimic4-icd10",
        include_str!("../../suites/edin-2023-mimic4-icd10.toml"),
    ),
];

/// Suites of timings that come with the program.
pub(super) const THROUGHPUT: &[(&str, &str)] = &[
    ("throughput", include_str!("../../suites/throughput.toml")),
    (
        "throughput-compiled",
        include_str!("../../suites/throughput-compiled.toml"),
    ),
    ("throughput-base", include_str!("../../suites/throughput-base.toml")),
    ("throughput-gate", include_str!("../../suites/throughput-gate.toml")),
    (
        "throughput-counted",
        include_str!("../../suites/throughput-counted.toml"),
    ),
];

/// A suite of timings, where the argument names one.
pub(super) fn throughput(argument: &Path) -> Result<Option<ThroughputSuite>> {
    let built_in = THROUGHPUT.iter().find(|(name, _)| argument.as_os_str() == *name);
    let (text, origin) = match built_in {
        Some((name, text)) if !argument.is_file() => ((*text).to_owned(), format!("suites/{name}.toml")),
        // Whatever cannot be read is said where other suites are.
        _ => match std::fs::read_to_string(argument) {
            Ok(text) => (text, argument.display().to_string()),
            Err(_) => return Ok(None),
        },
    };
    match ThroughputSuite::is_one(&text) {
        true => Ok(Some(ThroughputSuite::parse(&text, &origin)?)),
        false => Ok(None),
    }
}

/// Refuses options that mean nothing for a suite of this kind, rather than to go on without them.
pub(super) fn refuse(given: &[(&str, bool)], why: &str) -> Result<()> {
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => bail!("{option}: {why}; leave it out"),
        None => Ok(()),
    }
}

/// Refuses a device beside a suite of timings, whose engines say where they compute.
pub(super) fn refuse_device(global: &Global) -> Result<()> {
    match global.device == DeviceClass::Flex.into() {
        true => Ok(()),
        false => bail!(
            "--device {}: engines of a suite of timings say where they compute, as burn@{}; leave it out",
            global.device,
            global.device
        ),
    }
}

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
    if let Some(suite) = throughput(argument)? {
        bail!(
            "{}: a suite of timings, which has no scores: `icdbench run` times it and writes its report",
            suite.name
        );
    }
    let built_in = SUITES.iter().find(|(name, _)| argument.as_os_str() == *name);
    let suite = match built_in {
        Some((name, text)) if !argument.is_file() => Suite::parse(text, &format!("suites/{name}.toml"))?,
        _ => Suite::read(argument)?,
    };
    Ok(suite)
}
