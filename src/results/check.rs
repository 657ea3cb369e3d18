//! Whether everything in a store is what was written: every record, every stage's output, and that they fit together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::kept::{Kept, Trouble};
use super::{Store, files};
use crate::record::{Error as RecordError, StageName};

/// What [`check()`] found: how much is good, and everything that is not.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Findings {
    /// Records that are good.
    pub records: usize,
    /// Outputs of stages that are good, by stage; those of `record` are rows by note.
    pub stages: BTreeMap<StageName, usize>,
    /// What is not as it was written, and where.
    pub problems: Vec<Problem>,
    /// What other programs have left among the records, if anything: no problem.
    pub foreign: Option<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// Of the file or folder, as it was opened.
    pub path: PathBuf,
    /// What was found and what was expected.
    pub problem: String,
}

/// The stages whose output a store keeps.
pub const KEPT: [StageName; 9] = [
    StageName::Notes,
    StageName::Tokenizer,
    StageName::Tokens,
    StageName::Vectors,
    StageName::Pretraining,
    StageName::Weights,
    StageName::Scores,
    StageName::Evidence,
    StageName::Record,
];

/// Reads everything in a store and compares it with what it says of itself.
///
/// # Errors
/// A folder or file cannot be read.
pub fn check(store: &Store) -> Result<Findings, files::Error> {
    let mut findings = Findings::default();
    // Of each that was scored: its key, that of its weights and these weights' hash.
    let mut scored = Vec::new();
    let listed = store.records().each(|record| {
        findings.records += 1;
        let weights = record.stages.get(&StageName::Weights).map(|stage| stage.key());
        let hash = record.outcome.map(|outcome| outcome.weights_sha256);
        scored.extend(weights.zip(hash).map(|(weights, hash)| (record.key, weights, hash)));
    })?;
    findings.foreign = listed.foreign_sentence();
    for refused in listed.refused {
        let path = match &refused {
            RecordError::Refused { path, .. } | RecordError::Older { path, .. } | RecordError::Newer { path, .. } => {
                path.clone()
            }
            RecordError::Disk(error) => error.path.clone(),
        };
        findings.problems.push(Problem {
            path,
            problem: refused.to_string(),
        });
    }
    for stage in KEPT {
        for (key, path) in outputs(store, stage)? {
            let found = Kept::open(&path, stage, &key).and_then(|kept| kept.map_or(Ok(()), |kept| kept.verify()));
            match found {
                Ok(()) => *findings.stages.entry(stage).or_default() += 1,
                Err(Trouble::Disk(error)) => return Err(error),
                Err(Trouble::Damaged { path, problem }) => findings.problems.push(Problem { path, problem }),
            }
        }
    }
    for (record, weights, hash) in &scored {
        // Weights may have been removed; those that are there must be the ones that were scored.
        if let Ok(Some(kept)) = store.open(StageName::Weights, weights)
            && kept.sha256("weights.safetensors") != Some(hash)
        {
            findings.problems.push(Problem {
                path: store.records().path(record),
                problem: format!(
                    "was scored with other weights than those in {}",
                    store.place(StageName::Weights, weights).display()
                ),
            });
        }
    }
    Ok(findings)
}

/// The outputs of a stage: key and folder.
pub(super) fn outputs(store: &Store, stage: StageName) -> Result<Vec<(String, PathBuf)>, files::Error> {
    Ok(files::list(&store.stage(stage))?
        .into_iter()
        .filter(|(name, _)| is_key(name))
        .collect())
}

/// Whether a name is that of a key's folder.
pub(super) fn is_key(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
