//! The tab-separated tables of CodiEsp, which have no header and no quoting. Every row is checked
//! against the texts, and evidence rows against the codes; what is wrong is named by row only. What editors and
//! spreadsheets add without changing a table is read over: a byte order mark, other line ends, empty rows, tabs and
//! spaces at the ends of fields.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use super::error::Error;
use super::note::{CodeKind, Evidence};

const FETCH_AGAIN: &str = "correct the row or fetch the file again";

/// A row of a `D` or `P` table.
pub(super) struct CodeRow {
    /// Id of the note that it is about.
    pub note: String,
    /// The code in upper case.
    pub code: String,
}

/// A row of an `X` table.
pub(super) struct EvidenceRow {
    /// Id of the note that it is about.
    pub note: String,
    /// The code with its spans.
    pub evidence: Evidence,
}

/// Where a row stands, to report what is wrong with it.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    row: usize,
}

impl Place<'_> {
    fn wrong(self, found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Row {
            path: self.path.to_path_buf(),
            row: self.row,
            found: found.into(),
            expected: expected.into(),
            next: FETCH_AGAIN.into(),
        }
    }
}

/// Reads `articleID <TAB> code`; every pair must be there once.
pub(super) fn code_rows(table: &str, path: &Path, texts: &BTreeMap<String, String>) -> Result<Vec<CodeRow>, Error> {
    let mut rows = Vec::new();
    let mut first_row: HashMap<(String, String), usize> = HashMap::new();
    for (row, line) in rows_of(table) {
        let place = Place { path, row };
        let [note, code] = fields(line, place, "a note id and a code")?;
        check_note(note, table, texts, place)?;
        let code = checked_code(code, place)?;
        if let Some(first) = first_row.insert((note.into(), code.clone()), place.row) {
            let found = format!("the note and code of row {first} again");
            return Err(place.wrong(found, "every code of a note once"));
        }
        let note = note.to_string();
        rows.push(CodeRow { note, code });
    }
    Ok(rows)
}

/// Reads `articleID <TAB> DIAGNOSTICO|PROCEDIMIENTO <TAB> code <TAB> reference <TAB> offsets`.
///
/// Rows of the `kinds` that were read must name a code that the note has. Empty spans, which the
/// release has beside others in four rows, are left out.
pub(super) fn evidence_rows(
    table: &str,
    path: &Path,
    texts: &BTreeMap<String, String>,
    kinds: &[CodeKind],
    codes: &BTreeMap<(String, CodeKind), Vec<String>>,
) -> Result<Vec<EvidenceRow>, Error> {
    let lengths: HashMap<&str, usize> = texts
        .iter()
        .map(|(id, text)| (id.as_str(), text.chars().count()))
        .collect();
    let known: BTreeSet<(&str, CodeKind, &str)> = codes
        .iter()
        .flat_map(|((note, kind), codes)| codes.iter().map(|c| (note.as_str(), *kind, c.as_str())))
        .collect();
    let mut rows = Vec::new();
    for (row, line) in rows_of(table) {
        let place = Place { path, row };
        let columns = "a note id, a kind, a code, the reference text and offsets";
        let [note, kind, code, _reference, offsets] = fields(line, place, columns)?;
        check_note(note, table, texts, place)?;
        let kind = match kind {
            "DIAGNOSTICO" => CodeKind::Diagnosis,
            "PROCEDIMIENTO" => CodeKind::Procedure,
            _ => return Err(place.wrong("another kind", "DIAGNOSTICO or PROCEDIMIENTO")),
        };
        let code = checked_code(code, place)?;
        if kinds.contains(&kind) && !known.contains(&(note, kind, &code)) {
            let expected = "only evidence for codes in the note's code table";
            return Err(place.wrong("a code that the note does not have", expected));
        }
        let spans = spans(offsets, lengths[note], place)?;
        let note = note.to_string();
        let evidence = Evidence { code, kind, spans };
        rows.push(EvidenceRow { note, evidence });
    }
    Ok(rows)
}

/// The rows that say something, each with its number.
fn rows_of(table: &str) -> impl Iterator<Item = (usize, &str)> {
    let table = table.strip_prefix('\u{feff}').unwrap_or(table);
    let rows = table.lines().enumerate().map(|(index, line)| (index + 1, line));
    rows.filter(|(_, line)| !line.trim().is_empty())
}

fn fields<'a, const N: usize>(line: &'a str, place: Place<'_>, columns: &str) -> Result<[&'a str; N], Error> {
    let mut found: Vec<&str> = line.split('\t').map(str::trim).collect();
    while found.len() > N && found.last().is_some_and(|field| field.is_empty()) {
        found.pop();
    }
    let count = found.len();
    let unit = if count == 1 { "field" } else { "fields" };
    found.try_into().map_err(|_| {
        let expected = format!("{N} fields separated by tabs ({columns})");
        place.wrong(format!("{count} {unit}"), expected)
    })
}

fn check_note(id: &str, table: &str, texts: &BTreeMap<String, String>, place: Place<'_>) -> Result<(), Error> {
    if texts.contains_key(id) {
        return Ok(());
    }
    let first = |line: &str| line.split('\t').next().is_some_and(|id| texts.contains_key(id.trim()));
    let mut rows = rows_of(table);
    let is_first = rows.next().is_some_and(|(row, _)| row == place.row);
    if is_first && rows.next().is_some_and(|(_, line)| first(line)) {
        let found = "a header row (no note is called so, and the next row's note is there)";
        return Err(place.wrong(found, "rows of notes from the first line on; delete the header"));
    }
    Err(place.wrong(
        "a note without a text file in this part",
        "only notes that have ID.txt in the part's text folder",
    ))
}

fn checked_code(code: &str, place: Place<'_>) -> Result<String, Error> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    if code.is_empty() || !code.bytes().all(letters) {
        return Err(place.wrong("something other than a code", "letters, digits and dots only"));
    }
    Ok(code.to_ascii_uppercase())
}

/// Parses `start end;start end`, in characters; `length` is that of the note.
fn spans(offsets: &str, length: usize, place: Place<'_>) -> Result<Vec<Range<usize>>, Error> {
    let mut spans = Vec::new();
    for pair in offsets.split(';') {
        let numbers: Option<Vec<usize>> = pair.split(' ').map(|n| n.parse().ok()).collect();
        let Some(&[start, end]) = numbers.as_deref() else {
            let expected = "offsets as `start end`, several separated by `;`";
            return Err(place.wrong("offsets of another form", expected));
        };
        if start > end || end > length {
            let found = format!("the span {start} {end}");
            return Err(place.wrong(found, format!("a span inside the note's {length} characters")));
        }
        if start < end {
            spans.push(start..end);
        }
    }
    if spans.is_empty() {
        return Err(place.wrong("only empty spans", "at least one span with text"));
    }
    Ok(spans)
}
