use proptest::prelude::*;

use super::*;
use crate::pretraining::settings::FirstEpochs;
use crate::pretraining::tests::{notes, settings};

/// Sentences of all sequences, in the order of the notes.
fn ordered(documents: &Documents, settings: &Pretraining, number: u32) -> Vec<Span> {
    of_all(documents, settings, number)
}

proptest! {
    #[test]
    fn first_parts_go_over_each_note_in_order_and_lose_no_sentence_but_what_seconds_have(
        seed in 0u64..1000, count in 2usize..12, length in 8usize..40, next_sentence: bool,
    ) {
        let documents = notes(seed, count);
        let mut settings = settings();
        (settings.seed, settings.length, settings.objective.next_sentence) = (seed, length, next_sentence);
        let mut read = vec![0u32; documents.sentences()];
        let mut last = 0;
        for span in ordered(&documents, &settings, 1) {
            prop_assert!(span.first.start >= last && span.first.start < span.first.end);
            last = span.first.end;
            span.first.clone().for_each(|sentence| read[sentence as usize] += 1);
            let Some(second) = span.second else {
                prop_assert!(!next_sentence);
                continue;
            };
            prop_assert!(next_sentence && second.sentences.start < second.sentences.end);
            let note = |sentence: u32| (0..count).find(|&note| documents.of(note).contains(&(sentence as usize)));
            prop_assert_eq!(note(second.sentences.start), note(second.sentences.end - 1));
            if !second.is_random {
                prop_assert_eq!(second.sentences.start, span.first.end);
                prop_assert_eq!(note(second.sentences.start), note(span.first.start));
                second.sentences.clone().for_each(|sentence| read[sentence as usize] += 1);
                last = second.sentences.end;
            }
        }
        prop_assert!(read.iter().all(|&times| times == 1), "{:?}", read);
    }

    #[test]
    fn what_is_drawn_depends_on_seed_and_epoch_and_on_no_other_note(seed in 0u64..1000, number in 1u32..9) {
        let documents = notes(5, 30);
        let mut settings = settings();
        settings.seed = seed;
        let found = Epoch::new(&documents, &settings, number);
        prop_assert_eq!(&found.spans, &Epoch::new(&documents, &settings, number).spans);
        prop_assert_ne!(&found.spans, &Epoch::new(&documents, &settings, number + 1).spans);
        settings.seed += 1;
        prop_assert_ne!(&found.spans, &Epoch::new(&documents, &settings, number).spans);
    }
}

#[test]
fn half_of_the_second_parts_are_from_another_note_and_a_sentence_alone_always_has_one() {
    let documents = notes(1, 2_000);
    let spans = ordered(&documents, &settings(), 1);
    let seconds = |alone: bool| {
        let is_alone = |span: &&Span| {
            let end = |note: usize| documents.of(note).end as u32;
            let last = (0..documents.len()).find(|&note| end(note) >= span.first.end).map(end);
            span.first.len() == 1 && last == Some(span.first.end)
        };
        let of = spans.iter().filter(move |span| is_alone(span) == alone);
        of.map(|span| span.second.clone().unwrap()).collect::<Vec<_>>()
    };
    assert!(seconds(true).iter().all(|second| second.is_random));
    let others = seconds(false);
    let random = others.iter().filter(|second| second.is_random).count() as f64 / others.len() as f64;
    assert!((random - RANDOM_NEXT).abs() < 0.03, "{random} of {}", others.len());
}

#[test]
fn another_note_is_another_note() {
    let documents = notes(2, 60);
    let mut own = 0;
    let spans = ordered(&documents, &settings(), 1);
    for span in &spans {
        let second = span.second.as_ref().unwrap();
        let note = |sentence: u32| (0..60).find(|&note| documents.of(note).contains(&(sentence as usize)));
        own += usize::from(second.is_random && note(second.sentences.start) == note(span.first.start));
    }
    assert_eq!(own, 0, "of {}", spans.len());
}

#[test]
fn a_share_of_the_notes_has_shorter_sequences() {
    let documents = notes(3, 3_000);
    let mut settings = settings();
    settings.objective.next_sentence = false;
    let mean = |short_sequences: f64| {
        let settings = Pretraining {
            short_sequences,
            ..settings.clone()
        };
        let spans = ordered(&documents, &settings, 1);
        documents.tokens() as f64 / spans.len() as f64
    };
    let (none, tenth, all) = (mean(0.0), mean(0.1), mean(1.0));
    assert!(none > tenth && tenth > all, "{none}, {tenth}, {all}");
}

#[test]
fn a_count_is_that_of_the_epoch() {
    let (documents, settings) = (notes(4, 25), settings());
    for number in 0..4 {
        let found = Epoch::new(&documents, &settings, number).spans.len();
        assert_eq!(Epoch::sequences(&documents, &settings, number), found);
    }
}

#[test]
fn the_first_epochs_have_shorter_sequences_of_the_same_notes() {
    let documents = notes(3, 60);
    let mut settings = settings();
    settings.length = 64;
    settings.first = Some(FirstEpochs { epochs: 2, length: 16 });
    let longest = |settings: &Pretraining, number: u32| {
        let tokens = |span: &Span| {
            let parts = std::iter::once(&span.first).chain(span.second.as_ref().map(|second| &second.sentences));
            parts
                .map(|part| documents.text(part.start as usize..part.end as usize).len())
                .sum::<usize>()
        };
        of_all(&documents, settings, number).iter().map(tokens).max().unwrap()
    };
    let everywhere = |length: usize| Pretraining {
        length,
        first: None,
        ..settings.clone()
    };
    for number in [0, 1, 2, 3] {
        let length = if (1..=2).contains(&number) { 16 } else { 64 };
        assert_eq!(settings.length_of(number), length);
        assert_eq!(
            longest(&settings, number),
            longest(&everywhere(length), number),
            "epoch {number}"
        );
        let spans = of_all(&documents, &settings, number);
        assert_eq!(spans, of_all(&documents, &everywhere(length), number));
    }
    assert!(longest(&settings, 2) < longest(&settings, 3));
}
