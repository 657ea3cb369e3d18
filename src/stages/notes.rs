//! Stage `notes`: the notes in their roles, the label set and every note's gold codes. What it keeps holds no text.

use std::sync::Arc;

use super::made::{Notes, Seen, Texts, identifiers};
use super::{Error, Stop, Workshop};
use crate::data::{self, Dropped, Note};
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::Trouble;
use crate::results::salt::Salt;

const FILE: &str = "notes.json";

impl Workshop<'_> {
    /// The notes stage of the plan's cells.
    pub(super) fn notes(&self, cell: &Cell) -> Result<Arc<Notes>, Stop> {
        if let Some(found) = self.notes.get() {
            return Ok(found.clone());
        }
        let salt = self.salt()?;
        let wanted = self.wanted(cell, StageName::Notes);
        let notes = self.runner.obtain(
            wanted,
            &self.patience(),
            |kept| {
                let notes: Notes = kept.json(FILE)?;
                match notes.salt == salt.fingerprint() {
                    true => Ok(notes),
                    false => Err(Trouble::Damaged {
                        path: kept.path(FILE),
                        problem: "its notes are named with another salt than this directory has".into(),
                    }),
                }
            },
            || -> Result<Notes, Stop> {
                let place = identifiers(&self.plan.suite.data, self.registry);
                let notes = notes(self.texts()?, &salt, place);
                self.check(&notes)?;
                self.tell(&notes);
                self.runner.keep(wanted, &(), |draft| -> Result<(), Error> {
                    Ok(draft.json(FILE, &notes)?)
                })?;
                Ok(notes)
            },
        )?;
        // They may have been made under other limits.
        self.check(&notes)?;
        Ok(self.notes.get_or_init(|| Arc::new(notes)).clone())
    }

    /// What notes are named by in this results directory.
    pub(super) fn salt(&self) -> Result<Salt, Error> {
        // What is not kept is shown to nobody, and needs no salt of its own.
        match self.plan.credentialed && self.runner.keeps() {
            true => Ok(Salt::of_directory(self.runner.store().private())?),
            false => Ok(Salt::public()),
        }
    }

    /// The notes themselves, read once.
    pub(super) fn texts(&self) -> Result<&Texts, Error> {
        if let Some(found) = self.texts.get() {
            return Ok(found);
        }
        let suite = &self.plan.suite;
        let corpus = data::load(&suite.data, self.data, self.registry)?;
        let division = corpus.divide(&suite.division)?;
        // First: a label set that nothing fits any more would be refused with the wrong advice.
        let agreement = division.agreement();
        agreement.check(&suite.limits.of_data())?;
        let (labels, division) = division.label(&suite.labels.rule, suite.labels.unseen_codes)?;
        Ok(self.texts.get_or_init(|| Texts {
            corpus,
            division,
            agreement,
            labels,
        }))
    }

    /// Refuses notes of which too many are left out, or whose codes do not go together.
    fn check(&self, notes: &Notes) -> Result<(), Error> {
        let limits = self.plan.suite.limits.of_data();
        notes.agreement.check(&limits)?;
        let dropped = [notes.without_codes, notes.outside_labels];
        let kept = [&notes.training_gold, &notes.validation_gold, &notes.evaluation_gold].map(Vec::len);
        Ok(data::check_left_out(dropped, kept, &limits)?)
    }

    fn tell(&self, notes: &Notes) {
        for sentence in &notes.remarks {
            self.observer.notice(sentence);
        }
        for sentence in notes.agreement.sentences() {
            self.observer.notice(&sentence);
        }
        if notes.of_training_patients > 0 {
            self.observer.notice(&format!(
                "{} of {} evaluation notes are of patients who have a training note: the published list has it so",
                notes.of_training_patients,
                notes.evaluation_gold.len()
            ));
        }
        for (dropped, why) in [
            (notes.without_codes, "they have no code at all"),
            (notes.outside_labels, "no code of theirs is in the label set"),
        ] {
            let Dropped {
                fit,
                validation,
                evaluation,
            } = dropped;
            if fit + validation + evaluation > 0 {
                self.observer.notice(&format!(
                    "{fit} training, {validation} validation and {evaluation} evaluation notes are left out: {why} \
                     (notes-without-codes = \"drop\")"
                ));
            }
        }
    }
}

fn notes(texts: &Texts, salt: &Salt, identifiers: String) -> Notes {
    let Texts {
        corpus,
        division,
        agreement,
        labels,
    } = texts;
    let gold = |notes: &[Arc<Note>]| notes.iter().map(|note| labels.columns(&note.codes)).collect();
    let names = division.evaluation.iter();
    let titles = labels.codes().iter().map(|code| corpus.title(code).map(str::to_owned));
    Notes {
        codes: labels.codes().to_vec(),
        train_frequency: labels.train_frequency().to_vec(),
        titles: titles.collect(),
        training_gold: gold(division.fit.notes()),
        validation_gold: gold(&division.validation),
        evaluation_gold: gold(&division.evaluation),
        evaluation_names: names
            .map(|note| [salt.hash(&note.id), salt.hash(&note.patient)])
            .collect(),
        salt: salt.fingerprint(),
        agreement: *agreement,
        without_codes: division.without_codes,
        outside_labels: division.outside_labels,
        of_training_patients: division.of_training_patients,
        remarks: corpus.origin.remarks.clone(),
        seen: Seen::of(
            division.fit.notes().iter().chain(&division.validation),
            identifiers,
            salt,
        ),
    }
}
