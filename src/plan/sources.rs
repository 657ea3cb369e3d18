//! Which files of this program's source can move which stage's result: the part of a stage's key that stands for
//! code.
//!
//! `build.rs` hashes the code of each file (comments, tests and layout do not count) and finds which files each file
//! can reach. A stage's group is what can be reached from its roots, up to the walls: files that are reached and
//! cannot move that result. The tables below are all there is to edit when a file comes, goes or moves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::machine::built::{IMPORTS, PROFILE, SOURCES};
use crate::record::hex;

/// What computes one stage's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code<'a> {
    /// The notes of a data set in their roles, with their labels.
    Notes {
        /// As the registry names it.
        dataset: &'a str,
    },
    /// A vocabulary and how texts are cut, of one kind: `words`, `word-piece` or `byte-level-bpe`.
    Tokenizer(&'a str),
    /// Token ids by a tokenizer of that kind.
    Tokens(&'a str),
    /// Word vectors that a file gives.
    Vectors,
    /// Word vectors that are trained: by `word2vec` or `starspace`.
    TrainedVectors(&'a str),
    /// A pretrained encoder's weights.
    Encoder,
    /// An encoder pretrained on the notes' texts.
    Pretraining,
    /// A model's trained weights.
    Weights {
        /// As the table of models names it.
        model: &'a str,
    },
    /// A trained model's scores.
    Scores {
        /// As the table of models names it.
        model: &'a str,
    },
    /// Scores that are made of several models' scores.
    Ensemble,
    /// Scores that a file of another system's predictions gives.
    External,
    /// The spans that a model gives as evidence, and their scores.
    Evidence {
        /// As the table of models names it.
        model: &'a str,
    },
    /// The metrics of scores, and the record of a cell.
    Record,
    /// What `data prepare` writes: no stage, and none reads its hash.
    Preparation,
}

/// A file, a folder (`src/metrics/`), or what starts like this (`src/text/wordpiece*`); `|` joins the places that one
/// thing may be in; `{}` stands for the data set or the model. With why, where that is not plain.
type Place = (&'static str, &'static str);

struct Group {
    roots: &'static [&'static str],
    walls: &'static [Place],
    /// Whether floating-point numbers are computed, so that the compiler's settings count.
    floats: bool,
}

const NOTES: Group = Group {
    roots: &[
        "src/data/{}.rs|src/data/{}/",
        "src/data/checksum.rs",
        "src/data/corpus.rs",
        "src/data/division.rs",
        "src/data/labels.rs",
        "src/stages/notes.rs",
    ],
    walls: &[("src/record/", "writes hashes as digits")],
    floats: false,
};

const TOKENIZER: Group = Group {
    roots: &["src/text/tokenizer.rs", "src/stages/tokenizer.rs"],
    walls: &[
        ("src/data/", "an earlier stage's"),
        ("src/record/", "how stages are named"),
    ],
    floats: false,
};

const TOKENS: Group = Group {
    roots: &[
        "src/text/tokenizer.rs",
        "src/text/store.rs",
        "src/text/store_file.rs",
        "src/stages/tokens.rs",
    ],
    walls: &[
        ("src/data/", "an earlier stage's"),
        ("src/models/", "is given what this stage makes"),
        ("src/stages/tokenizer.rs", "an earlier stage's"),
        ("src/record/", "how stages are named"),
    ],
    floats: true,
};

const VECTORS: Group = Group {
    roots: &["src/text/vectors.rs", "src/stages/vectors.rs"],
    walls: &[
        ("src/text/tokenizer.rs", "an earlier stage's"),
        ("src/models/", "is given what this stage makes"),
        ("src/stages/scores.rs", "writes numbers as bytes"),
        ("src/text/wordpiece*", "an earlier stage's"),
        ("src/record/", "how stages are named"),
        (
            "src/stages/trained_vectors.rs|src/word_vectors/",
            "trains those that no file gives",
        ),
        ("src/text/vector_files.rs", "writes them for other programs"),
    ],
    floats: true,
};

const TRAINED_VECTORS: Group = Group {
    roots: &[
        "src/word_vectors/{}.rs",
        "src/stages/trained_vectors.rs",
        "src/text/vectors.rs",
    ],
    walls: &[
        ("src/text/tokenizer.rs", "an earlier stage's"),
        ("src/stages/notes.rs|src/stages/tokenizer.rs", "an earlier stage's"),
        ("src/data/", "an earlier stage's"),
        ("src/models/", "is given what this stage makes"),
        ("src/record/", "how stages are named"),
    ],
    floats: true,
};

const ENCODER: Group = Group {
    roots: &["src/pretrained/", "src/stages/encoder.rs"],
    walls: &[
        ("src/models/coding_model.rs", "is given what this stage makes"),
        ("src/text/", "checks that the vocabulary fits the encoder"),
        ("src/record/", "writes hashes as digits"),
    ],
    floats: false,
};

const PRETRAINING: Group = Group {
    roots: &[
        "src/pretraining/",
        "src/device.rs",
        "src/device/",
        "src/stages/pretraining.rs",
    ],
    walls: &[
        ("src/text/tokenizer.rs|src/text/encoding.rs", "an earlier stage's"),
        (EARLIEST, "an earlier stage's"),
        ("src/data/", "an earlier stage's"),
        (
            "src/text/normalise.rs|src/text/words.rs|src/text/vocabulary.rs",
            "an earlier stage's",
        ),
        ("src/train/fit.rs", "how results are handed on"),
        (
            "src/record/",
            "how checkpoints and facts are written, not what is in them",
        ),
    ],
    floats: true,
};

const WEIGHTS: Group = Group {
    roots: &[
        "src/models/{}.rs|src/models/{}/",
        "src/train/",
        "src/device.rs",
        "src/device/",
        "src/stages/weights.rs",
        // What chooses the epoch and the threshold.
        "src/metrics/watch.rs",
        "src/metrics/threshold.rs",
    ],
    walls: &[
        ("src/text/tokenizer.rs|src/text/encoding.rs", "an earlier stage's"),
        (BEFORE_TRAINING, "an earlier stage's"),
        (
            "src/record/",
            "how checkpoints and rows are written, not what is in them",
        ),
        (
            "src/metrics/evaluate.rs",
            "puts the families' metrics together for the record",
        ),
        ("src/metrics/names.rs", "what metrics are called"),
        ("src/metrics/frequency.rs", "the record's"),
        ("src/metrics/degenerate.rs", "refuses weights, moves none"),
        ("src/metrics/error.rs", "texts"),
    ],
    floats: true,
};

const SCORES: Group = Group {
    roots: &[
        "src/models/{}.rs|src/models/{}/",
        "src/train/score.rs",
        "src/device.rs",
        "src/device/",
        "src/stages/scores.rs",
    ],
    walls: &[
        ("src/text/tokenizer.rs|src/text/encoding.rs", "an earlier stage's"),
        (BEFORE_TRAINING, "an earlier stage's"),
        ("src/stages/weights.rs", "an earlier stage's"),
        ("src/train/observer.rs", "is told how far it is"),
        ("src/record/", "how results are written down"),
    ],
    floats: true,
};

const ENSEMBLE: Group = Group {
    roots: &[
        "src/metrics/combine.rs",
        "src/metrics/threshold.rs",
        "src/stages/ensemble.rs",
    ],
    walls: &[
        (BEFORE_TRAINING, "an earlier stage's"),
        ("src/stages/weights.rs", "an earlier stage's"),
        ("src/stages/scores.rs", "an earlier stage's"),
        ("src/models/", "an earlier stage's"),
        ("src/data/", "an earlier stage's"),
        ("src/text/", "an earlier stage's"),
        ("src/train/fit.rs", "how results are handed on"),
        ("src/record/", "how results are written down"),
        (
            "src/metrics/evaluate.rs",
            "puts the families' metrics together for the record",
        ),
        ("src/metrics/names.rs", "what metrics are called"),
        ("src/metrics/frequency.rs", "the record's"),
        ("src/metrics/degenerate.rs", "refuses scores, moves none"),
        ("src/metrics/error.rs", "texts"),
    ],
    floats: true,
};

const EXTERNAL: Group = Group {
    roots: &["src/data/predictions/", "src/stages/external.rs"],
    walls: &[
        (BEFORE_TRAINING, "an earlier stage's"),
        ("src/stages/record.rs", "a later stage's"),
        ("src/stages/scores.rs", "how scores are written"),
        ("src/stages/weights.rs", "of models that are trained here"),
        ("src/models/", "of models that are trained here"),
        ("src/text/", "of models that are trained here"),
        ("src/train/fit.rs", "how results are handed on"),
        (
            "src/data/corpus.rs|src/data/division.rs|src/data/labels.rs",
            "an earlier stage's",
        ),
        ("src/record/", "how results are written down"),
        (
            "src/metrics/evaluate.rs",
            "puts the families' metrics together for the record",
        ),
        ("src/metrics/names.rs", "what metrics are called"),
        ("src/metrics/frequency.rs", "the record's"),
        ("src/metrics/degenerate.rs", "refuses scores, moves none"),
        ("src/metrics/error.rs", "texts"),
    ],
    floats: true,
};

const EVIDENCE: Group = Group {
    roots: &[
        "src/models/{}.rs|src/models/{}/",
        "src/codiesp/",
        "src/device.rs",
        "src/device/",
        "src/stages/evidence.rs",
    ],
    walls: &[
        ("src/text/tokenizer.rs|src/text/encoding.rs", "an earlier stage's"),
        (BEFORE_TRAINING, "an earlier stage's"),
        ("src/stages/weights.rs", "an earlier stage's"),
        ("src/stages/scores.rs", "an earlier stage's"),
        ("src/train/", "an earlier stage's"),
        ("src/data/", "an earlier stage's"),
        ("src/record/", "how results are written down"),
    ],
    floats: true,
};

const RECORD: Group = Group {
    roots: &[
        "src/metrics/",
        "src/record/",
        "src/results/salt.rs",
        "src/stages/record.rs",
    ],
    walls: &[
        (BEFORE_TRAINING, "an earlier stage's"),
        ("src/stages/weights.rs", "an earlier stage's"),
        ("src/stages/scores.rs", "an earlier stage's"),
        ("src/stages/evidence.rs", "an earlier stage's"),
        ("src/codiesp/", "an earlier stage's"),
        ("src/models/", "an earlier stage's"),
        ("src/data/", "an earlier stage's"),
        ("src/text/", "an earlier stage's"),
        ("src/train/", "an earlier stage's"),
    ],
    floats: true,
};

const PREPARATION: Group = Group {
    roots: &["src/prepare/", "src/data/prepared/table.rs"],
    walls: &[
        ("src/data/prepared/read.rs", "reads what was written"),
        ("src/data/corpus.rs", "what is made of it later"),
        ("src/record/", "writes hashes as digits"),
    ],
    floats: false,
};

/// The work of the stages before training.
const BEFORE_TRAINING: &str = "src/stages/notes.rs|src/stages/made/seen.rs|src/stages/tokenizer.rs|src/stages/tokens.rs|src/stages/vectors.rs|src/stages/trained_vectors.rs|src/word_vectors/|src/stages/encoder.rs|src/stages/pretraining.rs|src/pretraining/";
/// The work of the stages before pretraining.
const EARLIEST: &str = "src/stages/notes.rs|src/stages/made/seen.rs|src/stages/tokenizer.rs|src/stages/tokens.rs|src/stages/vectors.rs|src/stages/trained_vectors.rs|src/word_vectors/|src/stages/encoder.rs";

/// The kinds of tokenizer, and the files that only one of them is made of.
const KINDS: &[(&str, &str)] = &[
    ("words", "src/text/words.rs"),
    ("word-piece", "src/text/wordpiece*"),
    ("byte-level-bpe", "src/text/bpe*"),
];

/// How word vectors are trained, and the files that only one of them is made of.
const METHODS: &[(&str, &str)] = &[
    ("word2vec", "src/word_vectors/word2vec.rs"),
    ("starspace", "src/word_vectors/starspace*"),
];

/// Files that move no stage's result.
const NOTHING: &[(&[&str], &str)] = &[
    (
        &[
            "src/lib.rs",
            "src/main.rs",
            "src/cli/",
            "src/suite/",
            "src/search/",
            "src/plan/",
            "src/machine.rs",
        ],
        "what is asked for and where: settings are in a key themselves",
    ),
    (
        &[
            "src/report/",
            "src/reproduce/",
            "src/published/",
            "src/compare/",
            "src/gate/",
            "src/audit/",
            "src/pack/",
            "src/bench/",
            "src/speed/",
            "src/candle/",
            "src/throughput/",
        ],
        "beside the stages: reads records, or times models",
    ),
    (
        &["src/engines/", "src/submit/"],
        "have stages run, here or by a scheduler, and tell how they ended",
    ),
    (
        &[
            "src/results/check.rs",
            "src/results/clean.rs",
            "src/results/disk.rs",
            "src/results/files.rs",
            "src/results/heartbeat.rs",
            "src/results/kept.rs",
            "src/results/lock.rs",
            "src/results/merge.rs",
            "src/results/mod.rs",
            "src/results/process.rs",
            "src/results/runner.rs",
            "src/results/seal.rs",
            "src/results/store.rs",
        ],
        "how files are kept, not what is in them",
    ),
    (
        &[
            "src/stages/cell.rs",
            "src/stages/error.rs",
            "src/stages/estimate.rs",
            "src/stages/export.rs",
            "src/stages/masked.rs",
            "src/stages/mod.rs",
            "src/stages/reading.rs",
            "src/stages/statistics.rs",
        ],
        "the order of the stages, and what is made of some beside their results",
    ),
    (&["src/text/outside.rs"], "counts words for `data stats`"),
    (&["src/text/vector_files.rs"], "writes word vectors for other programs"),
    (&["src/text/kind.rs"], "what kinds of tokenizers are called"),
    (
        &["src/data/own/look.rs", "src/prepare/diff.rs"],
        "look at tables, to describe and to compare them",
    ),
    (&["src/contain.rs"], "keeps panics in"),
    (
        &["src/kernels/instructions.rs"],
        "says what the kernels run on: a key holds what it says",
    ),
    (
        &["src/models/mod.rs", "src/models/table.rs", "src/data/mod.rs"],
        "the tables of models and data sets: a new row moves nothing of the others",
    ),
    (&["src/models/work.rs"], "counts operations and does none"),
    (
        &["src/data/error.rs", "src/text/error.rs", "src/word_vectors/error.rs"],
        "texts of errors: what fails has no result",
    ),
    (
        &[
            "src/data/identity.rs",
            "src/data/registry.rs",
            "src/data/stats.rs",
            "src/data/verify.rs",
        ],
        "checks, counts and hashes notes that are read elsewhere",
    ),
    (
        &["src/data/synthetic/files.rs", "src/data/synthetic/exports/"],
        "writes generated notes to files",
    ),
    (
        &["src/text/files.rs"],
        "reads files whole and compares their hashes: what it refuses has no result",
    ),
    (PASS_ON, "name other files and have no code of their own"),
];

/// Files that hold `mod` and `pub use` lines only.
const PASS_ON: &[&str] = &[
    "src/kernels/mod.rs",
    "src/kernels/recurrence/mod.rs",
    "src/metrics/mod.rs",
    "src/models/bert/mod.rs",
    "src/models/layers/mod.rs",
    "src/models/ops/mod.rs",
    "src/stages/made/mod.rs",
    "src/text/mod.rs",
    "src/train/mod.rs",
    "src/word_vectors/mod.rs",
];

/// Files that are reached though no path in the code leads there: from, to, why.
const EXTRA: &[(&str, &str, &str)] = &[
    (
        "src/data/codiesp.rs",
        "src/data/titles.rs",
        "`data::load` reads the titles beside the notes",
    ),
    (
        "src/word_vectors/word2vec.rs",
        "src/word_vectors/stepping.rs",
        "`Network::learn` is written there",
    ),
];

/// SHA-256 over the code that can move a stage's result, and over the compiler's settings where it computes
/// floating-point numbers. Versions of packages, features and the settings of a suite are not in it.
///
/// # Panics
/// When no file is that data set's, model's or kind of tokenizer's own.
pub fn sha256(code: Code) -> String {
    // The sources are those of the program, and a plan asks ten times for each cell.
    static MADE: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let asked = format!("{code:?}");
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(asked).or_insert_with(|| hash_of(code)).clone()
}

fn hash_of(code: Code) -> String {
    let files = files(code);
    let mut hash = Sha256::new();
    for (name, code) in SOURCES.iter().filter(|(name, _)| files.contains(name)) {
        hash.update(format!("{name} {code}\n"));
    }
    if group(code).0.floats {
        hash.update(PROFILE);
    }
    hex(&hash.finalize())
}

/// The files whose code can move a stage's result, by their paths from the package's root.
///
/// # Panics
/// When no file is that data set's, model's or kind of tokenizer's own.
pub fn files(code: Code) -> BTreeSet<&'static str> {
    let (group, name) = group(code);
    let mut roots: Vec<String> = group.roots.iter().map(|root| root.replace("{}", name)).collect();
    let mut walls: Vec<&str> = group.walls.iter().map(|(wall, _)| *wall).collect();
    walls.extend(NOTHING.iter().flat_map(|(places, _)| *places));
    if let Code::Tokenizer(kind) | Code::Tokens(kind) = code {
        let (own, others): (Vec<_>, Vec<_>) = KINDS.iter().partition(|(name, _)| *name == kind);
        roots.extend(own.iter().map(|(_, place)| (*place).to_owned()));
        walls.extend(others.iter().map(|(_, place)| place));
        assert!(
            !own.is_empty(),
            "no tokenizer is called {kind:?}: add it to KINDS in {}",
            file!()
        );
    }
    if let Code::TrainedVectors(method) = code {
        let others = METHODS.iter().filter(|(name, _)| *name != method);
        walls.extend(others.map(|(_, place)| place));
    }
    for root in &roots {
        assert!(
            SOURCES.iter().any(|(name, _)| is_in(name, root)),
            "no file of the source is at {root:?}, a root of {code:?}: correct the row in {}",
            file!()
        );
    }
    let is_root = |name: &&str| roots.iter().any(|root| is_in(name, root));
    reach(SOURCES.iter().map(|(name, _)| *name).filter(is_root), &walls)
}

fn group(code: Code<'_>) -> (&'static Group, &str) {
    match code {
        Code::Notes { dataset } => (&NOTES, dataset),
        Code::Tokenizer(kind) => (&TOKENIZER, kind),
        Code::Tokens(kind) => (&TOKENS, kind),
        Code::Vectors => (&VECTORS, ""),
        Code::TrainedVectors(method) => (&TRAINED_VECTORS, method),
        Code::Encoder => (&ENCODER, ""),
        Code::Pretraining => (&PRETRAINING, ""),
        Code::Weights { model } => (&WEIGHTS, model),
        Code::Scores { model } => (&SCORES, model),
        Code::Ensemble => (&ENSEMBLE, ""),
        Code::External => (&EXTERNAL, ""),
        Code::Evidence { model } => (&EVIDENCE, model),
        Code::Record => (&RECORD, ""),
        Code::Preparation => (&PREPARATION, ""),
    }
}

/// What can be reached from the roots without going through a wall, the roots that are no wall included.
fn reach(roots: impl Iterator<Item = &'static str>, walls: &[&str]) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = roots.collect();
    while let Some(file) = open.pop() {
        if walls.iter().any(|wall| is_in(file, wall)) || !reached.insert(file) {
            continue;
        }
        let imported = IMPORTS
            .iter()
            .find(|(name, _)| *name == file)
            .map_or(&[][..], |(_, found)| found);
        open.extend(imported);
        open.extend(EXTRA.iter().filter(|extra| extra.0 == file).map(|extra| extra.1));
    }
    reached
}

/// Whether a file is at one of the places that `|` joins.
fn is_in(file: &str, places: &str) -> bool {
    places.split('|').any(|place| match place.strip_suffix('*') {
        Some(start) => file.starts_with(start),
        None if place.ends_with('/') => file.starts_with(place),
        None => file == place,
    })
}

#[cfg(test)]
mod tests;
