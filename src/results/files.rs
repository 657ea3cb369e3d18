//! What stages, records and checkpoints do with files: the functions of [`super::disk`], whose failures name the
//! place and the next step.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{self, UnfinishedDirectory};
pub use super::disk::{Error, is_own_temporary};

/// See [`disk::make_directory`].
///
/// # Errors
/// The directory cannot be made.
pub fn make_directory(path: &Path, private: bool) -> Result<(), Error> {
    disk::make_directory(path, private).map_err(Error::at(path, "make the directory"))
}

/// See [`disk::write_atomically`].
///
/// # Errors
/// The file cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8], private: bool) -> Result<(), Error> {
    disk::write_atomically(path, bytes, private).map_err(Error::at(path, "write"))
}

/// See [`disk::read`].
///
/// # Errors
/// The system could not look, or the file cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    disk::read(path).map_err(Error::at(path, "read"))
}

/// See [`disk::list`].
///
/// # Errors
/// The directory cannot be entered.
pub fn list(path: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    disk::list(path).map_err(Error::at(path, "list"))
}

/// See [`disk::begin_directory`].
///
/// # Errors
/// The directory cannot be made.
pub fn begin_directory(parent: &Path) -> Result<UnfinishedDirectory, Error> {
    disk::begin_directory(parent).map_err(Error::at(parent, "make a directory in"))
}

/// Creates a file that only its owner can read, in the place of what was there.
///
/// # Errors
/// The system's own words.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Moves a finished directory to its place, on another file system too. Where another process was first, its directory
/// stays and this one goes.
///
/// # Errors
/// The directory cannot be moved or copied.
pub fn publish_directory(from: &Path, to: &Path) -> Result<(), Error> {
    disk::publish(from, to).map_err(Error::at(to, "move the finished files to"))
}

/// Removes a file or a directory with all in it; nothing there is fine.
///
/// # Errors
/// It cannot be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::at(path, "remove")),
        },
        _ => remove_directory(path),
    }
}

/// See [`disk::remove_directory`].
///
/// # Errors
/// It cannot be removed.
pub fn remove_directory(path: &Path) -> Result<(), Error> {
    disk::remove_directory(path).map_err(Error::at(path, "remove"))
}
