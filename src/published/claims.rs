//! Whether a sentence holds: in the paper's own printed tables, or in other numbers that stand in their places.

use super::claim::{Check, Claim};
use super::evaluation::Evaluation;
use super::places::table;
use super::print::Print;
use super::source::Source;

pub use super::finding::{Difference, Evaluated, Finding, Numbers, Verdict};
pub use super::places::Place;

/// Evaluates a claim over the paper's printed tables.
pub fn in_print(source: &Source, claim: &Claim) -> Evaluated {
    let findings = findings(source, claim, &Print);
    let verdicts = findings
        .iter()
        .map(|finding| finding.verdict.unwrap_or(Verdict::NotDecided));
    Evaluated {
        verdict: all(verdicts),
        findings,
    }
}

/// Evaluates a claim over other numbers. What there are no numbers for is not counted, unless there are none at all.
pub fn over(source: &Source, claim: &Claim, numbers: &dyn Numbers) -> Evaluated {
    let findings = findings(source, claim, numbers);
    Evaluated {
        verdict: all(findings.iter().filter_map(|finding| finding.verdict)),
        findings,
    }
}

/// One that does not hold decides; without any, nothing is decided.
fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let verdicts: Vec<Verdict> = verdicts.collect();
    let has = |verdict| verdicts.contains(&verdict);
    match () {
        () if has(Verdict::DoesNotHold) => Verdict::DoesNotHold,
        () if has(Verdict::NotDecided) || verdicts.is_empty() => Verdict::NotDecided,
        () => Verdict::Holds,
    }
}

fn findings(source: &Source, claim: &Claim, numbers: &dyn Numbers) -> Vec<Finding> {
    let checks = claim.checks.iter();
    checks
        .flat_map(|check| {
            // References were looked up when the registry was read.
            Evaluation::new(source, numbers).check(check).unwrap_or_else(|problem| {
                vec![Finding {
                    verdict: None,
                    text: problem,
                }]
            })
        })
        .collect()
}

/// Whether every table, column, row and number that a check names is there once.
pub(super) fn check_references(source: &Source, check: &Check) -> Result<(), String> {
    for number in check.tables() {
        table(source, number)?;
    }
    let findings = Evaluation::new(source, &Print).check(check)?;
    match findings.is_empty() {
        true => Err("nothing is compared: expected tables, columns and at least two rows".into()),
        false => Ok(()),
    }
}
