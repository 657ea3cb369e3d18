//! Stage `record`: from a cell's scores to the metrics of its record, and the rows by note that stay private.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::curves::curve_rows;
use super::evidence::Facts as EvidenceFacts;
use super::made::{Notes, Tokens};
use super::pretraining::Facts as PretrainingStage;
use super::scores::{Facts, Scores as CellScores};
use super::{Error, Stop, Workshop};
use crate::metrics::resampled::{Decisions, NamedDraws, Rows, group_f1, interval, resample, resample_areas};
use crate::metrics::{self, Evaluation, Scores, Targets, is_by_rank};
use crate::models::Task;
use crate::plan::Cell;
use crate::record::{
    CodeRow, Curves, DEGENERATE, External, FrequencyBinRow, NoteRow, NoteRows, Outcome, PretrainingFacts, Redrawn,
    Resamples, SCHEMA_VERSION, ScoreInterval, SmallCounts, StageName, Status, TaskFacts, Timings, of_bin,
};
use crate::train::{EvaluationSettings, Reading, Selection, TrainedFacts, fitted};

/// The file of the rows by note in the stage's folder.
pub const ROWS: &str = "rows.json";
/// The file of the metrics in the redraws of the notes.
pub const RESAMPLES: &str = "resamples.bin";

/// What came of a cell whose notes were scored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scored {
    /// What goes into the record; absent where the result says nothing about the notes.
    pub outcome: Option<Outcome>,
    /// How long it took; absent where another system made the scores.
    pub timings: Option<Timings>,
    /// Why the result says nothing about the notes, if so.
    pub degenerate: Option<String>,
}

impl Workshop<'_> {
    /// The result of a cell; its rows by note are kept.
    pub(super) fn record(
        &self,
        cell: &Cell,
        tokens: &Tokens,
        task: &Task,
        (scores, evidence): (CellScores, Option<EvidenceFacts>),
    ) -> Result<Scored, Stop> {
        let notes = self.notes(cell)?;
        let pretraining = self.pretraining_facts(cell)?;
        let timings = Timings {
            pretraining: pretraining.as_ref().map(PretrainingStage::timings),
            ..timings(&scores.facts, &self.reading(cell, task), tokens)
        };
        let trained = scores.facts.training.trained;
        let judged = Judged {
            codes: task.codes,
            threshold: trained.threshold,
            threshold_source: self.plan.suite.evaluation.threshold_source(),
            selection: Selection::of(
                &self.plan.suite.evaluation,
                &self.plan.suite.runs[cell.run].training.select,
            ),
            task: TaskFacts {
                words_with_vector: self.words_with_vector(cell)?,
                words_outside: self.words_in_pieces(cell, tokens)?,
                ..facts(&notes, tokens, cell.length, task)
            },
            trained,
            sha256: scores.facts.weights_sha256,
            evaluation: scores.evaluation,
            validation: scores.validation,
            evidence,
            pretraining: pretraining.as_ref().map(PretrainingStage::outcome),
            external: None,
        };
        let (outcome, degenerate) = self.judged(cell, judged)?;
        Ok(Scored {
            outcome,
            timings: Some(timings),
            degenerate,
        })
    }

    /// What goes into the record of scores, whoever made them, or why they say nothing about the notes; the rows by note are
    /// kept.
    pub(super) fn judged(&self, cell: &Cell, judged: Judged) -> Result<(Option<Outcome>, Option<String>), Stop> {
        let notes = self.notes(cell)?;
        let evaluating = Evaluating {
            settings: &self.plan.suite.evaluation,
            notes: &notes,
            codes: judged.codes,
        };
        let (codes, threshold) = (judged.codes, judged.threshold);
        let degenerate = evaluating.degenerate(&judged.evaluation, threshold)?;
        if degenerate.is_some() {
            return Ok((None, degenerate));
        }
        let columns = evaluating.columns(&judged.evaluation);
        let mut evaluation = evaluating.all_columns(&columns, threshold)?;
        let rows = NoteRows {
            schema: SCHEMA_VERSION,
            key: cell.key.clone(),
            notes: note_rows(&evaluation, &notes, &judged.evaluation, codes, threshold),
        };
        let small_counts = match self.plan.credentialed {
            true => SmallCounts::BelowElevenWithheld,
            false => SmallCounts::Shown,
        };
        let decides = judged.external.as_ref().is_some_and(|external| !external.scored);
        let curves = match decides {
            true => None,
            false => Some(evaluating.curves(&columns, &evaluation, small_counts)?),
        };
        let bins = metrics::frequency_bins(&evaluation.per_code, &notes.train_frequency).map_err(stop)?;
        let mut redrawn = evaluating.redrawn(&columns, &evaluation, &rows.notes, &bins)?;
        let mut validation_scores = match judged.validation.is_empty() {
            true => BTreeMap::new(),
            false => evaluating.validation(&judged.validation, threshold)?,
        };
        if decides {
            // Ranks among equal scores would be the order of the codes.
            evaluation.scores.retain(|name, _| !is_by_rank(name));
            validation_scores.retain(|name, _| !is_by_rank(name));
            redrawn.resamples.values.retain(|name, _| !is_by_rank(name));
            for code in &mut evaluation.per_code {
                (code.roc_auc, code.pr_auc) = (None, None);
            }
        }
        let wanted = self.wanted(cell, StageName::Record);
        self.runner.keep(wanted, &(), |draft| -> Result<(), Error> {
            draft.json(ROWS, &rows)?;
            Ok(draft.write(RESAMPLES, &redrawn.resamples.to_bytes())?)
        })?;
        let prior = Evaluating {
            codes: notes.fitted(),
            ..evaluating
        };
        let prior_scores = prior.prior(&judged.selection)?.scores;
        let mut evaluation_scores = evaluation.scores;
        if let Some(facts) = &judged.evidence {
            let [of_validation, of_evaluation] = facts.scores();
            validation_scores.extend(of_validation.clone());
            evaluation_scores.extend(of_evaluation.clone());
        }
        let outcome = Outcome {
            task: judged.task,
            parameters: judged.trained.parameters,
            threshold,
            threshold_source: judged.threshold_source,
            validation_scores,
            prior_scores,
            epochs: judged.trained.epochs,
            best_epoch: judged.trained.best_epoch,
            stopped: judged.trained.stopped,
            unfinished: judged.trained.unfinished,
            intervals: redrawn.intervals(&evaluation_scores),
            frequency_bins: bins.into_iter().map(|bin| redrawn.bin_row(bin)).collect(),
            redrawn: Some(redrawn.facts),
            curves,
            codes: small_counts.shown(code_rows(&evaluation.per_code, &notes)),
            small_counts,
            scores: evaluation_scores,
            weights_sha256: judged.sha256,
            pretraining: judged.pretraining,
            external: judged.external,
        };
        Ok((Some(outcome), None))
    }
}

/// Scores, and all that their record says of them beside the metrics.
pub(super) struct Judged {
    /// Of the evaluation notes, row-major `[note, code]`.
    pub(super) evaluation: Vec<f32>,
    /// Of the validation notes; empty where there are none.
    pub(super) validation: Vec<f32>,
    /// Codes that have a score: the first columns.
    pub(super) codes: usize,
    pub(super) threshold: f32,
    pub(super) threshold_source: String,
    /// How the threshold of the floor is chosen.
    pub(super) selection: Selection,
    pub(super) task: TaskFacts,
    pub(super) trained: TrainedFacts,
    /// Of the weights, or of the file of predictions.
    pub(super) sha256: String,
    pub(super) evidence: Option<EvidenceFacts>,
    pub(super) pretraining: Option<PretrainingFacts>,
    pub(super) external: Option<External>,
}

/// A metric that cannot be computed ends the cell.
fn stop(error: metrics::Error) -> Stop {
    let reason = match error {
        metrics::Error::Degenerate(_) => format!("{DEGENERATE}{error}"),
        _ => format!("evaluating: {error}"),
    };
    Stop::Cell(Status::Failed, reason)
}

/// What scores are evaluated against.
struct Evaluating<'a> {
    settings: &'a EvaluationSettings,
    notes: &'a Notes,
    /// Codes that the model predicts.
    codes: usize,
}

impl Evaluating<'_> {
    fn degenerate(&self, scores: &[f32], threshold: f32) -> Result<Option<String>, Stop> {
        let fitted = Scores::new(scores, self.notes.evaluation_gold.len(), self.codes).map_err(stop)?;
        Ok(metrics::degenerate(&fitted, threshold).map(|reason| reason.to_string()))
    }

    /// Every metric of the validation notes, over the model's codes.
    fn validation(&self, scores: &[f32], threshold: f32) -> Result<BTreeMap<String, f64>, Stop> {
        let gold = fitted(&self.notes.validation_gold, self.codes);
        let evaluate = || {
            let targets = Targets::from_rows(&gold, self.codes)?;
            self.settings
                .evaluate(&Scores::new(scores, gold.len(), self.codes)?, &targets, threshold)
        };
        Ok(evaluate().map_err(stop)?.scores)
    }

    /// The scores of all columns: codes that no training note has get a score of 0.
    fn columns<'s>(&self, scores: &'s [f32]) -> Cow<'s, [f32]> {
        let columns = self.notes.codes.len();
        if columns == self.codes {
            return scores.into();
        }
        let mut wide = vec![0f32; self.notes.evaluation_gold.len() * columns];
        for (row, scores) in wide.chunks_mut(columns).zip(scores.chunks(self.codes)) {
            row[..self.codes].copy_from_slice(scores);
        }
        wide.into()
    }

    fn wrapped<'s>(&self, columns: &'s [f32]) -> Result<(Scores<'s>, Targets), metrics::Error> {
        let (gold, codes) = (&self.notes.evaluation_gold, self.notes.codes.len());
        Ok((
            Scores::new(columns, gold.len(), codes)?,
            Targets::from_rows(gold, codes)?,
        ))
    }

    /// Every metric of the evaluation notes, over all columns.
    fn all_columns(&self, columns: &[f32], threshold: f32) -> Result<Evaluation, Stop> {
        let wrapped = self.wrapped(columns);
        let evaluated = wrapped.and_then(|(scores, targets)| self.settings.evaluate(&scores, &targets, threshold));
        evaluated.map_err(stop)
    }

    /// The curves over all columns.
    fn curves(&self, columns: &[f32], evaluation: &Evaluation, small_counts: SmallCounts) -> Result<Curves, Stop> {
        let (scores, targets) = self.wrapped(columns).map_err(stop)?;
        let least = u64::from(small_counts.least());
        let found = metrics::curves(&scores, &targets, &evaluation.per_code, least);
        Ok(curve_rows(found.map_err(stop)?))
    }

    /// The same in redraws of the notes, and the F1 of each frequency bin.
    fn redrawn(
        &self,
        columns: &[f32],
        evaluation: &Evaluation,
        rows: &[NoteRow],
        bins: &[metrics::FrequencyBin],
    ) -> Result<Redraw, Stop> {
        let (scores, targets) = self.wrapped(columns).map_err(stop)?;
        let named = NamedDraws::new(rows.iter().map(|row| [&*row.note, &*row.patient]));
        let decisions = Decisions::new(rows.iter().map(|row| (&*row.gold, &*row.predicted)), targets.codes());
        let drawn_from = Rows {
            per_note: &evaluation.per_note,
            decisions: &decisions,
            at_k: &self.settings.at_k,
        };
        let mut values = resample(&drawn_from, &named.draws);
        values.extend(resample_areas(&scores, &targets, &named.draws));
        for bin in bins {
            let upper = bin.upper.unwrap_or(u32::MAX);
            let in_bin = |code: &usize| (bin.lower..=upper).contains(&self.notes.train_frequency[*code]);
            let codes: Vec<usize> = (0..targets.codes()).filter(in_bin).collect();
            let [micro, present] = group_f1(&decisions, &named.draws, &codes);
            values.insert(of_bin(MICRO_F1, bin.lower), micro);
            values.insert(of_bin(MACRO_F1_PRESENT, bin.lower), present);
        }
        Ok(Redraw {
            facts: Redrawn {
                redraws: named.draws.redraws() as u32,
                patients: named.patients as u32,
                draws: named.fingerprint.clone(),
            },
            resamples: Resamples {
                draws: named.fingerprint,
                values,
            },
        })
    }

    /// The floor: every note gets the codes' training frequencies, with a threshold chosen like a model's.
    fn prior(&self, selection: &Selection) -> Result<Evaluation, Stop> {
        let notes = self.notes.training_gold.len() as f32;
        let frequency = &self.notes.train_frequency[..self.codes];
        let row: Vec<f32> = frequency.iter().map(|&count| count as f32 / notes).collect();
        let validation = row.repeat(self.notes.validation_gold.len());
        let judged = selection.judge(&validation, &self.notes.validation_gold, self.codes);
        let threshold = judged.map_err(stop)?.threshold;
        let scores = row.repeat(self.notes.evaluation_gold.len());
        self.all_columns(&self.columns(&scores), threshold)
    }
}

fn timings(facts: &Facts, reading: &Reading, tokens: &Tokens) -> Timings {
    let effort = &facts.training.trained.effort;
    let seconds = facts.evaluation_seconds;
    let rate = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    Timings {
        training_seconds: effort.training_seconds,
        validation_seconds: effort.validation_seconds,
        evaluation_seconds: seconds,
        training_notes_per_second: rate(effort.notes, effort.training_seconds),
        training_tokens_per_second: rate(effort.tokens, effort.training_seconds),
        evaluation_notes_per_second: rate(tokens.evaluation.len() as u64, seconds),
        evaluation_tokens_per_second: rate(reading.tokens(&tokens.evaluation), seconds),
        peak_memory_bytes: facts.training.peak_memory_bytes.max(facts.peak_memory_bytes),
        sittings: effort.sittings,
        pretraining: None,
    }
}

fn facts(notes: &Notes, tokens: &Tokens, length: u32, task: &Task) -> TaskFacts {
    let mut lengths = tokens.evaluation.lengths();
    lengths.sort_unstable();
    let quantile = |percent: usize| lengths[(lengths.len() - 1) * percent / 100] as u32;
    let all: usize = lengths.iter().sum();
    let read: usize = lengths.iter().map(|&tokens| tokens.min(length as usize)).sum();
    TaskFacts {
        codes: task.codes as u32,
        unseen_codes: (notes.codes.len() - task.codes) as u32,
        vocabulary: task.vocabulary as u32,
        token_length_quantiles: (0..=100).map(quantile).collect(),
        truncated_tokens: (all - read) as f64 / all as f64,
        ..sizes(notes)
    }
}

/// Sizes of a task whose scores are for all codes, without what tokens tell.
pub(super) fn sizes(notes: &Notes) -> TaskFacts {
    TaskFacts {
        codes: notes.codes.len() as u32,
        unseen_codes: 0,
        training_notes: notes.training_gold.len() as u32,
        validation_notes: notes.validation_gold.len() as u32,
        evaluation_notes: notes.evaluation_gold.len() as u32,
        notes_without_codes: notes.without_codes.all() as u32,
        notes_outside_labels: notes.outside_labels.all() as u32,
        evaluation_notes_left_out: (notes.without_codes.evaluation + notes.outside_labels.evaluation) as u32,
        vocabulary: 0,
        words_with_vector: None,
        words_outside: None,
        token_length_quantiles: Vec::new(),
        truncated_tokens: 0.0,
    }
}

/// The metrics of a cell in redraws of its notes.
struct Redraw {
    resamples: Resamples,
    facts: Redrawn,
}

/// The metrics of a frequency bin.
const MICRO_F1: &str = "micro-f1";
const MACRO_F1_PRESENT: &str = "macro-f1-present";

impl Redraw {
    fn interval(&self, name: &str, value: f64) -> Option<ScoreInterval> {
        let found = interval(value, self.resamples.values.get(name)?)?.of_share();
        Some(ScoreInterval {
            low: found.low,
            high: found.high,
            standard_error: found.se,
        })
    }

    fn intervals(&self, scores: &BTreeMap<String, f64>) -> BTreeMap<String, ScoreInterval> {
        let of_score = |(name, &value): (&String, &f64)| Some((name.clone(), self.interval(name, value)?));
        scores.iter().filter_map(of_score).collect()
    }

    fn bin_row(&self, bin: metrics::FrequencyBin) -> FrequencyBinRow {
        let of = |metric: &str, value: f64| self.interval(&of_bin(metric, bin.lower), value);
        FrequencyBinRow {
            lower: bin.lower,
            upper: bin.upper,
            codes: bin.codes,
            codes_present: bin.codes_present,
            gold: bin.gold,
            micro_f1: bin.micro_f1,
            macro_f1_present: bin.macro_f1_present,
            micro_f1_interval: of(MICRO_F1, bin.micro_f1),
            macro_f1_present_interval: bin.macro_f1_present.and_then(|value| of(MACRO_F1_PRESENT, value)),
        }
    }
}

fn code_rows(per_code: &[metrics::CodeScore], notes: &Notes) -> Vec<CodeRow> {
    let named = per_code.iter().zip(&notes.codes).zip(&notes.train_frequency);
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

fn note_rows(evaluation: &Evaluation, notes: &Notes, scores: &[f32], codes: usize, threshold: f32) -> Vec<NoteRow> {
    let rows = evaluation
        .per_note
        .iter()
        .zip(&notes.evaluation_names)
        .zip(&notes.evaluation_gold);
    rows.zip(scores.chunks(codes))
        .map(|(((score, [note, patient]), gold), row)| NoteRow {
            note: note.clone(),
            patient: patient.clone(),
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
