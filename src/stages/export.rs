//! What other tools take: bags of words, and run files of the CodiEsp track.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::evidence::NoteSpan;
use super::{Error, Stop, Workshop};
use crate::data::CodeKind;
use crate::metrics::TieOrder;
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::files;
use crate::results::runner::Found;

impl Workshop<'_> {
    /// Writes the bags of words of a cell's text choice, over the first `length` words, as svmlight files
    /// (`train.svmlight`, `validation.svmlight`, `evaluation.svmlight`), so that other tools can be run on the same
    /// features, labels and split. Word ids and counts derive from note text: the files are under the same data use
    /// agreement as the notes, and only their owner can read them.
    ///
    /// # Errors
    /// The cell's tokens cannot be had, or a file cannot be written.
    pub fn export_svmlight(&self, cell: &Cell, length: u32, directory: &Path) -> Result<(), Stop> {
        let tokens = self.tokens(cell)?;
        let notes = self.notes(cell)?;
        files::make_directory(directory, false)?;
        for (name, store, gold) in [
            ("train", &tokens.training, &notes.training_gold),
            ("validation", &tokens.validation, &notes.validation_gold),
            ("evaluation", &tokens.evaluation, &notes.evaluation_gold),
        ] {
            let mut text = String::new();
            for (note, gold) in gold.iter().enumerate() {
                let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
                for &token in store.note(note, length as usize) {
                    *counts.entry(token).or_default() += 1;
                }
                let gold: Vec<String> = gold.iter().map(u32::to_string).collect();
                let words: String = counts.iter().map(|(word, count)| format!(" {word}:{count}")).collect();
                text.push_str(&format!("{}{words}\n", gold.join(",")));
            }
            files::write_atomically(&directory.join(format!("{name}.svmlight")), text.as_bytes(), true)?;
        }
        Ok(())
    }

    /// The score of every evaluation note and code that the model knows, as comma-separated values `note,code,score`. Scores
    /// are written so that reading them gives the same bits.
    ///
    /// # Errors
    /// The cell's scores cannot be had.
    pub fn predictions(&self, cell: &Cell) -> Result<String, Stop> {
        let notes = self.notes(cell)?;
        let scores = self.kept_scores(cell)?;
        let codes = &notes.codes[..notes.fitted()];
        let quoted = |text: &str| match text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        let mut text = "note,code,score\n".to_owned();
        for (note, row) in self.texts()?.division.evaluation.iter().zip(scores.chunks(codes.len())) {
            let id = quoted(&note.id);
            for (code, score) in codes.iter().zip(row) {
                text += &format!("{id},{},{score}\n", quoted(code));
            }
        }
        Ok(text)
    }

    /// The codes of each evaluation note by falling score, at most a thousand of each: a run file of CodiEsp's sub-tracks D
    /// and P.
    ///
    /// # Errors
    /// The cell's scores cannot be had.
    pub fn codiesp_ranking(&self, cell: &Cell) -> Result<String, Stop> {
        /// As many as the track's script looks at.
        const DEPTH: usize = 1000;
        let notes = self.notes(cell)?;
        let scores = self.kept_scores(cell)?;
        let codes = notes.fitted();
        let mut text = String::new();
        for (note, row) in self.texts()?.division.evaluation.iter().zip(scores.chunks(codes)) {
            let mut ranked: Vec<usize> = (0..codes).collect();
            let equal = |a: usize, b: usize| match self.plan.suite.evaluation.ties {
                TieOrder::HigherIndexFirst => b.cmp(&a),
                TieOrder::LowerIndexFirst => a.cmp(&b),
            };
            ranked.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(equal(a, b)));
            for code in ranked.into_iter().take(DEPTH) {
                text += &format!("{}\t{}\n", note.id, notes.codes[code].to_lowercase());
            }
        }
        Ok(text)
    }

    /// The codes that each evaluation note is given with their evidence: a run file of sub-track X. `None` where the cell has
    /// none.
    ///
    /// # Errors
    /// The notes cannot be had, or the store not read.
    pub fn codiesp_spans(&self, cell: &Cell) -> Result<Option<String>, Stop> {
        let Some(spans) = self.kept_spans(cell)? else {
            return Ok(None);
        };
        let notes = self.notes(cell)?;
        let texts = self.texts()?;
        let all = texts.corpus.parts.iter().flat_map(|part| &part.notes);
        let kinds: HashMap<&str, CodeKind> = all
            .flat_map(|note| &note.evidence)
            .map(|evidence| (evidence.code.as_str(), evidence.kind))
            .collect();
        let mut text = String::new();
        for NoteSpan {
            note,
            code,
            characters: [start, end],
        } in spans
        {
            let code = &notes.codes[code as usize];
            let kind = match kinds.get(code.as_str()) {
                Some(CodeKind::Procedure) => "PROCEDIMIENTO",
                _ => "DIAGNOSTICO",
            };
            let case = &texts.division.evaluation[note as usize].id;
            text += &format!("{case}\t{start} {end}\t{kind}\t{}\n", code.to_lowercase());
        }
        Ok(Some(text))
    }

    /// The scores of the evaluation notes of a cell that was scored.
    fn kept_scores(&self, cell: &Cell) -> Result<Vec<f32>, Stop> {
        let found = self
            .runner
            .look(self.wanted(cell, StageName::Scores), super::scores::read)?;
        if let Found::Whole(scores) = found {
            return Ok(scores.evaluation);
        }
        // Nothing is trained to be shown.
        let own = [cell];
        let members: Vec<&Cell> = match &cell.ensemble {
            Some((_, members)) => members.iter().map(|&member| &self.plan.cells[member]).collect(),
            None => own.to_vec(),
        };
        for member in members {
            let there = |name: StageName| -> Result<bool, Stop> {
                Ok(matches!(
                    self.runner.look(self.wanted(member, name), |_| Ok(()))?,
                    Found::Whole(())
                ))
            };
            if !there(StageName::Scores)? && !there(StageName::Weights)? {
                return Err(Error::NotKept {
                    run: member.description.run.clone(),
                }
                .into());
            }
        }
        match &cell.ensemble {
            Some((index, members)) => Ok(self
                .put_together(cell, &self.plan.suite.ensembles[*index], members)?
                .evaluation),
            None => {
                let tokens = self.tokens(cell)?;
                let task = self.task(cell, &tokens)?;
                Ok(self.scores(cell, &tokens, &task)?.evaluation)
            }
        }
    }
}
