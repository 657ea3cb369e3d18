//! What can be wrong with data, as cases that a caller decides upon: an uncoded part becomes a
//! skipped cell, missing data a hint where to get it, everything else stops the run.
//!
//! No message carries note text, codes or note ids: files are named by path and row, notes by
//! their position in a part, because credentialed data may not leave the process.

use std::path::PathBuf;

use super::role::Role;

/// Everything that reading, checking or dividing a data set can report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry has no data set of that name.
    #[error(
        "{origin}: no data set is named `{name}`; known are {known}: use one of these or add a [[dataset]] entry",
        known = quoted(known)
    )]
    UnknownDataset {
        /// The name that was asked for.
        name: String,
        /// Path of the registry that was searched, or `datasets.toml (built in)`.
        origin: String,
        /// Every name that the registry has, in its order.
        known: Vec<String>,
    },
    /// The registry has no published list of that name.
    #[error(
        "{origin}: no split is named `{name}`; known are {known}: use one of these or add a [split.NAME] entry",
        known = quoted(known)
    )]
    UnknownSplit {
        /// The name that was asked for.
        name: String,
        /// Path of the registry that was searched, or `datasets.toml (built in)`.
        origin: String,
        /// Every name that the registry has.
        known: Vec<String>,
    },
    /// A published list is not in the data directory.
    #[error(
        "split `{name}`: found no copy of the published list in the data directory, expected {path}, say; get it from \
         {source_address}, and pass --data DIR or set ICDBENCH_DATA"
    )]
    NoSplit {
        /// Its name in the registry.
        name: String,
        /// Where the first file of the first copy would be, relative to the data directory.
        path: String,
        /// Where to get it.
        source_address: String,
    },
    /// A table lacks a column.
    #[error(
        "{path}: found no column `{name}`, expected it beside {known}; see that the file is the one that is meant, and of \
         the right version", path = path.display(), known = columns(known)
    )]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// The column, in lower case.
        name: String,
        /// Those that it has, in lower case.
        known: Vec<String>,
    },
    /// A directory does not hold what preparing leaves.
    #[error("{path}: found {found}, expected what `icdbench data prepare` writes; prepare it again", path = path.display())]
    NotPrepared {
        /// The file in the directory.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// A data set was prepared by other rules than a suite says.
    #[error(
        "{path}: it was prepared by {found}, and the suite means {expected}; prepare it by these, or name the rules in \
         [data.prepared] of the suite: rules = [...]", path = path.display()
    )]
    OtherRules {
        /// The manifest.
        path: PathBuf,
        /// The rules that are not the registry's, there.
        found: String,
        /// The same, in the suite.
        expected: String,
    },
    /// The registry file is not TOML of the expected shape; the source has line and column.
    #[error("{origin}: not a valid data set registry; correct the entry shown below")]
    RegistrySyntax {
        /// Path of the registry, or `datasets.toml (built in)`.
        origin: String,
        /// The parser's report with line, column and the expected keys.
        #[source]
        source: toml::de::Error,
    },
    /// The registry file parses, and an entry contradicts another or itself.
    #[error("{origin}: data set `{dataset}`: found {found}, expected {expected}")]
    RegistryEntry {
        /// Path of the registry, or `datasets.toml (built in)`.
        origin: String,
        /// The data set whose entry is wrong.
        dataset: String,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// The data set is read from files, and no data directory was named.
    #[error(
        "data set `{dataset}` is read from files and no data directory was given: pass --data DIR or set ICDBENCH_DATA; to get the data: {obtain}"
    )]
    NoDataDirectory {
        /// Its name in the registry.
        dataset: String,
        /// Whether access needs credentials (a data use agreement).
        credentialed: bool,
        /// Where the data comes from, with its licence.
        obtain: String,
    },
    /// The data directory that was named is not a directory.
    #[error(
        "data set `{dataset}`: the data directory {path} is not a directory: correct --data DIR or ICDBENCH_DATA; to get the data: {obtain}",
        path = path.display()
    )]
    DataDirectoryMissing {
        /// Its name in the registry.
        dataset: String,
        /// The directory that was named.
        path: PathBuf,
        /// Whether access needs credentials (a data use agreement).
        credentialed: bool,
        /// Where the data comes from, with its licence.
        obtain: String,
    },
    /// A file or a directory cannot be read.
    #[error("{path}: cannot read this {what}; {next}", path = path.display())]
    Read {
        /// As it was opened.
        path: PathBuf,
        /// `file` or `directory`.
        what: &'static str,
        /// What the user can do.
        next: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file's bytes are not those the registry lists.
    #[error(
        "{path}: found sha256 {found}, expected {expected}; fetch the file again, or update the registry if the release has changed",
        path = path.display()
    )]
    Checksum {
        /// As it was opened.
        path: PathBuf,
        /// SHA-256 that the registry lists, in hexadecimal.
        expected: String,
        /// SHA-256 of what was read.
        found: String,
    },
    /// A file has another number of rows, or a folder of files, than the registry lists.
    #[error(
        "{path}: found {found} {unit}, expected {expected}; fetch it again, or update the registry if the release has changed",
        path = path.display()
    )]
    Count {
        /// The table or the folder whose rows or files were counted.
        path: PathBuf,
        /// What is counted: `rows` or `files`.
        unit: &'static str,
        /// How many the registry lists.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A row of a table cannot be used.
    #[error("{path}, row {row}: found {found}, expected {expected}; {next}", path = path.display())]
    Row {
        /// The table, as it was opened.
        path: PathBuf,
        /// The row, counted from 1 (as an editor counts lines).
        row: usize,
        /// What stands there, without quoting it.
        found: String,
        /// What should stand there.
        expected: String,
        /// What the user can do.
        next: String,
    },
    /// A text, a table or a registry is not UTF-8.
    #[error(
        "{path}, row {row}: found bytes that are not UTF-8, expected UTF-8 text; fetch the file again or convert it",
        path = path.display()
    )]
    NotUtf8 {
        /// As it was opened.
        path: PathBuf,
        /// The line of the first bad byte, counted from 1.
        row: usize,
    },
    /// A note's file has no text.
    #[error(
        "{path}: found a note without text, expected at least one word; fetch the file again or remove the note",
        path = path.display()
    )]
    EmptyNote {
        /// The text file, as it was opened.
        path: PathBuf,
    },
    /// Something lies among the note files that is not a note.
    #[error(
        "{path}: found something other than a note, expected only files named ID.txt in this folder; move it elsewhere",
        path = path.display()
    )]
    NotANote {
        /// What lies there, as it was found.
        path: PathBuf,
    },
    /// Two notes carry the same id.
    #[error(
        "data set `{dataset}`: note {second_position} of part `{second_part}` has the same id as note {first_position} of part `{first_part}` (counted in id order), expected every id once; remove one of the two"
    )]
    DuplicateNote {
        /// Its name in the registry.
        dataset: String,
        /// The part that has the id first.
        first_part: String,
        /// Position of the note there, counted from 1 in id order.
        first_position: usize,
        /// Name of the part that has the id again; it may be the first.
        second_part: String,
        /// Position of the note there, counted from 1 in id order.
        second_position: usize,
    },
    /// The data set has no part of that name.
    #[error(
        "data set `{dataset}` has no part `{name}` for {role}; its parts are {known}",
        known = quoted(known)
    )]
    UnknownPart {
        /// Its name in the registry.
        dataset: String,
        /// The role the part was named for.
        role: Role,
        /// The name that was asked for.
        name: String,
        /// Names of the parts that the data set has, in its order.
        known: Vec<String>,
    },
    /// One part was given two roles.
    #[error(
        "part `{part}` is named for {first} and for {second}; name two different parts, or split the validation notes off the training part with `fraction-of-train`"
    )]
    PartInTwoRoles {
        /// Its name in the data set, such as `dev`.
        part: String,
        /// The earlier of its two roles, in the order fit, validation, evaluation.
        first: Role,
        /// The later one, which must share nothing with it.
        second: Role,
    },
    /// The part has texts and no codes, so that nothing can be fitted or scored on it.
    #[error("part `{part}` has no codes: {reason}")]
    Uncoded {
        /// Its name in the data set, such as `dev`.
        part: String,
        /// Why it has none and what to do.
        reason: String,
    },
    /// A note, or a patient, stands in two roles.
    #[error(
        "{count} of the notes for {left} share a note id or a patient with the notes for {right} (first: note {left_position} of the former, note {right_position} of the latter), expected none: what is tuned or scored on must not enter a fit step; correct the division"
    )]
    SharedNotes {
        /// The earlier of the two roles, in the order fit, validation, evaluation.
        left: Role,
        /// The later one, which must share nothing with it.
        right: Role,
        /// How many notes of the left role are concerned.
        count: usize,
        /// Position of the first of them, counted from 1.
        left_position: usize,
        /// Position of its counterpart, counted from 1.
        right_position: usize,
    },
    /// The settings ask to be told when a note has no codes, and one has none.
    #[error(
        "{count} of {total} notes for {role} have no code {scope} (first: note {position}), and notes-without-codes = \"refuse\"; choose \"drop\" or \"keep\", or correct the codes"
    )]
    NotesWithoutCodes {
        /// What these notes are for.
        role: Role,
        /// How many notes have none.
        count: usize,
        /// How many notes the role has, these included.
        total: usize,
        /// Position of the first, counted from 1.
        position: usize,
        /// `at all` or `in the label set`.
        scope: &'static str,
    },
    /// A filter left no note for a role.
    #[error(
        "no note is left for {role}: there were {before}, and {filter} removed them all; choose a part with notes, other codes, a wider label rule or notes-without-codes = \"keep\""
    )]
    NoNotesLeft {
        /// What these notes are for.
        role: Role,
        /// How many notes there were before the filter.
        before: usize,
        /// The setting that removed them, in words.
        filter: &'static str,
    },
    /// More of a role's notes, or of their codes, than is let through.
    #[error(
        "{found} of {total} {what}; at most a share of {limit} is let through: {next}. If it is meant so, write `{key} = \
         {needed}` under [limits] of the suite"
    )]
    TooMany {
        /// How many.
        found: u64,
        /// Of how many.
        total: u64,
        /// Notes or pairs of which role, and what is the matter with them.
        what: String,
        /// The share that is let through, 0 to 1.
        limit: f64,
        /// What it does to scores, and what to look at.
        next: &'static str,
        /// The key of the limit in a suite's `[limits]`.
        key: &'static str,
        /// The least limit that would let it through.
        needed: f64,
    },
    /// A file of predictions, as a whole, does not go with the notes that are scored.
    #[error("{path}: found {found}, expected {expected}; {next}", path = path.display())]
    Predictions {
        /// The file, as it was opened.
        path: PathBuf,
        /// What is there, in counts.
        found: String,
        /// What should be there.
        expected: String,
        /// What the user can do.
        next: String,
    },
    /// A setting has a value that cannot be used.
    #[error("setting `{key}`: found {found}, expected {expected}")]
    Setting {
        /// The key as the suite writes it.
        key: &'static str,
        /// The value as the suite writes it.
        found: String,
        /// The values that can be used.
        expected: String,
    },
    /// The generator of synthetic notes refused its settings.
    #[error("the synthetic data set cannot be generated; correct [data.synthetic]")]
    Synthetic(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The error of one file with another place in its stead; others stay as they are.
    pub(super) fn at(mut self, place: PathBuf) -> Self {
        if let Self::Read { path, .. }
        | Self::NotUtf8 { path, .. }
        | Self::EmptyNote { path }
        | Self::NotANote { path } = &mut self
        {
            *path = place;
        }
        self
    }
}

/// Names that some table's header has: where none of them is there, the first line may be a note.
const NAMES: [&str; 21] = [
    "row_id",
    "subject_id",
    "hadm_id",
    "patient_id",
    "visit_id",
    "note_id",
    "id",
    "text",
    "note",
    "category",
    "chartdate",
    "seq_num",
    "icd9_code",
    "icd_code",
    "long_title",
    "code",
    "codes",
    "labels",
    "split",
    "title",
    "time",
];

/// The columns of a table for a message, if its first line is a header; else how many there are, as they may be words of a
/// note and identifiers.
fn columns(names: &[String]) -> String {
    let plain = |name: &String| {
        name.len() <= 40
            && !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
    };
    let is_header = names.iter().any(|name| NAMES.contains(&name.to_lowercase().as_str()));
    match names.len() {
        0 => "others, in a file that has none".into(),
        _ if is_header && names.iter().all(plain) => quoted(names),
        count => format!("{count} columns (their names are not shown: the first line may be no header)"),
    }
}

/// `a`, `b`, `c` in backquotes.
fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
