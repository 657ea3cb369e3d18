//! What the runs of a suite start from: the checkpoints it names, read once each, and the task of
//! each run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::prepare::Error;
use super::text_data::TextData;
use crate::checkpoint::BertCheckpoint;
use crate::models::{Checkpoint, Task};
use crate::suite::{Run, Suite};

/// What a cell's inputs say of a run without a checkpoint.
const DRAWN: &str = "drawn from the seed";

/// The checkpoints that a suite's runs name.
pub(super) struct Checkpoints(BTreeMap<String, Loaded>);

struct Loaded {
    tokens: Vec<String>,
    checkpoint: Arc<Checkpoint>,
    fingerprint: String,
}

impl Checkpoints {
    /// Reads those that a run names; `notice` gets the load report of each.
    pub(super) fn read(suite: &Suite, notice: &mut dyn FnMut(String)) -> Result<Self, Error> {
        let mut read = BTreeMap::new();
        for run in &suite.runs {
            let Some(name) = &run.checkpoint else { continue };
            if !run.model.takes_checkpoint() {
                let problem = format!(
                    "{} has no encoder to load a checkpoint into: remove `checkpoint` from the run",
                    run.model.name()
                );
                return Err(wrong(run, problem));
            }
            if read.contains_key(name) {
                continue;
            }
            let choice = &suite.checkpoints[name];
            let found = BertCheckpoint::read(&choice.directory, Some(&choice.sha256));
            let mut found = found.map_err(|source| Error::Checkpoint {
                name: name.clone(),
                source: Box::new(source),
            })?;
            notice(format!("[checkpoint.{name}] {}", found.report));
            let loaded = Loaded {
                tokens: std::mem::take(&mut found.tokens),
                fingerprint: format!("weights {} config {}", found.weights_sha256, found.config_sha256),
                checkpoint: Arc::new(found.into_checkpoint()),
            };
            read.insert(name.clone(), loaded);
        }
        Ok(Self(read))
    }

    /// What the inputs of a run's cells say about its start.
    pub(super) fn fingerprint(&self, run: &Run) -> String {
        let loaded = run.checkpoint.as_ref().map(|name| &self.0[name]);
        loaded.map_or(DRAWN.to_owned(), |loaded| loaded.fingerprint.clone())
    }

    /// The task of a run: that of its text, with the run's checkpoint.
    pub(super) fn task(&self, run: &Run, text: &TextData) -> Result<Arc<Task>, Error> {
        let Some(name) = &run.checkpoint else {
            return Ok(text.task.clone());
        };
        let Loaded { tokens, checkpoint, .. } = &self.0[name];
        let next = "name the checkpoint's own vocab.txt or tokenizer.json as the tokenizer's `file`";
        let found = text.tokenizer.size();
        if found != tokens.len() {
            let problem = format!(
                "[text.{}] has {found} tokens and [checkpoint.{name}] was trained with {}: {next}",
                run.text,
                tokens.len()
            );
            return Err(wrong(run, problem));
        }
        let same = |(id, token): &(u32, &String)| text.tokenizer.token(*id) == Some(token);
        if let Some((id, _)) = (0..).zip(tokens).find(|pair| !same(pair)) {
            let problem = format!(
                "[text.{}] and [checkpoint.{name}] have another token for id {id}: {next}",
                run.text
            );
            return Err(wrong(run, problem));
        }
        Ok(Arc::new(Task {
            checkpoint: Some(checkpoint.clone()),
            ..Task::clone(&text.task)
        }))
    }
}

fn wrong(run: &Run, problem: String) -> Error {
    Error::Run {
        run: run.title().into(),
        problem,
    }
}
