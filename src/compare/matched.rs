//! Which cells of two sides are compared with each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{CellDescription, Reported, Status};

/// One side of a comparison.
pub struct Side {
    /// What it is called, such as `suites/quick.toml` or `quick:caml`.
    pub name: String,
    /// Its records.
    pub cells: Vec<Reported>,
}

/// The cells of one run, or pair of runs, at one length.
#[derive(Debug)]
pub struct Matched<'a> {
    /// The data set, label set and part that is scored.
    pub task: String,
    /// The run's name; of two runs, that of the second after that of the first.
    pub run: String,
    /// Sequence length.
    pub length: u32,
    /// By seed the first side's cell and the second's.
    pub seeds: BTreeMap<u64, [&'a Reported; 2]>,
}

impl Matched<'_> {
    /// Whether a side is of an external system that decides and gives no scores.
    pub fn decides(&self) -> bool {
        let outcomes = self
            .seeds
            .values()
            .flatten()
            .filter_map(|cell| cell.record.outcome.as_ref());
        let mut external = outcomes.filter_map(|outcome| outcome.external.as_ref());
        external.any(|external| !external.scored)
    }
}

/// What can be compared, and how many scored cells of each side have none to be compared with.
#[derive(Debug)]
pub struct Matching<'a> {
    /// By task, run and length.
    pub pairs: Vec<Matched<'a>>,
    /// Of the first side and of the second.
    pub alone: [Vec<String>; 2],
}

/// Puts the scored cells of two sides together: same task, length and seed, and the same run, unless each side has a single
/// one.
pub fn matched<'a>(sides: [&'a Side; 2]) -> Matching<'a> {
    let scored = sides.map(|side| {
        let ok = side.cells.iter().filter(|cell| cell.record.status == Status::Ok);
        ok.collect::<Vec<_>>()
    });
    let runs = scored.each_ref().map(|cells| {
        let runs = cells.iter().map(|cell| cell.record.cell.run.as_str());
        runs.collect::<BTreeSet<_>>()
    });
    let single = runs.iter().all(|runs| runs.len() == 1);
    let key = |cell: &CellDescription| {
        let run = if single { String::new() } else { cell.run.clone() };
        let task = format!("{}, {}, {}", cell.dataset, cell.labels, cell.evaluation_part);
        (task, run, cell.length, cell.seed)
    };
    // An external system has no length and no seeds to be matched by: alone on its side, it stands beside each.
    let lone = scored.each_ref().map(|cells| match cells[..] {
        [one] if one.record.is_external() => Some(one),
        _ => None,
    });
    let mut keyed = scored.map(|cells| {
        // Of several records of one cell the last that was made.
        let mut by_key: BTreeMap<_, &Reported> = BTreeMap::new();
        for cell in cells {
            let found = by_key.entry(key(&cell.record.cell)).or_insert(cell);
            if found.record.age() < cell.record.age() {
                *found = cell;
            }
        }
        by_key
    });
    for (side, other) in [(0, 1), (1, 0)] {
        if let Some(one) = lone[side] {
            let task = key(&one.record.cell).0;
            let beside = keyed[other].keys().filter(|(of, ..)| *of == task).cloned();
            let beside: Vec<_> = beside.collect();
            keyed[side] = beside.into_iter().map(|key| (key, one)).collect();
        }
    }
    let [first, second] = keyed;
    let mut pairs: Vec<Matched<'a>> = Vec::new();
    for (key, one) in &first {
        let Some(other) = second.get(key) else { continue };
        let (task, _, length, seed) = key;
        let runs = [one, other].map(|cell| cell.record.cell.run.clone());
        let run = match &runs {
            [one, other] if one == other => one.clone(),
            [one, other] => format!("{one} → {other}"),
        };
        let same = |pair: &&mut Matched<'_>| pair.task == *task && pair.run == run && pair.length == *length;
        match pairs.iter_mut().find(same) {
            Some(pair) => {
                pair.seeds.insert(*seed, [one, other]);
            }
            None => pairs.push(Matched {
                task: task.clone(),
                run,
                length: *length,
                seeds: BTreeMap::from([(*seed, [*one, *other])]),
            }),
        }
    }
    let alone = [(&first, &second), (&second, &first)].map(|(of, other)| {
        let missing = of.iter().filter(|(key, _)| !other.contains_key(*key));
        missing.map(|(_, cell)| cell.record.cell.title()).collect()
    });
    Matching { pairs, alone }
}
