//! Stage `evidence`: for the codes that a model gives a note the span of the text that it reads for each, by the weights that
//! it explains itself with; scored against what annotators marked, by the rules of the CodiEsp track (sub-track X).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::made::{MarkedNote, Notes, Tokens};
use super::scores::Scores;
use super::{Error, Stop, Workshop};
use crate::codiesp::{Rule, Span, SpanEntry, SpanScores, like_title, spans};
use crate::data::Note;
use crate::models::{Model, Task, parameters};
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::{Kept, Trouble};
use crate::results::runner::{Found, Interrupted};
use crate::suite::EvidenceSettings;
use crate::text::TokenStore;
use crate::train::Reading;

/// The file of the spans in the stage's folder.
pub const SPANS: &str = "spans.json";

/// A code of an evaluation note with its span.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoteSpan {
    /// The note, in the order of the evaluation notes.
    pub note: u32,
    /// The code's column.
    pub code: u32,
    /// The first character, and the one after the last.
    pub characters: [u32; 2],
}

/// What came of the stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Facts {
    /// Chosen on the validation notes.
    rule: Rule,
    /// A code is given when its probability is above it; chosen with the rule.
    threshold: f32,
    validation: BTreeMap<String, f64>,
    evaluation: BTreeMap<String, f64>,
}

impl Facts {
    /// Scores by metric: of the validation notes, and of the evaluation notes.
    pub(super) fn scores(&self) -> [&BTreeMap<String, f64>; 2] {
        [&self.validation, &self.evaluation]
    }
}

/// A code that a note may have, with a span by each rule.
struct Candidate {
    note: usize,
    code: usize,
    probability: f32,
    spans: Vec<Option<[u32; 2]>>,
    of_title: Option<[u32; 2]>,
}

impl Workshop<'_> {
    /// The evidence of a cell, where its suite asks for it and its model explains itself.
    pub(super) fn evidence_spans(
        &self,
        cell: &Cell,
        tokens: &Tokens,
        task: &Task,
        scores: &Scores,
    ) -> Result<Option<Facts>, Stop> {
        let Some(settings) = self
            .plan
            .suite
            .evidence
            .as_ref()
            .filter(|_| cell.chain.contains_key(&StageName::Evidence))
        else {
            return Ok(None);
        };
        let wanted = self.wanted(cell, StageName::Evidence);
        let read = |kept: &Kept| -> Result<Facts, Trouble> {
            kept.read(SPANS)?;
            kept.facts()
        };
        let facts = self
            .runner
            .obtain(wanted, &self.patience(), read, || -> Result<Facts, Stop> {
                let task = self.with_encoder(cell, task.clone())?;
                let weights = self.weights(cell, tokens, &task)?;
                let (facts, spans) = self.find(cell, tokens, &task, scores, settings, &weights.model)?;
                self.runner.keep(wanted, &facts, |draft| -> Result<(), Error> {
                    Ok(draft.json(SPANS, &spans)?)
                })?;
                Ok(facts)
            })?;
        Ok(Some(facts))
    }

    /// The spans that a cell's stage has kept, if it has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn kept_spans(&self, cell: &Cell) -> Result<Option<Vec<NoteSpan>>, Stop> {
        if !cell.chain.contains_key(&StageName::Evidence) {
            return Ok(None);
        }
        let found = self
            .runner
            .look(self.wanted(cell, StageName::Evidence), |kept| kept.json(SPANS))?;
        Ok(match found {
            Found::Whole(spans) => Some(spans),
            Found::Nothing | Found::Damaged(_) => None,
        })
    }

    fn find(
        &self,
        cell: &Cell,
        tokens: &Tokens,
        task: &Task,
        scores: &Scores,
        settings: &EvidenceSettings,
        model: &Model,
    ) -> Result<(Facts, Vec<NoteSpan>), Stop> {
        let notes = self.notes(cell)?;
        let no_marks = || Error::NoMarks {
            text: self.text(cell).into(),
        };
        let marked = tokens.marked.as_ref().ok_or_else(no_marks)?;
        let rules = rules(settings);
        let division = &self.texts()?.division;
        let looking = Looking {
            workshop: self,
            model,
            reading: self.reading(cell, task),
            notes: &notes,
            rules: &rules,
            candidates: settings.candidates as usize,
            codes: task.codes,
        };
        let texts = |notes: &[Arc<Note>]| -> Vec<String> { notes.iter().map(|note| note.text.clone()).collect() };
        let validation = looking.candidates(
            &tokens.validation,
            &scores.validation,
            &marked.validation,
            &texts(&division.validation),
        )?;
        let evaluation = looking.candidates(
            &tokens.evaluation,
            &scores.evaluation,
            &marked.evaluation,
            &texts(&division.evaluation),
        )?;
        let gold = gold(&marked.validation);
        let mut best: Option<(f64, usize, f32)> = None;
        for rule in 0..rules.len() {
            for &threshold in &settings.thresholds {
                let run = entries(&validation, &notes, threshold, |candidate| candidate.spans[rule]);
                let f1 = spans(&gold, &run, None).agreement.f1;
                if best.is_none_or(|(greatest, ..)| f1 > greatest) {
                    best = Some((f1, rule, threshold));
                }
            }
        }
        // OK because a suite has at least one rule and one threshold.
        let (_, rule, threshold) = best.unwrap_or((0.0, 0, 0.5));
        let scored = |candidates: &[Candidate], marks: &[MarkedNote]| {
            let gold = self::gold(marks);
            let by_rule = spans(
                &gold,
                &entries(candidates, &notes, threshold, |candidate| candidate.spans[rule]),
                None,
            );
            let by_title = spans(
                &gold,
                &entries(candidates, &notes, threshold, |candidate| candidate.of_title),
                None,
            );
            metrics(&by_rule, &by_title)
        };
        let facts = Facts {
            rule: rules[rule],
            threshold,
            validation: scored(&validation, &marked.validation),
            evaluation: scored(&evaluation, &marked.evaluation),
        };
        let given = evaluation.iter().filter(|candidate| candidate.probability > threshold);
        let kept = given.filter_map(|candidate| {
            Some(NoteSpan {
                note: candidate.note as u32,
                code: candidate.code as u32,
                characters: candidate.spans[rule]?,
            })
        });
        Ok((facts, kept.collect()))
    }
}

/// What it takes to look for spans.
struct Looking<'a> {
    workshop: &'a Workshop<'a>,
    model: &'a Model,
    reading: Reading,
    notes: &'a Notes,
    rules: &'a [Rule],
    candidates: usize,
    codes: usize,
}

impl Looking<'_> {
    /// The most probable codes of each note with their spans.
    fn candidates(
        &self,
        store: &TokenStore,
        scores: &[f32],
        marks: &[MarkedNote],
        texts: &[String],
    ) -> Result<Vec<Candidate>, Stop> {
        let mut all = Vec::new();
        for (note, row) in scores.chunks(self.codes).enumerate() {
            if self.workshop.observer.interrupted() {
                return Err(Interrupted.into());
            }
            let mut ranked: Vec<usize> = (0..self.codes).collect();
            ranked.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
            ranked.truncate(self.candidates);
            let batch = self.reading.batch(store, &[note], self.workshop.device);
            let explained = self.model.explain(&batch, &ranked).unwrap_or_default();
            let places = &marks[note].tokens;
            let letters: Vec<char> = texts[note].chars().collect();
            let word = |place: &[u32; 2]| letters[place[0] as usize..place[1] as usize].iter().collect::<String>();
            let words: Vec<String> = places.iter().map(word).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            for (&code, weights) in ranked.iter().zip(explained) {
                let weights = parameters::host(weights);
                let title = self.notes.titles[code].as_deref();
                all.push(Candidate {
                    note,
                    code,
                    probability: row[code],
                    spans: self.rules.iter().map(|rule| rule.span(&weights, places)).collect(),
                    of_title: title.and_then(|title| like_title(title, &words, places)),
                });
            }
        }
        Ok(all)
    }
}

/// What is given at a threshold, in the terms of the track; a code without a span counts as given at none.
fn entries(
    candidates: &[Candidate],
    notes: &Notes,
    threshold: f32,
    span: impl Fn(&Candidate) -> Option<[u32; 2]>,
) -> Vec<SpanEntry> {
    let given = candidates.iter().filter(|candidate| candidate.probability > threshold);
    given
        .map(|candidate| SpanEntry {
            case: candidate.note.to_string(),
            code: notes.codes[candidate.code].clone(),
            span: Span::new(&[span(candidate).unwrap_or([0, 0])]),
        })
        .collect()
}

fn gold(marks: &[MarkedNote]) -> Vec<SpanEntry> {
    let of_note = |(note, marked): (usize, &MarkedNote)| {
        let entry = move |(code, pieces): &(String, Vec<[u32; 2]>)| SpanEntry {
            case: note.to_string(),
            code: code.clone(),
            span: Span::new(pieces),
        };
        marked.gold.iter().map(entry).collect::<Vec<_>>()
    };
    marks.iter().enumerate().flat_map(of_note).collect()
}

fn metrics(by_rule: &SpanScores, by_title: &SpanScores) -> BTreeMap<String, f64> {
    let named = [
        ("evidence-f1", by_rule.agreement.f1),
        ("evidence-precision", by_rule.agreement.precision),
        ("evidence-recall", by_rule.agreement.recall),
        ("evidence-overlap-f1", by_rule.overlapping.f1),
        ("evidence-title-f1", by_title.agreement.f1),
    ];
    named.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Every rule that is tried.
fn rules(settings: &EvidenceSettings) -> Vec<Rule> {
    let of_share = |&share: &f64| {
        let most = settings.most_characters.iter();
        most.map(move |&most_characters| Rule {
            share,
            gap: settings.gap as usize,
            most_characters: most_characters as usize,
        })
    };
    settings.shares.iter().flat_map(of_share).collect()
}
