//! A data set in memory: its parts with their notes, and a fingerprint over all that can move a
//! result. Every reader ends here, so that what holds for a corpus holds for every data set.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::checksum::Fingerprint;
use super::error::Error;
use super::note::{CodeKind, Note};

/// A data set with its official parts.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// The data set's name in the registry.
    pub name: String,
    /// Whether the texts are under a data use agreement.
    pub credentialed: bool,
    /// The parts as the data set has them.
    pub parts: Vec<Part>,
    /// SHA-256 over the name, and for every part and note: ids, patients, texts, codes, evidence.
    /// Titles of codes have their own, [`Corpus::titles_fingerprint`], as few models read them.
    pub fingerprint: String,
    /// Titles of codes or of their three-character categories, where the data set has them.
    pub code_titles: BTreeMap<String, String>,
    /// What its notes and parts are.
    pub origin: Origin,
}

/// What the notes and parts of a data set are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Whether the notes are generated in the form of a data set that they are not.
    pub generated: bool,
    /// Whether the parts are a published list's, which may have a patient in two of them.
    pub published_split: bool,
    /// What was left out or changed in reading, a sentence each.
    pub remarks: Vec<String>,
}

/// One official part of a data set.
#[derive(Clone, Debug)]
pub struct Part {
    /// `train`, `dev`, `test` or `background`.
    pub name: String,
    /// The notes in the order of their ids. Divisions share them rather than copy their texts.
    pub notes: Vec<Arc<Note>>,
    /// Whether the codes of the part are known.
    pub coded: bool,
    /// Why they are not, and what to do.
    pub uncoded_reason: Option<String>,
}

impl Corpus {
    /// Sorts the notes by id and takes the fingerprint.
    ///
    /// # Errors
    /// [`Error::DuplicateNote`] when an id comes twice, within a part or across parts.
    pub fn new(
        (name, credentialed): (&str, bool),
        mut parts: Vec<Part>,
        code_titles: BTreeMap<String, String>,
        origin: Origin,
    ) -> Result<Self, Error> {
        for part in &mut parts {
            part.notes.sort_by(|left, right| left.id.cmp(&right.id));
        }
        refuse_duplicates(name, &parts)?;
        let fingerprint = fingerprint(name, &parts);
        Ok(Self {
            name: name.into(),
            credentialed,
            parts,
            fingerprint,
            code_titles,
            origin,
        })
    }

    /// The part of that name; `None` where the data set has none.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// The title of a code, or of its three-character category. Only codes that are a category
    /// or have a dot fall back: procedure codes begin like categories and mean something else.
    pub fn title(&self, code: &str) -> Option<&str> {
        let category = || code.split_once('.').map(|(category, _)| category);
        let exact = self.code_titles.get(code);
        let title = exact.or_else(|| self.code_titles.get(category()?));
        title.map(String::as_str)
    }

    /// SHA-256 over [`Corpus::code_titles`]: part of the identity of a result only for models
    /// that read titles.
    pub fn titles_fingerprint(&self) -> String {
        let mut fingerprint = Fingerprint::new("icdbench code titles 1");
        for (code, title) in &self.code_titles {
            fingerprint.text(code);
            fingerprint.text(title);
        }
        fingerprint.finish()
    }
}

fn refuse_duplicates(dataset: &str, parts: &[Part]) -> Result<(), Error> {
    let mut seen: HashMap<&str, (&str, usize)> = HashMap::new();
    for part in parts {
        for (index, note) in part.notes.iter().enumerate() {
            let here = (part.name.as_str(), index + 1);
            if let Some(first) = seen.insert(&note.id, here) {
                return Err(Error::DuplicateNote {
                    dataset: dataset.into(),
                    first_part: first.0.into(),
                    first_position: first.1,
                    second_part: here.0.into(),
                    second_position: here.1,
                });
            }
        }
    }
    Ok(())
}

fn fingerprint(name: &str, parts: &[Part]) -> String {
    let mut fingerprint = Fingerprint::new("icdbench corpus 1");
    fingerprint.text(name);
    fingerprint.number(parts.len() as u64);
    for part in parts {
        fingerprint.text(&part.name);
        fingerprint.number(u64::from(part.coded));
        fingerprint.number(part.notes.len() as u64);
        for note in &part.notes {
            add_note(&mut fingerprint, note);
        }
    }
    fingerprint.finish()
}

fn add_note(fingerprint: &mut Fingerprint, note: &Note) {
    fingerprint.text(&note.id);
    fingerprint.text(&note.patient);
    fingerprint.text(&note.text);
    fingerprint.number(note.codes.len() as u64);
    for code in &note.codes {
        fingerprint.text(code);
    }
    fingerprint.number(note.evidence.len() as u64);
    for evidence in &note.evidence {
        fingerprint.text(&evidence.code);
        fingerprint.number(match evidence.kind {
            CodeKind::Diagnosis => 0,
            CodeKind::Procedure => 1,
        });
        fingerprint.number(evidence.spans.len() as u64);
        for span in &evidence.spans {
            fingerprint.number(span.start as u64);
            fingerprint.number(span.end as u64);
        }
    }
}
