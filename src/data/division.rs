//! Who trains, who tunes and who is scored: a suite names the parts, and [`Corpus::divide`] hands
//! out the notes so that no note and no patient has two roles.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::corpus::{Corpus, Part};
use super::error::Error;
use super::fit::{FitNotes, Sharing, UnlabelledNotes, of_shared_patients, refuse_shared};
use super::labels::{LabelRule, LabelSet, UnseenCodes};
use super::note::Note;
use super::role::Role;
use super::split::split_by_patient;

/// What a suite writes in the place of the part that is scored to have the validation notes scored, as a search for
/// settings does: it must not see the notes that the settings are for.
pub const VALIDATION_NOTES: &str = "validation notes";

/// The roles of the parts, as a suite writes them: `[division]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DivisionSettings {
    /// The part that models are fitted on, or several.
    pub train: TrainingParts,
    /// Which notes early stopping and thresholds are chosen on.
    pub validation: Validation,
    /// The part that is scored, or [`VALIDATION_NOTES`].
    pub evaluation: String,
    /// What happens to notes that have no code, at all or in the label set.
    pub notes_without_codes: NotesWithoutCodes,
}

impl DivisionSettings {
    /// The parts that it names.
    pub fn parts(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.train.names().collect();
        if self.evaluation != VALIDATION_NOTES {
            parts.push(&self.evaluation);
        }
        if let Validation::Part(part) = &self.validation {
            parts.push(part);
        }
        parts
    }

    /// The part that the scored notes are of: the first of several.
    pub fn scored_part(&self) -> &str {
        match &self.validation {
            _ if self.evaluation != VALIDATION_NOTES => &self.evaluation,
            Validation::Part(part) => part,
            Validation::FractionOfTrain { .. } => &self.train.0[0], // OK because there is one at least.
        }
    }
}

/// `"train"`, or `["train", "dev"]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WireTrainingParts", into = "WireTrainingParts")]
pub struct TrainingParts(Vec<String>);

impl TrainingParts {
    /// The parts by name, one at least, none twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<&str> for TrainingParts {
    fn from(part: &str) -> Self {
        Self(vec![part.into()])
    }
}

/// `{ part = "dev" }`, or `{ fraction-of-train = 0.2, seed = 13 }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WireValidation", into = "WireValidation")]
pub enum Validation {
    /// An official part, by its name.
    Part(String),
    /// A share of the patients of the training parts, drawn with the seed.
    FractionOfTrain {
        /// Between 0 and 1, both excluded.
        fraction: f64,
        /// Seed of the draw.
        seed: u64,
    },
}

/// What happens to notes without codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotesWithoutCodes {
    /// They are left out of every role, and counted.
    Drop,
    /// They stay, as notes for which every label is negative.
    Keep,
    /// They are an error.
    Refuse,
}

/// Notes by role; no note and no patient is in two.
#[derive(Clone, Debug)]
pub struct Division {
    /// What may be fitted on.
    pub fit: FitNotes,
    /// What early stopping and thresholds are chosen on, in id order.
    pub validation: Vec<Arc<Note>>,
    /// What is scored, in id order.
    pub evaluation: Vec<Arc<Note>>,
    /// Notes dropped because they have no code at all.
    pub without_codes: Dropped,
    /// Notes dropped by [`Division::label`] because no code of theirs is in the label set.
    pub outside_labels: Dropped,
    /// Evaluation notes of patients who have a training note, as the published list of the parts has it.
    pub of_training_patients: usize,
    notes_without_codes: NotesWithoutCodes,
}

/// How many notes a filter dropped from each role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dropped {
    /// From the fit notes.
    pub fit: usize,
    /// From the validation notes.
    pub validation: usize,
    /// From the evaluation notes.
    pub evaluation: usize,
}

impl Dropped {
    /// From all roles together.
    pub fn all(self) -> usize {
        self.fit + self.validation + self.evaluation
    }
}

impl Corpus {
    /// Gives the notes their roles. The draw of validation notes comes before notes without
    /// codes are dropped, so it is the same whichever codes were read.
    ///
    /// # Errors
    /// A part is unknown, uncoded or in two roles; a note or patient is in two roles; a setting
    /// cannot be used; no note is left for a role.
    pub fn divide(&self, settings: &DivisionSettings) -> Result<Division, Error> {
        let train = settings.train.names();
        let train = train
            .map(|name| self.coded_part(name, Role::Fit))
            .collect::<Result<Vec<_>, _>>()?;
        let mut training_notes: Vec<_> = train.iter().flat_map(|part| part.notes.iter().cloned()).collect();
        // The notes of one part are in this order already.
        training_notes.sort_by(|left, right| left.id.cmp(&right.id));
        let only_trains = |part: &Part, role| {
            train
                .iter()
                .try_for_each(|train| refuse_same(train, Role::Fit, part, role))
        };
        let scored = match settings.evaluation.as_str() {
            VALIDATION_NOTES => None,
            part => Some(self.coded_part(part, Role::Evaluation)?),
        };
        if let Some(scored) = scored {
            only_trains(scored, Role::Evaluation)?;
        }
        let (fit, validation) = match &settings.validation {
            Validation::Part(name) => {
                let tuned = self.coded_part(name, Role::Validation)?;
                only_trains(tuned, Role::Validation)?;
                if let Some(scored) = scored {
                    refuse_same(tuned, Role::Validation, scored, Role::Evaluation)?;
                }
                (training_notes, tuned.notes.clone())
            }
            &Validation::FractionOfTrain { fraction, seed } => {
                let split = split_by_patient(&training_notes, fraction, seed)?;
                (split.fit, split.drawn)
            }
        };
        let evaluation = scored.map_or_else(|| validation.clone(), |scored| scored.notes.clone());
        let sharing = match self.origin.published_split {
            true => Sharing::Patients,
            false => Sharing::Nothing,
        };
        if scored.is_some() {
            refuse_shared(
                (Role::Validation, &validation),
                (Role::Evaluation, &evaluation),
                sharing,
            )?;
        }
        let division = Division {
            of_training_patients: of_shared_patients(&evaluation, &fit),
            fit: FitNotes::sharing(fit, &validation, &evaluation, sharing)?,
            validation,
            evaluation,
            without_codes: Dropped::default(),
            outside_labels: Dropped::default(),
            notes_without_codes: settings.notes_without_codes,
        };
        let has_code = |note: &Note| !note.codes.is_empty();
        let (mut division, dropped) = division.filter("at all", has_code, has_code)?;
        division.without_codes = dropped;
        Ok(division)
    }

    /// The fit notes of a division and the notes of other parts, for what reads texts alone. Codes play no part in it.
    ///
    /// # Errors
    /// A part is unknown, or a note or a patient of it is held out.
    pub fn unlabelled(&self, division: &Division, also: &[String]) -> Result<UnlabelledNotes, Error> {
        let parts = also.iter().map(|name| self.known_part(name, Role::Fit));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let others = parts.into_iter().flat_map(|part| part.notes.iter().cloned()).collect();
        let Division {
            fit,
            validation,
            evaluation,
            ..
        } = division;
        fit.and_texts_of(others, validation, evaluation)
    }

    fn known_part(&self, name: &str, role: Role) -> Result<&Part, Error> {
        self.part(name).ok_or_else(|| Error::UnknownPart {
            dataset: self.name.clone(),
            role,
            name: name.into(),
            known: self.parts.iter().map(|part| part.name.clone()).collect(),
        })
    }

    fn coded_part(&self, name: &str, role: Role) -> Result<&Part, Error> {
        let part = self.known_part(name, role)?;
        if part.coded {
            return Ok(part);
        }
        let reason = part.uncoded_reason.clone();
        Err(Error::Uncoded {
            part: name.into(),
            reason: reason.unwrap_or_else(|| "the data set has none for it".into()),
        })
    }
}

impl Division {
    /// Fits the label set and applies `notes-without-codes` again, now to notes that have no code
    /// in it: to fit and validation notes by the codes that were fitted, to evaluation notes also
    /// by the unseen codes that count as missed.
    ///
    /// # Errors
    /// The rule cannot be used, a note without codes is refused, or no note is left for a role.
    pub fn label(self, rule: &LabelRule, unseen: UnseenCodes) -> Result<(LabelSet, Division), Error> {
        let mut labels = LabelSet::fit(&self.fit, rule)?;
        if unseen == UnseenCodes::CountAsMissed {
            labels = labels.with_unseen(&self.evaluation);
        }
        let fitted = |note: &Note| labels.columns(&note.codes).iter().any(|&c| labels.is_fitted(c));
        let scored = |note: &Note| !labels.columns(&note.codes).is_empty();
        let (mut division, dropped) = self.filter("in the label set", fitted, scored)?;
        division.outside_labels = dropped;
        Ok((labels, division))
    }

    fn filter(
        self,
        scope: &'static str,
        has_fitted_code: impl Fn(&Note) -> bool,
        has_scored_code: impl Fn(&Note) -> bool,
    ) -> Result<(Self, Dropped), Error> {
        let policy = self.notes_without_codes;
        let mut dropped = Dropped::default();
        let fit = self.fit.with_notes_kept(|notes| {
            let before = notes.len();
            let kept = keep_coded(notes, Role::Fit, policy, scope, &has_fitted_code)?;
            dropped.fit = before - kept.len();
            Ok(kept)
        })?;
        let tuned = self.validation.len();
        let validation = keep_coded(self.validation, Role::Validation, policy, scope, &has_fitted_code)?;
        dropped.validation = tuned - validation.len();
        let scored = self.evaluation.len();
        let evaluation = keep_coded(self.evaluation, Role::Evaluation, policy, scope, &has_scored_code)?;
        dropped.evaluation = scored - evaluation.len();
        Ok((
            Self {
                fit,
                validation,
                evaluation,
                ..self
            },
            dropped,
        ))
    }
}

fn keep_coded(
    notes: Vec<Arc<Note>>,
    role: Role,
    policy: NotesWithoutCodes,
    scope: &'static str,
    has_code: impl Fn(&Note) -> bool,
) -> Result<Vec<Arc<Note>>, Error> {
    let before = notes.len();
    let first_without = notes.iter().position(|note| !has_code(note));
    let filter = match (policy, scope) {
        _ if before == 0 => "an empty part",
        (_, "at all") => "dropping notes without any code (notes-without-codes = \"drop\")",
        _ => "dropping notes without a code in the label set (notes-without-codes = \"drop\")",
    };
    let kept = match (policy, first_without) {
        (NotesWithoutCodes::Keep, _) | (_, None) => notes,
        (NotesWithoutCodes::Drop, _) => notes.into_iter().filter(|n| has_code(n)).collect(),
        (NotesWithoutCodes::Refuse, Some(first)) => {
            return Err(Error::NotesWithoutCodes {
                role,
                count: notes.iter().filter(|note| !has_code(note)).count(),
                total: before,
                position: first + 1,
                scope,
            });
        }
    };
    if kept.is_empty() {
        return Err(Error::NoNotesLeft { role, before, filter });
    }
    Ok(kept)
}

fn refuse_same(left: &Part, first: Role, right: &Part, second: Role) -> Result<(), Error> {
    if left.name != right.name {
        return Ok(());
    }
    Err(Error::PartInTwoRoles {
        part: left.name.clone(),
        first,
        second,
    })
}

/// [`Validation`] as it is written: one table whose keys say which of the two it is. An untagged
/// enum would report every mistake as "did not match any variant".
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WireValidation {
    /// The name of an official part; then neither of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    /// A share of the patients of the training part, between 0 and 1; needs `seed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fraction_of_train: Option<f64>,
    /// Seed of the draw of that share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

impl TryFrom<WireValidation> for Validation {
    type Error = String;

    fn try_from(wire: WireValidation) -> Result<Self, String> {
        match (wire.part, wire.fraction_of_train, wire.seed) {
            (Some(part), None, None) => Ok(Self::Part(part)),
            (None, Some(fraction), Some(seed)) => Ok(Self::FractionOfTrain { fraction, seed }),
            _ => Err("expected either `part` alone, or `fraction-of-train` together with `seed`".into()),
        }
    }
}

impl From<Validation> for WireValidation {
    fn from(validation: Validation) -> Self {
        let (part, fraction_of_train, seed) = match validation {
            Validation::Part(part) => (Some(part), None, None),
            Validation::FractionOfTrain { fraction, seed } => (None, Some(fraction), Some(seed)),
        };
        Self {
            part,
            fraction_of_train,
            seed,
        }
    }
}

/// [`TrainingParts`] as they are written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected the name of a part, or a list of names")]
enum WireTrainingParts {
    /// The name of a part.
    One(String),
    /// The names of several.
    Several(Vec<String>),
}

impl TryFrom<WireTrainingParts> for TrainingParts {
    type Error = String;

    fn try_from(wire: WireTrainingParts) -> Result<Self, String> {
        let names = match wire {
            WireTrainingParts::One(name) => vec![name],
            WireTrainingParts::Several(names) => names,
        };
        if names.is_empty() {
            return Err("expected the name of a part to train on, found an empty list".into());
        }
        let twice = |(index, name): (usize, &String)| names[..index].contains(name);
        match names.iter().enumerate().position(twice) {
            Some(index) => Err(format!("`{}` is named twice; name each part once", names[index])),
            None => Ok(Self(names)),
        }
    }
}

impl From<TrainingParts> for WireTrainingParts {
    fn from(mut parts: TrainingParts) -> Self {
        match parts.0.len() {
            1 => Self::One(parts.0.remove(0)),
            _ => Self::Several(parts.0),
        }
    }
}
