//! F1 in equal groups of codes: the codes sorted by how often they occur in training and cut into groups of as many codes, as
//! in figure 3 of Ji et al. 2021. Codes that no training note has are a group of their own.

use std::collections::BTreeMap;

use super::longest::longest;
use super::spread::Spread;
use super::summary::TaskSummary;
use crate::record::Outcome;

/// Groups of codes that occur in training, at most.
const GROUPS: usize = 10;
/// Codes of a group, at least: a mean over fewer says little.
const LEAST_CODES: usize = 5;

/// One group with the F1 of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Least training frequency of its codes; 0 for the codes never seen in training.
    pub lower: u32,
    /// Greatest training frequency of its codes.
    pub upper: u32,
    /// Codes in the group.
    pub codes: usize,
    /// Codes of the group with a gold positive in the scored notes.
    pub codes_present: usize,
    /// Mean F1 of the codes present, over the seeds; absent where none is present.
    pub macro_f1: Option<Spread>,
    /// The same of each seed, ascending by seed.
    pub seeds: Vec<f64>,
}

/// Index and length of a run, and its groups by rising frequency: the same groups for all runs.
pub type RunGroups = (usize, u32, Vec<Group>);

/// The groups of each run at its longest scored length; nothing where there are too few codes for two groups.
pub fn groups(task: &TaskSummary<'_>) -> Vec<RunGroups> {
    let runs = longest(task);
    let mut training: BTreeMap<&str, u32> = BTreeMap::new();
    for row in runs
        .iter()
        .flat_map(|run| run.cell.outcomes())
        .flat_map(|outcome| &outcome.codes)
    {
        training.entry(&row.code).or_insert(row.training);
    }
    let parts = cut(&training);
    if parts.iter().filter(|part| part.1 > 0).count() < 2 {
        return Vec::new();
    }
    let place: BTreeMap<&str, usize> = parts
        .iter()
        .enumerate()
        .flat_map(|(place, part)| part.2.iter().map(move |code| (*code, place)))
        .collect();
    let of_run = runs.iter().map(|run| {
        let seeds: Vec<Vec<Vec<f64>>> = run
            .cell
            .outcomes()
            .map(|outcome| f1(outcome, &place, parts.len()))
            .collect();
        let group = |(at, (lower, upper, codes)): (usize, &Part<'_>)| {
            let mean = |values: &Vec<f64>| {
                let count = values.len() as f64;
                (count > 0.0).then(|| values.iter().sum::<f64>() / count)
            };
            let means: Vec<f64> = seeds.iter().filter_map(|seed| mean(&seed[at])).collect();
            Group {
                lower: *lower,
                upper: *upper,
                codes: codes.len(),
                codes_present: seeds.first().map_or(0, |seed| seed[at].len()),
                macro_f1: Spread::of(means.iter().copied()),
                seeds: means,
            }
        };
        (run.run, run.length, parts.iter().enumerate().map(group).collect())
    });
    of_run.collect()
}

/// Least and greatest training frequency, and the codes.
type Part<'c> = (u32, u32, Vec<&'c str>);

/// Codes never seen, if there are any, then the others in groups of equal size by rising frequency, ties by code.
fn cut<'c>(training: &BTreeMap<&'c str, u32>) -> Vec<Part<'c>> {
    let (never, mut seen): (Vec<_>, Vec<_>) = training
        .iter()
        .map(|(code, count)| (*count, *code))
        .partition(|(count, _)| *count == 0);
    seen.sort_unstable();
    let count = GROUPS.min(seen.len() / LEAST_CODES);
    let part = |codes: &[(u32, &'c str)]| {
        let ends = (codes[0].0, codes[codes.len() - 1].0);
        (ends.0, ends.1, codes.iter().map(|(_, code)| *code).collect())
    };
    let mut parts = Vec::new();
    if !never.is_empty() {
        parts.push(part(&never));
    }
    parts.extend((0..count).map(|group| part(&seen[group * seen.len() / count..(group + 1) * seen.len() / count])));
    parts
}

/// By group the F1 of its codes that are present.
fn f1(outcome: &Outcome, place: &BTreeMap<&str, usize>, groups: usize) -> Vec<Vec<f64>> {
    let mut found = vec![Vec::new(); groups];
    for row in outcome.codes.iter().filter(|row| row.tp + row.fn_ > 0) {
        if let Some(&place) = place.get(row.code.as_str()) {
            found[place].push(f64::from(2 * row.tp) / f64::from(2 * row.tp + row.fp + row.fn_));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_as_many_codes_by_rising_frequency_and_unseen_codes_their_own() {
        let names: Vec<String> = (0..23).map(|code| format!("c{code:02}")).collect();
        let training: BTreeMap<&str, u32> = names
            .iter()
            .map(String::as_str)
            .zip(0..23)
            .map(|(code, at)| (code, at / 3))
            .collect();
        let parts = cut(&training);
        let shape: Vec<(u32, u32, usize)> = parts.iter().map(|part| (part.0, part.1, part.2.len())).collect();
        // Three codes never seen; twenty in four groups of five.
        assert_eq!(shape, [(0, 0, 3), (1, 2, 5), (2, 4, 5), (4, 5, 5), (6, 7, 5)]);
        assert_eq!(parts[2].2, ["c08", "c09", "c10", "c11", "c12"]);
    }
}
