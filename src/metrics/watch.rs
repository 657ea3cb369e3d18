//! What training looks at: a few metrics by name, each from the file of its family.
//!
//! Training chooses an epoch by one metric and a threshold by `threshold.rs`, and needs no other. So this file
//! imports the families and nothing that knows all metrics: a new one (a file of its own, a line in `evaluate.rs`,
//! a row in `names.rs`) leaves everything that trained weights depend on as it is.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use super::codes::{CODE_METRICS, score_codes};
use super::error::Error;
use super::input::{Scores, Targets, TieOrder, check};
use super::notes::{NoteMetric, score_notes};

/// The metrics of these names at `threshold`, equal to those of [`super::evaluate`] to the last bit. A metric that is
/// undefined here is absent, and so is a name that no family knows.
///
/// # Errors
/// [`Error::Shape`] when scores and targets disagree, [`Error::Threshold`] for one that is not finite.
pub fn watched(
    names: &[&str],
    scores: &Scores,
    targets: &Targets,
    threshold: f32,
    ties: TieOrder,
) -> Result<BTreeMap<String, f64>, Error> {
    check(scores, targets, threshold)?;
    // Either pass over the scores is made when the first name asks for it.
    let per_note = LazyCell::new(|| score_notes(scores, targets, threshold, ties));
    let by_code = LazyCell::new(|| score_codes(scores, targets, threshold));
    let everyone: Vec<usize> = (0..scores.notes()).collect();
    let value = |name: &str| match CODE_METRICS.contains(&name) {
        true => by_code.value(name),
        false => Some(NoteMetric::new(name, &per_note, scores.codes())?.over(&everyone)),
    };
    let named = names.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?)));
    Ok(named.collect())
}

#[cfg(test)]
mod tests {
    /// The files that may move what training watches, and what each imports of this folder.
    const WATCHED: [(&str, &str); 9] = [
        ("watch", include_str!("watch.rs")),
        ("codes", include_str!("codes.rs")),
        ("columns", include_str!("columns.rs")),
        ("error", include_str!("error.rs")),
        ("fractions", include_str!("fractions.rs")),
        ("input", include_str!("input.rs")),
        ("ladder", include_str!("ladder.rs")),
        ("notes", include_str!("notes.rs")),
        ("threshold", include_str!("threshold.rs")),
    ];

    #[test]
    fn training_watches_through_the_families_alone() {
        for (file, source) in WATCHED {
            let program = source.split("#[cfg(test)]").next().unwrap();
            assert!(
                !program.contains("crate::"),
                "{file}.rs imports from outside the metrics"
            );
            for import in program.lines().filter_map(|line| line.strip_prefix("use super::")) {
                let from = import.split("::").next().unwrap();
                assert!(
                    WATCHED.iter().any(|(known, _)| *known == from),
                    "{file}.rs imports {import}"
                );
            }
        }
    }
}
