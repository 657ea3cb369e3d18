//! The stages of one cell as they are put together, each with its key.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::record::{Chain, Stage, StageName, StagePool};

/// The stages that one reads (where the cell has them), its settings, and what it is made by.
pub type Parts = (
    &'static [StageName],
    Vec<(&'static str, Value)>,
    Vec<(&'static str, String)>,
);

/// The stages of a cell, and the key of each.
#[derive(Default)]
pub struct Links {
    pub chain: Chain,
    pub keys: BTreeMap<StageName, String>,
}

impl Links {
    /// Adds a stage with the keys of those that it reads.
    pub fn add(&mut self, pool: &mut StagePool, name: StageName, (reads, settings, made_by): Parts) {
        let present = reads
            .iter()
            .filter_map(|read| Some((*read, self.keys.get(read)?.clone())));
        let stage = Stage {
            reads: present.collect(),
            settings: settings.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            made_by: made_by.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        };
        self.take_up(pool, name, Arc::new(stage));
    }

    pub fn take_up(&mut self, pool: &mut StagePool, name: StageName, stage: Arc<Stage>) {
        let (stage, key) = pool.share(name, stage);
        self.chain.insert(name, stage);
        self.keys.insert(name, key);
    }

    /// What else a stage that nothing reads yet was made by.
    pub fn make_by(&mut self, name: StageName, made_by: impl IntoIterator<Item = (String, String)>) {
        if let Some(stage) = self.chain.get_mut(&name) {
            let stage = Arc::make_mut(stage);
            stage.made_by.extend(made_by);
            self.keys.insert(name, stage.key());
        }
    }

    /// Makes the stages those of a cell that cannot be scored: the same cell, whose key says why.
    pub fn skip(&mut self, reason: &str) {
        self.make_by(StageName::Record, [("skipped".into(), reason.into())]);
    }
}
