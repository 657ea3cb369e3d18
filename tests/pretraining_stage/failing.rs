//! What becomes of a pretraining is the record of every cell that needs it, and it is not tried again for each.

use std::cell::RefCell;
use std::time::Duration;

use icdbench::device::DeviceClass;
use icdbench::engines::cells::{RunObserver, RunOptions, RunSummary, run};
use icdbench::engines::protocol::Places;
use icdbench::plan::{Cell, Plan};
use icdbench::record::Status;
use icdbench::suite::Suite;
use icdbench::train::Observer;

use crate::common::pretraining::{long_bert, pretrained, pretraining_suite};
use crate::common::{Bench, logistic_regression};

/// Counts the pretrainings that are begun.
#[derive(Default)]
struct Begun(RefCell<Vec<String>>);

impl Observer for Begun {}

impl RunObserver for Begun {
    fn pretraining_started(&self, _index: usize, _cell: &Cell, name: &str) {
        self.0.borrow_mut().push(name.to_owned());
    }
}

/// Two cells that need the pretraining, one that does not.
fn suite(from: &str, to: &str) -> String {
    let text = pretraining_suite(
        60,
        &(pretrained() + &long_bert("from nothing", "") + &logistic_regression(2)),
    );
    assert!(text.contains(from));
    text.replacen(from, to, 1).replace("seeds = [1]", "seeds = [1, 2]")
}

fn runs(bench: &Bench, text: &str, retry: bool) -> (RunSummary, usize) {
    let registry = icdbench::data::registry().unwrap();
    let suite = Suite::parse(text, "tiny.toml").unwrap();
    let plan = Plan::make(suite, &registry, None, "flex").unwrap();
    let options = RunOptions {
        worker: (env!("CARGO_BIN_EXE_icdbench").into(), vec!["worker".into()]),
        places: Places {
            results: bench.path("results"),
            ..Places::default()
        },
        device: DeviceClass::Flex.into(),
        retry,
        checkpoint_every: Duration::from_secs(60),
        only: None,
    };
    let begun = Begun::default();
    let summary = run(&plan, &options, &begun).unwrap();
    (summary, begun.0.into_inner().len())
}

/// Asserts how the cells that need the pretraining ended, and that the others were scored.
fn assert_ends(summary: &RunSummary, status: Status, words: &str) {
    for record in summary.records.iter().flatten() {
        if record.cell.run != "pretrained" {
            // Of so little training some scores may be degenerate.
            let reason = record.reason.as_deref().unwrap_or_default();
            assert!(record.status == Status::Ok || record.is_degenerate(), "{reason}");
            continue;
        }
        assert_eq!(record.status, status, "{:?}", record.reason);
        let reason = record.reason.as_ref().unwrap();
        assert!(
            reason.starts_with("[pretrain.tiny], which its encoder comes from: ") && reason.contains(words),
            "{reason}"
        );
    }
    assert_eq!(summary.records.iter().flatten().count(), 6);
}

#[test]
fn a_pretraining_that_diverges_fails_the_cells_that_need_it_once() {
    let text = suite("learning-rate = 0.003", "learning-rate = 1e30");
    let bench = Bench::new(&text);
    let (summary, begun) = runs(&bench, &text, false);
    assert_ends(&summary, Status::Failed, "diverged");
    assert_eq!(begun, 1, "not for each of the cells");
    let (summary, begun) = runs(&bench, &text, false);
    assert_ends(&summary, Status::Failed, "diverged");
    assert_eq!(begun, 0, "their records are there");
    let (summary, begun) = runs(&bench, &text, true);
    assert_ends(&summary, Status::Failed, "diverged");
    assert_eq!(begun, 1);
}

#[test]
#[cfg(target_os = "linux")]
fn a_pretraining_that_needs_more_memory_than_it_may_have_is_out_of_memory() {
    // A table of 128 million numbers, which has a gradient and two moments.
    let bench = Bench::new(&suite("positions = 50", "positions = 16000000"));
    let program = env!("CARGO_BIN_EXE_icdbench");
    let output = std::process::Command::new("bash")
        .current_dir(bench.directory.path())
        .env("RAYON_NUM_THREADS", "1")
        .args([
            "-c",
            &format!("ulimit -v 1500000; exec {program} --quiet run tiny.toml --no-report"),
        ])
        .output()
        .unwrap();
    assert!(!output.status.success(), "{}", crate::common::stderr(&output));
    let records = bench.records("results");
    let (need_it, others): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.cell.run == "pretrained");
    assert_eq!((need_it.len(), others.len()), (2, 4));
    assert!(others.iter().all(|record| record.status != Status::OutOfMemory));
    for record in need_it {
        assert_eq!(record.status, Status::OutOfMemory, "{:?}", record.reason);
        assert!(
            record.reason.as_ref().unwrap().starts_with("[pretrain.tiny]"),
            "{:?}",
            record.reason
        );
    }
}
