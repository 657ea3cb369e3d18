//! `icdbench predict --weights KEY --notes FILE`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use super::terminal::out;
use super::{Global, Sentences, suite};
use crate::data;
use crate::record::StageName;
use crate::results::files;
use crate::results::salt::Salt;
use crate::stages::weights::Predictor;
use crate::stages::{Seen, identifiers};
use crate::text::TokenStore;
use crate::train::probabilities;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The start of the key of the weights, or of a cell that has them (see `icdbench plan --json`).
    #[arg(long, value_name = "KEY")]
    weights: String,
    /// The notes: a text file (one note), a folder of .txt files (a note each, in the order of their names), a .jsonl
    /// file with `id` and `text` on each line, or `-` for one note on standard input.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "suite",
        conflicts_with = "suite"
    )]
    notes: Option<PathBuf>,
    /// In their place, the notes that a suite scores, whatever the weights were trained for. Refused where the weights have
    /// seen some of them.
    #[arg(long, value_name = "SUITE")]
    suite: Option<PathBuf>,
    /// How the codes are written: tsv (note, code, probability, whether it is predicted) or jsonl (one line a note).
    #[arg(long, default_value = "tsv")]
    format: Format,
    /// Write every code, not only those above the weights' threshold.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Format {
    Tsv,
    Jsonl,
}

/// A note to score; the output calls it by `id`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    id: String,
    text: String,
}

impl AsRef<str> for Note {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

pub(super) fn predict(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    crate::machine::no_core_dumps();
    let kept = weights(global, &arguments.weights)?;
    let (shown, read) = match (&arguments.notes, &arguments.suite) {
        (Some(path), _) => (path, notes(path)?),
        (None, Some(suite)) => (suite, Vec::new()),
        (None, None) => bail!("expected --notes or --suite"),
    };
    let name = kept
        .made_from()
        .settings
        .get("device")
        .and_then(|name| name.as_str().map(str::to_owned));
    if name.as_deref().is_some_and(|name| name != global.device.class.name()) {
        global.notice(&format!(
            "the weights were trained on {}; on {} their probabilities may differ in the last digits",
            name.unwrap_or_default(),
            global.device
        ));
    }
    let started = global
        .device
        .start()
        .map_err(|lack| anyhow::anyhow!("--device {}: {}. {}", global.device, lack.found, lack.next))?;
    let predictor = Predictor::open(&kept, &started.device)?;
    let notes = match &arguments.suite {
        Some(suite) => unseen(global, suite, &predictor.seen)?,
        None => {
            tell_seen(global, &read, &predictor.seen)?;
            read
        }
    };
    let store = TokenStore::encode(&predictor.tokenizer, &notes, &mut |_, _| {});
    if let Some(empty) = store.empty_notes().first() {
        bail!(
            "{}: note {} of {} has no token left after normalising: it cannot be scored",
            shown.display(),
            empty + 1,
            notes.len()
        );
    }
    let codes = predictor.codes.len();
    let scores = probabilities(
        &predictor.model,
        &store,
        predictor.reading,
        codes,
        &started.device,
        &Sentences::of(global),
    );
    // Nobody can interrupt it but by ending the program.
    let scores = scores.unwrap_or_default();
    for (note, row) in notes.iter().zip(scores.chunks(codes)) {
        write(arguments, note, row, &predictor)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The notes that a suite scores, if the weights have seen none of them. Notes of credentialed data go by their hashes.
fn unseen(global: &Global, path: &Path, seen: &Seen) -> Result<Vec<Note>> {
    let suite = suite(path)?;
    let registry = global.registry()?;
    let corpus = data::load(&suite.data, global.data(), &registry)?;
    let division = corpus.divide(&suite.division)?;
    let salt = salt(global, seen)?;
    let overlap = seen.overlap(division.evaluation.iter(), &identifiers(&suite.data, &registry), &salt);
    let all = division.evaluation.len();
    let copies = overlap.texts as f64 > suite.limits.of_data().repeated_texts * all as f64;
    if overlap.notes > 0 || copies || (overlap.of_patients > 0 && !corpus.origin.published_split) {
        bail!(
            "--suite {}: of its {all} notes to score, the weights were trained or tuned on {} (by identifier), on {} by their \
             text, and on another note of the same patient for {}; expected none: a score on them would be of memory. Train on \
             the suite's own training part",
            path.display(),
            overlap.notes,
            overlap.texts,
            overlap.of_patients
        );
    }
    if overlap.of_patients > 0 {
        global.notice(&format!(
            "{} of {all} notes are of patients of whom the weights have seen another note, as the published list has it",
            overlap.of_patients
        ));
    }
    let name = |note: &data::Note| match corpus.credentialed {
        true => salt.hash(&note.id),
        false => note.id.clone(),
    };
    let notes = division.evaluation.iter();
    let notes = notes.map(|note| Note {
        id: name(note),
        text: note.text.clone(),
    });
    Ok(notes.collect())
}

/// Says how many of a file's notes the weights were trained on.
fn tell_seen(global: &Global, notes: &[Note], seen: &Seen) -> Result<()> {
    let salt = salt(global, seen)?;
    let known = notes
        .iter()
        .filter(|note| seen.texts.contains(&salt.hash(note.text.trim())))
        .count();
    if known > 0 {
        global.notice(&format!(
            "{known} of {} notes have the text of one that the weights were trained or tuned on",
            notes.len()
        ));
    }
    Ok(())
}

/// The salt that the weights' hashes were made with: the results directory's, or that of public data.
fn salt(global: &Global, seen: &Seen) -> Result<Salt> {
    let public = Salt::public();
    if public.fingerprint() == seen.salt {
        return Ok(public);
    }
    let own = Salt::of_directory(global.store().private())?;
    match own.fingerprint() == seen.salt {
        true => Ok(own),
        false => bail!(
            "the weights were made with another salt than this results directory has: take them with their `salt`"
        ),
    }
}

fn write(arguments: &Arguments, note: &Note, row: &[f32], predictor: &Predictor) -> Result<()> {
    let mut ranked: Vec<(&String, f32)> = predictor.codes.iter().zip(row.iter().copied()).collect();
    // Stable: codes with equal probabilities stay in the order of the model.
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranked.retain(|(_, probability)| arguments.all || *probability > predictor.threshold);
    match arguments.format {
        Format::Tsv => {
            // A tab or a line's end in it would make other columns and rows.
            let id = note.id.replace(|c: char| c.is_control(), " ");
            for (code, probability) in ranked {
                let predicted = if probability > predictor.threshold { "yes" } else { "no" };
                out!("{id}\t{code}\t{probability}\t{predicted}");
            }
        }
        Format::Jsonl => {
            let codes = ranked
                .iter()
                .map(|(code, probability)| json!({"code": code, "probability": probability}));
            let codes: Vec<_> = codes.collect();
            out!(
                "{}",
                json!({"note": note.id, "threshold": predictor.threshold, "codes": codes})
            );
        }
    }
    Ok(())
}

/// The weights whose key, or the key of a cell that has them, starts with what was given.
fn weights(global: &Global, asked: &str) -> Result<crate::results::kept::Kept> {
    let store = global.store();
    let mut found: Vec<String> = files::list(&store.stage(StageName::Weights))?
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !asked.is_empty() && !name.starts_with('.') && name.starts_with(asked))
        .collect();
    if found.is_empty() {
        store.records().each(|record| {
            if !asked.is_empty() && record.key.starts_with(asked) {
                found.extend(record.stages.get(&StageName::Weights).map(|stage| stage.key()));
            }
        })?;
    }
    found.sort();
    found.dedup();
    match &found[..] {
        [key] => match store.open(StageName::Weights, key)? {
            Some(kept) => Ok(kept),
            None => bail!(
                "--weights {asked}: the weights {key} are not in {}: run the cell again to have them made",
                store.stage(StageName::Weights).display()
            ),
        },
        [] if !store.is_there() => bail!(
            "--weights {asked}: {} is no results directory, with the folder `records` or its private part; name the one \
             that has the weights with --results",
            global.results.display()
        ),
        [] => bail!(
            "--weights {asked}: no weights and no cell in {} have a key that starts so; `icdbench plan SUITE --json` lists keys",
            global.results.display()
        ),
        several => bail!(
            "--weights {asked}: {} weights have keys that start so; give more of it",
            several.len()
        ),
    }
}

fn notes(path: &Path) -> Result<Vec<Note>> {
    let place = || path.display().to_string();
    let id = |path: &Path| {
        path.file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    };
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(vec![Note { id: "-".into(), text }]);
    }
    if path.is_dir() {
        let files = files::list(path)?.into_iter().map(|(_, file)| file);
        let texts = files.filter(|file| file.extension().is_some_and(|extension| extension == "txt"));
        let notes: Vec<Note> = texts
            .map(|file| {
                let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
                Ok(Note { id: id(&file), text })
            })
            .collect::<Result<_>>()?;
        if notes.is_empty() {
            bail!("{}: expected files named ID.txt, found none", place());
        }
        return Ok(notes);
    }
    let text = std::fs::read_to_string(path).with_context(place)?;
    // Editors on Windows put a byte order mark before what they save.
    let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
    if path.extension().is_none_or(|extension| extension != "jsonl") {
        return Ok(vec![Note { id: id(path), text }]);
    }
    let mut notes = Vec::new();
    for (line, note) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // Only the place: the reader's own words may quote the note.
        let note = serde_json::from_str(note).map_err(|error| {
            anyhow::anyhow!(
                "{}:{}:{}: expected {{\"id\": \"...\", \"text\": \"...\"}}",
                place(),
                line + 1,
                error.column()
            )
        })?;
        notes.push(note);
    }
    if notes.is_empty() {
        bail!("{}: expected a note on each line, found none", place());
    }
    Ok(notes)
}
