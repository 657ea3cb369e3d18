//! Comma-separated files as hospitals export them: gigabytes, texts with line ends and quotes inside, plain or gzip,
//! columns found by the header. Read strictly (RFC 4180), in one pass and little memory.
//!
//! Not by the crate `csv`: that one takes any bytes for some table, where an export with a broken quote must be refused
//! with its line, and it looks at every byte, where long texts can be searched for the next quote.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use memchr::{memchr, memchr_iter, memchr3};

use super::error::Error;
use super::raw_file::{RawFile, RawFileFacts};

/// The longest row: what is longer is a quote that nothing closes.
const LONGEST_ROW: usize = 64 << 20;

/// A file whose header is read, and whose rows are to come.
pub struct CsvFile {
    path: PathBuf,
    source: RawFile,
    separator: u8,
    buffer: Vec<u8>,
    /// Whether the file ends with the buffer.
    ended: bool,
    /// Where the row that was given last begins, and where the next one does.
    given: usize,
    start: usize,
    /// Line of the row at `given`, from 1.
    line: u64,
    rows: u64,
    columns: Vec<String>,
    by_name: HashMap<String, usize>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    /// Whether two quotes stand for one in it.
    escaped: bool,
}

/// One row; its fields are in the order of the header.
pub struct Row<'a> {
    path: &'a Path,
    line: u64,
    bytes: &'a [u8],
    fields: &'a [Field],
}

/// What the scanner makes of the bytes at hand.
enum Scan {
    /// A row that ends before this place, where the next begins.
    Row(usize),
    /// The row goes on behind them.
    Short,
    /// What is wrong with it.
    Wrong(&'static str),
}

impl CsvFile {
    /// Opens a file and reads its header. Names of columns are taken in lower case: releases differ in theirs.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or begins with what is no header.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_separated(path, b',')
    }

    /// The same for another separator than the comma.
    ///
    /// # Errors
    /// As [`CsvFile::open`].
    pub fn open_separated(path: &Path, separator: u8) -> Result<Self, Error> {
        let mut file = Self {
            path: path.to_owned(),
            source: RawFile::open(path)?,
            separator,
            buffer: Vec::new(),
            ended: false,
            given: 0,
            start: 0,
            line: 1,
            rows: 0,
            columns: Vec::new(),
            by_name: HashMap::new(),
            fields: Vec::new(),
        };
        file.read_header()?;
        Ok(file)
    }

    fn read_header(&mut self) -> Result<(), Error> {
        while self.buffer.len() < 3 && self.more()? {}
        if self.buffer.starts_with("\u{feff}".as_bytes()) {
            self.start = 3;
        }
        let path = self.path.clone();
        let wrong = |found: String| Error::Row {
            path: path.clone(),
            row: 1,
            found,
            expected: "a header: the names of the columns, separated, each once".into(),
            next: "fetch the file again, or see that it is the one that is meant".into(),
        };
        let Some(header) = self.next_row()? else {
            return Err(wrong("an empty file".into()));
        };
        let mut columns: Vec<String> = Vec::new();
        for field in 0..header.len() {
            let name = header.text(field)?.trim().to_ascii_lowercase();
            if name.is_empty() {
                return Err(wrong(format!("column {} without a name", field + 1)));
            }
            if columns.contains(&name) {
                return Err(wrong(format!(
                    "the name of column {} again at column {}",
                    place(&columns, &name),
                    field + 1
                )));
            }
            columns.push(name);
        }
        self.by_name = columns.iter().cloned().zip(0..).collect();
        self.columns = columns;
        self.rows = 0;
        Ok(())
    }

    /// The place of a column, whatever the case of its name.
    ///
    /// # Errors
    /// There is none of that name; the message lists those that there are.
    pub fn column(&self, name: &str) -> Result<usize, Error> {
        self.optional_column(name).ok_or_else(|| Error::MissingColumn {
            path: self.path.clone(),
            name: name.into(),
            known: self.columns.clone(),
        })
    }

    /// The place of a column that a release may lack.
    pub fn optional_column(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    /// Names of the columns, in lower case.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows given so far, without the header.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the file, as it lies on disk, that were read so far.
    pub fn position(&self) -> u64 {
        self.source.position()
    }

    /// The next row, `None` after the last.
    ///
    /// # Errors
    /// The file cannot be read (a gzip that is cut off), quotes are wrong, or a row has more or fewer fields than the
    /// header.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, Error> {
        let next = loop {
            self.line += memchr_iter(b'\n', &self.buffer[self.given..self.start]).count() as u64;
            self.given = self.start;
            match self.scan() {
                Scan::Wrong(found) => {
                    return Err(self.wrong(found.into(), "quotes around whole fields only, doubled within them"));
                }
                Scan::Short if self.buffer.len() - self.start > LONGEST_ROW => {
                    let found = format!("a row of more than {} MiB", LONGEST_ROW >> 20);
                    return Err(self.wrong(found, "rows with every quote closed"));
                }
                Scan::Short => {
                    if !self.more()? {
                        if self.start == self.buffer.len() {
                            return Ok(None);
                        }
                        return Err(self.wrong(
                            "a quote that is never closed".into(),
                            "a closing quote; the file may be cut off",
                        ));
                    }
                }
                // An empty line, which editors leave at the end.
                Scan::Row(next) if self.fields.len() == 1 && self.fields[0].start == self.fields[0].end => {
                    self.start = next;
                }
                Scan::Row(next) => break next,
            }
        };
        let (found, expected) = (self.fields.len(), self.columns.len());
        if expected > 0 && found != expected {
            let found = format!("{found} {}", if found == 1 { "field" } else { "fields" });
            return Err(self.wrong(found, &format!("{expected}, as the header has")));
        }
        self.rows += 1;
        self.start = next;
        Ok(Some(Row {
            path: &self.path,
            line: self.line,
            bytes: &self.buffer,
            fields: &self.fields,
        }))
    }

    /// Reads on to the end, for the checksum of the whole file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn finish(self) -> Result<RawFileFacts, Error> {
        self.source.finish()
    }

    /// Brings more bytes behind the row that begins at `start`; false where there are none.
    fn more(&mut self) -> Result<bool, Error> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.given = 0;
        self.start = 0;
        match self.source.next_block()? {
            Some(block) if self.buffer.is_empty() => self.buffer = block,
            Some(block) => self.buffer.extend_from_slice(&block),
            None => self.ended = true,
        }
        // The last row may end with the file and no line's end.
        Ok(!self.ended || self.start < self.buffer.len())
    }

    /// Finds the fields of the row that begins at `start`.
    fn scan(&mut self) -> Scan {
        self.fields.clear();
        let bytes = self.buffer.as_slice();
        let mut at = self.start;
        if at == bytes.len() {
            return Scan::Short;
        }
        loop {
            let (field, end) = match bytes.get(at) {
                Some(b'"') => match quoted(bytes, at, self.ended) {
                    Ok(found) => found,
                    Err(scan) => return scan,
                },
                _ => match memchr3(self.separator, b'\n', b'"', &bytes[at..]) {
                    Some(found) if bytes[at + found] == b'"' => {
                        return Scan::Wrong("a quote inside a field that has none around it");
                    }
                    Some(found) => (
                        Field {
                            start: at,
                            end: at + found,
                            escaped: false,
                        },
                        at + found,
                    ),
                    None if self.ended => (
                        Field {
                            start: at,
                            end: bytes.len(),
                            escaped: false,
                        },
                        bytes.len(),
                    ),
                    None => return Scan::Short,
                },
            };
            self.fields.push(field);
            match bytes.get(end) {
                Some(&byte) if byte == self.separator => at = end + 1,
                Some(b'\r') if bytes.get(end + 1) == Some(&b'\n') => return Scan::Row(end + 2),
                Some(b'\r') if end + 1 == bytes.len() => match self.ended {
                    true => return Scan::Row(end + 1),
                    false => return Scan::Short,
                },
                Some(b'\n') => {
                    // The carriage return of the line's end is no part of an unquoted field.
                    if let Some(last) = self.fields.last_mut()
                        && last.end == end
                        && last.end > last.start
                        && bytes[last.end - 1] == b'\r'
                    {
                        last.end -= 1;
                    }
                    return Scan::Row(end + 1);
                }
                None if self.ended => return Scan::Row(end),
                None => return Scan::Short,
                Some(_) => return Scan::Wrong("something behind a closing quote"),
            }
        }
    }

    fn wrong(&self, found: String, expected: &str) -> Error {
        Error::Row {
            path: self.path.clone(),
            row: self.line as usize,
            found,
            expected: expected.into(),
            next: "fetch the file again, or correct it there".into(),
        }
    }
}

/// The field whose opening quote is at `at`, and the place behind its closing one.
fn quoted(bytes: &[u8], at: usize, ended: bool) -> Result<(Field, usize), Scan> {
    let start = at + 1;
    let mut escaped = false;
    let mut from = start;
    loop {
        let Some(found) = memchr(b'"', &bytes[from..]) else {
            return Err(Scan::Short);
        };
        let quote = from + found;
        match bytes.get(quote + 1) {
            Some(b'"') => {
                escaped = true;
                from = quote + 2;
            }
            // Whether it closes the field, the next byte tells.
            None if !ended => return Err(Scan::Short),
            _ => {
                let field = Field {
                    start,
                    end: quote,
                    escaped,
                };
                return Ok((field, quote + 1));
            }
        }
    }
}

fn place(columns: &[String], name: &str) -> usize {
    columns.iter().position(|column| column == name).unwrap_or(0) + 1
}

impl Row<'_> {
    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is none, which no row is like.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The line on which the row begins, from 1, as an editor counts.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// A field's bytes as they stand in the file: quotes inside are doubled still.
    pub fn raw(&self, field: usize) -> &[u8] {
        let Field { start, end, .. } = self.fields[field];
        &self.bytes[start..end]
    }

    /// A field as text.
    ///
    /// # Errors
    /// It is not UTF-8; the message names the line where it stops being so.
    pub fn text(&self, field: usize) -> Result<Cow<'_, str>, Error> {
        let raw = self.raw(field);
        let text = std::str::from_utf8(raw).map_err(|error| {
            let field_start = self.fields[field].start;
            let row_start = self.fields[0].start;
            let before = &self.bytes[row_start..field_start + error.valid_up_to()];
            Error::NotUtf8 {
                path: self.path.to_owned(),
                row: self.line as usize + memchr_iter(b'\n', before).count(),
            }
        })?;
        Ok(match self.fields[field].escaped {
            true => Cow::Owned(text.replace("\"\"", "\"")),
            false => Cow::Borrowed(text),
        })
    }

    /// An error about this row.
    pub fn wrong(&self, found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Row {
            path: self.path.to_owned(),
            row: self.line as usize,
            found: found.into(),
            expected: expected.into(),
            next: "correct the row or fetch the file again".into(),
        }
    }
}
