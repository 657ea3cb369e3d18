//! From the scores of a trained model to what its record says.

use std::sync::Arc;

use super::cell::Cell;
use super::prepare::Prepared;
use crate::data::Note;
use crate::metrics::{self, Evaluation, Scores, Targets};
use crate::record::{CodeRow, DEGENERATE, FrequencyBinRow, NoteRow, Outcome, TaskFacts, Timings};
use crate::suite::Suite;
use crate::train::Trained;

/// A cell's result.
pub struct Scored {
    /// What goes into the record.
    pub outcome: Outcome,
    /// What is known by note: private, beside no record.
    #[allow(dead_code)] // until the runner keeps them in `private`
    pub notes: Vec<NoteRow>,
    /// How long it took.
    pub timings: Timings,
    /// Why the result says nothing about the notes, if so.
    pub degenerate: Option<String>,
}

/// Evaluates the evaluation notes' scores (`[note, code]`, the model's codes only).
///
/// # Errors
/// In words, when the scores cannot be evaluated.
pub fn scored(
    suite: &Suite,
    cell: &Cell,
    prepared: &Prepared,
    trained: Trained,
    scores: Vec<f32>,
    weights_sha256: String,
    timings: Timings,
) -> Result<Scored, String> {
    let run = &suite.runs[cell.run];
    let text = &prepared.text[&run.text];
    let labels = &prepared.labels;
    let words = |error: metrics::Error| match error {
        metrics::Error::Degenerate(_) => format!("{DEGENERATE}{error}"),
        _ => format!("evaluating: {error}"),
    };
    let notes = prepared.evaluation_gold.len();
    let degenerate = {
        let fitted = Scores::new(&scores, notes, text.task.codes).map_err(words)?;
        metrics::degenerate(&fitted, trained.validation.threshold).map(|reason| reason.to_string())
    };
    let threshold = trained.validation.threshold;
    let evaluation = with_unseen(suite, prepared, &scores, text.task.codes, threshold).map_err(words)?;
    let prior = prior(suite, prepared, text.task.codes).map_err(words)?;
    let bins = metrics::frequency_bins(&evaluation.per_code, labels.train_frequency()).map_err(words)?;
    let notes = note_rows(&evaluation, prepared, &scores, text.task.codes, threshold);
    let outcome = Outcome {
        task: facts(prepared, &text.evaluation, cell.length, text.tokenizer.size()),
        parameters: trained
            .parameters
            .values()
            .map(|values| values.values.len() as u64)
            .sum(),
        threshold,
        threshold_source: suite.evaluation.threshold_source(),
        validation_scores: trained.validation.scores,
        prior_scores: prior.scores,
        epochs: trained.epochs,
        best_epoch: trained.best_epoch,
        stopped: trained.stopped,
        frequency_bins: bins.into_iter().map(bin_row).collect(),
        codes: code_rows(&evaluation, prepared),
        scores: evaluation.scores,
        weights_sha256,
    };
    Ok(Scored {
        outcome,
        notes,
        timings,
        degenerate,
    })
}

/// Evaluates over all columns: codes that no training note has get a score of 0.
fn with_unseen(
    suite: &Suite,
    prepared: &Prepared,
    scores: &[f32],
    fitted: usize,
    threshold: f32,
) -> Result<Evaluation, metrics::Error> {
    let columns = prepared.labels.len();
    let gold = &prepared.evaluation_gold;
    let targets = Targets::from_rows(gold, columns)?;
    if columns == fitted {
        return suite
            .evaluation
            .evaluate(&Scores::new(scores, gold.len(), columns)?, &targets, threshold);
    }
    let mut wide = vec![0f32; gold.len() * columns];
    for (row, scores) in wide.chunks_mut(columns).zip(scores.chunks(fitted)) {
        row[..fitted].copy_from_slice(scores);
    }
    suite
        .evaluation
        .evaluate(&Scores::new(&wide, gold.len(), columns)?, &targets, threshold)
}

/// The floor: every note gets the codes' training frequencies, with a threshold chosen like a model's.
fn prior(suite: &Suite, prepared: &Prepared, fitted: usize) -> Result<Evaluation, metrics::Error> {
    let notes = prepared.training_gold.len() as f32;
    let frequency = &prepared.labels.train_frequency()[..fitted];
    let row: Vec<f32> = frequency.iter().map(|&count| count as f32 / notes).collect();
    let validation = row.repeat(prepared.validation_gold.len());
    let threshold = suite
        .evaluation
        .choose(&validation, &prepared.validation_gold, fitted)?
        .threshold;
    let evaluation = row.repeat(prepared.evaluation_gold.len());
    with_unseen(suite, prepared, &evaluation, fitted, threshold)
}

fn facts(prepared: &Prepared, tokens: &crate::text::TokenStore, length: u32, vocabulary: usize) -> TaskFacts {
    let mut lengths = tokens.lengths();
    lengths.sort_unstable();
    let quantile = |percent: usize| lengths[(lengths.len() - 1) * percent / 100] as u32;
    let all: usize = lengths.iter().sum();
    let read: usize = lengths.iter().map(|&tokens| tokens.min(length as usize)).sum();
    let fitted = prepared.labels.fitted();
    TaskFacts {
        codes: fitted as u32,
        unseen_codes: (prepared.labels.len() - fitted) as u32,
        training_notes: prepared.training_gold.len() as u32,
        validation_notes: prepared.validation_gold.len() as u32,
        evaluation_notes: prepared.evaluation_gold.len() as u32,
        vocabulary: vocabulary as u32,
        token_length_quantiles: (0..=100).map(quantile).collect(),
        truncated_tokens: (all - read) as f64 / all as f64,
    }
}

fn bin_row(bin: metrics::FrequencyBin) -> FrequencyBinRow {
    FrequencyBinRow {
        lower: bin.lower,
        upper: bin.upper,
        codes: bin.codes,
        codes_present: bin.codes_present,
        gold: bin.gold,
        micro_f1: bin.micro_f1,
        macro_f1_present: bin.macro_f1_present,
    }
}

fn code_rows(evaluation: &Evaluation, prepared: &Prepared) -> Vec<CodeRow> {
    let labels = &prepared.labels;
    let named = evaluation
        .per_code
        .iter()
        .zip(labels.codes())
        .zip(labels.train_frequency());
    named
        .map(|((score, code), &training)| CodeRow {
            code: code.clone(),
            training,
            tp: score.tp,
            fp: score.fp,
            fn_: score.fn_,
            roc_auc: score.roc_auc,
            pr_auc: score.pr_auc,
        })
        .collect()
}

fn note_rows(
    evaluation: &Evaluation,
    prepared: &Prepared,
    scores: &[f32],
    codes: usize,
    threshold: f32,
) -> Vec<NoteRow> {
    let notes: &[Arc<Note>] = &prepared.division.evaluation;
    let gold = &prepared.evaluation_gold;
    let rows = evaluation
        .per_note
        .iter()
        .zip(notes)
        .zip(gold)
        .zip(scores.chunks(codes));
    rows.map(|(((score, note), gold), row)| NoteRow {
        note: prepared.salt.hash(&note.id),
        patient: prepared.salt.hash(&note.patient),
        tp: score.tp,
        fp: score.fp,
        fn_: score.fn_,
        gold_ranks: score.gold_ranks.clone(),
        gold: gold.clone(),
        predicted: (0..codes as u32)
            .filter(|&code| row[code as usize] > threshold)
            .collect(),
    })
    .collect()
}
