//! Who imports whom: the promises of ARCHITECTURE.md, held against the imports and paths of every file of `src`.

use std::collections::{BTreeMap, BTreeSet};

use icdbench::machine::built::NAMED;

/// What each module may import: other modules, or single files of one. Anything else fails.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("main", &["cli", "machine"]),
    (
        "cli",
        &[
            "bench",
            "audit",
            "candle",
            "codiesp",
            "compare",
            "contain",
            "data",
            "device",
            "engines",
            "gate",
            "machine",
            "pack",
            "plan",
            "prepare",
            "published",
            "record",
            "report",
            "reproduce",
            "results",
            "search",
            "speed",
            "stages",
            "submit",
            "suite",
            "throughput",
            "train",
            // What can be asked for: names of models, of metrics, of tokenizers' files. Nothing is computed.
            "metrics/names.rs",
            "models/mod.rs",
            "text/store.rs",
            "text/vector_files.rs",
        ],
    ),
    ("gate", &["compare", "metrics", "record"]),
    ("audit", &["metrics", "record"]),
    // What the registry says of a data set, the published numbers as files, and what a store has of a cell.
    ("pack", &["data", "published", "record", "results"]),
    // Hashes as digits.
    ("published", &["record/digits.rs"]),
    (
        "reproduce",
        &[
            "compare",
            "metrics/names.rs",
            "published",
            "record",
            "report/printed.rs",
            "report/table.rs",
            // Sizes of models.
            "models",
        ],
    ),
    // The settings of whom it asks.
    (
        "suite",
        &[
            "data",
            "device/precision.rs",
            "models/mod.rs",
            "word_vectors",
            // How ensembles put scores together.
            "metrics/combine.rs",
            // What a pretraining may be asked.
            "pretraining/settings.rs",
            // What a record may hold.
            "record/limits.rs",
            "text",
            "train",
        ],
    ),
    // Trials are runs of a suite, and their records say which is the best. What the scored notes of a trial are called.
    ("search", &["data/division.rs", "record", "suite"]),
    (
        "plan",
        &[
            "data",
            "device",
            "machine",
            "record",
            "suite",
            "text",
            // What a pretraining may be asked.
            "pretraining/settings.rs",
            // What the arithmetic is called, and the version of the metrics: both are part of keys.
            "kernels/instructions.rs",
            "metrics/version.rs",
        ],
    ),
    // What cells would take; how files are written so that a crash cannot hurt them, and how hashes are spelled.
    (
        "submit",
        &[
            "plan",
            "record/digits.rs",
            "results/disk.rs",
            "results/files.rs",
            "stages/estimate.rs",
            "suite",
        ],
    ),
    (
        "stages",
        &[
            // The track's rules for evidence.
            "codiesp",
            "contain",
            "data",
            "device",
            "machine",
            "metrics",
            "models",
            "plan",
            "pretrained",
            "pretraining",
            "record",
            "results",
            "suite",
            "text",
            "train",
            "word_vectors",
        ],
    ),
    (
        "engines",
        &[
            "contain",
            "device",
            "machine",
            "plan",
            "record",
            "results",
            "stages",
            "suite",
            "train",
            // Read once, and handed to the stages.
            "data/registry.rs",
        ],
    ),
    // How stages are named, how hashes are spelled, and which records there are: their types and nothing computed.
    ("results", &["record"]),
    // What a record says of a file of predictions that was read.
    ("data", &["record/external.rs"]),
    // How files are written so that a crash cannot hurt them.
    ("prepare", &["data", "results/disk.rs", "results/files.rs"]),
    // The notes that may be fitted on.
    ("text", &["data/fit.rs"]),
    ("word_vectors", &["kernels/vector.rs"]),
    ("models", &["device/precision.rs", "kernels"]),
    ("kernels", &[]),
    (
        "train",
        &[
            "device/precision.rs",
            "kernels",
            "metrics",
            "models",
            "text",
            // How a checkpoint is written so that a crash cannot hurt it, and the rows that a record takes over.
            "record/mod.rs",
            "results/disk.rs",
            "results/files.rs",
            "results/seal.rs",
        ],
    ),
    (
        "pretraining",
        &[
            // Texts that may be fitted on.
            "data/fit.rs",
            "device/precision.rs",
            "models",
            // The encoder as the directory that comes out.
            "pretrained",
            // The rows of a learning curve, as training tells them.
            "record/mod.rs",
            // Errors of checkpoints and of the directory.
            "results/disk.rs",
            "text",
            // Optimiser, schedule, checkpoints, and who is told.
            "train",
        ],
    ),
    (
        "pretrained",
        &[
            // Plain numbers by name, and what models take them as.
            "models/parameters.rs",
            "models/pretrained_encoder.rs",
            // How hashes are spelled.
            "record/digits.rs",
            // How a directory is written so that a crash cannot hurt it.
            "results/disk.rs",
            "results/files.rs",
            // The vocabulary beside the weights and how text is read; files that only stand for others.
            "text/error.rs",
            "text/files.rs",
            "text/kind.rs",
            "text/published.rs",
        ],
    ),
    (
        "bench",
        &[
            "contain",
            "device",
            // How it ended; how hashes are spelled.
            "record/digits.rs",
            "record/mod.rs",
            // A worker's life and death, which cells have too.
            "engines/death.rs",
            "engines/process.rs",
            "machine",
            "models",
            "train",
        ],
    ),
    // Holm's correction.
    ("speed", &["compare/family.rs"]),
    // What an engine is asked and how it lives, how memory is counted, and the machine's name.
    (
        "candle",
        &["bench/engine.rs", "bench/memory.rs", "bench/protocol.rs", "machine"],
    ),
    // Models are timed, in engines; timings are files.
    (
        "throughput",
        &[
            "bench",
            "device/precision.rs",
            "machine",
            "models/mod.rs",
            "models/work.rs",
            "record",
            "results/disk.rs",
            "speed",
        ],
    ),
    ("metrics", &[]),
    ("codiesp", &[]),
    // How files are written so that a crash cannot hurt them.
    ("record", &["results/disk.rs", "results/files.rs", "results/seal.rs"]),
    ("compare", &["metrics", "record"]),
    (
        "report",
        &[
            "compare",
            "metrics/names.rs",
            "record",
            // What papers say of time.
            "published",
            // Timings, what an engine says of itself, what the machine can do.
            "bench/peak.rs",
            "bench/protocol.rs",
            "speed",
            "throughput",
        ],
    ),
    ("device", &["contain"]),
    ("machine", &["record/provenance.rs"]),
    ("contain", &[]),
];

/// What the crates of one module must not be: `module`, then words that no path of its files starts with.
const WITHOUT: &[(&str, &[&str])] = &[
    ("kernels", &["burn"]),
    ("metrics", &["burn"]),
    ("data", &["burn"]),
    ("text", &["burn"]),
    ("word_vectors", &["burn"]),
    ("results", &["burn"]),
    ("record", &["burn"]),
    ("plan", &["burn", "indicatif", "clap"]),
    ("compare", &["burn"]),
    ("speed", &["burn", "indicatif", "clap"]),
    ("audit", &["burn"]),
    ("pack", &["burn", "indicatif", "clap"]),
    ("gate", &["burn"]),
    ("codiesp", &["burn"]),
    ("report", &["burn", "indicatif", "clap"]),
    ("pretrained", &["burn"]),
    ("candle", &["burn"]),
    ("pretraining", &["indicatif", "clap"]),
    ("submit", &["burn", "indicatif"]),
    ("train", &["indicatif", "clap"]),
    ("stages", &["indicatif", "clap"]),
    ("models", &["indicatif", "clap"]),
];

/// The module of `src/<module>/..` or `src/<module>.rs`.
fn module(file: &str) -> &str {
    let path = file.strip_prefix("src/").unwrap_or(file);
    let name = path.split('/').next().unwrap_or(path);
    name.strip_suffix(".rs").unwrap_or(name)
}

/// Each import of a file by another.
fn imports() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = NAMED
        .iter()
        .flat_map(|(from, named)| named.iter().map(move |to| (*from, *to)));
    files.filter(|(_, to)| to.starts_with("src/"))
}

fn row(of: &str) -> &'static [&'static str] {
    let found = MAY_IMPORT.iter().find(|(name, _)| *name == of);
    let (_, may) = found.unwrap_or_else(|| {
        panic!("src/{of} is a new module: say in MAY_IMPORT of tests/architecture.rs what it may import, and add its row to ARCHITECTURE.md")
    });
    may
}

/// Whether an entry of a row covers a file: the module whole, or that file of it.
fn covers(entry: &str, file: &str) -> bool {
    entry == module(file) || format!("src/{entry}") == file
}

/// The line of the table in ARCHITECTURE.md that is about a module.
fn promise(of: &str) -> Option<&'static str> {
    let text = include_str!("../ARCHITECTURE.md");
    text.lines().find(|line| line.starts_with(&format!("| `{of}` |")))
}

#[test]
fn a_module_imports_only_what_it_may_know() {
    let mut wrong = Vec::new();
    for (from, to) in imports() {
        let (of, other) = (module(from), module(to));
        if of == "lib" || of == other || row(of).iter().any(|entry| covers(entry, to)) {
            continue;
        }
        let promise = promise(of).unwrap_or("(it has no row there)");
        wrong.push(format!(
            "{from} imports {to}: `{of}` may import {:?}. Move what is needed to a module that both may know; or, if the \
             promise itself is wrong, change it in ARCHITECTURE.md, {promise:?}, and in MAY_IMPORT",
            row(of)
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_may_be_imported_that_is_not() {
    for (of, may) in MAY_IMPORT {
        for entry in *may {
            let used = imports().any(|(from, to)| module(from) == *of && covers(entry, to));
            assert!(
                used,
                "`{of}` no longer imports {entry}: delete it from its row of MAY_IMPORT"
            );
        }
    }
}

#[test]
fn every_module_stands_in_the_table_of_architecture_md() {
    let modules: BTreeSet<&str> = NAMED.iter().map(|(file, _)| module(file)).collect();
    for module in modules.iter().filter(|module| !["lib", "main"].contains(module)) {
        assert!(
            promise(module).is_some(),
            "ARCHITECTURE.md has no row `| `{module}` | ..`"
        );
    }
    let text = include_str!("../ARCHITECTURE.md");
    let named = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    for (name, _) in named {
        assert!(
            modules.contains(name),
            "ARCHITECTURE.md has a row for `{name}`, and src has no such module"
        );
    }
}

#[test]
fn a_module_uses_no_crate_that_it_may_not_know() {
    for (file, _) in NAMED {
        let Some((_, crates)) = WITHOUT.iter().find(|(of, _)| *of == module(file)) else {
            continue;
        };
        let source = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for (at, line) in source
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for name in *crates {
                let starts =
                    |before: Option<char>| !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
                let found = line
                    .match_indices(&format!("{name}::"))
                    .any(|(i, _)| starts(line[..i].chars().next_back()));
                assert!(
                    !found,
                    "{file}:{}: `{}` must not know {name}, says ARCHITECTURE.md",
                    at + 1,
                    module(file)
                );
            }
        }
    }
}

/// The circles of a graph: groups of files each of which reaches the others, in order.
fn circles<'a>(imports: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeSet<Vec<&'a str>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in imports {
        next.entry(from).or_default().insert(to);
    }
    let reached = |from: &'a str| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = next.get(from).into_iter().flatten().copied().collect();
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(next.get(file).into_iter().flatten());
            }
        }
        reached
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|file| (*file, reached(file))).collect();
    let on_a_circle = reach.iter().filter(|(file, reached)| reached.contains(**file));
    on_a_circle
        .map(|(file, reached)| {
            let comes_back = |other: &&&str| reach.get(**other).is_some_and(|back| back.contains(file));
            reached.iter().filter(comes_back).copied().collect()
        })
        .collect()
}

#[test]
fn a_circle_is_found_and_what_only_leads_to_it_is_not() {
    let imports = [
        ("a", "b"),
        ("b", "c"),
        ("c", "b"),
        ("c", "d"),
        ("e", "f"),
        ("f", "g"),
        ("g", "e"),
    ];
    let expected = BTreeSet::from([vec!["b", "c"], vec!["e", "f", "g"]]);
    assert_eq!(circles(imports.into_iter()), expected);
    assert_eq!(
        circles([("a", "b"), ("a", "c"), ("b", "c")].into_iter()),
        BTreeSet::new()
    );
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let found: Vec<String> = circles(imports())
        .iter()
        .map(|circle| {
            let inside = imports().filter(|(from, to)| circle.contains(from) && circle.contains(to));
            let lines: Vec<String> = inside.map(|(from, to)| format!("  {from} imports {to}")).collect();
            lines.join("\n")
        })
        .collect();
    assert!(
        found.is_empty(),
        "these files cannot be read one after the other: move what both need to a file of its own\n{}",
        found.join("\nand\n")
    );
}
