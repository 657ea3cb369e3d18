//! Interrupted or killed anywhere, a pretraining ends in the same bytes.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use icdbench::pretraining::{End, Pretraining};
use icdbench::record::EpochRow;
use icdbench::train::{Observer, StepReport};

use super::{given, outcome, run, settings, undisturbed};

/// Ends a pretraining at the call of that number, from 0, counted over all that an observer is told.
struct Ending {
    calls: Cell<u32>,
    at: u32,
    /// Whether by a panic, which is as sudden as a kill; else by asking to stop.
    suddenly: bool,
}

impl Ending {
    fn told(&self) {
        let calls = self.calls.get();
        self.calls.set(calls + 1);
        if self.suddenly && calls == self.at {
            panic!("killed");
        }
    }
}

impl Observer for Ending {
    fn stepped(&self, _: &StepReport) {
        self.told();
    }

    fn scored(&self, _: usize, _: usize) {
        self.told();
    }

    fn checkpointed(&self) {
        self.told();
    }

    fn epoch(&self, _: &EpochRow, _: u32) {
        self.told();
    }

    fn interrupted(&self) -> bool {
        !self.suddenly && self.calls.get() >= self.at
    }
}

/// The outcome of a pretraining that is ended again and again, each time after some more calls than the last.
fn after_endings(settings: &Pretraining, first: u32, suddenly: bool) -> super::Pretrained {
    let given = given(settings, 20);
    let directory = tempfile::tempdir().unwrap();
    for time in 0..500 {
        let observer = Ending {
            calls: Cell::new(0),
            at: first + time * 7 % 11,
            suddenly,
        };
        let often = time % 2 == 0;
        let ended = catch_unwind(AssertUnwindSafe(|| {
            run(settings, &given, None, directory.path(), often, &observer)
        }));
        match ended {
            Err(_) => assert!(suddenly),
            Ok(Ok(End::Interrupted)) => assert!(!suddenly),
            Ok(Ok(End::Finished(pretrained))) => {
                assert!(time > 0, "it never was ended");
                return *pretrained;
            }
            Ok(Err(error)) => panic!("{error}"),
        }
    }
    panic!("it does not come to an end");
}

#[test]
fn ended_anywhere_it_comes_to_the_same_bytes() {
    for next_sentence in [true, false] {
        let mut settings = settings();
        settings.objective.next_sentence = next_sentence;
        settings.objective.whole_word = !next_sentence;
        let given = given(&settings, 20);
        let expected = outcome(&undisturbed(&settings, &given, None), &given);
        assert!(expected.1.steps > 10, "{}", expected.1.steps);
        for suddenly in [true, false] {
            for first in [1, 4, 7, 10, 13] {
                let found = after_endings(&settings, first, suddenly);
                assert_eq!(
                    outcome(&found, &given),
                    expected,
                    "ended from call {first} on, suddenly: {suddenly}"
                );
            }
        }
    }
}

#[test]
fn a_finished_one_that_is_asked_for_again_takes_no_step() {
    let settings = settings();
    let given = given(&settings, 20);
    let directory = tempfile::tempdir().unwrap();
    let first = super::finished(run(&settings, &given, None, directory.path(), false, &super::Silent));
    let never = Ending {
        calls: Cell::new(0),
        at: u32::MAX,
        suddenly: true,
    };
    let again = super::finished(run(&settings, &given, None, directory.path(), false, &never));
    assert_eq!(outcome(&again, &given), outcome(&first, &given));
    // The checkpoint, and nothing else.
    assert_eq!(never.calls.get(), 1);
}

#[test]
fn a_damaged_checkpoint_is_named_and_pretraining_starts_over() {
    #[derive(Default)]
    struct Told(std::cell::RefCell<Vec<String>>);
    impl Observer for Told {
        fn notice(&self, sentence: &str) {
            self.0.borrow_mut().push(sentence.to_owned());
        }
    }
    let settings = settings();
    let given = given(&settings, 20);
    let expected = outcome(&undisturbed(&settings, &given, None), &given);
    let directory = tempfile::tempdir().unwrap();
    let stop = Ending {
        calls: Cell::new(0),
        at: 6,
        suddenly: false,
    };
    assert!(matches!(
        run(&settings, &given, None, directory.path(), true, &stop),
        Ok(End::Interrupted)
    ));
    let path = directory.path().join("last.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let told = Told::default();
    let found = super::finished(run(&settings, &given, None, directory.path(), false, &told));
    assert_eq!(outcome(&found, &given), expected);
    let told = told.0.into_inner();
    assert!(told.len() == 1 && told[0].contains("not used"), "{told:?}");
}
