//! The archive's `README.md`: what it holds, how to check it, how to run it again, what is not in it.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::contents::{CARGO_LOCK, Pack};
use crate::record::{Status, hex};

/// Its text.
pub(super) fn readme(pack: &Pack<'_>) -> String {
    let ok = pack.records().filter(|record| record.status == Status::Ok).count();
    let device = device(pack);
    let left_out: String = pack
        .left_out()
        .iter()
        .map(|sentence| format!("- {sentence}\n"))
        .collect();
    format!(
        "# {name}

{description}

{cells} cells of the icdbench suite `{name}` have a record here, {ok} of them with scores. Packed by {packed_by}.

| file | what it is |
|---|---|
| `report/index.html`, `report/report.md` | the report; its tables as CSV and LaTeX, its plots as SVG and PNG |
| `results/records/` | one record a cell: scores, intervals, every setting, hashes of all that it was made from, the machine |
{rows}| `suite.toml` | the experiment, whole |
| `datasets.toml`, `croissant/` | where the data come from, their licence, files and hashes |
| `baselines/` | published numbers and claims as icdbench knows them |
| `environment.json`, `Cargo.lock` | programs and machines of the records; versions of all packages |
| `REPRODUCE.md` | which number of icdbench, which command, what it needs |
| `ro-crate-metadata.json` | all of this for programs: a Workflow Run RO-Crate, one action a cell |

## Check it

    sha256sum -c SHA256SUMS
    icdbench{device} --datasets datasets.toml check results{suite}

The second makes again what can be made again without training, and says of every cell how far that went.

    icdbench{device} --datasets datasets.toml report suite.toml --reports again

writes the report from the records alone{report}.

## Run it again

    icdbench{device} --datasets datasets.toml --results again run suite.toml
    icdbench{device} compare results again

Data: {dataset}. Source: {source}. Licence: {licence}{directory}

## What is not in it

{left_out}{lock}",
        name = pack.name,
        description = pack.description,
        cells = pack.cells.len(),
        packed_by = pack.packed_by,
        rows = match pack.cells.iter().any(|cell| !cell.rows.is_empty()) {
            true => "| `results/private/rows/` | rows by note, and metrics in redraws of the notes |\n",
            false => "",
        },
        report = match pack.access.shows_rows() {
            true => "",
            false => ": what it said of pairs of runs took the rows by note",
        },
        dataset = pack.dataset_title(),
        source = pack.dataset.source,
        licence = pack.dataset_licence(),
        suite = match pack.missing.is_empty() {
            true => " --suite suite.toml",
            // It would find those that are named below.
            false => "",
        },
        directory = match pack.dataset.source.starts_with("http") {
            true => "; add `--data DIR`.",
            false => ".",
        },
        lock = lock(pack),
    )
}

/// The option that names the records' device, where it is not the usual one.
fn device(pack: &Pack<'_>) -> String {
    let devices: BTreeSet<&str> = pack.records().map(|record| record.cell.device.as_str()).collect();
    match devices.into_iter().find(|device| *device != "flex") {
        Some(device) => format!(" --device {device}"),
        None => String::new(),
    }
}

/// That records were made with other versions than the lock file has.
fn lock(pack: &Pack<'_>) -> String {
    let packed = hex(&Sha256::digest(CARGO_LOCK));
    let other = pack
        .records()
        .filter(|record| record.provenance.cargo_lock_sha256 != packed)
        .count();
    match other {
        0 => String::new(),
        count => format!(
            "- `Cargo.lock` is that of the program that packed. {count} records were made with another one; \
             `environment.json` has its SHA-256 and the git revision it is of.\n"
        ),
    }
}
