//! Codes by rank: mean average precision, and agreement of the sets.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{Agreement, Codes, Entry};

/// Codes of a case that count, as in trectools.
const DEPTH: usize = 1000;

/// The scores of a run of D or P.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RankingScores {
    /// The official mean average precision: over the cases that the run names. 0 where it names none.
    pub map: f64,
    /// The same sum over the cases of the gold.
    pub map_over_all_cases: f64,
    /// Cases of the gold.
    pub cases: usize,
    /// Cases that the run names with a valid code.
    pub cases_in_run: usize,
    /// Of those the ones that the gold has not.
    pub cases_unknown: usize,
    /// Lines of the run that repeat a code of their case.
    pub repeated: usize,
    /// Lines of the run whose code is not valid.
    pub not_valid: usize,
    /// Micro precision, recall and F1 over (case, code).
    pub agreement: Agreement,
}

/// Scores a run, whose order is its ranking, against the gold. Codes that are not in `valid` are left out before they get a
/// rank; without it all count.
///
/// A case's average precision is the sum of the precisions at its gold codes' ranks over *all* its gold codes.
pub fn ranking(gold: &[Entry], run: &[Entry], valid: Option<&Codes>) -> RankingScores {
    let mut wanted: HashMap<&str, HashSet<&str>> = HashMap::new();
    for entry in gold {
        wanted.entry(&entry.case).or_default().insert(&entry.code);
    }
    let mut ranked: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut seen = HashSet::new();
    let (mut repeated, mut not_valid) = (0, 0);
    for entry in run {
        if !seen.insert(entry) {
            repeated += 1;
        } else if valid.is_some_and(|valid| !valid.contains(&entry.code)) {
            not_valid += 1;
        } else {
            ranked.entry(&entry.case).or_default().push(&entry.code);
        }
    }
    let nothing = HashSet::new();
    let (mut sum, mut found, mut predicted) = (0.0, 0, 0);
    let mut cases_unknown = 0;
    let mut cases: Vec<_> = ranked.iter().collect();
    // The same sum whatever the order of the map.
    cases.sort();
    for (case, codes) in cases {
        let wanted = wanted.get(case).unwrap_or(&nothing);
        cases_unknown += usize::from(wanted.is_empty());
        predicted += codes.len();
        found += codes.iter().filter(|code| wanted.contains(*code)).count();
        let mut hits = 0;
        let mut precisions = 0.0;
        for (place, _) in codes
            .iter()
            .take(DEPTH)
            .enumerate()
            .filter(|(_, code)| wanted.contains(*code))
        {
            hits += 1;
            precisions += f64::from(hits) / (place + 1) as f64;
        }
        if hits > 0 {
            sum += precisions / wanted.len() as f64;
        }
    }
    let over = |cases: usize| if cases == 0 { 0.0 } else { sum / cases as f64 };
    RankingScores {
        map: over(ranked.len()),
        map_over_all_cases: over(wanted.len()),
        cases: wanted.len(),
        cases_in_run: ranked.len(),
        cases_unknown,
        repeated,
        not_valid,
        agreement: Agreement::new(found, predicted, wanted.values().map(HashSet::len).sum()),
    }
}
