//! What each stage of a cell is made from. Every stage names its settings, the stages that it reads and what it is made
//! by, and nothing else: a setting that is missing here would let two results share one key.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::external::{EXTERNAL, ExternalSystem};
use super::sources::{self, Code};
use super::{Cell, Error};
use crate::data::{self, Registry};
use crate::device::DeviceClass;
use crate::kernels::instructions::{arithmetic, instruction_set};
use crate::machine::built;
use crate::metrics;
use crate::record::{Chain, Stage, StageName, hex};
use crate::suite::{Ensemble, EvidenceSettings, Run, Suite, TextChoice};
use crate::text::{self, NORMALISE_VERSION};

/// Hashes of the files that a suite names.
#[derive(Default)]
pub(super) struct Facts {
    data: String,
    /// Whether the notes are generated ones in the form of a data set that they are not.
    pub generated: bool,
    /// Of the vocabulary file of each `[text.<name>]` that has one, and of the files beside it that say how text is read.
    vocabularies: BTreeMap<String, Vec<(&'static str, String)>>,
    /// Of the `config.json` of each `[encoder.<name>]` that a run names.
    encoders: BTreeMap<String, String>,
}

impl Facts {
    /// `skipped`: of each run, why it is, if so; what only such runs name is not looked at.
    pub(super) fn find(
        suite: &Suite,
        skipped: &[Option<String>],
        registry: &Registry,
        data: Option<&Path>,
    ) -> Result<Self, Error> {
        let of_runs = suite.runs.iter().zip(skipped);
        let runs: Vec<&Run> = of_runs.filter(|(_, why)| why.is_none()).map(|(run, _)| run).collect();
        let used = |name: &String| runs.iter().any(|run| run.text == *name);
        let mut vocabularies = BTreeMap::new();
        for (name, choice) in suite.text.iter().filter(|(name, _)| used(name)) {
            if let Some(file) = choice.tokenizer.file() {
                let place = format!("[text.{name}]");
                let mut hashes = vec![("file", sha256_of(file, &place)?)];
                for (name, path) in choice.tokenizer.companions() {
                    hashes.push((name, sha256_of(&path, &place)?));
                }
                vocabularies.insert(name.clone(), hashes);
            }
        }
        let mut encoders = BTreeMap::new();
        for run in runs {
            let Some(name) = &run.encoder else { continue };
            let config = suite.encoders[name].directory.join("config.json");
            encoders.insert(name.clone(), sha256_of(&config, &format!("[encoder.{name}]"))?);
        }
        Ok(Self {
            data: data::identity(&suite.data, &suite.division.parts(), data, registry)?,
            generated: data::is_generated(&suite.data, data)?,
            vocabularies,
            encoders,
        })
    }
}

fn sha256_of(path: &Path, place: &str) -> Result<String, Error> {
    let bytes = text::read_small(path).map_err(|source| Error::File {
        place: place.into(),
        path: path.to_owned(),
        source,
    })?;
    Ok(hex(&Sha256::digest(bytes)))
}

/// The stages of a cell.
pub(super) fn chain(suite: &Suite, run: &Run, length: u32, seed: u64, device: &str, facts: &Facts) -> Chain {
    let mut chain = Chain::new();
    let text = &suite.text[&run.text];
    add(&mut chain, StageName::Notes, notes(suite, facts));
    add(&mut chain, StageName::Tokenizer, tokenizer(run, text, facts));
    add(&mut chain, StageName::Tokens, tokens(text));
    if text.word_vectors.is_some() {
        add(&mut chain, StageName::Vectors, vectors(text));
    }
    if run.encoder.is_some() {
        add(&mut chain, StageName::Encoder, encoder(suite, run, facts));
    }
    add(
        &mut chain,
        StageName::Weights,
        weights(suite, run, length, seed, device),
    );
    add(&mut chain, StageName::Scores, scores(run, device));
    if let Some(settings) = suite.evidence.as_ref().filter(|_| run.model.explains()) {
        add(&mut chain, StageName::Evidence, evidence(run, device, settings));
    }
    add(&mut chain, StageName::Record, record(suite, length));
    chain
}

/// The stages of an ensemble's cell: notes and tokens of its first member, scores that are made of its members' scores.
pub(super) fn ensemble(suite: &Suite, ensemble: &Ensemble, members: &[&Cell]) -> Chain {
    let mut chain = Chain::new();
    for name in [StageName::Notes, StageName::Tokenizer, StageName::Tokens] {
        if let Some(stage) = members.first().and_then(|first| first.chain.get(&name)) {
            chain.insert(name, stage.clone());
        }
    }
    // What the members were asked makes the ensemble what it is; their keys say what they came to.
    let asked = |cell: &&Cell| {
        let before = cell.chain.iter().filter(|(name, _)| **name <= StageName::Scores);
        before
            .map(|(name, stage)| (*name, stage.settings.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let settings = vec![
        ("rule", json!(ensemble.rule)),
        ("weights", json!(ensemble.weights)),
        ("metric", json!(ensemble.metric)),
        ("threshold", json!(suite.evaluation.threshold)),
        ("ties", json!(suite.evaluation.ties)),
        ("members", json!(members.iter().map(asked).collect::<Vec<_>>())),
    ];
    add(
        &mut chain,
        StageName::Scores,
        (
            &[StageName::Notes, StageName::Tokens],
            settings,
            vec![("code", sources::sha256(Code::Ensemble))],
        ),
    );
    if let Some(scores) = chain.get_mut(&StageName::Scores) {
        let keys = members.iter().enumerate();
        let keys = keys.map(|(place, cell)| {
            (
                format!("member {}", place + 1),
                cell.key_of(StageName::Scores).to_owned(),
            )
        });
        scores.made_by.extend(keys);
    }
    let length = members.first().map_or(0, |first| first.length);
    add(&mut chain, StageName::Record, record(suite, length));
    chain
}

/// The stages of an external system: the notes of a suite, and scores that a file of predictions gives. The same system on
/// the same notes is the same cell, whatever file it gave.
pub(super) fn external(suite: &Suite, notes: &Stage, asked: &ExternalSystem) -> Chain {
    let mut chain = Chain::from([(StageName::Notes, notes.clone())]);
    let mut made_by = vec![
        ("predictions", asked.predictions.clone()),
        ("code", sources::sha256(Code::External)),
    ];
    let said = [
        ("validation predictions", asked.validation.clone()),
        ("threshold", asked.threshold.map(|threshold| threshold.to_string())),
        ("trained on", asked.trained_on.clone()),
    ];
    made_by.extend(said.into_iter().filter_map(|(what, value)| Some((what, value?))));
    let settings = vec![(EXTERNAL, json!(asked.system)), ("seed", json!(asked.seed))];
    add(&mut chain, StageName::Scores, (&[StageName::Notes], settings, made_by));
    add(&mut chain, StageName::Record, record(suite, asked.length));
    chain
}

/// Makes the stages those of a cell that cannot be scored: the same cell, whose key says why.
pub(super) fn skip(chain: &mut Chain, reason: &str) {
    if let Some(record) = chain.get_mut(&StageName::Record) {
        record.made_by.insert("skipped".into(), reason.into());
    }
}

/// Adds a stage with the keys of those that it reads.
fn add(chain: &mut Chain, name: StageName, (reads, settings, made_by): Parts) {
    let present = reads.iter().filter_map(|read| Some((*read, chain.get(read)?.key())));
    let stage = Stage {
        reads: present.collect(),
        settings: settings.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        made_by: made_by.into_iter().map(|(name, value)| (name.into(), value)).collect(),
    };
    chain.insert(name, stage);
}

/// The stages that one reads (where the cell has them), its settings, and what it is made by.
type Parts = (
    &'static [StageName],
    Vec<(&'static str, Value)>,
    Vec<(&'static str, String)>,
);

fn notes(suite: &Suite, facts: &Facts) -> Parts {
    let dataset = suite.data.reader();
    let mut data = json!(suite.data);
    // A file's hash is among what it is made by.
    name_files_only(&mut data);
    let mut settings = vec![
        ("data", data),
        ("division", json!(suite.division)),
        ("labels", json!(suite.labels)),
    ];
    // A setting, so that no cell of them is the same cell as one of the data set itself.
    if facts.generated {
        settings.push(("generated", json!(true)));
    }
    let made_by = vec![
        ("data", facts.data.clone()),
        ("code", sources::sha256(Code::Notes { dataset })),
    ];
    (&[], settings, made_by)
}

fn tokenizer(run: &Run, text: &TextChoice, facts: &Facts) -> Parts {
    let mut settings = json!({ "normalise": text.normalise, "tokenizer": text.tokenizer });
    name_files_only(&mut settings);
    let mut made_by = vec![
        ("code", sources::sha256(Code::Tokenizer(text.tokenizer.kind().name()))),
        ("normalise-version", NORMALISE_VERSION.to_string()),
        ("packages", built::NUMERIC_PACKAGES.to_owned()),
    ];
    // A published vocabulary is what its files are, whatever the notes.
    let reads: &[StageName] = match facts.vocabularies.get(&run.text) {
        Some(hashes) => {
            made_by.extend(hashes.iter().cloned());
            &[]
        }
        None => &[StageName::Notes],
    };
    (reads, vec![("text", settings)], made_by)
}

fn tokens(text: &TextChoice) -> Parts {
    let code = sources::sha256(Code::Tokens(text.tokenizer.kind().name()));
    let made_by = vec![("code", code)];
    (&[StageName::Notes, StageName::Tokenizer], vec![], made_by)
}

fn vectors(text: &TextChoice) -> Parts {
    let mut settings = json!(text.word_vectors);
    name_files_only(&mut settings);
    let made_by = vec![("code", sources::sha256(Code::Vectors))];
    (&[StageName::Tokenizer], vec![("word-vectors", settings)], made_by)
}

fn encoder(suite: &Suite, run: &Run, facts: &Facts) -> Parts {
    let name = run.encoder.as_deref().unwrap_or_default();
    let mut settings = json!(suite.encoders[name]);
    name_files_only(&mut settings);
    let made_by = vec![
        ("config", facts.encoders.get(name).cloned().unwrap_or_default()),
        ("code", sources::sha256(Code::Encoder)),
    ];
    (&[], vec![("encoder", settings)], made_by)
}

/// What training reads. The greatest length says no more than how many tokens the model reads: cells that read the
/// same share their weights.
fn weights(suite: &Suite, run: &Run, length: u32, seed: u64, device: &str) -> Parts {
    let settings = vec![
        ("model", json!(run.model)),
        ("training", json!(run.training)),
        ("threshold", json!(suite.evaluation.threshold)),
        ("ties", json!(suite.evaluation.ties)),
        ("reads", json!(run.model.reads(length as usize))),
        ("seed", json!(seed)),
        ("device", json!(device)),
        ("precision", json!(suite.precision)),
    ];
    let code = sources::sha256(Code::Weights {
        model: run.model.name(),
    });
    let mut made_by = computing(device);
    made_by.push(("code", code));
    let reads = &[
        StageName::Notes,
        StageName::Tokenizer,
        StageName::Tokens,
        StageName::Vectors,
        StageName::Encoder,
    ];
    (reads, settings, made_by)
}

fn scores(run: &Run, device: &str) -> Parts {
    let code = sources::sha256(Code::Scores {
        model: run.model.name(),
    });
    let mut made_by = computing(device);
    made_by.push(("code", code));
    (&[StageName::Tokens, StageName::Weights], vec![], made_by)
}

fn evidence(run: &Run, device: &str, settings: &EvidenceSettings) -> Parts {
    let code = sources::sha256(Code::Evidence {
        model: run.model.name(),
    });
    let mut made_by = computing(device);
    made_by.push(("code", code));
    let reads = &[
        StageName::Notes,
        StageName::Tokens,
        StageName::Weights,
        StageName::Scores,
    ];
    (reads, vec![("evidence", json!(settings))], made_by)
}

fn record(suite: &Suite, length: u32) -> Parts {
    let settings = vec![("evaluation", json!(suite.evaluation)), ("length", json!(length))];
    let made_by = vec![
        ("code", sources::sha256(Code::Record)),
        ("metrics-version", metrics::VERSION.to_string()),
    ];
    (
        &[
            StageName::Notes,
            StageName::Tokens,
            StageName::Scores,
            StageName::Evidence,
        ],
        settings,
        made_by,
    )
}

/// What may round otherwise: packages, the build, and on flex the processor's vector instructions and arithmetic.
fn computing(device: &str) -> Vec<(&'static str, String)> {
    let mut made_by = vec![
        ("packages", built::NUMERIC_PACKAGES.to_owned()),
        ("build", built::BUILD.to_owned()),
        ("features", built::FEATURES.join(" ")),
    ];
    if device == DeviceClass::Flex.name() {
        made_by.push(("instruction-set", instruction_set().to_owned()));
        // Processors with the same instructions may still cut sums otherwise.
        made_by.push(("arithmetic", arithmetic().to_owned()));
    }
    made_by
}

/// Cuts the paths of files and directories to their names: where a file lies and how it is got moves no result (its hash is
/// among the stage's settings or what it is made by), and records must not tell whose machine made them.
fn name_files_only(value: &mut Value) {
    let Value::Object(map) = value else { return };
    map.remove("get");
    for (name, inner) in map {
        match inner {
            Value::String(path) if name == "file" || name == "directory" => {
                let last = Path::new(path.as_str()).file_name();
                *path = last.map_or_else(String::new, |last| last.to_string_lossy().into_owned());
            }
            _ => name_files_only(inner),
        }
    }
}
