//! Codes with the place of their evidence.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{Agreement, Codes, Span, SpanEntry};

/// Characters that a predicted span may have more than the gold's, on either side.
const TOLERANCE: usize = 10;

/// The scores of a run of X.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SpanScores {
    /// The official agreement: a pair is found where one of its predicted spans holds one of its gold spans, with at most
    /// ten characters more on either side.
    pub agreement: Agreement,
    /// The same where a predicted span and a gold span share a character.
    pub overlapping: Agreement,
    /// Pairs of the gold all of whose evidence has its pieces in another order than the text: no span that ends after it
    /// starts is right by the rule.
    pub out_of_order: usize,
    /// Lines of the run whose code is not valid.
    pub not_valid: usize,
}

/// Scores a run against the gold. Codes that are not in `valid` are left out; without it all count. The kind of the
/// evidence is not looked at.
pub fn spans(gold: &[SpanEntry], run: &[SpanEntry], valid: Option<&Codes>) -> SpanScores {
    let mut wanted: HashMap<(&str, &str), Vec<Span>> = HashMap::new();
    for entry in gold {
        wanted.entry((&entry.case, &entry.code)).or_default().push(entry.span);
    }
    let mut predicted = HashSet::new();
    let (mut held, mut touched) = (HashSet::new(), HashSet::new());
    let mut not_valid = 0;
    for entry in run {
        if valid.is_some_and(|valid| !valid.contains(&entry.code)) {
            not_valid += 1;
            continue;
        }
        let pair = (&*entry.case, &*entry.code);
        predicted.insert(pair);
        let spans = wanted.get(&pair).map_or(&[][..], Vec::as_slice);
        if spans.iter().any(|span| holds(entry.span, *span)) {
            held.insert(pair);
        }
        if spans.iter().any(|span| overlap(entry.span.hull, span.hull)) {
            touched.insert(pair);
        }
    }
    let agreement = |found: &HashSet<_>| Agreement::new(found.len(), predicted.len(), wanted.len());
    SpanScores {
        agreement: agreement(&held),
        overlapping: agreement(&touched),
        out_of_order: wanted
            .values()
            .filter(|spans| spans.iter().all(|span| span.end < span.start))
            .count(),
        not_valid,
    }
}

/// Whether a predicted span has all of a gold one and little more.
fn holds(predicted: Span, gold: Span) -> bool {
    let more = |longer: usize, shorter: usize| longer.checked_sub(shorter).is_some_and(|more| more <= TOLERANCE);
    more(gold.start, predicted.start) && more(predicted.end, gold.end)
}

fn overlap(a: [usize; 2], b: [usize; 2]) -> bool {
    a[0] < b[1] && b[0] < a[1]
}
