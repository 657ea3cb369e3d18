//! Redraws are what a plain evaluation of the notes, each as often as it is drawn, gives.

use proptest::prelude::*;

use super::*;
use crate::metrics::{Options, TieOrder, evaluate};

#[derive(Clone, Debug)]
struct Case {
    notes: usize,
    codes: usize,
    /// In steps, so that there are ties.
    scores: Vec<f32>,
    gold: Vec<Vec<u32>>,
    clusters: Vec<usize>,
}

fn cases() -> impl Strategy<Value = Case> {
    (2..9usize, 2..7usize).prop_flat_map(|(notes, codes)| {
        let scores = proptest::collection::vec((0..6u8).prop_map(|step| f32::from(step) / 5.0), notes * codes);
        let row = proptest::collection::btree_set(0..codes as u32, 0..codes);
        let gold = proptest::collection::vec(row.prop_map(|row| row.into_iter().collect()), notes);
        let clusters = proptest::collection::vec(0..notes, notes);
        (scores, gold, clusters).prop_map(move |(scores, gold, clusters)| {
            // Numbered without gaps, by their first note.
            let mut known = Vec::new();
            let numbered = clusters.into_iter().map(|cluster| {
                known.iter().position(|other| *other == cluster).unwrap_or_else(|| {
                    known.push(cluster);
                    known.len() - 1
                })
            });
            let clusters = numbered.collect();
            Case {
                notes,
                codes,
                scores,
                gold,
                clusters,
            }
        })
    })
}

const OPTIONS: fn() -> Options = || Options {
    threshold: 0.5,
    at_k: vec![1, 3],
    ties: TieOrder::HigherIndexFirst,
};

fn all(case: &Case, draws: &Draws) -> Redraws {
    let scores = Scores::new(&case.scores, case.notes, case.codes).unwrap();
    let targets = Targets::from_rows(&case.gold, case.codes).unwrap();
    let evaluation = evaluate(&scores, &targets, &OPTIONS()).unwrap();
    let predicted: Vec<Vec<u32>> = (0..case.notes)
        .map(|note| {
            (0..case.codes as u32)
                .filter(|&code| scores.row(note)[code as usize] > 0.5)
                .collect()
        })
        .collect();
    let both = case
        .gold
        .iter()
        .zip(&predicted)
        .map(|(gold, predicted)| (&gold[..], &predicted[..]));
    let rows = Rows {
        per_note: &evaluation.per_note,
        decisions: &Decisions::new(both, case.codes),
        at_k: &[1, 3],
    };
    let mut found = resample(&rows, draws);
    found.extend(resample_areas(&scores, &targets, draws));
    found
}

/// The case with each note as often as a redraw has it.
fn drawn(case: &Case, draws: &Draws, redraw: usize) -> Option<Case> {
    let times = (0..case.notes).flat_map(|note| vec![note; usize::from(draws.of(note)[redraw])]);
    let taken: Vec<usize> = times.collect();
    (!taken.is_empty()).then(|| Case {
        notes: taken.len(),
        codes: case.codes,
        scores: taken
            .iter()
            .flat_map(|&note| case.scores[note * case.codes..(note + 1) * case.codes].to_vec())
            .collect(),
        gold: taken.iter().map(|&note| case.gold[note].clone()).collect(),
        clusters: Vec::new(),
    })
}

proptest! {
    #[test]
    fn every_redraw_is_the_evaluation_of_its_notes(case in cases(), seed in any::<[u8; 32]>()) {
        let draws = Draws::bootstrap(&case.clusters, 5, seed);
        let found = all(&case, &draws);
        for redraw in 0..5 {
            let Some(plain) = drawn(&case, &draws, redraw) else { continue };
            let scores = Scores::new(&plain.scores, plain.notes, plain.codes).unwrap();
            let targets = Targets::from_rows(&plain.gold, plain.codes).unwrap();
            let plain = evaluate(&scores, &targets, &OPTIONS()).unwrap().scores;
            for (name, values) in &found {
                // Over the codes that all notes together have: another quantity than that of the notes drawn.
                if name == "micro-roc-auc-present" {
                    continue;
                }
                match plain.get(name) {
                    Some(expected) => prop_assert!((values[redraw] - expected).abs() < 1e-12, "{name}: {} {expected}", values[redraw]),
                    None => prop_assert!(values[redraw].is_nan(), "{name}: {}", values[redraw]),
                }
            }
            prop_assert!(plain.keys().all(|name| found.contains_key(name)));
        }
    }

    #[test]
    fn each_note_once_is_the_evaluation(case in cases()) {
        let scores = Scores::new(&case.scores, case.notes, case.codes).unwrap();
        let targets = Targets::from_rows(&case.gold, case.codes).unwrap();
        let plain = evaluate(&scores, &targets, &OPTIONS()).unwrap().scores;
        for (name, values) in all(&case, &Draws::once(case.notes)) {
            match plain.get(&name) {
                Some(expected) => prop_assert!((values[0] - expected).abs() < 1e-12, "{name}"),
                None => prop_assert!(values[0].is_nan(), "{name}"),
            }
        }
    }

    #[test]
    fn a_redraw_takes_whole_clusters_and_as_many_as_there_are(case in cases(), seed in any::<[u8; 32]>()) {
        let draws = Draws::bootstrap(&case.clusters, 20, seed);
        let count = case.clusters.iter().max().unwrap() + 1;
        for redraw in 0..20 {
            let mut of_cluster = vec![None; count];
            for (note, &cluster) in case.clusters.iter().enumerate() {
                let weight = draws.of(note)[redraw];
                prop_assert_eq!(*of_cluster[cluster].get_or_insert(weight), weight);
            }
            let all: usize = of_cluster.into_iter().flatten().map(usize::from).sum();
            prop_assert_eq!(all, count);
        }
    }

    #[test]
    fn an_exchange_gives_each_cluster_to_one_of_two(case in cases(), seed in any::<[u8; 32]>()) {
        let first = Draws::exchange(&case.clusters, 20, seed);
        let second = first.swapped();
        for (note, cluster) in case.clusters.iter().enumerate() {
            let same = case.clusters.iter().position(|other| other == cluster).unwrap();
            for redraw in 0..20 {
                let [own, other] = [note, case.notes + note].map(|row| first.of(row)[redraw]);
                prop_assert_eq!(own + other, 1);
                prop_assert_eq!(own, first.of(same)[redraw]);
                prop_assert_eq!(second.of(note)[redraw], other);
            }
        }
    }
}

#[test]
fn redraws_do_not_depend_on_the_number_of_threads() {
    let (notes, codes) = (40, 150);
    let scores: Vec<f32> = (0..notes * codes)
        .map(|cell| (cell * 7919 % 1013) as f32 / 1013.0)
        .collect();
    let gold = (0..notes)
        .map(|note| vec![(note % 7) as u32, (note % 11 + 20) as u32])
        .collect();
    let case = Case {
        notes,
        codes,
        scores,
        gold,
        clusters: (0..notes).map(|note| note / 2).collect(),
    };
    let draws = Draws::bootstrap(&case.clusters, 150, [3; 32]);
    let over = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| all(&case, &draws));
        let bits = found
            .into_iter()
            .map(|(name, values)| (name, values.into_iter().map(f64::to_bits).collect::<Vec<_>>()));
        bits.collect::<Vec<_>>()
    };
    assert_eq!(over(1), over(3));
}
