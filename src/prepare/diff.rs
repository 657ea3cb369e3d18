//! What two preparations have otherwise: notes, parts, texts, codes, and which code of one is which of the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::Error;
use crate::data::prepared::{Manifest, PreparedCode, PreparedNote, kind_name, read_rows};
use crate::data::{self, CodeKind};

/// How many examples are named.
const EXAMPLES: usize = 5;

/// The differences of two preparations, the first called `a`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Diff {
    /// Whether all rows are equal, in content and order.
    pub same: bool,
    /// The data sets, where they are two.
    pub datasets: Option<(String, String)>,
    /// Rules that each was made by and the other was not, as JSON.
    pub rules: Option<(serde_json::Value, serde_json::Value)>,
    /// Input files with other bytes, by name.
    pub inputs: Vec<String>,
    /// Notes in both.
    pub notes_in_both: u64,
    /// Notes of one alone.
    pub notes_only: Side<Noted>,
    /// Notes in another part.
    pub other_part: Noted,
    /// Notes of another patient.
    pub other_patient: Noted,
    /// Notes with another text.
    pub other_text: Noted,
    /// Notes with other codes.
    pub other_codes: Noted,
    /// (Note, code) pairs of notes in both that one alone has.
    pub pairs_only: Side<u64>,
    /// Different codes of each.
    pub labels: Side<u64>,
    /// Codes that one alone has, with the number of its notes that have them.
    pub labels_only: Side<BTreeMap<String, u64>>,
    /// Codes that stand at the same place of a note's list and are written otherwise: from `a`, to `b`, in how many notes.
    pub rewritten: Vec<Rewritten>,
    /// Codes that are several in one and one in the other.
    pub merged: Side<BTreeMap<String, BTreeSet<String>>>,
}

/// Something of each of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Side<T> {
    /// Of the first.
    pub a: T,
    /// Of the second.
    pub b: T,
}

/// How many notes, and some of them by a hash that tells nobody their identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Noted {
    /// How many.
    pub count: u64,
    /// The first few.
    pub examples: Vec<String>,
}

/// A code that is written otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rewritten {
    /// In the first.
    pub from: String,
    /// In the second.
    pub to: String,
    /// In so many notes.
    pub notes: u64,
}

/// A note without its text.
struct Kept {
    part: String,
    patient: String,
    text: [u8; 32],
    codes: Vec<PreparedCode>,
}

/// Compares two prepared directories.
///
/// # Errors
/// One of them is not prepared, or damaged.
pub fn diff(a: &Path, b: &Path) -> Result<Diff, Error> {
    let manifests = [Manifest::read(a)?, Manifest::read(b)?];
    let mut found = Diff {
        same: manifests[0].fingerprint == manifests[1].fingerprint,
        ..Diff::default()
    };
    found.of_manifests(&manifests);
    let salt = manifests[0].fingerprint.clone();
    let mut first: HashMap<String, Kept> = HashMap::new();
    let mut labels: [BTreeMap<(CodeKind, String), u64>; 2] = Default::default();
    read(a, &manifests[0], |note| {
        count(&mut labels[0], &note.codes);
        first.insert(note.note.clone(), kept(note));
    })?;
    let mut rewritten: BTreeMap<(CodeKind, String, String), u64> = BTreeMap::new();
    read(b, &manifests[1], |note| {
        count(&mut labels[1], &note.codes);
        let id = note.note.clone();
        match first.remove(&id) {
            None => found.notes_only.b.add(&salt, &id),
            Some(before) => found.of_note(&salt, &id, (&before, &kept(note)), &mut rewritten),
        }
    })?;
    let mut only: Vec<&String> = first.keys().collect();
    only.sort();
    for id in only {
        found.notes_only.a.add(&salt, id);
    }
    found.of_labels(&labels, rewritten);
    Ok(found)
}

fn read(directory: &Path, manifest: &Manifest, mut each: impl FnMut(PreparedNote)) -> Result<(), Error> {
    let path = directory.join(&manifest.table.file);
    let (rows, fingerprint) = read_rows(&path, |note| {
        each(note);
        Ok(())
    })?;
    match (rows, &fingerprint) == (manifest.table.rows, &manifest.fingerprint) {
        true => Ok(()),
        false => Err(Error::Data(data::Error::NotPrepared {
            path,
            found: "other rows than the manifest says".into(),
        })),
    }
}

fn kept(note: PreparedNote) -> Kept {
    Kept {
        part: note.split,
        patient: note.subject,
        text: Sha256::digest(note.text.as_bytes()).into(),
        codes: note.codes,
    }
}

fn count(labels: &mut BTreeMap<(CodeKind, String), u64>, codes: &[PreparedCode]) {
    for code in codes {
        *labels.entry((code.kind, code.code.clone())).or_default() += 1;
    }
}

impl Noted {
    fn add(&mut self, salt: &str, id: &str) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            let mut digest = Sha256::new();
            digest.update(salt);
            digest.update(id);
            let digest: Vec<String> = digest.finalize()[..6]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            self.examples.push(digest.concat());
        }
    }
}

impl Diff {
    fn of_manifests(&mut self, [a, b]: &[Manifest; 2]) {
        if a.dataset != b.dataset {
            self.datasets = Some((a.dataset.clone(), b.dataset.clone()));
        }
        if a.recipe != b.recipe {
            self.rules = Some((serde_json::json!(a.recipe), serde_json::json!(b.recipe)));
        }
        let hashes = |manifest: &Manifest| -> BTreeMap<String, String> {
            let inputs = manifest.inputs.iter();
            inputs.map(|input| (input.path.clone(), input.sha256.clone())).collect()
        };
        let (first, second) = (hashes(a), hashes(b));
        let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
        let differ = names.into_iter().filter(|name| first.get(*name) != second.get(*name));
        self.inputs = differ.cloned().collect();
    }

    fn of_note(
        &mut self,
        salt: &str,
        id: &str,
        (a, b): (&Kept, &Kept),
        rewritten: &mut BTreeMap<(CodeKind, String, String), u64>,
    ) {
        self.notes_in_both += 1;
        for (differs, noted) in [
            (a.part != b.part, &mut self.other_part),
            (a.patient != b.patient, &mut self.other_patient),
            (a.text != b.text, &mut self.other_text),
        ] {
            if differs {
                noted.add(salt, id);
            }
        }
        let set = |kept: &Kept| -> BTreeSet<(CodeKind, String)> {
            kept.codes.iter().map(|code| (code.kind, code.code.clone())).collect()
        };
        let (first, second) = (set(a), set(b));
        if first == second {
            return;
        }
        self.other_codes.add(salt, id);
        self.pairs_only.a += first.difference(&second).count() as u64;
        self.pairs_only.b += second.difference(&first).count() as u64;
        for code in a.codes.iter().filter(|code| code.order > 0) {
            let same_place = |other: &&PreparedCode| other.kind == code.kind && other.order == code.order;
            if let Some(other) = b.codes.iter().find(same_place)
                && other.code != code.code
            {
                let pair = (code.kind, code.code.clone(), other.code.clone());
                *rewritten.entry(pair).or_default() += 1;
            }
        }
    }

    fn of_labels(
        &mut self,
        labels: &[BTreeMap<(CodeKind, String), u64>; 2],
        rewritten: BTreeMap<(CodeKind, String, String), u64>,
    ) {
        let shown = |(kind, code): &(CodeKind, String)| format!("{} {code}", kind_name(*kind));
        let only = |of: usize| {
            let codes = labels[of]
                .iter()
                .filter(|(code, _)| !labels[1 - of].contains_key(*code));
            codes.map(|(code, count)| (shown(code), *count)).collect()
        };
        self.labels = Side {
            a: labels[0].len() as u64,
            b: labels[1].len() as u64,
        };
        self.labels_only = Side { a: only(0), b: only(1) };
        // One that is still itself somewhere is merged with what becomes it.
        let mut into_b: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut into_a: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (kind, from, to) in rewritten.keys() {
            let (from, to) = ((*kind, from.clone()), (*kind, to.clone()));
            let several = into_b.entry(shown(&to)).or_default();
            several.insert(shown(&from));
            if labels[0].contains_key(&to) {
                several.insert(shown(&to));
            }
            let several = into_a.entry(shown(&from)).or_default();
            several.insert(shown(&to));
            if labels[1].contains_key(&from) {
                several.insert(shown(&from));
            }
        }
        let merged = |all: BTreeMap<String, BTreeSet<String>>| all.into_iter().filter(|(_, of)| of.len() > 1).collect();
        self.merged = Side {
            a: merged(into_a),
            b: merged(into_b),
        };
        let row = |((kind, from, to), notes): ((CodeKind, String, String), u64)| Rewritten {
            from: shown(&(kind, from)),
            to: shown(&(kind, to)),
            notes,
        };
        self.rewritten = rewritten.into_iter().map(row).collect();
        self.rewritten
            .sort_by(|a, b| b.notes.cmp(&a.notes).then_with(|| a.from.cmp(&b.from)));
    }
}
