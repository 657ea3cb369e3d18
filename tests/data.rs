//! Reading, checking and dividing data sets, on the made-up release in `fixtures/codiesp` and,
//! where it is at hand, on the real one.

#[path = "data/agreement.rs"]
mod agreement;
#[path = "data/damage.rs"]
mod damage;
#[path = "data/dividing.rs"]
mod dividing;
#[path = "data/labelling.rs"]
mod labelling;
#[path = "data/reading.rs"]
mod reading;
#[path = "data/real.rs"]
mod real;
#[path = "data/registering.rs"]
mod registering;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use icdbench::data::{
    CodeChoice, CodiespSettings, Corpus, DatasetSettings, DivisionSettings, Error, Language, Note, NotesWithoutCodes,
    Origin, Part, Registry, Validation, load,
};

/// A copy of the made-up release that a test may damage.
struct Release {
    directory: tempfile::TempDir,
    registry: String,
}

impl Release {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&fixture(), directory.path());
        let registry = fs::read_to_string(fixture().join("datasets.toml")).unwrap();
        Self { directory, registry }
    }

    /// Without checksums, so that what they would catch first is caught by the check in question.
    fn unsigned() -> Self {
        let mut release = Self::new();
        let kept = release.registry.lines().filter(|line| !line.starts_with("sha256"));
        release.registry = kept.collect::<Vec<_>>().join("\n");
        release
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    fn write(&self, relative: &str, bytes: &[u8]) {
        fs::write(self.path(relative), bytes).unwrap();
    }

    /// Replaces a line, counted from 1.
    fn replace_row(&self, relative: &str, row: usize, new: &str) {
        let text = fs::read_to_string(self.path(relative)).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[row - 1] = new;
        self.write(relative, (lines.join("\n") + "\n").as_bytes());
    }

    fn remove(&self, relative: &str) {
        fs::remove_file(self.path(relative)).unwrap();
    }

    fn registry(&self) -> Registry {
        Registry::parse(&self.registry, "fixture.toml").unwrap()
    }

    fn load(&self, language: Language, codes: CodeChoice) -> Result<Corpus, Error> {
        load(&codiesp(language, codes), Some(self.directory.path()), &self.registry())
    }

    fn corpus(&self) -> Corpus {
        self.load(Language::Es, CodeChoice::Both).unwrap()
    }

    /// The whole message of the error that loading gives, causes included.
    fn refusal(&self) -> String {
        message(self.load(Language::Es, CodeChoice::Both).unwrap_err())
    }
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp")
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn codiesp(language: Language, codes: CodeChoice) -> DatasetSettings {
    DatasetSettings::Codiesp(CodiespSettings { language, codes })
}

fn message(error: Error) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// Every piece must be in the message.
#[track_caller]
fn assert_says(message: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(message.contains(piece), "no {piece:?} in:\n{message}");
    }
}

fn note(id: &str, patient: &str, codes: &[&str]) -> Note {
    Note {
        id: id.into(),
        patient: patient.into(),
        text: format!("made-up note {id}"),
        codes: codes.iter().map(|code| code.to_string()).collect(),
        evidence: Vec::new(),
    }
}

/// A corpus of coded parts.
fn corpus_of(parts: Vec<(&str, Vec<Note>)>) -> Result<Corpus, Error> {
    let part = |(name, notes): (&str, Vec<Note>)| Part {
        name: name.into(),
        notes: notes.into_iter().map(Arc::new).collect(),
        coded: true,
        uncoded_reason: None,
    };
    let parts = parts.into_iter().map(part).collect();
    Corpus::new(("made-up", false), parts, BTreeMap::new(), Origin::default())
}

/// Train on `train`, tune on `dev`, score `test`.
fn official(notes_without_codes: NotesWithoutCodes) -> DivisionSettings {
    DivisionSettings {
        train: "train".into(),
        validation: Validation::Part("dev".into()),
        evaluation: "test".into(),
        notes_without_codes,
    }
}

fn ids(notes: &[Arc<Note>]) -> Vec<&str> {
    notes.iter().map(|note| note.id.as_str()).collect()
}
