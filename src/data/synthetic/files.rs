//! Generated notes as files, to look at.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{SyntheticError, SyntheticSettings, generate};

/// Why generated notes were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder is there already.
    #[error("{0}: exists already; name a folder that does not, so that nothing is overwritten")]
    Exists(PathBuf),
    /// The settings are out of range.
    #[error(transparent)]
    Settings(#[from] SyntheticError),
    /// A file or folder cannot be made.
    #[error("{path}: {source}; check that there is room and that you may write there")]
    Write {
        /// The file or folder that cannot be made.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
}

/// Generates notes into a new folder: `<part>/<note>.txt` each, and a line `part, note, code` of `codes.tsv` for each
/// code. Gives the number of notes.
///
/// # Errors
/// The folder exists, the settings are out of range, or a file cannot be written.
pub fn write_files(folder: &Path, settings: &SyntheticSettings) -> Result<usize, WriteError> {
    if folder.exists() {
        return Err(WriteError::Exists(folder.to_owned()));
    }
    let notes = generate(settings)?;
    let parts = [("train", &notes.train), ("dev", &notes.dev), ("test", &notes.test)];
    let mut codes = String::new();
    for (part, notes) in parts {
        let part_folder = folder.join(part);
        told(&part_folder, fs::create_dir_all(&part_folder))?;
        for note in notes {
            let path = part_folder.join(format!("{}.txt", note.id));
            told(&path, fs::write(&path, &note.text))?;
            for code in &note.codes {
                codes.push_str(&format!("{part}\t{}\t{code}\n", note.id));
            }
        }
    }
    let path = folder.join("codes.tsv");
    told(&path, fs::write(&path, codes))?;
    Ok(parts.iter().map(|(_, notes)| notes.len()).sum())
}

fn told(path: &Path, result: io::Result<()>) -> Result<(), WriteError> {
    result.map_err(|source| WriteError::Write {
        path: path.to_owned(),
        source,
    })
}
