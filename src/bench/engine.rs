//! An engine that is part of the program: what it must do, and its life as a process.

use std::io::{BufRead, Write};

use serde::Serialize;

use super::protocol::{About, Answer, Ask, Failure, FailureKind, Kind, Load, Loaded, Logits, Memory, Ran};
use crate::contain::{is_out_of_memory, panic_message, quietly};

/// Runs models on its own. Only [`about`](Self::about) is called before [`load`](Self::load).
pub trait Engine {
    /// Who it is.
    fn about(&self) -> About;

    /// Makes a model ready.
    ///
    /// # Errors
    /// A model, mode or device that it does not have; weights or inputs that do not fit; too little memory.
    fn load(&mut self, load: &Load) -> Result<Loaded, Failure>;

    /// The logits of a set, without dropout.
    ///
    /// # Errors
    /// No such set; whatever goes wrong in computing them.
    fn logits(&mut self, set: usize) -> Result<Logits, Failure>;

    /// Runs once.
    ///
    /// # Errors
    /// No such set; what it cannot do; whatever goes wrong, results that are not finite included.
    fn run(&mut self, kind: Kind, set: usize) -> Result<Ran, Failure>;

    /// How much memory there was.
    fn memory(&mut self, reset: bool) -> Memory;
}

/// Names to an engine's process how many bytes of its heap to leave out, before anything of a model is there
/// ([`Engines::start_at`](super::Engines::start_at)).
pub(super) const HEAP_OFFSET: &str = "ICDBENCH_HEAP_OFFSET";

/// The most bytes that are left out, whatever the variable says.
const MOST_LEFT_OUT: usize = 1 << 20;

fn leave_out_what_is_asked() {
    let asked = std::env::var(HEAP_OFFSET).ok().and_then(|bytes| bytes.parse().ok());
    let bytes: usize = asked.unwrap_or(0).min(MOST_LEFT_OUT);
    std::hint::black_box(Box::leak(vec![0_u8; bytes].into_boxed_slice()));
}

/// An engine's life: questions in, answers out, until there are no more questions. A panic is an answer too.
///
/// # Errors
/// A question that cannot be read, an answer that cannot be written.
pub fn serve(engine: &mut dyn Engine, questions: impl BufRead, mut answers: impl Write) -> anyhow::Result<()> {
    leave_out_what_is_asked();
    for line in questions.lines() {
        let ask: Ask = serde_json::from_str(&line?)?;
        let (answered, place) = quietly(|| answer(engine, &ask));
        let answer = answered.unwrap_or_else(|panic| {
            let words = format!("{}{place}", panic_message(panic.as_ref()));
            let kind = match is_out_of_memory(&words) {
                true => FailureKind::OutOfMemory,
                false => FailureKind::Failed,
            };
            line_of(Err::<(), _>(Failure { kind, words }))
        });
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

fn answer(engine: &mut dyn Engine, ask: &Ask) -> String {
    match ask {
        Ask::About => line_of(Ok(engine.about())),
        Ask::Load(load) => line_of(engine.load(load)),
        Ask::Logits { set } => line_of(engine.logits(*set)),
        Ask::Run { kind, set } => line_of(engine.run(*kind, *set)),
        Ask::Memory { reset } => line_of(Ok(engine.memory(*reset))),
    }
}

fn line_of<T: Serialize>(found: Result<T, Failure>) -> String {
    let answer = match found {
        Ok(given) => Answer::Given(given),
        Err(error) => Answer::Error { error },
    };
    // OK because answers hold text, numbers and nothing that JSON lacks.
    serde_json::to_string(&answer).expect("an answer as JSON")
}

impl Failure {
    /// What the engine does not have or cannot do.
    pub fn unsupported(words: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Unsupported,
            words: words.into(),
        }
    }

    /// What went wrong.
    pub fn failed(words: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Failed,
            words: words.into(),
        }
    }
}
