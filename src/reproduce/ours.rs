//! Our records in the places of a paper's cells, for its claims.

use super::evidence::Evidence;
use crate::compare;
use crate::metrics::metric_info;
use crate::published::Numbers;
use crate::published::claims::{Difference, Place};
use crate::record::{Record, Reported};

/// See [`Evidence`].
pub struct Ours<'e, 'a>(pub &'e Evidence<'a>);

impl Ours<'_, '_> {
    /// Pairs of records with the same seed, from the first row to the second.
    fn pairs(&self, from: Place<'_>, to: Place<'_>) -> Result<Vec<(&Reported, &Reported)>, String> {
        let standing = [from, to].map(|place| self.0.standing(place.table, place.row));
        let (encoders_differ, [from, to]) = (from.row.encoder != to.row.encoder, standing);
        let (from, to) = (from?, to?);
        if [&from, &to].iter().any(|standing| standing.unfinished()) {
            return Err("a model had not finished learning".into());
        }
        if from.suite() != to.suite() {
            return Err("their records are of two suites".into());
        }
        if encoders_differ && from.encoder() == to.encoder() {
            return Err("their records do not differ in what they were pretrained on".into());
        }
        if from
            .records
            .iter()
            .any(|one| to.records.iter().any(|other| std::ptr::eq(*one, *other)))
        {
            return Err("both rows are filled by the same records".into());
        }
        let seed = |record: &Reported| record.record.cell.seed;
        let pair = |one: &&'_ Reported| to.records.iter().find(|other| seed(other) == seed(one)).copied();
        let pairs: Vec<_> = from.records.iter().filter_map(|one| Some((*one, pair(one)?))).collect();
        match pairs.is_empty() {
            true => Err("no seed that both have".into()),
            false => Ok(pairs),
        }
    }

    fn change(&self, from: Place<'_>, to: Place<'_>) -> Result<Difference, String> {
        let mut changes = Vec::new();
        for (one, other) in self.pairs(from, to)? {
            changes.push(compare::change(&to.column.name, one, other).map_err(|error| error.to_string())?);
        }
        let over = |of: fn(&compare::Change) -> f64| changes.iter().map(of);
        Ok(Difference {
            change: over(|change| change.change).sum::<f64>() / changes.len() as f64,
            interval: (
                over(|change| change.interval.0).fold(f64::INFINITY, f64::min),
                over(|change| change.interval.1).fold(f64::NEG_INFINITY, f64::max),
            ),
        })
    }
}

impl Numbers for Ours<'_, '_> {
    fn has(&self, place: Place<'_>) -> Result<(), String> {
        let standing = self
            .0
            .standing(place.table, place.row)
            .map_err(|_| "no record".to_owned())?;
        if let Some(most) = place.table.fewer_than {
            return Err(format!(
                "the table is of the codes with fewer than {most} training notes, and differences of records of all"
            ));
        }
        if metric_info(&place.column.name).is_none() {
            return Err(format!("the paper does not say which {} it is", place.column.printed));
        }
        match standing.score(&place.column.name) {
            Some(_) => Ok(()),
            None => Err(format!("the records have no {}", place.column.name)),
        }
    }

    fn difference(&self, from: Place<'_>, to: Place<'_>) -> Result<Difference, String> {
        self.change(from, to)
    }

    fn shown(&self, from: Place<'_>, to: Place<'_>) -> String {
        match self.change(from, to) {
            Ok(Difference {
                change,
                interval: (low, high),
            }) => {
                let points = |share: f64| format!("{:+.1}", 100.0 * share);
                format!("{} points ({} to {})", points(change), points(low), points(high))
            }
            Err(why) => why,
        }
    }

    fn time(&self, model: &str, lengths: [u32; 2]) -> Result<f64, String> {
        let scored = self.0.records().map(|reported| &reported.record);
        let of_model: Vec<_> = scored
            .filter(|record| record.cell.model == model && record.timings.is_some())
            .collect();
        let seconds = |record: &Record| {
            let rate = record.timings.as_ref().map(|timings| timings.training_notes_per_second);
            rate.filter(|rate| *rate > 0.0).map(f64::recip)
        };
        for one in of_model.iter().filter(|record| record.cell.length == lengths[0]) {
            // Notes that the shorter length holds take as long at the longer.
            let cut = |record: &Record| {
                record
                    .outcome
                    .as_ref()
                    .is_some_and(|outcome| outcome.task.truncated_tokens > 0.0)
            };
            let cut_short = cut(one);
            let same = |other: &&&Record| {
                let (one, other) = (&one.cell, &other.cell);
                other.length == lengths[1]
                    && cut_short
                    && (&one.suite, &one.run, one.seed, &one.device)
                        == (&other.suite, &other.run, other.seed, &other.device)
            };
            if let Some(other) = of_model.iter().find(same)
                && let (Some(short), Some(long)) = (seconds(one), seconds(other))
            {
                return Ok(long / short);
            }
        }
        Err("no records of one run at both lengths".into())
    }
}
