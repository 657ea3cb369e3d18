//! A CSV file being filled, and how cells and numbers are spelled in it.

use super::escape;
use super::spread::Spread;
use crate::record::{Record, Unfinished};

/// Headings of what identifies a cell.
pub const CELL: [&str; 11] = [
    "dataset",
    "labels",
    "evaluation-part",
    "model",
    "run",
    "length",
    "seed",
    "device",
    "precision",
    "key",
    // Why its model had not finished learning; empty where it had.
    "unfinished",
];

/// The values under [`CELL`].
pub fn cell_fields(record: &Record) -> Vec<String> {
    let cell = &record.cell;
    let parts = [
        &cell.dataset,
        &cell.labels,
        &cell.evaluation_part,
        &cell.model,
        &cell.run,
    ];
    let mut fields: Vec<String> = parts.into_iter().cloned().collect();
    fields.extend([cell.length.to_string(), cell.seed.to_string()]);
    fields.extend([cell.device.clone(), cell.precision.clone(), record.key.clone()]);
    fields.push(unfinished(record));
    fields
}

/// Why a record's model had not finished learning; empty where it had.
pub fn unfinished(record: &Record) -> String {
    let unfinished = record.outcome.as_ref().and_then(|outcome| outcome.unfinished);
    unfinished.map_or("", Unfinished::word).to_owned()
}

/// Rows of equal width under their headings; widths are the caller's.
pub struct Sheet {
    writer: csv::Writer<Vec<u8>>,
}

impl Sheet {
    /// A sheet with its headings.
    pub fn new<T: AsRef<[u8]>>(headings: impl IntoIterator<Item = T>) -> Result<Self, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(headings)?;
        Ok(Self { writer })
    }

    pub fn row(&mut self, fields: Vec<String>) -> Result<(), csv::Error> {
        self.writer.write_record(fields.into_iter().map(escape::csv))
    }

    pub fn bytes(self) -> Result<Vec<u8>, csv::Error> {
        self.writer.into_inner().map_err(|error| error.into_error().into())
    }
}

/// Mean, standard deviation and count; empty where absent.
pub fn spread(value: Option<Spread>) -> [String; 3] {
    [
        number(value.map(|value| value.mean)),
        number(value.and_then(|value| value.sd)),
        value.map(|value| value.n.to_string()).unwrap_or_default(),
    ]
}

/// The ends of its interval; empty where absent.
pub fn interval(value: Option<Spread>) -> [String; 2] {
    let ends = value.and_then(|value| value.interval);
    [number(ends.map(|ends| ends.0)), number(ends.map(|ends| ends.1))]
}

/// The shortest decimal that reads back as the same number; empty for none.
pub fn number(value: Option<f64>) -> String {
    value
        .filter(|value| value.is_finite())
        .map(|value| value.to_string())
        .unwrap_or_default()
}
