//! Pretraining from outside: beside Hugging Face's BertForPreTraining, interrupted and killed, exported, read back and gone on
//! from. All notes are invented.

mod common;
#[path = "pretraining/exported.rs"]
mod exported;
#[path = "common/fit.rs"]
mod fit;
#[path = "pretraining/killed.rs"]
mod killed;
#[path = "pretraining/learning.rs"]
mod learning;
#[path = "pretraining/parity.rs"]
mod parity;
#[path = "pretraining/start.rs"]
mod start;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use burn::tensor::Device;
use icdbench::data::{FitNotes, Note};
use icdbench::models::Precision;
use icdbench::pretrained::PretrainedBert;
use icdbench::pretraining::{
    Documents, End, Error, Facts, Fit, FitDocuments, Pieces, Pretrained, PretrainedStart, Pretraining, pretrain,
};
use icdbench::text::{Normalisation, TextSettings, Tokenizer, TokenizerSettings};
use icdbench::train::Observer;

/// Settings of seconds, as a suite writes them.
const SETTINGS: &str = r#"
text = "pieces"
unlabelled = []
encoder = { layers = 1, hidden = 8, heads = 2, intermediate = 12, positions = 24, dropout = 0.1, attention-dropout = 0.1, initializer-range = 0.3 }
start = "scratch"
objective = { masked = 0.15, as-mask = 0.8, as-random = 0.1, whole-word = false, next-sentence = true }
sentences = "line-ends"
longest-sentence = 12
length = 20
short-sequences = 0.1
epochs = 2
batch-size = 2
accumulate = 2
optimiser = { adamw = { betas = [0.9, 0.999], epsilon = 1e-6, weight-decay = 0.01, decay = "matrices" } }
learning-rate = 0.02
schedule = { linear = { warmup = 0.1 } }
clip-norm = 1.0
vocabulary-block = 7
development = { notes = { share = 0.2 }, sequences = 6, every = 5 }
seed = 3
"#;

fn settings() -> Pretraining {
    let settings: Pretraining = toml::from_str(SETTINGS).unwrap();
    settings.check().unwrap();
    settings
}

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pretraining");
    fixtures.join(name)
}

fn tokenizer() -> Tokenizer {
    let settings = TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::WordPiece {
            file: fixture("weights/vocab.txt"),
            sha256: None,
            lowercase: true,
            strip_accents: None,
            split_chinese: None,
        },
    };
    fit::fit(&settings, &[] as &[&str]).unwrap()
}

/// So many notes, each of lines that say over and over what the first of them says.
fn texts(count: usize) -> Vec<String> {
    let words = ["chest", "pain", "fever", "no", "cough", "painful", "a b", "c d e"];
    let line = |note: usize, line: usize| {
        let word = |place: usize| words[(note + place * place) % words.len()];
        let words: Vec<&str> = (0..4 + line % 3).map(word).collect();
        words.join(" ") + "."
    };
    let note = |note: usize| {
        (0..5 + note % 4)
            .map(|row| line(note, row))
            .collect::<Vec<_>>()
            .join("\n")
    };
    (0..count).map(note).collect()
}

fn fit_notes(texts: &[String]) -> FitNotes {
    let note = |(place, text): (usize, &String)| {
        Arc::new(Note {
            id: format!("n{place}"),
            patient: format!("p{place}"),
            text: text.clone(),
            codes: Vec::new(),
            evidence: Vec::new(),
        })
    };
    FitNotes::new(texts.iter().enumerate().map(note).collect(), &[], &[]).unwrap()
}

/// What a pretraining reads.
struct Given {
    tokenizer: Tokenizer,
    pieces: Pieces,
    training: FitDocuments,
    development: Documents,
}

fn given(settings: &Pretraining, notes: usize) -> Given {
    let tokenizer = tokenizer();
    let all = fit_notes(&texts(notes));
    let training = FitDocuments::read(all.texts(), &tokenizer, settings, &mut |_, _| {});
    let (training, development) = training.divided(0.2, settings.seed);
    Given {
        pieces: Pieces::of(&tokenizer).unwrap(),
        tokenizer,
        training,
        development,
    }
}

/// Pretrains, with a checkpoint after each step where `often`.
fn run(
    settings: &Pretraining,
    given: &Given,
    start: Option<&PretrainedStart>,
    directory: &Path,
    often: bool,
    observer: &dyn Observer,
) -> Result<End, Error> {
    let every = if often { 0 } else { 1_000 };
    let fit = Fit {
        settings,
        pieces: &given.pieces,
        start,
        training: &given.training,
        development: &given.development,
        device: &Device::flex(),
        precision: Precision::F32,
        directory,
        checkpoint_every: Duration::from_secs(every),
    };
    pretrain(&fit, observer)
}

struct Silent;

impl Observer for Silent {}

fn finished(end: Result<End, Error>) -> Pretrained {
    match end.unwrap() {
        End::Finished(pretrained) => *pretrained,
        End::Interrupted => panic!("it was interrupted"),
    }
}

/// An undisturbed pretraining.
fn undisturbed(settings: &Pretraining, given: &Given, start: Option<&PretrainedStart>) -> Pretrained {
    let directory = tempfile::tempdir().unwrap();
    finished(run(settings, given, start, directory.path(), false, &Silent))
}

/// All that two equal pretrainings have in common: the files, and the facts without the clock's.
fn outcome(pretrained: &Pretrained, given: &Given) -> (Vec<(&'static str, Vec<u8>)>, Facts) {
    let mut facts = pretrained.facts.clone();
    facts.effort.training_seconds = 0.0;
    facts.effort.validation_seconds = 0.0;
    facts.effort.sittings = 0;
    (pretrained.files(&given.tokenizer).unwrap(), facts)
}

fn as_start(read: PretrainedBert) -> PretrainedStart {
    let heads = read.heads.clone();
    PretrainedStart {
        encoder: Arc::new(read.into_encoder()),
        heads,
    }
}
