//! The one way the store touches the disk. A reader sees all of a file or none of it; what was written
//! outlives a power cut; "not there" is only said where the system could look.
//!
//! Unfinished files and directories lie beside their places under names that [`is_own_temporary`] knows.
//! `weights` or `work` may be symbolic links to another disk: everything here goes through them, except
//! [`remove_directory`], which removes the link and leaves what it leads to.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

/// What the file system refused, with the next step.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: cannot {verb}: {source}. Finished cells are untouched; free space or fix the permissions and run the same command again"
)]
pub struct Error {
    /// The file or directory.
    pub path: PathBuf,
    /// What was tried: `read`, `write the record`, ...
    pub verb: &'static str,
    /// The system's own words.
    pub source: io::Error,
}

impl Error {
    /// For `map_err`: says where and what was tried.
    pub fn at(path: &Path, verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, verb, source }
    }
}

/// What the names of unfinished files and directories start with.
pub(super) const UNFINISHED: &str = ".new-";

/// Whether a name is that of an unfinished file or directory of this program. It can be removed once no
/// process is at work in the store.
pub fn is_own_temporary(name: &str) -> bool {
    // Older builds left the names to `tempfile`.
    let older = |rest: &str| rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    name.starts_with(UNFINISHED) || name.strip_prefix(".tmp").is_some_and(older)
}

/// The content of a file, `None` where there is none.
///
/// # Errors
/// Whatever keeps the system from looking: a directory that may not be entered, a loop of links, a link that
/// leads nowhere (a disk that is not mounted), a file in a directory's place.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    unless_absent(path, unless_stale(|| fs::read(path)))
}

/// Over NFS a file that another machine replaces goes stale under its reader; the new one is there.
pub(super) fn unless_stale<T>(read: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match read() {
        Err(error) if error.kind() == ErrorKind::StaleNetworkFileHandle => read(),
        answer => answer,
    }
}

/// The names in a directory with their paths, sorted by name; none where there is no such directory. A name
/// that is not Unicode comes with replacement characters, so it is no name that this program gives.
///
/// # Errors
/// As for [`read`].
pub fn list(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let Some(entries) = unless_absent(directory, fs::read_dir(directory))? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    found.sort();
    Ok(found)
}

/// `None` for an answer of "not found" that is true: no link on the way there leads nowhere.
pub(super) fn unless_absent<T>(path: &Path, answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        answer => return answer.map(Some),
    }
    for place in path.ancestors().filter(|place| !place.as_os_str().is_empty()) {
        match fs::symlink_metadata(place) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(_) => {
                return match fs::metadata(place) {
                    Err(error) if error.kind() == ErrorKind::NotFound => Err(leads_nowhere(place)),
                    Err(error) => Err(error),
                    Ok(_) => Ok(None),
                };
            }
        }
    }
    Ok(None)
}

fn leads_nowhere(link: &Path) -> io::Error {
    let target = fs::read_link(link).unwrap_or_default();
    io::Error::new(
        ErrorKind::NotFound,
        format!(
            "{} is a link to {}, which is not there (is that disk mounted?)",
            link.display(),
            target.display()
        ),
    )
}

/// Makes a directory and those above it that are missing, each so that it outlives a power cut. With
/// `private` nobody else may enter the last one, made now or before (if it is ours).
pub fn make_directory(path: &Path, private: bool) -> io::Result<()> {
    make_missing(path, private)?;
    if private {
        close_to_others(path)?;
    }
    Ok(())
}

fn make_missing(path: &Path, private: bool) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    make_missing(above, false)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    if private {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    match builder.create(path) {
        Ok(()) => sync_directory(above),
        // Another process was first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_symlink() => Err(leads_nowhere(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(ErrorKind::NotADirectory.into()),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn close_to_others(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let found = fs::metadata(directory)?;
    // SAFETY: geteuid only returns a number.
    let ours = found.uid() == unsafe { libc::geteuid() };
    if ours && found.mode() & 0o077 != 0 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes a file so that a reader sees all of it, or what was there before, and makes the directory if it is
/// missing. With `private` only we may read it.
pub fn write_atomically(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let mut unfinished = begin_file(path, private)?;
    unfinished.write_all(bytes)?;
    unfinished.as_file().sync_all()?;
    put_in_place(unfinished, path)
}

/// Like [`write_atomically`], but leaves a file that is there already alone. Returns whether it wrote.
pub fn write_new(path: &Path, bytes: &[u8], private: bool) -> io::Result<bool> {
    let mut unfinished = begin_file(path, private)?;
    unfinished.write_all(bytes)?;
    unfinished.as_file().sync_all()?;
    let written = link_new(&unfinished, bytes, path)?;
    if written {
        sync_directory(parent(path))?;
    }
    Ok(written)
}

/// An unfinished file beside the place that it is for; it goes away unless it is put there.
pub(super) fn begin_file(path: &Path, private: bool) -> io::Result<NamedTempFile> {
    let directory = parent(path);
    make_missing(directory, private)?;
    unfinished(if private { 0o600 } else { 0o666 }).tempfile_in(directory)
}

/// How unfinished files and directories are named, and what is allowed on them, less the process's umask.
fn unfinished(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).rand_bytes(12);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

fn put_in_place(unfinished: NamedTempFile, path: &Path) -> io::Result<()> {
    fs::rename(unfinished.path(), path)?;
    // Renamed: there is nothing to clean up any more.
    unfinished.keep()?;
    sync_directory(parent(path))
}

/// Gives a written file the name `path` unless that name is taken. Returns whether it did.
pub(super) fn link_new(written: &NamedTempFile, bytes: &[u8], path: &Path) -> io::Result<bool> {
    match fs::hard_link(written.path(), path) {
        Ok(()) => Ok(true),
        // Over NFS the answer to a link that was made can be lost, and the second try then says "exists".
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(has_two_names(written.as_file())),
        Err(error) if no_links_here(&error) => create_new(path, bytes, written.as_file()),
        Err(error) => Err(error),
    }
}

/// Where there are no hard links. A reader can see the file before it is written; whoever reads such files
/// must bear that.
fn create_new(path: &Path, bytes: &[u8], like: &File) -> io::Result<bool> {
    let mut file = match File::options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        file => file?,
    };
    let written = like
        .metadata()
        .and_then(|found| file.set_permissions(found.permissions()))
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = fs::remove_file(path); // The first failure is the one to tell.
        return Err(error);
    }
    Ok(true)
}

#[cfg(unix)]
fn has_two_names(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|found| found.nlink() == 2)
}

#[cfg(not(unix))]
fn has_two_names(_: &File) -> bool {
    false
}

/// File systems without hard links say so in several ways; a true refusal is refused again by what follows.
fn no_links_here(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported)
}

/// Moves a file, to another file system too; what lies at `to` is replaced.
pub fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    make_missing(parent(to), false)?;
    let mut source = File::open(from)?;
    source.sync_all()?;
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {}
        renamed => return renamed.and_then(|()| sync_directory(parent(to))),
    }
    let mut unfinished = begin_file(to, true)?;
    io::copy(&mut source, &mut unfinished)?;
    unfinished.as_file().set_permissions(source.metadata()?.permissions())?;
    unfinished.as_file().sync_all()?;
    put_in_place(unfinished, to)?;
    fs::remove_file(from)
}

/// A directory that is being filled; it goes away unless it is published.
#[derive(Debug)]
pub struct UnfinishedDirectory(TempDir);

impl UnfinishedDirectory {
    /// Where to put its files.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Begins a directory that will be published in `parent`.
pub fn begin_directory(parent: &Path) -> io::Result<UnfinishedDirectory> {
    make_missing(parent, false)?;
    unfinished(0o777).tempdir_in(parent).map(UnfinishedDirectory)
}

/// Puts a finished directory in its place, in the directory that it was begun in. If one is there already
/// (another process was first) that one stays and ours goes. Returns whether ours is in place.
pub fn publish_directory(finished: UnfinishedDirectory, to: &Path) -> io::Result<bool> {
    sync_tree(finished.path())?;
    match fs::rename(finished.path(), to) {
        Ok(()) => {
            let _ = finished.0.keep();
            sync_directory(parent(to))?;
            Ok(true)
        }
        Err(_) if to.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Moves a finished directory to its place, to another file system too. If one is there already (another process was
/// first) that one stays and ours goes.
pub fn publish(from: &Path, to: &Path) -> io::Result<()> {
    sync_tree(from)?;
    match fs::rename(from, to) {
        Ok(()) => sync_directory(parent(to)),
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let copy = begin_directory(parent(to))?;
            for (name, path) in list(from)? {
                fs::copy(&path, copy.path().join(name))?;
            }
            publish_directory(copy, to)?;
            remove_directory(from)
        }
        Err(_) if to.is_dir() => remove_directory(from),
        Err(error) => Err(error),
    }
}

fn sync_tree(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_directory(directory)
}

/// Removes a directory and what is in it, as one step for whoever looks: it gets another name first. Links
/// are removed, never followed. Nothing there is fine.
pub fn remove_directory(path: &Path) -> io::Result<()> {
    let Some(found) = unless_absent(path, fs::symlink_metadata(path))? else {
        return Ok(());
    };
    if found.is_file() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let name = crate::record::hex(&super::random::<6>()?);
    let leaving = parent(path).join(format!("{UNFINISHED}{name}"));
    match fs::rename(path, &leaving) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()), // Another process was first.
        renamed => renamed.and_then(|()| fs::remove_dir_all(&leaving)),
    }
}

/// Makes what was done in a directory outlive a power cut.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    // Only Unix can open a directory to sync it; elsewhere the system orders such writes itself.
    #[cfg(unix)]
    match File::open(directory)?.sync_all() {
        // The answer of file systems that have no such thing (CIFS, some FUSE).
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        synced => synced?,
    }
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// The directory that a path is in; that of a bare name is the working directory.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_link_that_was_made_though_its_answer_was_lost_counts_as_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let written = begin_file(&path, false).unwrap();
        fs::hard_link(written.path(), &path).unwrap(); // What the server did; it is asked for a second time.
        assert!(link_new(&written, b"", &path).unwrap());
        let late = begin_file(&path, false).unwrap();
        assert!(!link_new(&late, b"", &path).unwrap(), "another's file has the name");
    }
}
