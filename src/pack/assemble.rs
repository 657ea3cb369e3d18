//! From what is packed to the bytes of an archive.

use super::archive::zip;
use super::cell::PackedCell;
use super::contents::{CARGO_LOCK, ENVIRONMENT, LOCK, METADATA, Pack, README, REPRODUCE, SUITE, SUMS};
use super::croissant;
use super::environment::environments;
use super::metadata::metadata;
use super::packed_file::PackedFile;
use super::readme::readme;
use crate::published::built_in_files;

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of it cannot be spelled as JSON.
    #[error("{file}: {source}. Nothing was written")]
    Json {
        /// Its place in the archive.
        file: &'static str,
        /// The writer's own words.
        source: serde_json::Error,
    },
    /// More than such an archive holds.
    #[error("the archive: {0}. Nothing was written; pack fewer cells")]
    Zip(#[from] zip::result::ZipError),
}

impl Pack<'_> {
    /// The archive's bytes.
    ///
    /// # Errors
    /// It would be larger than a zip archive can be.
    pub fn archive(&self) -> Result<Vec<u8>, Error> {
        let mut files = self.files()?;
        let described = json(METADATA, &metadata(self, &files))?;
        files.push(described);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let sums: String = files
            .iter()
            .map(|file| format!("{}  {}\n", file.sha256(), file.path))
            .collect();
        files.push(PackedFile::new(SUMS, sums, ""));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(zip(&files)?)
    }

    /// Every file but the two that describe the others, in the order of their paths.
    fn files(&self) -> Result<Vec<PackedFile>, Error> {
        let mut files = vec![
            PackedFile::new(README, readme(self), "What this archive holds, and how to check it"),
            PackedFile::new(SUITE, self.suite, format!("The suite {}", self.name)),
            PackedFile::new("datasets.toml", self.registry, "The registry of data sets"),
            PackedFile::new("REPRODUCE.md", REPRODUCE, "Which number, which command, what it needs"),
            PackedFile::new(LOCK, CARGO_LOCK, "Versions of all packages of the program"),
            json(ENVIRONMENT, &environments(self.records()))?,
            PackedFile {
                path: croissant::path(self.dataset),
                title: format!("Croissant description of the data set {}", self.dataset.name),
                ..json("croissant", &croissant::describe(self))?
            },
        ];
        let published = built_in_files();
        files.extend(published.map(|(name, text)| {
            PackedFile::new(
                format!("baselines/{name}"),
                text,
                "Of the registry of published numbers",
            )
        }));
        let report = self.report.iter();
        files.extend(
            report.map(|(name, bytes)| PackedFile::new(format!("report/{name}"), bytes.clone(), "Of the report")),
        );
        files.extend(self.cells.iter().flat_map(PackedCell::files));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        // Runs of equal settings have one record.
        files.dedup_by(|a, b| a.path == b.path);
        Ok(files)
    }
}

/// A file of JSON.
fn json(path: &'static str, value: &serde_json::Value) -> Result<PackedFile, Error> {
    let mut text = serde_json::to_string_pretty(value).map_err(|source| Error::Json { file: path, source })?;
    text.push('\n');
    let title = match path {
        ENVIRONMENT => "The programs and machines that made the records",
        _ => "",
    };
    Ok(PackedFile::new(path, text, title))
}
