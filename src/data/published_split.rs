//! Published lists of which admission is in which part: `[split.<name>]` of `datasets.toml`. Read whole, compared with
//! their checksums and counts, and refused where either is off: a list with one line less is another experiment.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::checksum;
use super::csv_file::CsvFile;
use super::error::Error;
use super::raw_file::RawFileFacts;

/// The parts of every data set, in their order.
pub const PARTS: [&str; 3] = ["train", "dev", "test"];

/// A published list, and where copies of it are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SplitEntry {
    /// Whose it is.
    pub title: String,
    /// Where to get it.
    pub source: String,
    /// Admissions in each part.
    pub counts: BTreeMap<String, u64>,
    /// Admissions of it that have no code, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_codes: Option<u64>,
    /// Copies of the list, in different forms perhaps; the first that is there is read.
    #[serde(rename = "copy")]
    pub copies: Vec<SplitCopy>,
}

/// One copy: a file, or one for each part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SplitCopy {
    /// All of them are needed.
    pub files: Vec<SplitFile>,
}

/// A file of a published list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SplitFile {
    /// Relative to the data directory; `.feather` is Arrow's format, anything else text.
    pub path: String,
    /// Of the file.
    pub sha256: String,
    /// The part that its ids are of: then it has an id on each line, and no header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Without `part`: the column of ids,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// and that of parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What the file calls parts that are called otherwise here, such as `val` for `dev`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
}

impl SplitEntry {
    /// What in the entry cannot be, if anything: found and expected.
    pub(super) fn problem(&self) -> Option<(String, &'static str)> {
        let unknown = self.counts.keys().find(|part| !PARTS.contains(&part.as_str()));
        if let Some(part) = unknown {
            return Some((format!("counts of a part `{part}`"), "train, dev and test"));
        }
        if self.copies.is_empty() {
            return Some(("no copy".into(), "at least one [[split.NAME.copy]]"));
        }
        for file in self.copies.iter().flat_map(|copy| &copy.files) {
            let of_one = file.part.is_some() && file.id.is_none() && file.column.is_none();
            let of_all = file.part.is_none() && file.id.is_some() && file.column.is_some();
            if !(of_one || of_all) {
                let found = format!("the file {} with other keys", file.path);
                return Some((found, "either `part`, or `id` and `column`"));
            }
        }
        None
    }

    /// The copy that is in the data directory.
    fn copy<'a>(&'a self, name: &str, data_dir: Option<&Path>) -> Result<(&'a SplitCopy, PathBuf), Error> {
        let missing = || Error::NoSplit {
            name: name.into(),
            path: self
                .copies
                .first()
                .and_then(|copy| copy.files.first())
                .map_or_else(String::new, |file| file.path.clone()),
            source_address: self.source.clone(),
        };
        let data_dir = data_dir.ok_or_else(missing)?;
        let is_here = |copy: &&SplitCopy| copy.files.iter().all(|file| data_dir.join(&file.path).exists());
        let copy = self.copies.iter().find(is_here).ok_or_else(missing)?;
        Ok((copy, data_dir.to_owned()))
    }
}

/// Which admission is in which part, as a published list says.
#[derive(Clone, Debug, Default)]
pub struct SplitList {
    part_of: HashMap<String, u8>,
    /// The files that it was read from: path, facts, rows.
    pub files: Vec<(String, RawFileFacts, u64)>,
}

impl SplitList {
    /// Reads a published list.
    ///
    /// # Errors
    /// It is not in the data directory; its checksum or a count is off; an id is there twice.
    pub fn read(name: &str, entry: &SplitEntry, data_dir: Option<&Path>) -> Result<Self, Error> {
        let (copy, data_dir) = entry.copy(name, data_dir)?;
        let mut list = Self::default();
        for file in &copy.files {
            let path = data_dir.join(&file.path);
            checksum::refuse_unless_file(&path)?;
            let bytes = checksum::read(&path)?;
            let found = checksum::sha256(&bytes);
            if found != file.sha256 {
                return Err(Error::Checksum {
                    path,
                    expected: file.sha256.clone(),
                    found,
                });
            }
            let before = list.part_of.len();
            match file.part.as_deref() {
                Some(part) => list.lines(bytes.clone(), &path, part)?,
                None if path.extension().is_some_and(|extension| extension == "feather") => {
                    list.feather(bytes.clone(), &path, file)?;
                }
                None => list.columns(&path, file)?,
            }
            let facts = RawFileFacts {
                bytes: bytes.len() as u64,
                sha256: found,
            };
            list.files
                .push((file.path.clone(), facts, (list.part_of.len() - before) as u64));
        }
        for (index, part) in PARTS.iter().enumerate() {
            let found = list.part_of.values().filter(|&&at| usize::from(at) == index).count() as u64;
            let expected = entry.counts.get(*part).copied().unwrap_or(0);
            if found != expected {
                return Err(Error::Count {
                    path: data_dir.join(&copy.files[0].path),
                    unit: match index {
                        0 => "admissions for train",
                        1 => "admissions for dev",
                        _ => "admissions for test",
                    },
                    expected,
                    found,
                });
            }
        }
        Ok(list)
    }

    /// Reads a list of two columns that no registry knows, such as a generator's own.
    ///
    /// # Errors
    /// It cannot be read, or an id is there twice.
    pub fn read_columns(path: &Path, shown: &str) -> Result<Self, Error> {
        let file = SplitFile {
            path: shown.into(),
            sha256: String::new(),
            part: None,
            id: Some("hadm_id".into()),
            column: Some("split".into()),
            names: BTreeMap::new(),
        };
        let mut list = Self::default();
        list.columns(path, &file)?;
        let bytes = checksum::read(path)?;
        let facts = RawFileFacts {
            bytes: bytes.len() as u64,
            sha256: checksum::sha256(&bytes),
        };
        let rows = list.part_of.len() as u64;
        list.files.push((shown.into(), facts, rows));
        Ok(list)
    }

    /// The part of an admission, by its place in [`PARTS`].
    pub fn part(&self, id: &str) -> Option<u8> {
        self.part_of.get(id).copied()
    }

    /// How many admissions there are.
    pub fn len(&self) -> usize {
        self.part_of.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.part_of.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u8)> {
        self.part_of.iter().map(|(id, &part)| (id.as_str(), part))
    }

    fn lines(&mut self, bytes: Vec<u8>, path: &Path, part: &str) -> Result<(), Error> {
        let text = checksum::utf8(bytes, path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() {
                self.add(line, part, path, index + 1)?;
            }
        }
        Ok(())
    }

    fn columns(&mut self, path: &Path, file: &SplitFile) -> Result<(), Error> {
        let mut table = CsvFile::open(path)?;
        let id = table.column(file.id.as_deref().unwrap_or_default())?;
        let part = table.column(file.column.as_deref().unwrap_or_default())?;
        while let Some(row) = table.next_row()? {
            let name = row.text(part)?;
            let name = file.names.get(name.trim()).map_or(name.trim(), String::as_str);
            let id = row.text(id)?;
            self.add(id.trim(), name, path, row.line() as usize)?;
        }
        Ok(())
    }

    fn feather(&mut self, bytes: Vec<u8>, path: &Path, file: &SplitFile) -> Result<(), Error> {
        let wrong = |found: String| Error::Row {
            path: path.to_owned(),
            row: 1,
            found,
            expected: "an Arrow file (Feather, version 2) with a column of whole numbers and one of strings".into(),
            next: "fetch the file again".into(),
        };
        // Its checksum is known, so it is no surprise; the reader may still panic where it is not.
        let read = std::panic::catch_unwind(|| -> Result<Vec<Listed>, String> {
            let reader = arrow_ipc::reader::FileReader::try_new(Cursor::new(bytes), None);
            let reader = reader.map_err(|error| error.to_string())?;
            let place = |name: &Option<String>| {
                let name = name.as_deref().unwrap_or_default();
                reader.schema().index_of(name).map_err(|error| error.to_string())
            };
            let (id, part) = (place(&file.id)?, place(&file.column)?);
            let mut batches = Vec::new();
            for batch in reader {
                let batch = batch.map_err(|error| error.to_string())?;
                let strings = |column: usize| {
                    strings(batch.column(column)).ok_or_else(|| format!("column {column} of another type"))
                };
                batches.push((strings(id)?, strings(part)?));
            }
            Ok(batches)
        });
        let batches = read.map_err(|_| wrong("a damaged file".into()))?.map_err(wrong)?;
        let mut row = 0;
        for (ids, parts) in batches {
            for (id, part) in ids.iter().zip(&parts) {
                row += 1;
                let name = file.names.get(part).unwrap_or(part);
                self.add(id, name, path, row)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, id: &str, part: &str, path: &Path, row: usize) -> Result<(), Error> {
        let wrong = |found: &str, expected: &str| Error::Row {
            path: path.to_owned(),
            row,
            found: found.into(),
            expected: expected.into(),
            next: "fetch the list again, or correct it".into(),
        };
        let Some(place) = PARTS.iter().position(|name| *name == part) else {
            return Err(wrong("another part", "train, dev or test (or what `names` calls so)"));
        };
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong(
                "something other than an identifier",
                "one identifier, without spaces",
            ));
        }
        match self.part_of.insert(id.into(), place as u8) {
            None => Ok(()),
            Some(before) if usize::from(before) == place => {
                Err(wrong("an identifier that came before", "every one once"))
            }
            Some(_) => Err(wrong(
                "an identifier that is in another part too",
                "every one in one part",
            )),
        }
    }
}

/// Identifiers and parts.
type Listed = (Vec<String>, Vec<String>);

/// A column of whole numbers or strings as strings; `None` for another type or a missing value.
fn strings(column: &ArrayRef) -> Option<Vec<String>> {
    if column.null_count() > 0 {
        return None;
    }
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Some(match column.data_type() {
        DataType::Int64 => column
            .as_primitive::<Int64Type>()
            .values()
            .iter()
            .map(i64::to_string)
            .collect(),
        DataType::Int32 => column
            .as_primitive::<Int32Type>()
            .values()
            .iter()
            .map(i32::to_string)
            .collect(),
        DataType::Utf8 => column.as_string::<i32>().iter().map(owned).collect(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().map(owned).collect(),
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary_opt()?;
            let values = strings(column.values())?;
            let keys = column.normalized_keys().into_iter();
            keys.map(|key| values.get(key).cloned()).collect::<Option<_>>()?
        }
        _ => return None,
    })
}
