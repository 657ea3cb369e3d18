//! What papers say of time, over the timings of a suite.

use super::tables::median;
use super::timings::Timings;
use crate::bench::protocol::Kind;
use crate::published::claims::{Difference, Numbers, Place, over};
use crate::published::{Claim, Error, Published, Source};
use crate::report::escape;

/// The first engine's training steps, in the places of papers' sentences.
struct Steps<'a, 'b>(&'a Timings<'b>);

impl Steps<'_, '_> {
    /// Median seconds of a note. Batches of as few notes as there are at both lengths, so that their fixed costs are shared
    /// alike.
    fn seconds(&self, model: &str, length: u32) -> Option<f64> {
        let engine = self.0.engines().into_iter().next()?;
        let groups = self.0.of(model).filter(|group| group.length == length as usize);
        let group = groups.min_by_key(|group| group.batch)?;
        Some(median(group.timing(&engine, Kind::Step)?)? / group.batch as f64)
    }
}

impl Numbers for Steps<'_, '_> {
    fn has(&self, _place: Place<'_>) -> Result<(), String> {
        Err("timings have no scores".into())
    }

    fn difference(&self, from: Place<'_>, _to: Place<'_>) -> Result<Difference, String> {
        self.has(from)?;
        Err("timings have no scores".into())
    }

    fn shown(&self, _from: Place<'_>, _to: Place<'_>) -> String {
        String::new()
    }

    fn time(&self, model: &str, [from, to]: [u32; 2]) -> Result<f64, String> {
        let seconds = |length| {
            self.seconds(model, length)
                .ok_or_else(|| format!("no training step of {length} tokens was timed"))
        };
        Ok(seconds(to)? / seconds(from)?)
    }
}

/// A line for each of the registry's claims on time that the suite has timings for.
///
/// # Errors
/// The registry is damaged, which a test of the project rules out.
pub(super) fn section(timings: &Timings<'_>) -> Result<String, Error> {
    let published = Published::built_in()?;
    let mut lines = String::new();
    for name in published.names() {
        let source = published.paper(name)?;
        for claim in source.claims.iter().filter(|claim| claim.is_of_time()) {
            lines += &line(timings, source, claim).unwrap_or_default();
        }
    }
    Ok(match lines.is_empty() {
        true => String::new(),
        false => format!(
            "\n## What papers say of time\n\nOver the training steps above, on this machine: {}.\n\n{lines}",
            match timings.suite.throughput.one_note {
                true => "one note each",
                false => "of the batches with fewest notes",
            }
        ),
    })
}

fn line(timings: &Timings<'_>, source: &Source, claim: &Claim) -> Option<String> {
    let found = over(source, claim, &Steps(timings));
    let decided = found.findings.iter().filter(|finding| finding.verdict.is_some());
    let texts: Vec<&str> = decided.map(|finding| finding.text.as_str()).collect();
    (!texts.is_empty()).then(|| {
        format!(
            "- {}, section {}: \u{201c}{}\u{201d} ({}) **{}**: {}.\n",
            escape::markdown(&source.paper.title),
            escape::markdown(&claim.section),
            escape::markdown(&claim.text),
            escape::markdown(claim.reading.as_deref().unwrap_or("as it stands")),
            found.verdict.word(),
            escape::markdown(&texts.join("; "))
        )
    })
}
