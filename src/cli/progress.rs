//! What a run shows: a bar with cell, epoch, notes a second and time left on a terminal, plain lines
//! elsewhere, JSON lines on request, nothing with `--quiet`.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::terminal::{self, say};
use super::{Global, duration};
use crate::engines::cells::{CellEnd, RunObserver};
use crate::plan::Cell;
use crate::record::{EpochRow, Record, Status};
use crate::train::{Observer, StepReport};

/// The terminal side of a run.
pub(super) struct Progress {
    cells: usize,
    mode: Mode,
    json: bool,
    stop: &'static AtomicBool,
    bar: RefCell<ProgressBar>,
    state: RefCell<State>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Bar,
    Lines,
    Silent,
}

struct State {
    title: String,
    notes_per_second: f64,
    /// What is counted: notes, or of a pretraining sequences.
    unit: &'static str,
    epochs: u32,
}

impl State {
    fn of(title: String, unit: &'static str) -> Self {
        Self {
            title,
            notes_per_second: 0.0,
            unit,
            epochs: 0,
        }
    }
}

impl Progress {
    pub(super) fn new(global: &Global, cells: usize, stop: &'static AtomicBool) -> Self {
        let mode = match (global.quiet, std::io::stderr().is_terminal()) {
            (true, _) => Mode::Silent,
            (false, true) => Mode::Bar,
            (false, false) => Mode::Lines,
        };
        Self {
            cells,
            mode,
            json: global.json,
            stop,
            bar: RefCell::new(ProgressBar::hidden()),
            state: RefCell::new(State::of(String::new(), NOTES)),
        }
    }

    pub(super) fn finish(&self) {
        self.bar.borrow().finish_and_clear();
    }

    fn line(&self, text: &str) {
        match self.mode {
            Mode::Bar => self.bar.borrow().suspend(|| say!("{text}")),
            Mode::Lines => say!("{text}"),
            Mode::Silent => {}
        }
    }

    fn title(&self, index: usize, cell: &Cell) -> String {
        let described = &cell.description;
        format!(
            "[{}/{}] {} · {} tokens · seed {}",
            index + 1,
            self.cells,
            described.run,
            cell.length,
            cell.seed
        )
    }
}

impl Observer for Progress {
    fn started(&self, step: u64, steps: u64) {
        if step > 0 {
            self.line(&format!(
                "{}: going on from step {step} of {steps}",
                self.state.borrow().title
            ));
        }
        if self.mode == Mode::Bar {
            let bar = ProgressBar::new(steps);
            let style = ProgressStyle::with_template("{prefix} {bar:24} {msg} · {eta} left");
            bar.set_style(style.unwrap_or(ProgressStyle::default_bar()));
            bar.set_prefix(self.state.borrow().title.clone());
            bar.set_position(step);
            bar.reset_eta();
            self.bar.replace(bar);
        }
    }

    fn stepped(&self, step: &StepReport) {
        let mut state = self.state.borrow_mut();
        let now = step.notes as f64 / step.seconds.max(1e-9);
        // A running mean over about ten steps: one slow step should not make the figure jump.
        state.notes_per_second +=
            (now - state.notes_per_second) * if state.notes_per_second == 0.0 { 1.0 } else { 0.1 };
        let bar = self.bar.borrow();
        bar.set_position(step.step);
        bar.set_message(format!(
            "epoch {} · loss {:.4} · {:.0} {}/s",
            step.epoch, step.loss, state.notes_per_second, state.unit
        ));
    }

    fn epoch(&self, row: &EpochRow, epochs: u32) {
        self.state.borrow_mut().epochs = row.epoch;
        if let Some(line) = look(row) {
            let state = self.state.borrow();
            let rate = state.notes_per_second;
            return self.line(&format!("{}: {line}, {rate:.0} {}/s", state.title, state.unit));
        }
        let score = |name: &str| {
            row.validation
                .get(name)
                .map_or("-".into(), |value| format!("{:.1}", value * 100.0))
        };
        let state = self.state.borrow();
        self.line(&format!(
            "{}: epoch {}/{epochs}, loss {:.4}, validation micro-F1 {}, MAP {}, {:.0} notes/s",
            state.title,
            row.epoch,
            row.training_loss,
            score("micro-f1"),
            score("map"),
            state.notes_per_second,
        ));
    }

    fn scored(&self, done: usize, all: usize) {
        if done < all {
            let unit = self.state.borrow().unit;
            self.bar.borrow().set_message(format!("scoring {done} of {all} {unit}"));
        }
    }

    fn notice(&self, sentence: &str) {
        self.line(&format!("note: {sentence}"));
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl RunObserver for Progress {
    fn cell_started(&self, index: usize, cell: &Cell) {
        self.state.replace(State::of(self.title(index, cell), NOTES));
    }

    fn pretraining_started(&self, index: usize, _cell: &Cell, name: &str) {
        let title = format!("[{}/{}] pretrain.{name}", index + 1, self.cells);
        self.state.replace(State::of(title, "sequences"));
    }

    fn cell_ended(&self, index: usize, cell: &Cell, end: &CellEnd) {
        self.bar.borrow().finish_and_clear();
        let (record, found) = match end {
            CellEnd::Found(record) => (record, true),
            CellEnd::Written(record) => (record, false),
            CellEnd::Interrupted => return,
        };
        self.line(&format!("{}: {}", self.title(index, cell), summary(record, found)));
        if self.json {
            let scores = record.outcome.as_ref().map(|outcome| &outcome.scores);
            let line = json!({
                    "key": record.key, "cell": record.cell, "status": record.status, "reason": record.reason,
                    "found": found, "scores": scores, "timings": record.timings,
            });
            terminal::line_if_read(format_args!("{line}"));
        }
    }
}

/// What cells count.
const NOTES: &str = "notes";

/// One line on how far a pretraining has come, where the row is of one.
fn look(row: &EpochRow) -> Option<String> {
    let value = |name: &str| row.validation.get(name).copied();
    let (perplexity, guessed) = (value("perplexity")?, value("mlm-accuracy")?);
    let pairs = value("nsp-accuracy").map_or(String::new(), |told| format!(", pairs {:.1}", told * 100.0));
    Some(format!(
        "epoch {}, step {}: loss {:.4}, perplexity {perplexity:.1}, masked tokens {:.1}{pairs}",
        row.epoch,
        row.steps,
        row.training_loss,
        guessed * 100.0
    ))
}

/// One line on how a cell ended.
fn summary(record: &Record, found: bool) -> String {
    let how = if found { " (had a record)" } else { "" };
    let Some(outcome) = record.outcome.as_ref().filter(|_| record.status == Status::Ok) else {
        let word = record.status.word();
        return format!("{word}{how}: {}", record.reason.as_deref().unwrap_or("no reason given"));
    };
    let score = |name: &str| {
        outcome
            .scores
            .get(name)
            .map_or("-".into(), |value| format!("{:.1}", value * 100.0))
    };
    let took = record.timings.as_ref().map_or(String::new(), |timings| {
        let seconds = timings.training_seconds + timings.validation_seconds + timings.evaluation_seconds;
        format!(" in {}", duration(seconds))
    });
    format!("micro-F1 {}, MAP {}{took}{how}", score("micro-f1"), score("map"))
}
