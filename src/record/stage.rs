//! The stages of a cell, each with its inputs and its key: what a record says it was made from.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hex;

/// One link of a cell's chain, in the order of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// Notes in their roles, labels and gold codes.
    Notes,
    /// A vocabulary and how text becomes its ids.
    Tokenizer,
    /// The token ids of all notes.
    Tokens,
    /// Pretrained word vectors for the vocabulary.
    Vectors,
    /// A pretrained encoder that the suite names.
    Encoder,
    /// An encoder pretrained on the training notes' texts, from nothing or from that one.
    Pretraining,
    /// A trained model.
    Weights,
    /// Its probabilities for the validation and evaluation notes.
    Scores,
    /// The spans of text that it gives as evidence of its codes.
    Evidence,
    /// The metrics of these.
    Record,
}

impl StageName {
    /// As files, folders and messages call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notes => "notes",
            Self::Tokenizer => "tokenizer",
            Self::Tokens => "tokens",
            Self::Vectors => "vectors",
            Self::Encoder => "encoder",
            Self::Pretraining => "pretraining",
            Self::Weights => "weights",
            Self::Scores => "scores",
            Self::Evidence => "evidence",
            Self::Record => "record",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Everything that can move the result of one stage. Its key hashes all of it: same key, same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Stage {
    /// What the suite asks of it. Two cells are the same cell when these are equal in all their stages.
    pub settings: BTreeMap<String, Value>,
    /// The keys of the stages that it reads.
    pub reads: BTreeMap<StageName, String>,
    /// What it was made with: hashes of files, of the sources that can move its result, of packages; the build.
    pub made_by: BTreeMap<String, String>,
}

impl Stage {
    /// SHA-256 over the stage as canonical JSON: names in order at every depth, no spaces.
    pub fn key(&self) -> String {
        sha256_of(&json!(self))
    }
}

/// The stages of a cell.
pub type Chain = BTreeMap<StageName, Stage>;

/// The key of a chain's last stage after comparing each stage with what the others say of it.
///
/// # Errors
/// In words: a stage that reads another than the one that is there, or no stage at all.
pub fn key_of_chain(chain: &Chain) -> Result<String, String> {
    let keys: BTreeMap<StageName, String> = chain.iter().map(|(&name, stage)| (name, stage.key())).collect();
    for (name, stage) in chain {
        for (read, key) in &stage.reads {
            if keys.get(read) != Some(key) {
                return Err(format!(
                    "its stage {name} says that it read the {read} {}, its stage {read} is {}",
                    short(key),
                    keys.get(read).map_or("missing", |key| short(key)),
                ));
            }
        }
    }
    let last = keys.into_values().next_back();
    last.ok_or_else(|| "it names no stage".to_owned())
}

/// What makes two cells the same cell: SHA-256 over what the suite asks of every stage, whatever data copy, program or
/// machine it was made with. Names of suites and runs are no part of it. Plan, run, report and compare all ask this.
pub fn identity(chain: &Chain) -> String {
    let settings: BTreeMap<_, _> = chain.iter().map(|(name, stage)| (name, &stage.settings)).collect();
    sha256_of(&json!(settings))
}

/// The first digits of a key, for messages.
pub fn short(key: &str) -> &str {
    key.get(..12).unwrap_or(key)
}

fn sha256_of(value: &Value) -> String {
    let mut bytes = String::new();
    canonical(value, &mut bytes);
    hex(&Sha256::digest(bytes))
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            out.push('{');
            for name in names {
                out.push_str(&format!("{}:", json!(name)));
                canonical(&map[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for value in values {
                canonical(value, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        let notes = Stage {
            settings: BTreeMap::from([("seed".into(), json!(1))]),
            made_by: BTreeMap::from([("code".into(), "a".into())]),
            ..Stage::default()
        };
        let record = Stage {
            settings: BTreeMap::from([("at-k".into(), json!([5]))]),
            reads: BTreeMap::from([(StageName::Notes, notes.key())]),
            ..Stage::default()
        };
        Chain::from([(StageName::Notes, notes), (StageName::Record, record)])
    }

    #[test]
    fn a_chain_whose_links_fit_has_the_key_of_its_last_stage() {
        assert_eq!(key_of_chain(&chain()), Ok(chain()[&StageName::Record].key()));
        assert!(key_of_chain(&Chain::new()).unwrap_err().contains("no stage"));
    }

    #[test]
    fn a_stage_that_was_changed_no_longer_fits_those_that_read_it() {
        let mut changed = chain();
        let notes = changed.get_mut(&StageName::Notes).unwrap();
        notes.settings.insert("seed".into(), json!(2));
        let problem = key_of_chain(&changed).unwrap_err();
        assert!(
            problem.contains("its stage record says that it read the notes"),
            "{problem}"
        );
    }

    #[test]
    fn the_same_cell_made_by_another_program_is_the_same_cell_with_another_key() {
        let mut other = chain();
        let notes = other.get_mut(&StageName::Notes).unwrap();
        notes.made_by.insert("code".into(), "b".into());
        let key = notes.key();
        let record = other.get_mut(&StageName::Record).unwrap();
        record.reads.insert(StageName::Notes, key);
        assert_eq!(identity(&other), identity(&chain()));
        assert_ne!(key_of_chain(&other), key_of_chain(&chain()));
    }
}
