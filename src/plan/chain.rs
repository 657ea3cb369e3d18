//! What each stage of a cell is made from. Every stage names its settings, the stages that it reads and what it is made
//! by, and nothing else: a setting that is missing here would let two results share one key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::external::{EXTERNAL, ExternalSystem};
use super::links::{Links, Parts};
use super::sources::{self, Code};
use super::{Cell, Error};
use crate::data::{self, Registry};
use crate::device::DeviceClass;
use crate::kernels::instructions::{arithmetic, instruction_set};
use crate::machine::built;
use crate::metrics;
use crate::pretraining::{Pretraining, Start};
use crate::record::{Stage, StageName, StagePool, hex};
use crate::suite::{Ensemble, EvidenceSettings, Run, Suite, TextChoice, WordVectorChoice};
use crate::text::{self, NORMALISE_VERSION};

/// Hashes of the files that a suite names.
#[derive(Default)]
pub(super) struct Facts {
    data: String,
    /// Whether the notes are generated ones in the form of a data set that they are not.
    pub generated: bool,
    /// Of the vocabulary file of each `[text.<name>]` that has one, and of the files beside it that say how text is read.
    vocabularies: BTreeMap<String, Vec<(&'static str, String)>>,
    /// Of the `config.json` of each `[encoder.<name>]` that a run starts from.
    encoders: BTreeMap<String, String>,
    /// Of the parts that each `[pretrain.<name>]` reads beside the training notes, where it names any.
    unlabelled: BTreeMap<String, String>,
    /// Of the parts that the word vectors of each `[text.<name>]` are trained on beside the training notes, where it names any.
    texts_beside: BTreeMap<String, String>,
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
        let mut texts_beside = BTreeMap::new();
        for (name, choice) in suite.text.iter().filter(|(name, _)| used(name)) {
            let beside = choice.trained_vectors().map(|trained| trained.train.unlabelled());
            if let Some(parts) = beside.filter(|parts| !parts.is_empty()) {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                texts_beside.insert(name.clone(), data::identity(&suite.data, &parts, data, registry)?);
            }
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
        let mut unlabelled = BTreeMap::new();
        for run in runs {
            if let Some(name) = suite.encoder_file(run) {
                let config = suite.encoders[name].directory.join("config.json");
                encoders.insert(name.to_owned(), sha256_of(&config, &format!("[encoder.{name}]"))?);
            }
            if let Some((name, settings)) = suite.pretraining(run)
                && !settings.unlabelled.is_empty()
            {
                let parts: Vec<&str> = settings.unlabelled.iter().map(String::as_str).collect();
                unlabelled.insert(name.to_owned(), data::identity(&suite.data, &parts, data, registry)?);
            }
        }
        Ok(Self {
            data: data::identity(&suite.data, &suite.division.parts(), data, registry)?,
            generated: data::is_generated(&suite.data, data)?,
            vocabularies,
            encoders,
            unlabelled,
            texts_beside,
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
pub(super) fn chain(
    suite: &Suite,
    run: &Run,
    (length, seed): (u32, u64),
    device: &str,
    (facts, pool): (&Facts, &mut StagePool),
) -> Links {
    let mut links = Links::default();
    let text = &suite.text[&run.text];
    links.add(pool, StageName::Notes, notes(suite, facts));
    links.add(pool, StageName::Tokenizer, tokenizer(run, text, facts));
    links.add(pool, StageName::Tokens, tokens(text));
    if let Some(choice) = &text.word_vectors {
        links.add(pool, StageName::Vectors, vectors(run, choice, facts));
    }
    if let Some(name) = suite.encoder_file(run) {
        links.add(pool, StageName::Encoder, encoder(suite, name, facts));
    }
    if let Some((name, settings)) = suite.pretraining(run) {
        let parts = pretraining(suite, (name, settings), device, facts);
        links.add(pool, StageName::Pretraining, parts);
    }
    links.add(pool, StageName::Weights, weights(suite, run, length, seed, device));
    links.add(pool, StageName::Scores, scores(run, device));
    if let Some(settings) = suite.evidence.as_ref().filter(|_| run.model.explains()) {
        links.add(pool, StageName::Evidence, evidence(run, device, settings));
    }
    links.add(pool, StageName::Record, record(suite, length));
    links
}

/// The stages of an ensemble's cell: notes and tokens of its first member, scores that are made of its members' scores.
pub(super) fn ensemble(suite: &Suite, ensemble: &Ensemble, members: &[&Cell], pool: &mut StagePool) -> Links {
    let mut links = Links::default();
    for name in [StageName::Notes, StageName::Tokenizer, StageName::Tokens] {
        if let Some(stage) = members.first().and_then(|first| first.chain.get(&name)) {
            links.take_up(pool, name, stage.clone());
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
    let made_by = vec![("code", sources::sha256(Code::Ensemble))];
    let parts: Parts = (&[StageName::Notes, StageName::Tokens], settings, made_by);
    links.add(pool, StageName::Scores, parts);
    let keys = members.iter().enumerate();
    let keys = keys.map(|(place, cell)| {
        (
            format!("member {}", place + 1),
            cell.key_of(StageName::Scores).to_owned(),
        )
    });
    links.make_by(StageName::Scores, keys);
    let length = members.first().map_or(0, |first| first.length);
    links.add(pool, StageName::Record, record(suite, length));
    links
}

/// The stages of an external system: the notes of a suite, and scores that a file of predictions gives. The same system on
/// the same notes is the same cell, whatever file it gave.
pub(super) fn external(suite: &Suite, notes: &Arc<Stage>, asked: &ExternalSystem) -> Links {
    let pool = &mut StagePool::default();
    let mut links = Links::default();
    links.take_up(pool, StageName::Notes, notes.clone());
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
    links.add(pool, StageName::Scores, (&[StageName::Notes], settings, made_by));
    links.add(pool, StageName::Record, record(suite, asked.length));
    links
}

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

fn vectors(run: &Run, choice: &WordVectorChoice, facts: &Facts) -> Parts {
    let mut settings = json!(choice);
    name_files_only(&mut settings);
    let settings = vec![("word-vectors", settings)];
    match choice {
        WordVectorChoice::File(_) => {
            let made_by = vec![("code", sources::sha256(Code::Vectors))];
            (&[StageName::Tokenizer], settings, made_by)
        }
        WordVectorChoice::Trained(trained) => {
            // On the CPU, whatever the device.
            let mut made_by = computing(DeviceClass::Flex.name());
            made_by.push(("code", sources::sha256(Code::TrainedVectors(trained.train.name()))));
            let beside = facts.texts_beside.get(&run.text);
            made_by.extend(beside.map(|hash| ("unlabelled", hash.clone())));
            (&[StageName::Notes, StageName::Tokenizer], settings, made_by)
        }
    }
}

fn encoder(suite: &Suite, name: &str, facts: &Facts) -> Parts {
    let mut settings = json!(suite.encoders[name]);
    name_files_only(&mut settings);
    let made_by = vec![
        ("config", facts.encoders.get(name).cloned().unwrap_or_default()),
        ("code", sources::sha256(Code::Encoder)),
    ];
    (&[], vec![("encoder", settings)], made_by)
}

/// What pretraining reads. What its text and its encoder are called moves nothing: their own stages say what they are.
fn pretraining(suite: &Suite, (name, asked): (&str, &Pretraining), device: &str, facts: &Facts) -> Parts {
    let mut own = json!(asked);
    if let Value::Object(own) = &mut own {
        own.remove("text");
        let start = match asked.start {
            Start::Scratch => "scratch",
            Start::Encoder(_) => "encoder",
        };
        own.insert("start".into(), start.into());
    }
    let settings = vec![
        ("pretraining", own),
        ("device", json!(device)),
        ("precision", json!(suite.precision)),
    ];
    let mut made_by = computing(device);
    made_by.push(("code", sources::sha256(Code::Pretraining)));
    made_by.extend(facts.unlabelled.get(name).map(|hash| ("unlabelled", hash.clone())));
    let reads = &[StageName::Notes, StageName::Tokenizer, StageName::Encoder];
    (reads, settings, made_by)
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
    let reads: &[StageName] = match suite.pretraining(run) {
        None => &[
            StageName::Notes,
            StageName::Tokenizer,
            StageName::Tokens,
            StageName::Vectors,
            StageName::Encoder,
        ],
        // The encoder that this one came from is what the pretraining read.
        Some(_) => &[
            StageName::Notes,
            StageName::Tokenizer,
            StageName::Tokens,
            StageName::Vectors,
            StageName::Pretraining,
        ],
    };
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
