//! The registry of data sets (`datasets.toml`): for each, its source, licence and citation, and
//! the files it consists of with their checksums and counts. The reader and `verify` both
//! take what they expect from here, so that a count stands in one place. Beside them, the pretrained
//! encoders of the papers: where to get each.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::checksum;
use super::error::Error;
use super::own::settings::TableSettings;
use super::published_split::SplitEntry;
use super::recipe::Recipe;

/// The registry that is built into the program.
const EMBEDDED: &str = include_str!("../../datasets.toml");

/// All known data sets, in the order of the file.
#[derive(Clone, Debug)]
pub struct Registry {
    origin: String,
    text: String,
    datasets: Vec<Dataset>,
    encoders: BTreeMap<String, EncoderEntry>,
    splits: BTreeMap<String, SplitEntry>,
}

/// A pretrained encoder: where to get it, and under which terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EncoderEntry {
    /// Its name as people know it.
    pub title: String,
    /// Its identifier on the Hugging Face Hub.
    pub hub: String,
    /// Its licence, as its authors state it.
    pub licence: String,
    /// Whether its vocabulary tells case.
    pub cased: bool,
    /// Tokens of its vocabulary, where that was verified.
    pub vocabulary: Option<u32>,
    /// What to cite when using it.
    pub citation: String,
    /// A shell command that brings it, for people to run.
    pub fetch: String,
    /// How to convert its TensorFlow original.
    pub convert: String,
    /// What else a user should know.
    pub remark: Option<String>,
}

/// A data set: where to get it, under which terms, and what its files must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dataset {
    /// As suites name it, `[data.<name>]`.
    pub name: String,
    /// Its name as people know it, for lists.
    pub title: String,
    /// Its licence in a few words, such as `CC BY 4.0`.
    pub licence: String,
    /// Whether access needs credentials (a data use agreement).
    pub credentialed: bool,
    /// Where to get it: an address, or why there is nothing to fetch.
    pub source: String,
    /// What to cite when using it.
    pub citation: String,
    /// How a user prepares it from an export: then it is what `[data.prepared]` may name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepare: Option<Recipe>,
    /// Where its notes are, in the form of a table: then it is what `[data.own]` may name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSettings>,
    /// The single files the program reads.
    #[serde(default, rename = "file")]
    pub files: Vec<FileEntry>,
    /// The folders of note texts the program reads.
    #[serde(default, rename = "folder")]
    pub folders: Vec<FolderEntry>,
}

/// One file of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileEntry {
    /// Path relative to the data directory, with `/`.
    pub path: String,
    /// Expected number of rows, where it is known; for tables without a header all lines count.
    pub rows: Option<u64>,
    /// Expected SHA-256 of the file, where it is known.
    pub sha256: Option<String>,
    /// True for files that some copies of the release leave out (test codes, code titles).
    #[serde(default)]
    pub may_be_absent: bool,
}

/// One folder of note texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FolderEntry {
    /// Path relative to the data directory, with `/`.
    pub path: String,
    /// Expected number of files, that is, of notes.
    pub files: u64,
    /// Expected SHA-256 of what `sha256sum *` prints in the folder, in byte order of the names.
    pub sha256: Option<String>,
}

/// The built-in registry.
///
/// # Errors
/// When the embedded file is not valid, which a test of the project rules out.
pub fn registry() -> Result<Registry, Error> {
    Registry::parse(EMBEDDED, "datasets.toml (built in)")
}

/// The file as it stands on disk.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRegistry {
    #[serde(rename = "dataset")]
    datasets: Vec<Dataset>,
    #[serde(default, rename = "encoder")]
    encoders: BTreeMap<String, EncoderEntry>,
    #[serde(default, rename = "split")]
    splits: BTreeMap<String, SplitEntry>,
}

impl Registry {
    /// Reads a registry file, or the built-in one without a path.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML of this shape, or contradicts itself.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        match path {
            None => registry(),
            Some(path) => {
                let text = checksum::utf8(checksum::read(path)?, path)?;
                Self::parse(&text, &path.display().to_string())
            }
        }
    }

    /// Parses a registry; `origin` names it in messages.
    ///
    /// # Errors
    /// The text is not TOML of this shape or contradicts itself.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let wire: WireRegistry = toml::from_str(text).map_err(|source| Error::RegistrySyntax {
            origin: origin.into(),
            source,
        })?;
        let registry = Self {
            origin: origin.into(),
            text: text.into(),
            datasets: wire.datasets,
            encoders: wire.encoders,
            splits: wire.splits,
        };
        for (name, split) in &registry.splits {
            if let Some((found, expected)) = split.problem() {
                return Err(Error::RegistryEntry {
                    origin: origin.into(),
                    dataset: format!("split.{name}"),
                    found,
                    expected: expected.into(),
                });
            }
        }
        for (index, dataset) in registry.datasets.iter().enumerate() {
            if registry.datasets[..index].iter().any(|d| d.name == dataset.name) {
                return Err(registry.entry_error(dataset, "this name twice", "every name once"));
            }
            registry.check(dataset)?;
        }
        Ok(registry)
    }

    /// The file as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The data sets, in the order of the file.
    pub fn datasets(&self) -> &[Dataset] {
        &self.datasets
    }

    /// The pretrained encoders, by name.
    pub fn encoders(&self) -> &BTreeMap<String, EncoderEntry> {
        &self.encoders
    }

    /// The published lists of which admission is in which part, by name.
    pub fn splits(&self) -> &BTreeMap<String, SplitEntry> {
        &self.splits
    }

    /// The published list of that name.
    ///
    /// # Errors
    /// [`Error::UnknownSplit`], with the names there are.
    pub fn split(&self, name: &str) -> Result<&SplitEntry, Error> {
        self.splits.get(name).ok_or_else(|| Error::UnknownSplit {
            name: name.into(),
            origin: self.origin.clone(),
            known: self.splits.keys().cloned().collect(),
        })
    }

    /// The data set of that name.
    ///
    /// # Errors
    /// [`Error::UnknownDataset`], with the names there are.
    pub fn find(&self, name: &str) -> Result<&Dataset, Error> {
        let found = self.datasets.iter().find(|dataset| dataset.name == name);
        found.ok_or_else(|| Error::UnknownDataset {
            name: name.into(),
            origin: self.origin.clone(),
            known: self.datasets.iter().map(|d| d.name.clone()).collect(),
        })
    }

    fn check(&self, dataset: &Dataset) -> Result<(), Error> {
        let files = dataset.files.iter().map(|f| (&f.path, &f.sha256));
        let folders = dataset.folders.iter().map(|f| (&f.path, &f.sha256));
        let mut seen: Vec<&str> = Vec::new();
        for (path, sha256) in files.chain(folders) {
            if seen.contains(&path.as_str()) {
                let found = format!("path `{path}` twice");
                return Err(self.entry_error(dataset, &found, "every path once"));
            }
            seen.push(path);
            let inside = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
            if path.is_empty() || !inside {
                let found = format!("path `{path}`");
                let expected = "a path inside the data directory, without `..` or a leading `/`";
                return Err(self.entry_error(dataset, &found, expected));
            }
            if sha256.as_ref().is_some_and(|digest| !is_sha256(digest)) {
                let found = format!("a sha256 of `{path}` of another form");
                return Err(self.entry_error(dataset, &found, "64 lower-case hexadecimal digits"));
            }
        }
        Ok(())
    }

    fn entry_error(&self, dataset: &Dataset, found: &str, expected: &str) -> Error {
        Error::RegistryEntry {
            origin: self.origin.clone(),
            dataset: dataset.name.clone(),
            found: found.into(),
            expected: expected.into(),
        }
    }
}

impl Dataset {
    /// Whether a user has to prepare it.
    pub fn is_prepared(&self) -> bool {
        self.prepare.is_some()
    }

    /// The entry of a file, by its path relative to the data directory.
    pub fn file(&self, path: &str) -> Option<&FileEntry> {
        self.files.iter().find(|entry| entry.path == path)
    }

    /// The entry of a folder, by its path relative to the data directory.
    pub fn folder(&self, path: &str) -> Option<&FolderEntry> {
        self.folders.iter().find(|entry| entry.path == path)
    }

    /// Where to get the data and under which licence, for messages.
    pub fn obtain(&self) -> String {
        format!("{} ({})", self.source, self.licence)
    }

    /// `data_dir` as a directory that exists.
    ///
    /// # Errors
    /// None was given, or it is not a directory; the message says how to name one and where the
    /// data comes from.
    pub fn directory<'a>(&self, data_dir: Option<&'a Path>) -> Result<&'a Path, Error> {
        let path = data_dir.ok_or_else(|| Error::NoDataDirectory {
            dataset: self.name.clone(),
            credentialed: self.credentialed,
            obtain: self.obtain(),
        })?;
        if path.is_dir() {
            return Ok(path);
        }
        Err(Error::DataDirectoryMissing {
            dataset: self.name.clone(),
            path: path.to_path_buf(),
            credentialed: self.credentialed,
            obtain: self.obtain(),
        })
    }
}

fn is_sha256(digest: &str) -> bool {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digest.len() == 64 && digest.bytes().all(hexadecimal)
}
