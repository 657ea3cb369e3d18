//! That it learns, says how far it has come, and fails where it cannot go on.

use icdbench::pretraining::{Documents, Error, FirstEpochs, Look, Pretraining, choose_masks};

use super::{Silent, fit_notes, given, run, settings, texts, undisturbed};

#[test]
fn masked_words_of_a_text_that_repeats_itself_are_learned() {
    let mut settings = settings();
    settings.epochs = 12;
    settings.encoder.dropout = 0.0;
    settings.encoder.attention_dropout = 0.0;
    let given = given(&settings, 60);
    let found = undisturbed(&settings, &given, None);
    let looks = &found.facts.looks;
    let (first, last) = (looks[0], *looks.last().unwrap());
    assert_eq!(
        (first.step, first.training_loss, last.step),
        (0, None, found.facts.steps)
    );
    assert!(last.mlm_loss < 0.6 * first.mlm_loss, "{first:?} {last:?}");
    assert!(last.mlm_accuracy > first.mlm_accuracy + 0.2, "{first:?} {last:?}");
    assert!((last.perplexity.ln() - last.mlm_loss).abs() < 1e-9);
    // Figure 1: what stands at some places of a text of the same kind, the best of them first.
    let tokens = given.tokenizer.encode("chest pain no cough. chest pain.");
    let masked = choose_masks(&tokens, &settings.objective, &given.pieces, 1);
    assert!(!masked.is_empty());
    let guesses = found
        .model
        .guesses(&tokens, &masked, 28, &given.pieces, icdbench::models::Precision::F32);
    for (guess, &place) in guesses.iter().zip(&masked) {
        assert_eq!((guess.place, guess.token), (place, tokens[place]));
        assert!(guess.likely.is_sorted_by(|left, right| left.1 >= right.1));
        let sum: f32 = guess.likely.iter().map(|(_, probability)| probability).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum} over the whole vocabulary");
    }
}

#[test]
fn looks_come_when_the_settings_say_and_see_the_same_sequences_each_time() {
    let settings = settings();
    let given = given(&settings, 20);
    let facts = undisturbed(&settings, &given, None).facts;
    let steps: Vec<u64> = facts.looks.iter().map(|look| look.step).collect();
    let expected = |every: u64| (0..facts.steps).filter(move |step| step.is_multiple_of(every));
    assert!(expected(5).all(|step| steps.contains(&step)), "{steps:?}");
    assert!(steps.contains(&facts.steps) && steps.is_sorted_by(|left, right| left < right));
    let seen = |look: &Look| (look.masked, look.sequences);
    assert!(facts.looks.iter().all(|look| seen(look) == seen(&facts.looks[0])));
    assert_eq!((facts.development_sequences, facts.looks[0].sequences), (6, 6));
    assert_eq!(facts.stopped, "all epochs done");
    assert_eq!(
        (facts.looks[0].epoch, facts.looks.last().unwrap().epoch),
        (0, settings.epochs)
    );
    // At the end of each epoch, without more.
    let rarely = Pretraining {
        development: icdbench::pretraining::Development {
            every: 0,
            ..settings.development
        },
        ..settings.clone()
    };
    let looks = undisturbed(&rarely, &given, None).facts.looks;
    assert_eq!(looks.iter().map(|look| look.epoch).collect::<Vec<_>>(), [0, 1, 2]);
    // What is looked at moves nothing.
    assert_eq!(looks.last().unwrap().mlm_loss, facts.looks.last().unwrap().mlm_loss);
}

#[test]
fn how_many_sequences_are_computed_at_a_time_moves_rounding_only() {
    let mut settings = settings();
    settings.encoder.dropout = 0.0;
    settings.encoder.attention_dropout = 0.0;
    let given = given(&settings, 20);
    let loss = |batch_size: usize, accumulate: usize, vocabulary_block: usize| {
        let settings = Pretraining {
            batch_size,
            accumulate,
            vocabulary_block,
            ..settings.clone()
        };
        undisturbed(&settings, &given, None)
            .facts
            .looks
            .last()
            .unwrap()
            .mlm_loss
    };
    let expected = loss(4, 1, 100);
    for found in [loss(2, 2, 7), loss(1, 4, 3)] {
        assert!((found - expected).abs() < 1e-3, "{found}, expected {expected}");
    }
}

#[test]
fn steps_may_be_bounded() {
    let mut settings = settings();
    settings.most_steps = Some(7);
    let given = given(&settings, 20);
    let facts = undisturbed(&settings, &given, None).facts;
    assert_eq!((facts.steps, facts.looks.last().unwrap().step), (7, 7));
    assert_eq!(facts.stopped, "its 7 steps are done");
}

#[test]
fn a_loss_that_is_no_number_is_a_failure_with_a_next_step_also_after_the_last_step() {
    let mut settings = settings();
    settings.learning_rate = 1e30;
    settings.schedule = icdbench::train::Schedule::Constant;
    settings.clip_norm = 0.0;
    let given = given(&settings, 20);
    for most_steps in [None, Some(1)] {
        settings.most_steps = most_steps;
        let directory = tempfile::tempdir().unwrap();
        let Err(error) = run(&settings, &given, None, directory.path(), false, &Silent) else {
            panic!("expected a failure");
        };
        assert!(matches!(error, Error::Diverged { step: 1 | 2, .. }), "{error}");
        assert!(error.to_string().contains("lower learning-rate"), "{error}");
    }
}

#[test]
fn too_few_notes_and_foreign_tokens_are_refused() {
    let settings = settings();
    let mut given = given(&settings, 20);
    let refused = |given: &super::Given| {
        let directory = tempfile::tempdir().unwrap();
        match run(&settings, given, None, directory.path(), false, &Silent) {
            Err(error @ Error::Unfit(_)) => error.to_string(),
            _ => panic!("expected a refusal"),
        }
    };
    let development = std::mem::replace(&mut given.development, Documents::new(&[vec![vec![]]], 9));
    assert!(refused(&given).starts_with("0 notes to look at hold a token: expected at least 1"));
    given.development = Documents::new(&[vec![vec![5, 700]]], 9);
    assert!(
        refused(&given).contains("token 700, the vocabulary has 28 tokens"),
        "{}",
        refused(&given)
    );
    given.development = development;
    let one = fit_notes(&texts(1));
    given.training =
        icdbench::pretraining::FitDocuments::read(one.texts(), &given.tokenizer, &settings, &mut |_, _| {});
    assert!(refused(&given).starts_with("1 notes to pretrain on hold a token: expected at least 2"));
}

#[test]
fn settings_that_cannot_be_are_named() {
    type Change = fn(&mut Pretraining);
    let cases: [(&str, Change); 15] = [
        ("length", |settings| settings.length = 25),
        ("length", |settings| settings.length = 4),
        ("objective", |settings| settings.objective.masked = 0.0),
        ("objective", |settings| settings.objective.as_random = 0.3),
        ("first", |settings| {
            settings.first = Some(FirstEpochs { epochs: 0, length: 10 })
        }),
        ("first", |settings| {
            settings.first = Some(FirstEpochs { epochs: 3, length: 10 })
        }),
        ("first", |settings| {
            settings.first = Some(FirstEpochs { epochs: 1, length: 20 })
        }),
        ("short-sequences", |settings| settings.short_sequences = 1.5),
        ("longest-sentence", |settings| settings.longest_sentence = 0),
        ("most-steps", |settings| settings.most_steps = Some(0)),
        ("vocabulary-block", |settings| settings.vocabulary_block = 0),
        ("development", |settings| settings.development.sequences = 0),
        ("development", |settings| {
            settings.development.notes = icdbench::pretraining::DevelopmentNotes::Share(1.0);
        }),
        ("optimiser", |settings| {
            settings.optimiser = icdbench::train::Optimiser::None
        }),
        ("batch-size", |settings| settings.batch_size = 0),
    ];
    for (expected, change) in cases {
        let mut settings = settings();
        change(&mut settings);
        let (setting, problem) = settings.check().unwrap_err();
        assert_eq!(setting, expected, "{problem}");
    }
    let misspelt = super::SETTINGS.replace("short-sequences", "short-sequence");
    assert!(
        toml::from_str::<Pretraining>(&misspelt)
            .unwrap_err()
            .to_string()
            .contains("short-sequence")
    );
}
