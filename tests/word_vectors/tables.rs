//! What is drawn, and the tree: properties that hold for any counts.

use icdbench::word_vectors::{Draws, Negatives, Tree, kept_up_to};
use proptest::prelude::*;

fn counts() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(1u64..2_000, 2..60)
}

/// The least sum of counts times steps, by joining the two rarest again and again.
fn least_cost(counts: &[u64]) -> u64 {
    let mut open = counts.to_vec();
    let mut cost = 0;
    while open.len() > 1 {
        open.sort_unstable_by(|one, other| other.cmp(one));
        let joined = open.pop().unwrap() + open.pop().unwrap();
        cost += joined;
        open.push(joined);
    }
    cost
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_has_a_leaf_for_each_word_and_no_tree_is_shorter(counts in counts()) {
        let tree = Tree::new(&counts);
        let words = counts.len() as u32;
        let paths: Vec<&[(u32, bool)]> = (0..words).map(|word| tree.path(word)).collect();
        let kraft: f64 = paths.iter().map(|path| 0.5f64.powi(path.len() as i32)).sum();
        prop_assert!((kraft - 1.0).abs() < 1e-9, "{kraft}");
        let cost: u64 = paths.iter().zip(&counts).map(|(path, count)| path.len() as u64 * count).sum();
        prop_assert_eq!(cost, least_cost(&counts));
        // Every inner node is met, all paths begin at the root, and no two words have one path.
        let mut met: Vec<u32> = paths.iter().flat_map(|path| path.iter().map(|(node, _)| *node)).collect();
        met.sort_unstable();
        met.dedup();
        prop_assert_eq!(met, (0..words - 1).collect::<Vec<_>>());
        prop_assert!(paths.iter().all(|path| path[0].0 == words - 2));
        let mut distinct = paths.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), paths.len());
    }

    #[test]
    fn negatives_have_the_probabilities_of_their_counts(counts in counts(), exponent in -1.0f64..1.5) {
        let weights: Vec<f64> = counts.iter().map(|&count| (count as f64).powf(exponent)).collect();
        let sum: f64 = weights.iter().sum();
        let table = Negatives::new(&counts, exponent);
        for (found, weight) in table.probabilities().iter().zip(&weights) {
            prop_assert!((found - weight / sum).abs() < 1e-8, "{found} {}", weight / sum);
        }
    }

    #[test]
    fn a_rarer_word_is_kept_no_less_often(mut counts in counts(), sample in 1e-5f64..0.5) {
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let kept = kept_up_to(&counts, sample);
        prop_assert!(kept.is_sorted());
        let all: u64 = counts.iter().sum();
        for (&count, &kept) in counts.iter().zip(&kept) {
            // Up to this share of all words, every occurrence is kept: (sqrt(x) + 1) / x is 1 at 2.618.
            let share = count as f64 / all as f64 / sample;
            let bound = (3.0 + 5.0f64.sqrt()) / 2.0;
            prop_assert!((share - bound).abs() < 1e-6 || (kept == u32::MAX) == (share < bound), "{share} {kept}");
        }
    }
}

#[test]
fn draws_follow_the_probabilities() {
    let counts = [700, 200, 90, 9, 1];
    let table = Negatives::new(&counts, 0.75);
    let expected = table.probabilities();
    let mut draws = Draws::new(3, [0, 0]);
    let mut found = [0u32; 5];
    let all = 200_000;
    for _ in 0..all {
        found[table.draw(&mut draws) as usize] += 1;
    }
    for (found, expected) in found.iter().zip(&expected) {
        let share = f64::from(*found) / f64::from(all);
        let deviation = (expected * (1.0 - expected) / f64::from(all)).sqrt();
        assert!((share - expected).abs() < 5.0 * deviation, "{share} {expected}");
    }
}

#[test]
fn no_sampling_keeps_every_word() {
    assert_eq!(kept_up_to(&[100, 1], 0.0), [u32::MAX; 2]);
}
