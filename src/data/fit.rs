//! The notes that a fit step may see. Label sets, vocabularies, word vectors and models take
//! [`FitNotes`] and nothing else, and [`FitNotes`] cannot be made with a held-out note in it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::Error;
use super::note::Note;
use super::role::Role;

/// Training notes that are known to share no id and no patient with the held-out notes.
#[derive(Clone, Debug)]
pub struct FitNotes {
    notes: Vec<Arc<Note>>,
}

impl FitNotes {
    /// Takes the notes after comparing them with everything that is tuned or scored on.
    ///
    /// # Errors
    /// [`Error::SharedNotes`] when a note's id or patient is among the held-out notes.
    pub fn new(notes: Vec<Arc<Note>>, validation: &[Arc<Note>], evaluation: &[Arc<Note>]) -> Result<Self, Error> {
        Self::sharing(notes, validation, evaluation, Sharing::Nothing)
    }

    /// The same where a published list may have a patient on both sides.
    pub(super) fn sharing(
        notes: Vec<Arc<Note>>,
        validation: &[Arc<Note>],
        evaluation: &[Arc<Note>],
        sharing: Sharing,
    ) -> Result<Self, Error> {
        refuse_shared((Role::Fit, &notes), (Role::Validation, validation), sharing)?;
        refuse_shared((Role::Fit, &notes), (Role::Evaluation, evaluation), sharing)?;
        Ok(Self { notes })
    }

    /// In the order in which they were given; a division gives them by id.
    pub fn notes(&self) -> &[Arc<Note>] {
        &self.notes
    }

    /// The texts alone, for what must not see codes.
    pub fn texts(&self) -> FitTexts<'_> {
        FitTexts { notes: &self.notes }
    }

    /// How many notes there are.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there is none. A division never makes such.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// These notes and others that have no role, for what reads texts alone. Another with the text of a held-out note is
    /// left out: nobody says that two parts have no text in common.
    ///
    /// # Errors
    /// [`Error::SharedNotes`] when the id or the patient of another is among the held-out notes.
    pub(super) fn and_texts_of(
        &self,
        others: Vec<Arc<Note>>,
        validation: &[Arc<Note>],
        evaluation: &[Arc<Note>],
    ) -> Result<UnlabelledNotes, Error> {
        let all = others.len();
        let held_out: HashSet<&str> = validation
            .iter()
            .chain(evaluation)
            .map(|note| note.text.trim())
            .collect();
        let others: Vec<Arc<Note>> = others
            .into_iter()
            .filter(|note| !held_out.contains(note.text.trim()))
            .collect();
        let left_out = all - others.len();
        let others = Self::new(others, validation, evaluation)?;
        Ok(UnlabelledNotes {
            trained_on: self.notes.len(),
            notes: [&self.notes[..], &others.notes].concat(),
            left_out,
        })
    }

    /// The notes without some of them; fewer notes cannot break the promise.
    pub(super) fn with_notes_kept(
        self,
        keep: impl FnOnce(Vec<Arc<Note>>) -> Result<Vec<Arc<Note>>, Error>,
    ) -> Result<Self, Error> {
        keep(self.notes).map(|notes| Self { notes })
    }
}

/// Notes of which the texts alone may be read: the training notes first, then those of parts that have no role.
#[derive(Clone, Debug)]
pub struct UnlabelledNotes {
    notes: Vec<Arc<Note>>,
    trained_on: usize,
    left_out: usize,
}

impl UnlabelledNotes {
    /// Their texts.
    pub fn texts(&self) -> FitTexts<'_> {
        FitTexts { notes: &self.notes }
    }

    /// How many of them are training notes.
    pub fn trained_on(&self) -> usize {
        self.trained_on
    }

    /// Notes of the other parts that are left out, as they have the text of a held-out note.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

/// The texts of [`FitNotes`] or of [`UnlabelledNotes`], which alone can make them: what vocabularies, trained tokenizers,
/// word vectors and pretraining may see.
#[derive(Clone, Copy, Debug)]
pub struct FitTexts<'a> {
    notes: &'a [Arc<Note>],
}

impl<'a> FitTexts<'a> {
    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The raw text of the note at a position, from 0.
    pub fn text(&self, note: usize) -> &'a str {
        &self.notes[note].text
    }

    /// All texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.notes.iter().map(|note| note.text.as_str())
    }
}

/// What two roles may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// No note and no patient.
    Nothing,
    /// Patients, as the published list of the parts has them; no note.
    Patients,
}

/// Notes of patients who have a note among the others.
pub(super) fn of_shared_patients(notes: &[Arc<Note>], others: &[Arc<Note>]) -> usize {
    let patients: HashSet<&str> = others.iter().map(|note| note.patient.as_str()).collect();
    notes
        .iter()
        .filter(|note| patients.contains(note.patient.as_str()))
        .count()
}

/// Refuses two roles that share a note id, or a patient unless they may.
pub(super) fn refuse_shared(
    (left, left_notes): (Role, &[Arc<Note>]),
    (right, right_notes): (Role, &[Arc<Note>]),
    sharing: Sharing,
) -> Result<(), Error> {
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    let mut by_patient: HashMap<&str, usize> = HashMap::new();
    for (index, note) in right_notes.iter().enumerate() {
        by_id.entry(&note.id).or_insert(index + 1);
        if sharing == Sharing::Nothing {
            by_patient.entry(&note.patient).or_insert(index + 1);
        }
    }
    let counterpart = |note: &Note| {
        let same_id = by_id.get(note.id.as_str());
        same_id.or_else(|| by_patient.get(note.patient.as_str())).copied()
    };
    let shared: Vec<(usize, usize)> = left_notes
        .iter()
        .enumerate()
        .filter_map(|(index, note)| Some((index + 1, counterpart(note)?)))
        .collect();
    match shared.first() {
        None => Ok(()),
        Some(&(left_position, right_position)) => Err(Error::SharedNotes {
            left,
            right,
            count: shared.len(),
            left_position,
            right_position,
        }),
    }
}
