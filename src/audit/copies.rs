//! Records that are copies of others under another name.

use std::collections::BTreeMap;

use crate::record::{Record, Stage, StageName};

/// Pairs of records that cannot both have been run: they took the same time to the last digit and have the same scores, though
/// each says that it trained weights of its own. (A model that reads no more at a longer length shares the weights, and their
/// times.)
pub fn copies<'r>(records: impl Iterator<Item = &'r Record>) -> Vec<[&'r Record; 2]> {
    let weights = |record: &Record| record.stages.get(&StageName::Weights).map(Stage::key);
    let mut seen: BTreeMap<String, &Record> = BTreeMap::new();
    let mut found = Vec::new();
    for record in records {
        let (Some(outcome), Some(timings)) = (&record.outcome, &record.timings) else {
            continue;
        };
        let seconds = [
            timings.training_seconds,
            timings.validation_seconds,
            timings.evaluation_seconds,
        ];
        if seconds.iter().all(|seconds| *seconds == 0.0) {
            continue;
        }
        let told = format!("{:?} {:?}", seconds.map(f64::to_bits), outcome.scores);
        match seen.get(&told) {
            Some(first) if weights(first) == weights(record) => {}
            Some(first) => found.push([*first, record]),
            None => {
                seen.insert(told, record);
            }
        }
    }
    found
}
