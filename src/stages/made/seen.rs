//! What a model has seen: the notes that it was trained and tuned on, by hashes that tell nobody who they are. Weights keep
//! it, so that nobody scores them on these notes under another name: the published splits of MIMIC-III overlap.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{DatasetSettings, Note, Recipe, Registry};
use crate::results::salt::Salt;

/// Hashes of notes, of patients and of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Where identifiers mean the same: two preparations of MIMIC-III share theirs, two hospitals do not.
    pub identifiers: String,
    /// What the hashes were salted with, see [`Salt::fingerprint`].
    pub salt: String,
    /// Of identifiers of notes.
    pub notes: BTreeSet<String>,
    /// Of identifiers of patients.
    pub patients: BTreeSet<String>,
    /// Of texts.
    pub texts: BTreeSet<String>,
}

/// How many notes of a part a model has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// By identifier.
    pub notes: usize,
    /// Notes of patients of whom it has seen one.
    pub of_patients: usize,
    /// By text.
    pub texts: usize,
}

impl Overlap {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Seen {
    /// Of some notes.
    pub(in crate::stages) fn of<'n>(
        notes: impl Iterator<Item = &'n Arc<Note>>,
        identifiers: String,
        salt: &Salt,
    ) -> Self {
        let mut seen = Self {
            identifiers,
            salt: salt.fingerprint(),
            ..Self::default()
        };
        for note in notes {
            let [id, patient, text] = hashes(note, salt);
            seen.notes.insert(id);
            seen.patients.insert(patient);
            seen.texts.insert(text);
        }
        seen
    }

    /// How many of other notes were seen. Where their identifiers mean something else, texts alone tell.
    pub fn overlap<'n>(&self, notes: impl Iterator<Item = &'n Arc<Note>>, identifiers: &str, salt: &Salt) -> Overlap {
        let mut overlap = Overlap::default();
        for note in notes {
            let [id, patient, text] = hashes(note, salt);
            overlap.texts += usize::from(self.texts.contains(&text));
            if identifiers == self.identifiers {
                overlap.notes += usize::from(self.notes.contains(&id));
                overlap.of_patients += usize::from(self.patients.contains(&patient));
            }
        }
        overlap
    }
}

fn hashes(note: &Note, salt: &Salt) -> [String; 3] {
    [&note.id, &note.patient, note.text.trim()].map(|text| salt.hash(text))
}

/// Where the identifiers of a data set mean the same.
pub fn identifiers(settings: &DatasetSettings, registry: &Registry) -> String {
    match settings {
        DatasetSettings::Synthetic(settings) => {
            let (seed, notes, words) = (settings.seed, settings.notes, settings.median_words);
            format!("synthetic {seed} {notes} {words}")
        }
        DatasetSettings::Prepared(settings) => {
            match registry.find(&settings.name).ok().and_then(|set| set.prepare.as_ref()) {
                Some(Recipe::Mimic3(_)) => "mimic3".into(),
                Some(Recipe::Mimic4(_)) => "mimic4".into(),
                Some(Recipe::Visits(_)) | None => settings.name.clone(),
            }
        }
        other => other.name().to_owned(),
    }
}
