//! The finished data set on disk: written in full beside its place, then moved there, the manifest last. A directory
//! without a manifest is not prepared, whatever else is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::draft::{Draft, DraftNote};
use super::error::Error;
use super::export::{Export, changed};
use super::parts::{self, patients_in_several};
use super::request::{Request, Watcher};
use super::spill::Spill;
use super::tables::Files;
use super::{mimic3, mimic4, visits};
use crate::data::prepared::{
    FORMAT, MANIFEST, Manifest, Output, PartCount, PreparedCode, PreparedNote, TABLE, TITLES, TableWriter, file_sha256,
    kind_name,
};
use crate::data::{CodeKind, PARTS, Recipe, SplitRule};
use crate::results::files;

/// Where the data set goes.
pub(super) struct Place {
    to: PathBuf,
    /// Held while this process is at work there.
    _lock: File,
}

/// The directory of what is not finished, beside the place of what is.
pub(super) struct Work(PathBuf);

const LOCK: &str = ".lock";
const WORK: &str = ".unfinished";

impl Place {
    /// Looks at the place, makes it, and keeps others off it.
    pub fn open(to: &Path, from: &Path) -> Result<Self, Error> {
        let (inside, export) = (resolved(to), resolved(from));
        if inside.starts_with(&export) {
            return Err(Error::Inside {
                to: to.to_owned(),
                from: from.to_owned(),
            });
        }
        let known = [MANIFEST, TABLE, TITLES, LOCK, WORK];
        let foreign = |entry: &fs::DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            !known.contains(&name.as_str()) && !files::is_own_temporary(&name)
        };
        if let Ok(mut entries) = fs::read_dir(to)
            && entries.any(|entry| entry.is_ok_and(|entry| foreign(&entry)))
        {
            return Err(Error::Occupied { to: to.to_owned() });
        }
        let failed = |error: files::Error| Error::write(&error.path, error.verb)(error.source);
        files::make_directory(to, true).map_err(failed)?;
        let path = to.join(LOCK);
        for place in [&path, &to.join(MANIFEST)] {
            // A link or a pipe of somebody else's: neither is followed.
            if fs::symlink_metadata(place).is_ok_and(|found| !found.is_file()) {
                return Err(Error::Occupied { to: to.to_owned() });
            }
        }
        let lock = files::create_private(&path).map_err(Error::write(&path, "write"))?;
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => Err(Error::write(to, "prepare there")(io::Error::other(
                "another process is at work on it",
            ))),
            // A file system without locks: then two processes are the user's to keep apart.
            _ => Ok(Self {
                to: to.to_owned(),
                _lock: lock,
            }),
        }
    }

    /// The manifest of what is there, if preparing again would make the same.
    ///
    /// # Errors
    /// The published list is not what the registry says.
    pub fn unchanged(
        &self,
        request: &Request<'_>,
        recipe: &Recipe,
        export: &Export,
    ) -> Result<Option<Manifest>, Error> {
        let Ok(manifest) = Manifest::read(&self.to) else {
            return Ok(None);
        };
        // The files that would be read now: one that came since counts, and so does another of the same name.
        let mut now: BTreeSet<String> = files_of(export, recipe)?
            .iter()
            .map(|path| export.shown(path))
            .collect();
        if let SplitRule::Published(name) = recipe.split() {
            let (list, _) = parts::list(request, export, name)?;
            now.extend(list.files.iter().map(|(path, ..)| path.clone()));
            let mut files = list.files.iter();
            let read_then = |sha256: &str| manifest.inputs.iter().any(|input| input.sha256 == sha256);
            if !files.all(|(_, facts, _)| read_then(&facts.sha256)) {
                return Ok(None);
            }
        }
        let then: BTreeSet<String> = manifest.inputs.iter().map(|input| input.path.clone()).collect();
        let same = then == now
            && manifest.dataset == request.dataset.name
            && manifest.recipe == *recipe
            && manifest.generated == export.generated
            && manifest.made_by.code == request.made_by.code
            && !manifest.inputs.is_empty();
        let input_is = |input: &crate::data::prepared::Input| {
            let places = [Some(export.from.as_path()), request.data].into_iter().flatten();
            let mut places = places.map(|place| place.join(&input.path));
            let Some(path) = places.find(|path| path.exists()) else {
                return false;
            };
            let length = fs::metadata(&path).map_or(0, |found| found.len());
            length == input.bytes
                && (changed(&path) == input.changed || file_sha256(&path).is_ok_and(|found| found == input.sha256))
        };
        let output_is =
            |output: &Output| file_sha256(&self.to.join(&output.file)).is_ok_and(|found| found == output.sha256);
        let outputs = [&manifest.table, &manifest.titles];
        let unchanged = same && manifest.inputs.iter().all(input_is) && outputs.into_iter().all(output_is);
        Ok(unchanged.then_some(manifest))
    }

    /// A directory to work in. What an interrupted run left there goes.
    pub fn begin(&self) -> Result<Work, Error> {
        let failed = |error: files::Error| Error::write(&error.path, error.verb)(error.source);
        let work = Work(self.to.join(WORK));
        files::remove(&work.0).map_err(failed)?;
        files::make_directory(&work.0, true).map_err(failed)?;
        Ok(work)
    }

    /// Moves what is finished to its place.
    pub fn publish(&self, work: Work, manifest: &Manifest) -> Result<(), Error> {
        let failed = |error: files::Error| Error::write(&error.path, error.verb)(error.source);
        let place = self.to.join(MANIFEST);
        // From here to the end the directory is not prepared.
        files::remove(&place).map_err(failed)?;
        for output in [&manifest.table, &manifest.titles] {
            let to = self.to.join(&output.file);
            fs::rename(work.path().join(&output.file), &to).map_err(Error::write(&to, "move the finished file to"))?;
        }
        let text =
            serde_json::to_string_pretty(manifest).map_err(|error| Error::write(&place, "write")(error.into()))?;
        files::write_atomically(&place, text.as_bytes(), true).map_err(failed)?;
        drop(work);
        Ok(())
    }
}

/// The path that a name leads to: through links as far as it exists, and by its words behind that.
fn resolved(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut found = PathBuf::new();
    for component in whole.components() {
        match component {
            std::path::Component::ParentDir => {
                found.pop();
            }
            other => found.push(other),
        }
        if let Ok(real) = fs::canonicalize(&found) {
            found = real;
        }
    }
    found
}

/// The files of an export that a recipe reads.
fn files_of(export: &Export, recipe: &Recipe) -> Result<Vec<PathBuf>, Error> {
    match recipe {
        Recipe::Mimic3(rules) => mimic3::files(export, rules).map(Files::paths),
        Recipe::Mimic4(rules) => mimic4::files(export, rules).map(Files::paths),
        Recipe::Visits(rules) => visits::files(export, rules),
    }
}

impl Work {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What stays is removed by the next run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes table and titles to the work directory.
pub(super) fn write(
    request: &Request<'_>,
    recipe: Recipe,
    export: &Export,
    mut draft: Draft,
    spill: &Spill,
    work: &Work,
    watcher: &dyn Watcher,
) -> Result<Manifest, Error> {
    let parts = part_counts(&draft);
    let (table, fingerprint) = table(&draft, spill, work, watcher)?;
    let titles = titles(&draft, work)?;
    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    let different: BTreeSet<(CodeKind, u32)> = all_codes(&draft).collect();
    for (kind, _) in different {
        *codes.entry(kind_name(kind).into()).or_default() += 1;
    }
    Ok(Manifest {
        checksum: String::new(),
        format: FORMAT,
        dataset: request.dataset.name.clone(),
        generated: export.generated,
        recipe,
        changed_rules: request.changes.to_vec(),
        made_by: request.made_by.clone(),
        inputs: std::mem::take(&mut draft.inputs),
        steps: std::mem::take(&mut draft.steps),
        parts,
        codes,
        patients_in_several_parts: patients_in_several(&draft),
        table,
        titles,
        fingerprint,
    }
    .sealed())
}

fn all_codes(draft: &Draft) -> impl Iterator<Item = (CodeKind, u32)> {
    let codes = draft.notes.iter().flat_map(|note| &note.codes);
    codes.map(|code| (code.kind, code.code))
}

fn part_counts(draft: &Draft) -> Vec<PartCount> {
    let of = |(place, name): (usize, &&str)| {
        let notes: Vec<&DraftNote> = draft
            .notes
            .iter()
            .filter(|note| note.part == Some(place as u8))
            .collect();
        let patients: BTreeSet<&str> = notes.iter().map(|note| note.subject.as_str()).collect();
        let codes = notes.iter().flat_map(|note| &note.codes);
        let different: BTreeSet<(CodeKind, u32)> = codes.map(|code| (code.kind, code.code)).collect();
        PartCount {
            name: (*name).into(),
            notes: notes.len() as u64,
            patients: patients.len() as u64,
            assignments: notes.iter().map(|note| note.codes.len() as u64).sum(),
            without_codes: notes.iter().filter(|note| note.codes.is_empty()).count() as u64,
            codes: different.len() as u64,
        }
    };
    PARTS.iter().enumerate().map(of).collect()
}

fn table(draft: &Draft, spill: &Spill, work: &Work, watcher: &dyn Watcher) -> Result<(Output, String), Error> {
    let path = work.path().join(TABLE);
    let failed = || Error::write(&path, "write");
    let output = Hashed::create(&path).map_err(failed())?;
    let mut table = TableWriter::new(output).map_err(failed())?;
    let all = draft.notes.len() as u64;
    for (row, note) in draft.notes.iter().enumerate() {
        if row % 256 == 0 {
            watcher.writing(row as u64, all);
            if watcher.stop() {
                return Err(Error::Stopped);
            }
        }
        let mut text = String::with_capacity(note.pieces.iter().map(|piece| piece.length as usize + 2).sum());
        for (index, piece) in note.pieces.iter().enumerate() {
            if index > 0 {
                text.push_str(note.separator);
            }
            spill.read(*piece, &mut text)?;
        }
        let code = |code: &super::draft::DraftCode| PreparedCode {
            code: draft.codes.name(code.code).to_owned(),
            kind: code.kind,
            order: code.order,
        };
        let part = note.part.map_or("", |part| PARTS[usize::from(part)]);
        table
            .push(PreparedNote {
                note: note.note.clone(),
                subject: note.subject.clone(),
                admission: note.admission.clone(),
                split: part.into(),
                text,
                codes: note.codes.iter().map(code).collect(),
            })
            .map_err(failed())?;
    }
    let (output, rows, fingerprint) = table.finish().map_err(failed())?;
    let (bytes, sha256) = output.finish().map_err(failed())?;
    let output = Output {
        file: TABLE.into(),
        bytes,
        sha256,
        rows,
    };
    Ok((output, fingerprint))
}

/// `codes.csv`: every code of the notes or of the export's dictionary, its title, and in how many notes of each part.
fn titles(draft: &Draft, work: &Work) -> Result<Output, Error> {
    let path = work.path().join(TITLES);
    let failed = || Error::write(&path, "write");
    let mut counts: BTreeMap<(CodeKind, &str), [u64; 3]> = BTreeMap::new();
    for (kind, code) in draft.titles.keys() {
        counts.insert((*kind, code), [0; 3]);
    }
    for note in &draft.notes {
        let Some(part) = note.part else { continue };
        for code in &note.codes {
            counts.entry((code.kind, draft.codes.name(code.code))).or_default()[usize::from(part)] += 1;
        }
    }
    let mut table = csv::Writer::from_writer(Hashed::create(&path).map_err(failed())?);
    let wrong = |error: csv::Error| Error::write(&path, "write")(io::Error::other(error));
    table
        .write_record(["code", "kind", "title", PARTS[0], PARTS[1], PARTS[2]])
        .map_err(wrong)?;
    let rows = counts.len() as u64;
    for ((kind, code), counts) in counts {
        let title = draft.titles.get(&(kind, code.to_owned())).map_or("", String::as_str);
        let counts = counts.map(|count| count.to_string());
        table
            .write_record([code, kind_name(kind), title, &counts[0], &counts[1], &counts[2]])
            .map_err(wrong)?;
    }
    let output = table
        .into_inner()
        .map_err(|error| failed()(io::Error::other(error.to_string())))?;
    let (bytes, sha256) = output.finish().map_err(failed())?;
    Ok(Output {
        file: TITLES.into(),
        bytes,
        sha256,
        rows,
    })
}

/// A file that only its owner can read, with the checksum of what is written to it.
struct Hashed {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

impl Hashed {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, files::create_private(path)?),
            digest: Sha256::new(),
            bytes: 0,
        })
    }

    /// Has it all on the disk; gives length and checksum.
    fn finish(self) -> io::Result<(u64, String)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let digest = self.digest.finalize();
        Ok((self.bytes, digest.iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
