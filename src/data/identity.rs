//! What a data set's copy is, without reading its notes: the hashes that the registry lists, which loading compares;
//! and of what the registry lists without a hash, the hash that is found.

use std::path::Path;

use super::checksum::{self, Fingerprint};
use super::error::Error;
use super::registry::{Dataset, Registry};
use super::{DatasetSettings, codiesp, own, prepared};

/// SHA-256 that two copies of a data set share exactly when loading gives the same notes in the given parts.
///
/// # Errors
/// The registry does not know the data set, or a file without a listed hash cannot be read.
pub fn identity(
    settings: &DatasetSettings,
    parts: &[&str],
    data_dir: Option<&Path>,
    registry: &Registry,
) -> Result<String, Error> {
    let dataset = &*settings.entry(registry)?;
    match settings {
        DatasetSettings::Prepared(settings) => return prepared::identity(settings, dataset, data_dir),
        DatasetSettings::Own(name) => return own::named(name, registry)?.1.identity(data_dir),
        DatasetSettings::Csv(table) | DatasetSettings::Jsonl(table) | DatasetSettings::Parquet(table) => {
            return table.identity(data_dir);
        }
        DatasetSettings::Synthetic(_) | DatasetSettings::Codiesp(_) => {}
    }
    let counts = |path: &str| match settings {
        DatasetSettings::Codiesp(settings) => codiesp::reads(settings, parts, path),
        _ => true,
    };
    // Where the data is away altogether, what is finished must still be found: it was there then.
    let here = data_dir.filter(|data| data.is_dir());
    let mut fingerprint = Fingerprint::new("icdbench data 1");
    fingerprint.text(&dataset.name);
    for entry in dataset.folders.iter().filter(|entry| counts(&entry.path)) {
        fingerprint.text(&entry.path);
        fingerprint.number(entry.files);
        fingerprint.text(&match &entry.sha256 {
            Some(listed) => listed.clone(),
            None => found(dataset, &entry.path, data_dir, |path| {
                checksum::folder_sha256(path).map(|(_, sha256)| sha256)
            })?,
        });
    }
    for entry in dataset.files.iter().filter(|entry| counts(&entry.path)) {
        let absent = || here.is_some_and(|data| !data.join(&entry.path).exists());
        fingerprint.text(&entry.path);
        fingerprint.text(&match &entry.sha256 {
            Some(_) if entry.may_be_absent && absent() => "absent".to_owned(),
            Some(listed) => listed.clone(),
            None if entry.may_be_absent && absent() => "absent".to_owned(),
            None => found(dataset, &entry.path, data_dir, |path| {
                checksum::read(path).map(|bytes| checksum::sha256(&bytes))
            })?,
        });
    }
    Ok(fingerprint.finish())
}

fn found(
    dataset: &Dataset,
    path: &str,
    data_dir: Option<&Path>,
    hash: impl FnOnce(&Path) -> Result<String, Error>,
) -> Result<String, Error> {
    hash(&dataset.directory(data_dir)?.join(path))
}

/// Whether the notes are generated ones in the form of a data set that they are not.
///
/// # Errors
/// The manifest of a prepared data set cannot be read.
pub fn is_generated(settings: &DatasetSettings, data_dir: Option<&Path>) -> Result<bool, Error> {
    let DatasetSettings::Prepared(settings) = settings else {
        return Ok(false);
    };
    let Some(directory) = data_dir.map(|data| settings.directory(data)) else {
        return Ok(false);
    };
    match directory.join(prepared::MANIFEST).exists() {
        true => Ok(prepared::Manifest::read(&directory)?.generated),
        false => Ok(false),
    }
}

/// Why a part of the data set cannot be scored here, if so, as a sentence for a record; no table is read.
///
/// # Errors
/// The registry does not know the data set.
pub fn lacking(
    settings: &DatasetSettings,
    part: &str,
    data_dir: Option<&Path>,
    registry: &Registry,
) -> Result<Option<String>, Error> {
    let dataset = &*settings.entry(registry)?;
    Ok(match (settings, data_dir) {
        (DatasetSettings::Codiesp(settings), Some(data)) => {
            let reason = codiesp::uncoded(settings, part, data, dataset);
            reason.map(|reason| format!("the part {part:?} has no codes to score against: {reason}"))
        }
        (DatasetSettings::Prepared(settings), _) => prepared::lacks(settings, dataset, data_dir, registry)?,
        _ => None,
    })
}
