//! The shape of a data set in numbers, for `data stats` and for reports. Nothing here quotes a
//! note.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::corpus::{Corpus, Part};
use super::note::Note;

/// First and last frequency of each bin of [`PartStats::code_frequency`].
const FREQUENCY_BINS: [(u32, Option<u32>); 8] = [
    (1, Some(1)),
    (2, Some(5)),
    (6, Some(10)),
    (11, Some(50)),
    (51, Some(100)),
    (101, Some(500)),
    (501, Some(1000)),
    (1001, None),
];

/// A data set in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CorpusStats {
    /// The data set's name in the registry.
    pub dataset: String,
    /// [`Corpus::fingerprint`].
    pub fingerprint: String,
    /// Its parts, in the order of the corpus.
    pub parts: Vec<PartStats>,
}

/// One part in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PartStats {
    /// As the data set names it, such as `train`.
    pub name: String,
    /// Number of notes.
    pub notes: usize,
    /// Number of patients.
    pub patients: usize,
    /// Whether the codes are known; if not, the numbers about codes are 0 or missing.
    pub coded: bool,
    /// Why they are not; missing where they are.
    pub uncoded_reason: Option<String>,
    /// Words per note, separated by white space.
    pub words: Percentiles,
    /// Codes per note; missing for a part without codes.
    pub codes_per_note: Option<Percentiles>,
    /// Notes without any code.
    pub notes_without_codes: usize,
    /// Number of (note, code) pairs.
    pub assignments: usize,
    /// Number of different codes.
    pub distinct_codes: usize,
    /// What the training part `train` does not have; missing for `train` itself.
    pub unseen_in_train: Option<Unseen>,
    /// Codes by the number of notes of this part that have them.
    pub code_frequency: Vec<FrequencyBin>,
}

/// Codes of a part that no note of the training part has.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Unseen {
    /// Number of different codes.
    pub codes: usize,
    /// Their share of the part's different codes, 0 to 1.
    pub code_share: f64,
    /// Number of (note, code) pairs.
    pub assignments: usize,
    /// Their share of the part's pairs, 0 to 1.
    pub assignment_share: f64,
}

/// How many codes occur how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FrequencyBin {
    /// Least number of notes.
    pub from: u32,
    /// Greatest number of notes; missing for the last bin.
    pub to: Option<u32>,
    /// Number of codes that so many notes have.
    pub codes: usize,
}

/// Percentiles by nearest rank: each is a value that some note has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Percentiles {
    /// 10th percentile.
    pub p10: usize,
    /// 25th percentile.
    pub p25: usize,
    /// Median.
    pub p50: usize,
    /// 75th percentile.
    pub p75: usize,
    /// 90th percentile.
    pub p90: usize,
    /// 99th percentile.
    pub p99: usize,
    /// Maximum.
    pub max: usize,
}

/// The numbers of every part; codes are compared with those of the part named `train`.
pub fn stats(corpus: &Corpus) -> CorpusStats {
    let train = corpus.part("train").filter(|part| part.coded);
    let parts = corpus.parts.iter().map(|part| {
        let others = train.filter(|train| train.name != part.name && part.coded);
        part_stats(part, others)
    });
    CorpusStats {
        dataset: corpus.name.clone(),
        fingerprint: corpus.fingerprint.clone(),
        parts: parts.collect(),
    }
}

impl Percentiles {
    /// The percentiles of the values; all 0 when there is none.
    pub fn of(mut values: Vec<usize>) -> Self {
        values.sort_unstable();
        let at = |percent: usize| {
            let rank = (percent * values.len()).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Self {
            p10: at(10),
            p25: at(25),
            p50: at(50),
            p75: at(75),
            p90: at(90),
            p99: at(99),
            max: at(100),
        }
    }
}

fn part_stats(part: &Part, train: Option<&Part>) -> PartStats {
    let frequency = code_frequency(&part.notes);
    let words = part.notes.iter().map(|note| note.text.split_whitespace().count());
    let codes: Vec<usize> = part.notes.iter().map(|note| note.codes.len()).collect();
    let patients: BTreeSet<&str> = part.notes.iter().map(|n| n.patient.as_str()).collect();
    let without = codes.iter().filter(|&&count| count == 0).count();
    PartStats {
        name: part.name.clone(),
        notes: part.notes.len(),
        patients: patients.len(),
        coded: part.coded,
        uncoded_reason: part.uncoded_reason.clone(),
        words: Percentiles::of(words.collect()),
        notes_without_codes: if part.coded { without } else { 0 },
        assignments: codes.iter().sum(),
        codes_per_note: part.coded.then(|| Percentiles::of(codes)),
        distinct_codes: frequency.len(),
        unseen_in_train: train.map(|train| unseen(&frequency, train)),
        code_frequency: histogram(&frequency),
    }
}

fn code_frequency(notes: &[Arc<Note>]) -> BTreeMap<&str, u32> {
    let mut frequency = BTreeMap::new();
    for code in notes.iter().flat_map(|note| &note.codes) {
        *frequency.entry(code.as_str()).or_default() += 1;
    }
    frequency
}

fn unseen(frequency: &BTreeMap<&str, u32>, train: &Part) -> Unseen {
    let known = code_frequency(&train.notes);
    let new = frequency.iter().filter(|(code, _)| !known.contains_key(*code));
    let counts: Vec<u32> = new.map(|(_, &count)| count).collect();
    let assignments = counts.iter().sum::<u32>() as usize;
    let all_assignments = frequency.values().sum::<u32>() as usize;
    Unseen {
        codes: counts.len(),
        code_share: share(counts.len(), frequency.len()),
        assignments,
        assignment_share: share(assignments, all_assignments),
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn histogram(frequency: &BTreeMap<&str, u32>) -> Vec<FrequencyBin> {
    let bin = |&(from, to): &(u32, Option<u32>)| {
        let inside = |count: u32| count >= from && to.is_none_or(|to| count <= to);
        FrequencyBin {
            from,
            to,
            codes: frequency.values().filter(|&&count| inside(count)).count(),
        }
    };
    FREQUENCY_BINS.iter().map(bin).collect()
}
