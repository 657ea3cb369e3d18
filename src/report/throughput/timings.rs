//! What a report of timings is made of.

use crate::bench::Peak;
use crate::bench::protocol::Kind;
use crate::throughput::{Group, ThroughputSuite};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Timings<'a> {
    /// The suite.
    pub suite: &'a ThroughputSuite,
    /// By model and length.
    pub groups: &'a [Group],
    /// What the machine can do, where it was measured.
    pub peak: Option<&'a Peak>,
    /// What was left when the time was up.
    pub left: &'a [String],
}

impl<'a> Timings<'a> {
    /// Engines in the suite's order.
    pub(super) fn engines(&self) -> Vec<String> {
        self.suite.throughput.engines.iter().map(ToString::to_string).collect()
    }

    /// Models in the suite's order, those that have timings.
    pub(super) fn models(&self) -> Vec<&'a str> {
        let models = self.suite.throughput.models.iter().map(String::as_str);
        models
            .filter(|model| self.groups.iter().any(|group| group.model == *model))
            .collect()
    }

    /// One group of every model and length: that of one note where the suite has it, else that of its batch.
    pub(super) fn lengths(&self) -> impl Iterator<Item = &'a Group> {
        let settings = &self.suite.throughput;
        self.groups.iter().filter(|group| {
            group.batch
                == if settings.one_note {
                    1
                } else {
                    settings.batch(group.length)
                }
        })
    }

    pub(super) fn kinds(&self) -> &'a [Kind] {
        &self.suite.throughput.kinds
    }

    pub(super) fn of(&self, model: &str) -> impl Iterator<Item = &'a Group> {
        let model = model.to_owned();
        self.groups.iter().filter(move |group| group.model == model)
    }
}

/// A kind of run in words.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Inference => "inference",
        Kind::Step => "training step",
    }
}
