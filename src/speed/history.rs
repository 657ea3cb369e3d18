//! How long cells took from revision to revision on one kind of hardware, and when that changed.
//!
//! A history is a file of JSON lines for each [`super::Hardware::key`]. Here lines are read and made; the caller appends
//! one by a single write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::draws::{shuffle, stream};
use super::error::{Error, seconds};
use super::summary::{middle, ranks, sorted};

/// Entries that a stretch between changes has at least: two times as many have 252 orders, fewer could not be told from chance.
const LEAST: usize = 5;
/// Orders of a stretch that its own is held against.
const ORDERS: usize = 999;
/// The chance that a stretch without a change is said to have one.
const ALPHA: f64 = 0.01;

/// One cell at one revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
    /// Key of the hardware.
    pub hardware: String,
    /// The program's revision.
    pub revision: String,
    /// When it was measured (RFC 3339).
    pub date: String,
    /// The cell's name.
    pub cell: String,
    /// Repeats.
    pub runs: usize,
    /// Their median in seconds.
    pub median_seconds: f64,
    /// The median's 95 % interval in seconds, where there were repeats enough.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval_seconds: Option<(f64, f64)>,
    /// Median instructions, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instructions: Option<u64>,
}

/// Reads a history; empty lines are skipped.
///
/// # Errors
/// A line is no entry, is of other hardware, or has a time that is none.
pub fn parse(text: &str, hardware: &str) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let refused = |found: String| Error::History {
            line: number + 1,
            found,
        };
        let entry: Entry = serde_json::from_str(line).map_err(|error| refused(format!("found no entry: {error}")))?;
        if entry.hardware != hardware {
            return Err(refused(format!(
                "found hardware {:?}, expected {hardware:?}",
                entry.hardware
            )));
        }
        seconds(entry.median_seconds, || entry.cell.clone()).map_err(|error| refused(error.to_string()))?;
        entries.push(entry);
    }
    Ok(entries)
}

/// The line of an entry, with its end.
pub fn line(entry: &Entry) -> String {
    let mut line = serde_json::to_string(entry).unwrap_or_default(); // OK because strings and numbers always can be written
    line.push('\n');
    line
}

/// The entries of each cell, in the order of the file.
pub fn by_cell(entries: &[Entry]) -> BTreeMap<&str, Vec<&Entry>> {
    let mut cells: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        cells.entry(&entry.cell).or_default().push(entry);
    }
    cells
}

/// Where a cell's time changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangePoint {
    /// The first entry after the change.
    pub at: usize,
    /// Median from the change before to this one, in the unit of the series.
    pub before: f64,
    /// Median from this change to the next.
    pub after: f64,
    /// Share of orders of the stretch, its own counted as one, that look as much like a change.
    pub p: f64,
}

/// The changes of one cell's medians, which must be above 0, in their order: a stretch has a change when few random orders of it
/// can be divided into two sides with mean ranks as far apart (Pettitt 1979, with the sides' sizes taken into account); the
/// change is where the sides lie nearest to their own medians, and then both are searched likewise (binary segmentation,
/// Scott and Knott 1974). A change is found from its fifth entry on.
pub fn change_points(medians: &[f64], seed: u64) -> Vec<ChangePoint> {
    let mut found = Vec::new();
    search(medians, 0, seed, &mut found);
    found.sort_by_key(|(at, _)| *at);
    let ends = |place: usize| found.get(place).map_or(medians.len(), |(at, _)| *at);
    let median = |from: usize, to: usize| middle(&sorted(&medians[from..to])).unwrap_or(f64::NAN);
    let change = |(place, &(at, p)): (usize, &(usize, f64))| ChangePoint {
        at,
        before: median(if place == 0 { 0 } else { ends(place - 1) }, at),
        after: median(at, ends(place + 1)),
        p,
    };
    found.iter().enumerate().map(change).collect()
}

fn search(stretch: &[f64], offset: usize, seed: u64, found: &mut Vec<(usize, f64)>) {
    let mut ranks = ranks(stretch);
    let Some(seen) = farthest_apart(&ranks) else {
        return;
    };
    let mut random = stream(seed.wrapping_add(offset as u64), b"icdbench history");
    let mut as_good = 1;
    for _ in 0..ORDERS {
        shuffle(&mut ranks, &mut random);
        as_good += usize::from(farthest_apart(&ranks).is_some_and(|drawn| drawn >= seen - 1e-9));
    }
    let p = as_good as f64 / (ORDERS + 1) as f64;
    if p < ALPHA {
        let at = nearest_split(stretch);
        found.push((offset + at, p));
        search(&stretch[..at], offset, seed, found);
        search(&stretch[at..], offset + at, seed, found);
    }
}

/// How far the mean ranks of two sides are apart for their sizes, divided where they are farthest; `None` of a stretch too short
/// to divide.
fn farthest_apart(ranks: &[f64]) -> Option<f64> {
    let count = ranks.len() as f64;
    let mean = ranks.iter().sum::<f64>() / count;
    let mut sum = 0.0;
    let mut farthest: Option<f64> = None;
    for (place, rank) in ranks.iter().enumerate() {
        let (before, after) = (place + 1, ranks.len() - place - 1);
        sum += rank - mean;
        if before >= LEAST && after >= LEAST {
            let apart = sum.abs() / (before as f64 * after as f64 / count).sqrt();
            farthest = Some(farthest.map_or(apart, |most| most.max(apart)));
        }
    }
    farthest
}

/// The split whose sides lie nearest to their medians, in logarithms. Ranks would not do: they draw a split to the middle.
fn nearest_split(stretch: &[f64]) -> usize {
    let logs: Vec<f64> = stretch.iter().map(|median| median.ln()).collect();
    let distance = |side: &[f64]| {
        let median = middle(&sorted(side)).unwrap_or(0.0);
        side.iter().map(|log| (log - median).abs()).sum::<f64>()
    };
    let both = |at: &usize| distance(&logs[..*at]) + distance(&logs[*at..]);
    let splits = LEAST..=stretch.len() - LEAST;
    splits.min_by(|a, b| both(a).total_cmp(&both(b))).unwrap_or(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Medians around 1 that jitter normally by 3 %.
    fn noise(runs: usize, seed: u64) -> Vec<f64> {
        use rand_chacha::rand_core::Rng;
        let mut random = stream(seed, b"tests of history");
        let mut share = move || (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
        (0..runs)
            .map(|_| {
                let (radius, angle) = ((-2.0 * share().ln()).sqrt(), std::f64::consts::TAU * share());
                (0.03 * radius * angle.cos()).exp()
            })
            .collect()
    }

    #[test]
    fn a_step_of_ten_percent_is_found_where_it_is() {
        for seed in 0..20 {
            let mut medians = noise(40, seed);
            medians[25..].iter_mut().for_each(|median| *median *= 1.1);
            let found = change_points(&medians, 1);
            assert!(!found.is_empty() && found.len() <= 2, "{found:?}");
            let nearest = found.iter().map(|change| change.at.abs_diff(25)).min().unwrap();
            assert!(nearest <= 2, "{found:?}");
            let (first, last) = (found[0], found[found.len() - 1]);
            assert!((last.after / first.before - 1.1).abs() < 0.05, "{found:?}");
        }
    }

    #[test]
    fn a_step_is_found_from_its_fifth_entry_on_and_one_slow_day_is_none() {
        let mut medians = noise(20, 3);
        medians[15..].iter_mut().for_each(|median| *median *= 1.2);
        assert_eq!(change_points(&medians, 1)[0].at, 15);
        let mut once = noise(20, 3);
        once[15] *= 1.6;
        assert_eq!(change_points(&once, 1), []);
    }

    #[test]
    fn two_steps_are_two_changes() {
        let mut medians = noise(60, 5);
        medians[20..40].iter_mut().for_each(|median| *median *= 1.2);
        let found: Vec<usize> = change_points(&medians, 1).iter().map(|change| change.at).collect();
        assert_eq!(found, [20, 40]);
    }

    #[test]
    fn noise_is_hardly_ever_a_change() {
        let alarms = (0..60)
            .filter(|&seed| !change_points(&noise(30, 100 + seed), 1).is_empty())
            .count();
        // One in a hundred is expected; four of sixty come once in 300 times.
        assert!(alarms <= 3, "{alarms} of 60");
        assert_eq!(change_points(&[1.0; 30], 1), []);
        assert_eq!(change_points(&[], 1), []);
    }

    #[test]
    fn lines_are_read_as_they_were_made() {
        let entry = Entry {
            hardware: "0123456789abcdef".into(),
            revision: "51dbf21".into(),
            date: "2026-11-27T13:44:06Z".into(),
            cell: "caml step 512".into(),
            runs: 12,
            median_seconds: 0.1 + 0.2,
            interval_seconds: Some((0.29, 0.31)),
            instructions: Some(u64::MAX),
        };
        let plain = Entry {
            cell: "caml\ninference".into(),
            interval_seconds: None,
            instructions: None,
            ..entry.clone()
        };
        let text = line(&entry) + "\n" + &line(&plain);
        let read = parse(&text, "0123456789abcdef").unwrap();
        assert_eq!(read, [entry, plain]);
        assert_eq!(by_cell(&read).len(), 2);
        let refused = |text: &str, hardware: &str| parse(text, hardware).unwrap_err().to_string();
        let error = refused(&text, "fedcba9876543210");
        assert!(error.starts_with("line 1 of the history: found hardware"), "{error}");
        let torn = format!("{text}{{\"hardware\":\"01");
        assert!(refused(&torn, "0123456789abcdef").starts_with("line 4 of the history: found no entry"));
        let negative = text.replacen("0.30000000000000004", "-1", 1);
        assert!(refused(&negative, "0123456789abcdef").contains("found -1 seconds"));
    }
}
