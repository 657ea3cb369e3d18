//! What of a cell goes into an archive, as it lies in the store.

use super::access::Access;
use super::packed_file::PackedFile;
use crate::record::{Record, StageName};
use crate::results::kept::{LIST, Trouble};
use crate::results::{Store, files};

/// Where records, and in `private/rows/<key>` rows, lie in the archive.
const RESULTS: &str = "results";

/// A cell's record and, where they may be shared, its rows by note.
#[derive(Clone, Debug)]
pub struct PackedCell {
    /// In the suite's own words.
    pub record: Record,
    /// The record's file.
    file: Vec<u8>,
    /// The files of its rows by note, by name; none where they are not at hand or may not be shared.
    pub(super) rows: Vec<(String, Vec<u8>)>,
}

impl PackedCell {
    /// Reads a cell. Rows by note are not opened where `access` does not let them out.
    ///
    /// # Errors
    /// A file cannot be read, or is not what was written.
    pub fn read(store: &Store, record: Record, access: &Access) -> Result<Self, Trouble> {
        let path = store.records().path(&record.key);
        let gone = || Trouble::Damaged {
            path: path.clone(),
            problem: "is gone: it was removed while it was packed".into(),
        };
        let file = files::read(&path)?.ok_or_else(gone)?;
        let rows = match access.shows_rows() {
            true => rows(store, &record.key)?,
            false => Vec::new(),
        };
        Ok(Self { record, file, rows })
    }

    /// Where the record lies in the archive.
    pub(super) fn place(&self) -> String {
        format!("{RESULTS}/records/{}.json", self.record.key)
    }

    /// Where the files of its rows lie in the archive.
    pub(super) fn row_places(&self) -> impl Iterator<Item = String> {
        let key = &self.record.key;
        self.rows
            .iter()
            .map(move |(name, _)| format!("{RESULTS}/private/rows/{key}/{name}"))
    }

    /// Its files.
    pub(super) fn files(&self) -> Vec<PackedFile> {
        let title = self.record.cell.title();
        let record = PackedFile::new(self.place(), self.file.clone(), format!("Record of {title}"));
        let rows = self.row_places().zip(&self.rows);
        let rows =
            rows.map(|(path, (_, bytes))| PackedFile::new(path, bytes.clone(), format!("Rows by note of {title}")));
        std::iter::once(record).chain(rows).collect()
    }
}

/// The files of a record's rows by note, and the list of them.
fn rows(store: &Store, key: &str) -> Result<Vec<(String, Vec<u8>)>, Trouble> {
    let Some(kept) = store.open(StageName::Record, key)? else {
        return Ok(Vec::new());
    };
    let names: Vec<String> = kept.files().map(str::to_owned).collect();
    let read = |name: String| Ok((name.clone(), kept.read(&name)?));
    let mut found = names.into_iter().map(read).collect::<Result<Vec<_>, Trouble>>()?;
    let list = files::read(&kept.path(LIST))?.unwrap_or_default();
    found.push((LIST.to_owned(), list));
    Ok(found)
}
