//! Joining results directories of machines that share no file system: what each has is looked at first, and copied only
//! where nothing contradicts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::check::{KEPT, outputs};
use super::kept::{Kept, LIST, Trouble};
use super::{Store, files};
use crate::record::{Outcome, Record, StageName, Status};

/// What came over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Merged {
    /// Records that were not there, or that were there without scores.
    pub records: usize,
    /// Outputs of stages that were not there, by stage.
    pub stages: BTreeMap<StageName, usize>,
    /// Records and outputs that were there already, and say the same.
    pub known: usize,
}

/// Why directories are not joined. Nothing was copied then, but where the disk refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to join.
    #[error("{0}: holds no results: expected a results directory, with `records` or `private` in it")]
    Nothing(PathBuf),
    /// What is there is not what was written.
    #[error(
        "{path}: {problem}. Nothing was copied; `icdbench check --results {directory}` says all that is wrong there"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// The results directory that it is in.
        directory: PathBuf,
    },
    /// The same key, and not the same result.
    #[error(
        "{one} and {other}: {what}. The same program on the same data gives the same bytes: one of the two was changed, or its machine computes wrongly. Nothing was copied; have one of them made anew (delete it, and run its suite again)"
    )]
    Contradiction {
        /// One file.
        one: PathBuf,
        /// The other.
        other: PathBuf,
        /// In which way they differ.
        what: String,
    },
    /// Names of notes are not comparable.
    #[error(
        "{one} and {other} name notes by different salts: rows of the same note could not be paired. Nothing was copied. Before the first run of credentialed data, copy `salt` from one private directory to the other; what was run without it is joined with --records-only"
    )]
    Salts {
        /// One salt's file.
        one: PathBuf,
        /// The other's.
        other: PathBuf,
    },
    /// The file system refused.
    #[error(transparent)]
    Disk(#[from] files::Error),
}

/// A thing to copy.
enum Copy {
    Record(Box<Record>),
    Stage(StageName, String, Box<Kept>),
}

/// Joins `sources` into `into`, which may be there already and be one of a running suite: what is copied appears whole or
/// not at all, and a merge that was cut off is done again.
///
/// # Errors
/// See [`Error`].
pub fn merge(sources: &[Store], into: &Store, records_only: bool) -> Result<Merged, Error> {
    let mut merged = Merged::default();
    let mut copies: Vec<Copy> = Vec::new();
    let mut records: BTreeMap<String, (PathBuf, Record)> = BTreeMap::new();
    let mut stages: BTreeMap<(StageName, String), Kept> = BTreeMap::new();
    let mut salt: Option<(PathBuf, Vec<u8>)> = None;
    let mut salt_to_copy = None;
    for (place, store) in std::iter::once(into).chain(sources).enumerate() {
        let is_target = place == 0;
        if !is_target && !store.is_there() {
            return Err(Error::Nothing(store.results().to_owned()));
        }
        for record in all_records(store)? {
            let path = store.records().path(&record.key);
            match records.get(&record.key) {
                Some((_, known)) if is_better(&record, known) => {}
                Some((other, known)) => {
                    agree(known, &record).map_err(|what| Error::Contradiction {
                        one: other.clone(),
                        other: path.clone(),
                        what,
                    })?;
                    merged.known += 1;
                    continue;
                }
                None => {}
            }
            if !is_target {
                copies.retain(|copy| !matches!(copy, Copy::Record(copied) if copied.key == record.key));
                copies.push(Copy::Record(Box::new(record.clone())));
            }
            records.insert(record.key.clone(), (path, record));
        }
        if records_only {
            continue;
        }
        let path = store.private().join("salt");
        if let Some(found) = files::read(&path)? {
            match &salt {
                Some((one, known)) if *known != found => {
                    return Err(Error::Salts {
                        one: one.clone(),
                        other: path,
                    });
                }
                Some(_) => {}
                None => {
                    salt_to_copy = (!is_target).then(|| found.clone());
                    salt = Some((path, found));
                }
            }
        }
        for stage in KEPT {
            for (key, path) in outputs(store, stage)? {
                let kept = Kept::open(&path, stage, &key).map_err(|trouble| damaged(trouble, store))?;
                let Some(kept) = kept else { continue };
                if let Some(known) = stages.get(&(stage, key.clone())) {
                    same_files(known, &kept).map_err(|what| Error::Contradiction {
                        one: known.path(LIST),
                        other: kept.path(LIST),
                        what,
                    })?;
                    merged.known += 1;
                    continue;
                }
                if !is_target {
                    kept.verify().map_err(|trouble| damaged(trouble, store))?;
                    copies.push(Copy::Stage(stage, key.clone(), Box::new(kept.clone())));
                }
                stages.insert((stage, key), kept);
            }
        }
    }
    into.prepare()?;
    if let Some(salt) = salt_to_copy {
        files::write_atomically(&into.private().join("salt"), &salt, true)?;
    }
    // What records are made from comes before them.
    copies.sort_by_key(|copy| matches!(copy, Copy::Record(_)));
    for copy in copies {
        match copy {
            Copy::Record(record) => {
                into.records().write(&record)?;
                merged.records += 1;
            }
            Copy::Stage(stage, key, kept) => {
                copy_stage(into, stage, &key, &kept)?;
                *merged.stages.entry(stage).or_default() += 1;
            }
        }
    }
    Ok(merged)
}

fn all_records(store: &Store) -> Result<Vec<Record>, Error> {
    let listed = store.records().all()?;
    match listed.refused.into_iter().next() {
        None => Ok(listed.records),
        // It names the file and says what to do.
        Some(crate::record::Error::Disk(error)) => Err(error.into()),
        Some(refused) => Err(Error::Damaged {
            path: store.results().join("records"),
            problem: refused.to_string(),
            directory: store.results().to_owned(),
        }),
    }
}

fn damaged(trouble: Trouble, store: &Store) -> Error {
    match trouble {
        Trouble::Disk(error) => error.into(),
        Trouble::Damaged { path, problem } => Error::Damaged {
            path,
            problem,
            directory: store.results().to_owned(),
        },
    }
}

/// Whether a record takes the place of one of the same cell that has no scores.
fn is_better(new: &Record, known: &Record) -> bool {
    new.status == Status::Ok && known.status != Status::Ok
}

/// Whether two records of one key say the same, times and machines aside, and what only one of them was asked for.
fn agree(one: &Record, other: &Record) -> Result<(), String> {
    let plain = |outcome: &Outcome| {
        let mut plain = outcome.clone();
        plain.without_intervals();
        plain.redrawn = None;
        plain
    };
    match (&one.outcome, &other.outcome) {
        (Some(one), Some(other)) if plain(one) != plain(other) => {
            Err("they are records of one key with different outcomes".into())
        }
        _ => Ok(()),
    }
}

/// Whether two outputs of one key have the same files.
fn same_files(one: &Kept, other: &Kept) -> Result<(), String> {
    let of = |kept: &Kept| -> BTreeMap<String, Option<String>> {
        kept.files()
            .map(|file| (file.to_owned(), kept.sha256(file).map(str::to_owned)))
            .collect()
    };
    match of(one) == of(other) {
        true => Ok(()),
        false => Err("they are outputs of one key with different files".into()),
    }
}

fn copy_stage(into: &Store, stage: StageName, key: &str, kept: &Kept) -> Result<(), Error> {
    let parent = into.stage(stage);
    files::make_directory(&parent, true)?;
    let begun = files::begin_directory(&parent)?;
    for file in kept.files().chain([LIST]) {
        let (from, to) = (kept.path(file), begun.path().join(file));
        copy(&from, &to)?;
    }
    // Read again as it arrived: what was cut off on the way is not put in place.
    let arrived = Kept::open(begun.path(), stage, key).and_then(|kept| kept.map_or(Ok(()), |kept| kept.verify()));
    arrived.map_err(|trouble| damaged(trouble, into))?;
    files::publish_directory(begun.path(), &into.place(stage, key))?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), files::Error> {
    let mut source = std::fs::File::open(from).map_err(files::Error::at(from, "read"))?;
    let mut target = files::create_private(to).map_err(files::Error::at(to, "write"))?;
    std::io::copy(&mut source, &mut target).map_err(files::Error::at(to, "write"))?;
    Ok(())
}

impl Merged {
    /// For people, in a line.
    pub fn sentence(&self) -> String {
        let outputs: usize = self.stages.values().sum();
        format!(
            "{} records and {outputs} outputs of stages came over; {} were there already",
            self.records, self.known
        )
    }
}
