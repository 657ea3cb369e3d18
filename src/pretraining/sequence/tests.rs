use proptest::prelude::*;

use super::*;
use crate::pretraining::tests::{notes, pieces, settings};

fn all(documents: &Documents, settings: &Pretraining, number: u32) -> Vec<Sequence> {
    let pieces = pieces();
    let maker = Maker {
        documents,
        pieces: &pieces,
        settings,
    };
    let epoch = Epoch::new(documents, settings, number);
    (0..epoch.spans.len())
        .map(|place| maker.sequence(&epoch, place))
        .collect()
}

/// What stood in a sequence before it was masked.
fn restored(sequence: &Sequence) -> Vec<u32> {
    let mut tokens = sequence.tokens.clone();
    for (&place, &target) in sequence.masked.iter().zip(&sequence.targets) {
        tokens[place] = target;
    }
    tokens.into_iter().map(|token| token as u32).collect()
}

proptest! {
    #[test]
    fn a_sequence_is_its_parts_between_special_tokens_of_which_none_is_masked(
        seed in 0u64..1000, length in 8usize..48, next_sentence: bool, whole_word: bool,
    ) {
        let (documents, pieces) = (notes(seed, 9), pieces());
        let mut settings = settings();
        (settings.seed, settings.length) = (seed, length);
        (settings.objective.next_sentence, settings.objective.whole_word) = (next_sentence, whole_word);
        for sequence in all(&documents, &settings, 1) {
            prop_assert!(sequence.tokens.len() <= length && sequence.tokens.len() == sequence.types.len());
            let before = restored(&sequence);
            let separators: Vec<usize> = (0..before.len()).filter(|&place| before[place] == pieces.separator).collect();
            prop_assert_eq!(before[0], pieces.cls);
            prop_assert_eq!(separators.len(), 1 + usize::from(next_sentence));
            prop_assert_eq!(*separators.last().unwrap(), before.len() - 1);
            prop_assert!(separators.windows(2).all(|pair| pair[1] > pair[0] + 1) && separators[0] > 1);
            for (place, &of_type) in sequence.types.iter().enumerate() {
                prop_assert_eq!(of_type, i32::from(place > separators[0]));
            }
            prop_assert_eq!(sequence.is_random_next.is_some(), next_sentence);
            prop_assert!(!sequence.masked.is_empty() && sequence.masked.is_sorted_by(|left, right| left < right));
            prop_assert!(sequence.masked.iter().all(|&place| !pieces.is_special(before[place])));
        }
    }

    #[test]
    fn words_are_masked_whole_where_that_is_asked_for(seed in 0u64..1000) {
        let (documents, pieces) = (notes(seed, 9), pieces());
        let mut settings = settings();
        (settings.seed, settings.objective.whole_word) = (seed, true);
        for sequence in all(&documents, &settings, 1) {
            let before = restored(&sequence);
            for place in 1..before.len() {
                let one_word = pieces.continues[before[place] as usize] && !pieces.is_special(before[place - 1]);
                let is_masked = |place| sequence.masked.contains(&place);
                prop_assert!(!one_word || is_masked(place) == is_masked(place - 1));
            }
        }
    }
}

#[test]
fn masks_have_their_shares() {
    let (documents, pieces) = (notes(1, 400), pieces());
    let mut settings = settings();
    settings.length = 64;
    let (mut tokens, mut masked, mut as_mask, mut kept) = (0, 0, 0, 0);
    for sequence in all(&documents, &settings, 1) {
        tokens += sequence.tokens.len();
        masked += sequence.masked.len();
        for (&place, &target) in sequence.masked.iter().zip(&sequence.targets) {
            as_mask += usize::from(sequence.tokens[place] == pieces.mask as i32);
            kept += usize::from(sequence.tokens[place] == target);
            assert!(sequence.tokens[place] == pieces.mask as i32 || !pieces.is_special(sequence.tokens[place] as u32));
        }
    }
    let near = |found: usize, of: usize, expected: f64| {
        let share = found as f64 / of as f64;
        assert!((share - expected).abs() < 0.015, "{share}, expected {expected} of {of}");
    };
    near(masked, tokens, 0.15);
    near(as_mask, masked, 0.8);
    // A random token is now and then the one that stood there.
    near(kept, masked, 0.1 + 0.1 / pieces.ordinary().len() as f64);
}

#[test]
fn masks_depend_on_seed_epoch_and_place_alone() {
    let documents = notes(1, 40);
    let mut settings = settings();
    // One sequence a note, so that both epochs have the same texts.
    (
        settings.short_sequences,
        settings.objective.next_sentence,
        settings.length,
    ) = (0.0, false, 4_000);
    settings.encoder.positions = 4_000;
    let by_text = |settings: &Pretraining, number| {
        let mut all: Vec<(Vec<u32>, Vec<usize>)> = all(&documents, settings, number)
            .into_iter()
            .map(|sequence| (restored(&sequence), sequence.masked))
            .collect();
        all.sort();
        all
    };
    let first = by_text(&settings, 1);
    assert_eq!(first, by_text(&settings, 1));
    let differ = |other: Vec<(Vec<u32>, Vec<usize>)>| {
        let pairs = first.iter().zip(&other);
        assert!(pairs.clone().all(|(one, other)| one.0 == other.0));
        pairs.filter(|(one, other)| one.1 != other.1).count()
    };
    assert!(differ(by_text(&settings, 2)) > 35);
    settings.seed += 1;
    assert!(differ(by_text(&settings, 1)) > 35);
}

#[test]
fn a_word_longer_than_what_is_wanted_is_passed_over_unless_all_are() {
    let pieces = pieces();
    let continuing = (0..pieces.size() as u32)
        .find(|&id| pieces.continues[id as usize])
        .unwrap();
    let ordinary = pieces.ordinary()[0];
    let objective = Objective {
        masked: 0.1,
        whole_word: true,
        ..settings().objective
    };
    for seed in 0..20 {
        let long = [ordinary, continuing, continuing, continuing];
        assert_eq!(choose_masks(&long, &objective, &pieces, seed), [0, 1, 2, 3]);
        let and_short = [&long[..], &[ordinary]].concat();
        assert_eq!(choose_masks(&and_short, &objective, &pieces, seed), [4]);
    }
}

#[test]
fn a_pair_that_is_too_long_is_cut_from_its_longer_part_at_both_ends() {
    let (first, second): (Vec<u32>, Vec<u32>) = ((0..20).collect(), (100..106).collect());
    let (mut starts, mut ends) = (0, 0);
    for number in 0..200 {
        let (mut a, mut b) = (&first[..], &second[..]);
        cut_pair(&mut a, &mut b, 14, &mut Random::new(1, What::Masks, 1, number));
        assert_eq!((a.len(), b.len()), (8, 6));
        starts += usize::from(a[0] > 0);
        ends += usize::from(a[7] < 19);
    }
    assert!(starts > 150 && ends > 150);
}
