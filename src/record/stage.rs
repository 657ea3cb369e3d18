//! The stages of a cell, each with its inputs and its key: what a record says it was made from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
        let mut out = Canonical::default();
        let made_by = self.made_by.iter().map(|(name, value)| (name.as_str(), value));
        let mut reads: Vec<_> = self.reads.iter().map(|(name, key)| (name.word(), key)).collect();
        reads.sort_unstable();
        out.begin();
        out.entry("made-by", |out| out.table(made_by, Canonical::text));
        out.entry("reads", |out| out.table(reads.into_iter(), Canonical::text));
        out.entry("settings", |out| out.settings(&self.settings));
        out.end();
        out.sha256()
    }
}

/// The stages of a cell. Cells have most of them in common, and then share them.
pub type Chain = BTreeMap<StageName, Arc<Stage>>;

/// Stages that were met, so that cells that have one in common hold it once and its key is made once.
#[derive(Debug, Default)]
pub struct StagePool {
    met: BTreeMap<StageName, Vec<(Arc<Stage>, String)>>,
}

impl StagePool {
    /// Stages of one name that are remembered: more would be looked through for each cell.
    const MOST: usize = 16;

    /// The stage as the others hold it, and its key.
    pub fn share(&mut self, name: StageName, stage: Arc<Stage>) -> (Arc<Stage>, String) {
        let met = self.met.entry(name).or_default();
        match met.iter().position(|(known, _)| *known == stage) {
            // The one that was met last is looked at first.
            Some(place) => met[..=place].rotate_right(1),
            None => {
                met.truncate(Self::MOST - 1);
                let key = stage.key();
                met.insert(0, (stage, key));
            }
        }
        met[0].clone()
    }

    /// The key of a chain's last stage after comparing each stage with what the others say of it; its stages are shared.
    ///
    /// # Errors
    /// In words: a stage that reads another than the one that is there, or no stage at all.
    pub fn key_of_chain(&mut self, chain: &mut Chain) -> Result<String, String> {
        let mut keys = BTreeMap::new();
        for (&name, stage) in chain.iter_mut() {
            let key;
            (*stage, key) = self.share(name, stage.clone());
            keys.insert(name, key);
        }
        for (name, stage) in chain.iter() {
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
}

/// What makes two cells the same cell: SHA-256 over what the suite asks of every stage, whatever data copy, program or
/// machine it was made with. Names of suites and runs are no part of it. Plan, run, report and compare all ask this.
pub fn identity(chain: &Chain) -> String {
    let mut stages: Vec<_> = chain
        .iter()
        .map(|(name, stage)| (name.word(), &stage.settings))
        .collect();
    stages.sort_unstable_by_key(|(word, _)| *word);
    let mut out = Canonical::default();
    out.table(stages.into_iter(), Canonical::settings);
    out.sha256()
}

/// The first digits of a key, for messages.
pub fn short(key: &str) -> &str {
    key.get(..12).unwrap_or(key)
}

/// JSON in one spelling: names in order at every depth, no spaces, a comma behind every entry.
#[derive(Default)]
struct Canonical {
    bytes: Vec<u8>,
}

impl Canonical {
    fn begin(&mut self) {
        self.bytes.push(b'{');
    }

    fn end(&mut self) {
        self.bytes.push(b'}');
    }

    fn entry(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.scalar(name);
        self.bytes.push(b':');
        write(self);
        self.bytes.push(b',');
    }

    /// Names must come in order.
    fn table<'t, T>(&mut self, entries: impl Iterator<Item = (&'t str, T)>, write: impl Fn(&mut Self, T)) {
        self.begin();
        for (name, value) in entries {
            self.entry(name, |out| write(out, value));
        }
        self.end();
    }

    fn text(&mut self, text: &String) {
        self.scalar(text);
    }

    fn settings(&mut self, settings: &BTreeMap<String, Value>) {
        let entries = settings.iter().map(|(name, value)| (name.as_str(), value));
        self.table(entries, Self::value);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value)).collect();
                entries.sort_unstable_by_key(|(name, _)| *name);
                self.table(entries.into_iter(), Self::value);
            }
            Value::Array(values) => {
                self.bytes.push(b'[');
                for value in values {
                    self.value(value);
                    self.bytes.push(b',');
                }
                self.bytes.push(b']');
            }
            scalar => self.scalar(scalar),
        }
    }

    /// # Panics
    /// Never: texts and numbers can be written as JSON, and memory does not refuse.
    fn scalar<T: Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut self.bytes, value).expect("a text or a number as JSON");
    }

    fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key_of_chain(chain: &Chain) -> Result<String, String> {
        StagePool::default().key_of_chain(&mut chain.clone())
    }

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
        Chain::from([(StageName::Notes, notes.into()), (StageName::Record, record.into())])
    }

    #[test]
    fn a_chain_whose_links_fit_has_the_key_of_its_last_stage() {
        assert_eq!(key_of_chain(&chain()), Ok(chain()[&StageName::Record].key()));
        assert!(key_of_chain(&Chain::new()).unwrap_err().contains("no stage"));
    }

    #[test]
    fn a_stage_that_was_changed_no_longer_fits_those_that_read_it() {
        let mut changed = chain();
        let notes = Arc::make_mut(changed.get_mut(&StageName::Notes).unwrap());
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
        let notes = Arc::make_mut(other.get_mut(&StageName::Notes).unwrap());
        notes.made_by.insert("code".into(), "b".into());
        let key = notes.key();
        let record = Arc::make_mut(other.get_mut(&StageName::Record).unwrap());
        record.reads.insert(StageName::Notes, key);
        assert_eq!(identity(&other), identity(&chain()));
        assert_ne!(key_of_chain(&other), key_of_chain(&chain()));
    }

    #[test]
    fn a_key_is_the_hash_of_the_stage_with_its_names_in_order() {
        let stage = Stage {
            settings: BTreeMap::from([
                ("b".into(), json!({ "y": [1, 0.5, true], "x \"é\"": null })),
                ("a".into(), json!("text")),
            ]),
            reads: BTreeMap::from([(StageName::Tokens, "2".into()), (StageName::Notes, "1".into())]),
            made_by: BTreeMap::from([("code".into(), "c".into())]),
        };
        let spelled = r#"{"made-by":{"code":"c",},"reads":{"notes":"1","tokens":"2",},"settings":{"a":"text","b":{"x \"é\"":null,"y":[1,0.5,true,],},},}"#;
        assert_eq!(stage.key(), hex(&Sha256::digest(spelled)));
        let chain = Chain::from([
            (StageName::Tokens, Stage::default().into()),
            (StageName::Notes, stage.into()),
        ]);
        let spelled = r#"{"notes":{"a":"text","b":{"x \"é\"":null,"y":[1,0.5,true,],},},"tokens":{},}"#;
        assert_eq!(identity(&chain), hex(&Sha256::digest(spelled)));
    }

    #[test]
    fn stages_that_are_the_same_are_held_once_however_many_others_come_between() {
        let mut pool = StagePool::default();
        let stage = |seed: usize| {
            Arc::new(Stage {
                settings: BTreeMap::from([("seed".into(), json!(seed))]),
                ..Stage::default()
            })
        };
        let (first, key) = pool.share(StageName::Notes, stage(0));
        assert_eq!(key, first.key());
        for seed in 1..StagePool::MOST {
            assert_eq!(pool.share(StageName::Notes, stage(seed)).1, stage(seed).key());
        }
        let (again, _) = pool.share(StageName::Notes, stage(0));
        assert!(Arc::ptr_eq(&first, &again));
        for seed in 1..=StagePool::MOST {
            pool.share(StageName::Notes, stage(seed));
        }
        let (anew, known) = pool.share(StageName::Notes, stage(0));
        assert_eq!((&anew, known), (&first, key));
    }
}
