//! Parquet that anybody may have written.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::checksum::refuse_unless_file;
use super::error::Error;

/// A table, read from its first row to its last.
pub(super) struct ParquetFile {
    pub schema: SchemaRef,
    batches: ParquetRecordBatchReader,
}

/// What is wrong with its content, in the reader's words.
pub(super) struct Damaged(pub String);

impl ParquetFile {
    /// Opens a table, to be read by batches of at most so many rows.
    ///
    /// # Errors
    /// It cannot be opened, or (the inner one) it is no Parquet file.
    pub fn open(path: &Path, batch_rows: usize) -> Result<Result<Self, Damaged>, Error> {
        refuse_unless_file(path)?;
        let file = File::open(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            what: "file",
            next: "check that it exists and may be read".into(),
            source,
        })?;
        Ok(guarded(|| {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(batch_rows);
            let schema = builder.schema().clone();
            let batches = builder.build()?;
            Ok(Self { schema, batches })
        }))
    }

    /// The next rows, `None` after the last.
    ///
    /// # Errors
    /// They are damaged.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Damaged> {
        guarded(|| Ok(self.batches.next().transpose()?))
    }
}

/// What is damaged may make the reader panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, parquet::errors::ParquetError>) -> Result<T, Damaged> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| Damaged(error.to_string())),
        Err(_) => Err(Damaged("damaged".into())),
    }
}
