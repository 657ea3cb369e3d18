//! Records that are copies of others under another name.

use std::collections::HashMap;

use crate::record::{Record, Stage, StageName, short};

/// Finds records that cannot both have been run: they took the same time to the last digit and have the same scores, though
/// each says that it trained weights of its own. (A model that reads no more at a longer length shares the weights, and their
/// times.)
#[derive(Debug, Default)]
pub struct Copies {
    seen: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    title: String,
    weights: Option<String>,
}

impl Copies {
    /// Of a copy of a record that was asked about before: what that one is called, and what this one is.
    pub fn find(&mut self, record: &Record) -> Option<[String; 2]> {
        let (outcome, timings) = (record.outcome.as_ref()?, record.timings.as_ref()?);
        let seconds = [
            timings.training_seconds,
            timings.validation_seconds,
            timings.evaluation_seconds,
        ];
        if seconds.iter().all(|seconds| *seconds == 0.0) {
            return None;
        }
        let told = format!("{:?} {:?}", seconds.map(f64::to_bits), outcome.scores);
        let weights = record.stages.get(&StageName::Weights).map(|stage| Stage::key(stage));
        let title = format!("{} ({})", record.cell.title(), short(&record.key));
        match self.seen.get(&told) {
            Some(first) if first.weights == weights => None,
            Some(first) => Some([first.title.clone(), title]),
            None => {
                self.seen.insert(told, Seen { title, weights });
                None
            }
        }
    }
}
