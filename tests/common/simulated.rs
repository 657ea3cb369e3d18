//! Notes, codes and scores drawn from a known distribution: what intervals and tests are held against.

use icdbench::metrics::resampled::{Decisions, NamedDraws, Rows, resample, resample_areas};
use icdbench::metrics::{Evaluation, Options, Scores, Targets, TieOrder, evaluate};
use icdbench::record::{NoteRow, Reported, Resamples};

use crate::records::{cell, scored};

/// Random numbers of this file's own.
pub type Stream = crate::stream::Stream<0xD1B5_4A32_D192_ED03>;

/// What notes are drawn from.
#[derive(Clone, Copy)]
pub struct Population {
    pub notes: usize,
    pub codes: usize,
    /// How far a gold code's score lies above another's, in standard deviations.
    pub skill: f64,
    /// The share of a score's variance that all notes of a patient have in common.
    pub of_patient: f64,
}

/// Notes with their gold codes and patients, before anybody scores them.
#[derive(Clone)]
pub struct Sample {
    pub gold: Vec<Vec<u32>>,
    pub names: Vec<[String; 2]>,
    /// By note and code, the patient's part of a score.
    patient: Vec<f64>,
}

impl Population {
    /// As many notes as the population says; patients have one to three.
    pub fn sample(&self, stream: &mut Stream) -> Sample {
        let (mut gold, mut names, mut patient) = (Vec::new(), Vec::new(), Vec::new());
        let mut number = 0;
        while gold.len() < self.notes {
            let notes = 1 + (stream.next() % 3) as usize;
            let common: Vec<f64> = (0..self.codes).map(|_| stream.normal()).collect();
            for _ in 0..notes.min(self.notes - gold.len()) {
                // From one note in three to one in twenty-five.
                let rate = |code: usize| 0.04 + 0.3 * (-(code as f64) / 8.0).exp();
                let codes = (0..self.codes).filter(|&code| stream.share() < rate(code));
                gold.push(codes.map(|code| code as u32).collect());
                names.push([format!("note {}", gold.len()), format!("patient {number}")]);
                patient.extend(&common);
            }
            number += 1;
        }
        Sample { gold, names, patient }
    }

    /// The scores of a system, `[note, code]`, from 0 to 1.
    pub fn scores(&self, sample: &Sample, stream: &mut Stream) -> Vec<f32> {
        let (of_patient, own) = (self.of_patient.sqrt(), (1.0 - self.of_patient).sqrt());
        let mut scores = Vec::with_capacity(self.notes * self.codes);
        for (note, gold) in sample.gold.iter().enumerate() {
            for code in 0..self.codes {
                let common = sample.patient[note * self.codes + code];
                let noise = of_patient * common + own * stream.normal();
                let skill = if gold.contains(&(code as u32)) { self.skill } else { 0.0 };
                scores.push((1.0 / (1.0 + (1.7 - skill - noise).exp())) as f32);
            }
        }
        scores
    }
}

pub fn options() -> Options {
    Options {
        threshold: 0.5,
        at_k: vec![5],
        ties: TieOrder::HigherIndexFirst,
    }
}

pub fn evaluation(sample: &Sample, scores: &[f32]) -> Evaluation {
    let codes = scores.len() / sample.gold.len();
    let targets = Targets::from_rows(&sample.gold, codes).unwrap();
    let scores = Scores::new(scores, sample.gold.len(), codes).unwrap();
    evaluate(&scores, &targets, &options()).unwrap()
}

/// A record of a system's scores, with all that lies beside one.
pub fn reported(sample: &Sample, scores: &[f32], (run, seed): (&str, u64), areas: bool) -> Reported {
    let codes = scores.len() / sample.gold.len();
    let evaluation = evaluation(sample, scores);
    let rows: Vec<NoteRow> = evaluation
        .per_note
        .iter()
        .zip(&sample.names)
        .zip(sample.gold.iter().zip(scores.chunks(codes)))
        .map(|((score, [note, patient]), (gold, row))| NoteRow {
            note: note.clone(),
            patient: patient.clone(),
            tp: score.tp,
            fp: score.fp,
            fn_: score.fn_,
            gold_ranks: score.gold_ranks.clone(),
            gold: gold.clone(),
            predicted: (0..codes as u32).filter(|&code| row[code as usize] > 0.5).collect(),
        })
        .collect();
    let named = NamedDraws::new(rows.iter().map(|row| [&*row.note, &*row.patient]));
    let decisions = Decisions::new(rows.iter().map(|row| (&*row.gold, &*row.predicted)), codes);
    let drawn = Rows {
        per_note: &evaluation.per_note,
        decisions: &decisions,
        at_k: &[5],
    };
    let mut values = resample(&drawn, &named.draws);
    if areas {
        let targets = Targets::from_rows(&sample.gold, codes).unwrap();
        let scores = Scores::new(scores, sample.gold.len(), codes).unwrap();
        values.extend(resample_areas(&scores, &targets, &named.draws));
    }
    let mut found = scored(cell(run, 512, seed), 0.4);
    let outcome = found.record.outcome.as_mut().unwrap();
    outcome.scores = evaluation.scores;
    outcome.frequency_bins.clear();
    outcome.task.codes = codes as u32;
    outcome.task.unseen_codes = 0;
    outcome.task.evaluation_notes = sample.gold.len() as u32;
    found.notes = Some(rows);
    found.resamples = Some(Resamples {
        draws: named.fingerprint,
        values,
    });
    found
}
