//! Tables as the releases write them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::super::patient::Part;
use super::admission::Admission;

/// A table that is being written.
pub(super) struct Table(BufWriter<File>);

/// A field of a row.
pub(super) enum Field<'a> {
    Number(u64),
    /// Nothing at all.
    Missing,
    /// Between quotes.
    Text(&'a str),
    /// As it is.
    Bare(&'a str),
}

impl Table {
    pub fn create(path: &Path, columns: &[&str]) -> io::Result<Self> {
        let mut table = Self(BufWriter::with_capacity(1 << 20, File::create(path)?));
        let columns: Vec<Field<'_>> = columns.iter().map(|column| Field::Bare(column)).collect();
        table.row(&columns)?;
        Ok(table)
    }

    pub fn row(&mut self, fields: &[Field<'_>]) -> io::Result<()> {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.0.write_all(b",")?;
            }
            match field {
                Field::Number(number) => write!(self.0, "{number}")?,
                Field::Missing => {}
                Field::Bare(text) => self.0.write_all(text.as_bytes())?,
                Field::Text(text) => {
                    self.0.write_all(b"\"")?;
                    for (index, piece) in text.split('"').enumerate() {
                        if index > 0 {
                            self.0.write_all(b"\"\"")?;
                        }
                        self.0.write_all(piece.as_bytes())?;
                    }
                    self.0.write_all(b"\"")?;
                }
            }
        }
        self.0.write_all(b"\n")
    }

    /// A row of the list of parts.
    pub fn listed(&mut self, admission: &Admission) -> io::Result<()> {
        let part = match admission.part {
            Part::Train => "train",
            Part::Dev => "dev",
            Part::Test => "test",
        };
        match admission.reports.is_empty() {
            true => Ok(()),
            false => self.row(&[Field::Number(admission.admission.into()), Field::Bare(part)]),
        }
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}
