//! Properties of the batch orders.

use icdbench::text::{BatchSettings, evaluation_order, training_order};
use proptest::prelude::*;

fn settings(batch_size: usize, max_length: usize, bucket: usize) -> BatchSettings {
    BatchSettings {
        batch_size,
        max_length,
        bucket,
    }
}

fn sorted(batches: &[Vec<usize>]) -> Vec<usize> {
    let mut notes = batches.concat();
    notes.sort_unstable();
    notes
}

/// Padding positions that these batches need.
fn padding(lengths: &[usize], batches: &[Vec<usize>]) -> usize {
    let waste = |batch: &Vec<usize>| {
        let longest = batch.iter().map(|note| lengths[*note]).max().unwrap_or(0);
        batch.iter().map(|note| longest - lengths[*note]).sum::<usize>()
    };
    batches.iter().map(waste).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_note_comes_exactly_once(
        lengths in prop::collection::vec(0_usize..100, 0..80),
        batch_size in 1_usize..9, bucket in 1_usize..6, seed: u64, epoch in 0_u64..5,
    ) {
        let settings = settings(batch_size, 50, bucket);
        let all: Vec<usize> = (0..lengths.len()).collect();
        for batches in [training_order(&lengths, settings, seed, epoch), evaluation_order(&lengths, settings)] {
            prop_assert_eq!(sorted(&batches), all.clone());
            let small: Vec<usize> = batches.iter().map(Vec::len).filter(|size| *size != batch_size).collect();
            let rest = lengths.len() % batch_size;
            prop_assert_eq!(small, if rest == 0 { vec![] } else { vec![rest] });
        }
    }

    #[test]
    fn the_same_seed_and_epoch_give_the_same_order(
        lengths in prop::collection::vec(0_usize..100, 0..80), seed: u64, epoch: u64,
    ) {
        let settings = settings(4, 50, 3);
        prop_assert_eq!(
            training_order(&lengths, settings, seed, epoch),
            training_order(&lengths, settings, seed, epoch)
        );
    }

    #[test]
    fn evaluation_goes_from_long_to_short_and_is_stable(lengths in prop::collection::vec(0_usize..20, 0..60)) {
        let notes = evaluation_order(&lengths, settings(4, 10, 1)).concat();
        for pair in notes.windows(2) {
            let (first, second) = (lengths[pair[0]].min(10), lengths[pair[1]].min(10));
            prop_assert!(first > second || (first == second && pair[0] < pair[1]));
        }
    }
}

#[test]
fn epochs_and_seeds_differ() {
    let lengths: Vec<usize> = (0..100).map(|note| note * 37 % 64).collect();
    let order = |seed, epoch| training_order(&lengths, settings(8, 50, 4), seed, epoch);
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    // Seed and epoch are two numbers, not one sum.
    assert_ne!(order(1, 2), order(2, 1));
}

#[test]
fn the_order_is_the_same_on_every_machine_and_in_every_version() {
    let lengths = [5, 1, 9, 3, 7, 2, 8];
    assert_eq!(
        training_order(&lengths, settings(2, 100, 2), 13, 0),
        [vec![4, 6], vec![3, 0], vec![2], vec![1, 5]]
    );
}

#[test]
fn every_first_place_is_equally_likely() {
    // 6000 epochs, 6 notes: 1000 expected for each, 5 standard deviations are 145.
    let mut first = [0_usize; 6];
    for epoch in 0..6000 {
        first[training_order(&[1; 6], settings(1, 10, 1), 5, epoch)[0][0]] += 1;
    }
    assert!(first.iter().all(|count| count.abs_diff(1000) < 145), "{first:?}");
}

#[test]
fn buckets_save_padding_and_a_whole_bucket_saves_most() {
    let lengths: Vec<usize> = (0..400).map(|note| 1 + note * 7919 % 997).collect();
    let waste = |bucket| padding(&lengths, &training_order(&lengths, settings(8, 1000, bucket), 3, 0));
    assert!(waste(10) * 4 < waste(1), "{} against {}", waste(10), waste(1));
    assert!(waste(50) < waste(10));
}

#[test]
fn notes_beyond_max_length_count_as_equally_long() {
    // All longer than 10: sorting by the real length would order them within the window.
    let lengths: Vec<usize> = (0..64).map(|note| 11 + note).collect();
    let [batch] = training_order(&lengths, settings(64, 10, 1), 1, 0).try_into().unwrap();
    assert!(!batch.is_sorted());
}

#[test]
#[should_panic(expected = "must be 1 or more")]
fn a_batch_size_of_zero_is_refused() {
    training_order(&[1, 2], settings(0, 10, 1), 0, 0);
}
