//! The reader of the CodiEsp release: `codiesp/<part>/<text folder>/ID.txt` with the tables
//! `<part>D.tsv`, `<part>P.tsv` and `<part>X.tsv` beside the folders (Miranda-Escalada et al. 2020).
//!
//! Codes are stored in upper case with the dot as given (`N44.8`, `BW03ZZZ`). Evidence spans are
//! offsets into the Spanish text, so notes read in English have none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checksum;
use super::corpus::Part;
use super::error::Error;
use super::note::{CodeKind, Evidence, Note};
use super::registry::{Dataset, FileEntry};
use super::tables::{self, CodeRow, EvidenceRow};

/// The parts of the release, in the order in which the corpus has them.
const PARTS: [&str; 4] = ["train", "dev", "test", "background"];

/// How a suite reads CodiEsp: `[data.codiesp]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CodiespSettings {
    /// Which texts to read.
    pub language: Language,
    /// Which codes to read.
    pub codes: CodeChoice,
}

/// The language of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// The Spanish originals, which evidence spans refer to.
    Es,
    /// The machine translation that comes with the release; without evidence spans.
    En,
}

impl Language {
    /// The folder of its texts in a part's own.
    fn folder(self) -> &'static str {
        match self {
            Self::Es => "text_files",
            Self::En => "text_files_en",
        }
    }
}

/// Which of the two code tables to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeChoice {
    /// ICD-10-CM (`D` tables).
    Diagnoses,
    /// ICD-10-PCS (`P` tables).
    Procedures,
    /// Both tables: a note's codes are then of either kind.
    Both,
}

impl CodeChoice {
    fn kinds(self) -> &'static [CodeKind] {
        match self {
            Self::Diagnoses => &[CodeKind::Diagnosis],
            Self::Procedures => &[CodeKind::Procedure],
            Self::Both => &[CodeKind::Diagnosis, CodeKind::Procedure],
        }
    }
}

/// Whether a file or folder of the release has a say in the notes of the given parts.
pub(super) fn reads(settings: &CodiespSettings, parts: &[&str], path: &str) -> bool {
    let Some((part, file)) = path.strip_prefix("codiesp/").and_then(|path| path.split_once('/')) else {
        return true; // beside the release, such as the titles of codes
    };
    let mut tables = settings.codes.kinds().iter().map(|&kind| code_table(part, kind));
    let evidence = settings.language == Language::Es && file == format!("{part}X.tsv");
    parts.contains(&part) && (file == settings.language.folder() || evidence || tables.any(|table| table == path))
}

/// Why the chosen codes of a part are not in this copy, if so.
pub(super) fn uncoded(settings: &CodiespSettings, part: &str, data_dir: &Path, dataset: &Dataset) -> Option<String> {
    let release = Release { data_dir, dataset };
    let mut kinds = settings.codes.kinds().iter();
    kinds.find_map(|&kind| release.lacks(&code_table(part, kind)).err())
}

/// Reads every part whose text folder the registry lists, and checks what it lists.
pub(super) fn read(settings: &CodiespSettings, data_dir: &Path, dataset: &Dataset) -> Result<Vec<Part>, Error> {
    let release = Release { data_dir, dataset };
    let mut parts = Vec::new();
    for name in PARTS {
        let folder = format!("codiesp/{name}/{}", settings.language.folder());
        if dataset.folder(&folder).is_some() {
            parts.push(release.part(name, &folder, settings)?);
        }
    }
    Ok(parts)
}

/// One copy of the release and what is expected of it.
struct Release<'a> {
    data_dir: &'a Path,
    dataset: &'a Dataset,
}

impl Release<'_> {
    fn part(&self, name: &str, folder: &str, settings: &CodiespSettings) -> Result<Part, Error> {
        let texts = self.texts(folder)?;
        let kinds = settings.codes.kinds();
        let mut rows: BTreeMap<(String, CodeKind), Vec<String>> = BTreeMap::new();
        let mut uncoded_reason = None;
        for &kind in kinds {
            match self.table(&code_table(name, kind), |text, path| {
                tables::code_rows(text, path, &texts)
            })? {
                Ok(table) => {
                    for CodeRow { note, code } in table {
                        rows.entry((note, kind)).or_default().push(code);
                    }
                }
                Err(reason) => uncoded_reason = uncoded_reason.or(Some(reason)),
            }
        }
        if uncoded_reason.is_some() {
            rows.clear();
        }
        let mut evidence = BTreeMap::new();
        if uncoded_reason.is_none() && settings.language == Language::Es {
            evidence = self.evidence(name, kinds, &texts, &rows)?;
        }
        let notes = texts.into_iter().map(|(id, text)| {
            let of_note = kinds.iter().filter_map(|&kind| rows.remove(&(id.clone(), kind)));
            let mut codes: Vec<String> = of_note.flatten().collect();
            codes.sort();
            codes.dedup();
            let evidence = evidence.remove(&id).unwrap_or_default();
            let patient = id.clone();
            Arc::new(Note {
                id,
                patient,
                text,
                codes,
                evidence,
            })
        });
        Ok(Part {
            name: name.into(),
            notes: notes.collect(),
            coded: uncoded_reason.is_none(),
            uncoded_reason,
        })
    }

    /// The entry of a table, or why this copy has none.
    fn lacks(&self, relative: &str) -> Result<&FileEntry, String> {
        let entry = self.dataset.file(relative).ok_or_else(|| {
            format!("the registry lists no {relative}, as the release has no codes for this part; choose another part")
        })?;
        match entry.may_be_absent && !self.data_dir.join(relative).exists() {
            false => Ok(entry),
            true => Err(format!(
                "{relative} is absent from the data directory; put it there, or choose a part that has codes"
            )),
        }
    }

    /// The texts of one folder by note id.
    fn texts(&self, folder: &str) -> Result<BTreeMap<String, String>, Error> {
        let path = self.data_dir.join(folder);
        let mut texts = BTreeMap::new();
        let mut all = checksum::FolderChecksum::default();
        let files = checksum::folder_entries(&path)?;
        for (index, file) in files.iter().enumerate() {
            // The name of a note's file is its identifier, which nobody but its owner may read in a message.
            let hidden = |error: Error| match self.dataset.credentialed {
                true => error.at(path.join(format!(
                    "(file {} of {}, in the order of names)",
                    index + 1,
                    files.len()
                ))),
                false => error,
            };
            let (id, text) = read_note(file, &mut all).map_err(hidden)?;
            texts.insert(id, text);
        }
        let Some(entry) = self.dataset.folder(folder) else {
            return Ok(texts);
        };
        let found = texts.len() as u64;
        if entry.files != found {
            return Err(Error::Count {
                path,
                unit: "files",
                expected: entry.files,
                found,
            });
        }
        let found = all.finish();
        match &entry.sha256 {
            Some(expected) if *expected != found => Err(Error::Checksum {
                path,
                expected: expected.clone(),
                found,
            }),
            _ => Ok(texts),
        }
    }

    /// A table that the registry lists, checked against its checksum and row count; otherwise
    /// `Ok(Err(reason))` when the release has none or this copy may leave it out and does.
    fn table<Row>(
        &self,
        relative: &str,
        parse: impl FnOnce(&str, &Path) -> Result<Vec<Row>, Error>,
    ) -> Result<Result<Vec<Row>, String>, Error> {
        let entry = match self.lacks(relative) {
            Ok(entry) => entry,
            Err(reason) => return Ok(Err(reason)),
        };
        let path = self.data_dir.join(relative);
        let bytes = checksum::read(&path)?;
        check_sha256(entry, &path, &bytes)?;
        let rows = parse(&checksum::utf8(bytes, &path)?, &path)?;
        let found = rows.len() as u64;
        match entry.rows {
            Some(expected) if expected != found => Err(Error::Count {
                path,
                unit: "rows",
                expected,
                found,
            }),
            _ => Ok(Ok(rows)),
        }
    }

    /// Evidence of the chosen kinds by note id, in the order of the table; none when the table
    /// may be left out and is.
    fn evidence(
        &self,
        part: &str,
        kinds: &[CodeKind],
        texts: &BTreeMap<String, String>,
        codes: &BTreeMap<(String, CodeKind), Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<Evidence>>, Error> {
        let relative = format!("codiesp/{part}/{part}X.tsv");
        let parse = |text: &str, path: &Path| tables::evidence_rows(text, path, texts, kinds, codes);
        let mut evidence: BTreeMap<String, Vec<Evidence>> = BTreeMap::new();
        for EvidenceRow { note, evidence: row } in self.table(&relative, parse)?.unwrap_or_default() {
            if kinds.contains(&row.kind) {
                evidence.entry(note).or_default().push(row);
            }
        }
        Ok(evidence)
    }
}

/// A note's identifier and text, whose bytes `all` is told.
fn read_note(file: &Path, all: &mut checksum::FolderChecksum) -> Result<(String, String), Error> {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let is_text = file.extension().is_some_and(|extension| extension == "txt");
    let Some(id) = stem.filter(|_| is_text) else {
        return Err(Error::NotANote { path: file.to_owned() });
    };
    let bytes = checksum::read(file)?;
    all.add(file, &bytes);
    let text = checksum::utf8(bytes, file)?;
    match text.trim().is_empty() {
        true => Err(Error::EmptyNote { path: file.to_owned() }),
        false => Ok((id.to_owned(), text)),
    }
}

/// Refuses bytes whose checksum the registry knows to be another one.
pub(super) fn check_sha256(entry: &FileEntry, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let Some(expected) = &entry.sha256 else {
        return Ok(());
    };
    let found = checksum::sha256(bytes);
    if found == *expected {
        return Ok(());
    }
    Err(Error::Checksum {
        path: path.to_path_buf(),
        expected: expected.clone(),
        found,
    })
}

/// Where a table of codes lies in the data directory.
fn code_table(part: &str, kind: CodeKind) -> String {
    let letter = match kind {
        CodeKind::Diagnosis => 'D',
        CodeKind::Procedure => 'P',
    };
    format!("codiesp/{part}/{part}{letter}.tsv")
}
