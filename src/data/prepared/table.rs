//! The table of prepared notes: Parquet, a row a note. Columns: `note_id`, `subject_id`, `admission_id`, `split`, `text`
//! (strings), and `codes`, a list of {`code`, `kind`, `order`}, in the order of the admission's own list. Rows stand in
//! the order of their ids.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{JoinHandle, ScopedJoinHandle};

use arrow_array::builder::{ListBuilder, StringBuilder, StructBuilder, UInt32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::data::checksum::Fingerprint;
use crate::data::error::Error;
use crate::data::note::CodeKind;
use crate::data::parquet_file::{Damaged, ParquetFile};

/// The file's name in a prepared directory.
pub const TABLE: &str = "notes.parquet";

/// Texts of so many bytes are written together.
const GROUP_BYTES: usize = 32 << 20;
/// Or so many rows.
const GROUP_ROWS: usize = 1 << 16;
/// Groups that are compressed at once.
const ENCODERS: usize = 3;
/// Rows that are read together.
const BATCH_ROWS: usize = 1024;

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreparedNote {
    /// The note's own identifier: the admission's, where a note is an admission's.
    pub note: String,
    /// The patient.
    pub subject: String,
    /// The hospital stay or visit.
    pub admission: String,
    /// `train`, `dev` or `test`.
    pub split: String,
    /// As it came, but for what the recipe did to it.
    pub text: String,
    /// In the order of the admission's list.
    pub codes: Vec<PreparedCode>,
}

/// A code of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedCode {
    /// As it is written after preparation.
    pub code: String,
    /// Which table it is from.
    pub kind: CodeKind,
    /// Its place in the admission's list of that kind, as the source numbers it; 0 where it has no number.
    pub order: u32,
}

/// How kinds are written.
pub fn kind_name(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::Diagnosis => "diagnosis",
        CodeKind::Procedure => "procedure",
    }
}

fn code_fields() -> Fields {
    Fields::from(vec![
        Field::new("code", DataType::Utf8, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("order", DataType::UInt32, false),
    ])
}

fn schema() -> Schema {
    let string = |name: &str| Field::new(name, DataType::Utf8, false);
    let code = Field::new("item", DataType::Struct(code_fields()), false);
    Schema::new(vec![
        string("note_id"),
        string("subject_id"),
        string("admission_id"),
        string("split"),
        string("text"),
        Field::new("codes", DataType::List(Arc::new(code)), false),
    ])
}

/// Writes rows, and takes their fingerprint. Other threads compress what is written: that takes as long as all the rest.
pub struct TableWriter<W: Write + Send + 'static> {
    groups: Option<SyncSender<Vec<PreparedNote>>>,
    writer: Option<JoinHandle<Result<W, io::Error>>>,
    waiting: Vec<PreparedNote>,
    waiting_bytes: usize,
    fingerprint: Fingerprint,
    rows: u64,
}

impl<W: Write + Send + 'static> TableWriter<W> {
    /// A table without rows.
    ///
    /// # Errors
    /// The system's own words.
    pub fn new(output: W) -> Result<Self, io::Error> {
        let schema = Arc::new(schema());
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // Every text is another: a dictionary of them would be all of them.
            .set_column_dictionary_enabled("text".into(), false)
            .set_column_dictionary_enabled("note_id".into(), false)
            .set_column_statistics_enabled("text".into(), EnabledStatistics::None)
            .set_created_by("icdbench".into())
            .build();
        let writer = ArrowWriter::try_new(output, schema.clone(), Some(properties)).map_err(io::Error::other)?;
        let (groups, received) = sync_channel::<Vec<PreparedNote>>(1);
        let write = move || write_groups(writer, &schema, received);
        Ok(Self {
            groups: Some(groups),
            writer: Some(std::thread::Builder::new().name("table".into()).spawn(write)?),
            waiting: Vec::new(),
            waiting_bytes: 0,
            fingerprint: Fingerprint::new("icdbench prepared notes 1"),
            rows: 0,
        })
    }

    /// Adds a row; they come in the order of their ids.
    ///
    /// # Errors
    /// The system's own words, perhaps of an earlier row.
    pub fn push(&mut self, note: PreparedNote) -> Result<(), io::Error> {
        add(&mut self.fingerprint, &note);
        self.rows += 1;
        self.waiting_bytes += note.text.len();
        self.waiting.push(note);
        match self.waiting_bytes >= GROUP_BYTES || self.waiting.len() >= GROUP_ROWS {
            true => self.write_group(),
            false => Ok(()),
        }
    }

    fn write_group(&mut self) -> Result<(), io::Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.waiting_bytes = 0;
        let group = std::mem::take(&mut self.waiting);
        let sent = self.groups.as_ref().is_some_and(|groups| groups.send(group).is_ok());
        match sent {
            true => Ok(()),
            false => self.ended().map(|_| ()),
        }
    }

    /// What the other thread came to.
    fn ended(&mut self) -> Result<W, io::Error> {
        self.groups = None;
        let joined = self.writer.take().and_then(|writer| writer.join().ok());
        joined.unwrap_or_else(|| Err(io::Error::other("writing the table ended early")))
    }

    /// Ends the file; gives what it was written to, the number of rows and their fingerprint.
    ///
    /// # Errors
    /// The system's own words.
    pub fn finish(mut self) -> Result<(W, u64, String), io::Error> {
        self.write_group()?;
        let output = self.ended()?;
        Ok((output, self.rows, self.fingerprint.finish()))
    }
}

/// Writes groups in the order in which they come, while the next ones are compressed.
fn write_groups<W: Write + Send>(
    writer: ArrowWriter<W>,
    schema: &Arc<Schema>,
    received: Receiver<Vec<PreparedNote>>,
) -> Result<W, io::Error> {
    let (mut writer, columns) = writer.into_serialized_writer().map_err(io::Error::other)?;
    let columns = &columns;
    let mut append = |encoded: Encoded| -> Result<(), parquet::errors::ParquetError> {
        let mut group = writer.next_row_group()?;
        for chunk in encoded? {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    };
    let oldest = |at_work: &mut VecDeque<ScopedJoinHandle<'_, Encoded>>| {
        let joined = at_work.pop_front().map(ScopedJoinHandle::join);
        joined.map(|joined| joined.map_err(|_| io::Error::other("compressing a part of the table ended early")))
    };
    std::thread::scope(|scope| -> Result<(), io::Error> {
        let mut at_work = VecDeque::new();
        for (place, group) in received.into_iter().enumerate() {
            at_work.push_back(scope.spawn(move || encoded(columns, schema, group, place)));
            if at_work.len() == ENCODERS
                && let Some(encoded) = oldest(&mut at_work)
            {
                append(encoded?).map_err(io::Error::other)?;
            }
        }
        while let Some(encoded) = oldest(&mut at_work) {
            append(encoded?).map_err(io::Error::other)?;
        }
        Ok(())
    })?;
    writer.into_inner().map_err(io::Error::other)
}

/// The columns of a group, compressed.
type Encoded = Result<Vec<ArrowColumnChunk>, parquet::errors::ParquetError>;

fn encoded(
    columns: &ArrowRowGroupWriterFactory,
    schema: &Arc<Schema>,
    group: Vec<PreparedNote>,
    place: usize,
) -> Encoded {
    let batch = batch(schema, group)?;
    let mut writers = columns.create_column_writers(place)?;
    let mut leaf_writers = writers.iter_mut();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        for (leaf, writer) in compute_leaves(field, array)?.iter().zip(&mut leaf_writers) {
            writer.write(leaf)?;
        }
    }
    writers.into_iter().map(|writer| writer.close()).collect()
}

fn add(fingerprint: &mut Fingerprint, note: &PreparedNote) {
    for field in [&note.note, &note.subject, &note.admission, &note.split, &note.text] {
        fingerprint.text(field);
    }
    fingerprint.number(note.codes.len() as u64);
    for code in &note.codes {
        fingerprint.text(&code.code);
        fingerprint.text(kind_name(code.kind));
        fingerprint.number(u64::from(code.order));
    }
}

fn batch(schema: &Arc<Schema>, notes: Vec<PreparedNote>) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let column =
        |of: fn(&PreparedNote) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(notes.iter().map(of))) };
    let mut columns = vec![
        column(|note| &note.note),
        column(|note| &note.subject),
        column(|note| &note.admission),
        column(|note| &note.split),
        column(|note| &note.text),
    ];
    let item = Arc::new(Field::new("item", DataType::Struct(code_fields()), false));
    let codes = StructBuilder::new(
        code_fields(),
        vec![
            Box::new(StringBuilder::new()),
            Box::new(StringBuilder::new()),
            Box::new(UInt32Builder::new()),
        ],
    );
    let mut codes = ListBuilder::new(codes).with_field(item);
    for note in &notes {
        for code in &note.codes {
            let row = codes.values();
            if let Some(field) = row.field_builder::<StringBuilder>(0) {
                field.append_value(&code.code);
            }
            if let Some(field) = row.field_builder::<StringBuilder>(1) {
                field.append_value(kind_name(code.kind));
            }
            if let Some(field) = row.field_builder::<UInt32Builder>(2) {
                field.append_value(code.order);
            }
            row.append(true);
        }
        codes.append(true);
    }
    columns.push(Arc::new(codes.finish()));
    RecordBatch::try_new(schema.clone(), columns)
}

/// Reads the rows of a table one after another; gives their number and fingerprint.
///
/// # Errors
/// The file cannot be read, is no Parquet file or has other columns; what `row` says of one.
pub fn read_rows(path: &Path, mut row: impl FnMut(PreparedNote) -> Result<(), Error>) -> Result<(u64, String), Error> {
    let damaged = |problem: String| Error::NotPrepared {
        path: path.to_owned(),
        found: format!("a table that cannot be read ({problem})"),
    };
    let mut file = ParquetFile::open(path, BATCH_ROWS)?.map_err(|Damaged(problem)| damaged(problem))?;
    let expected = schema();
    let (found, expected) = (file.schema.fields(), expected.fields());
    let same = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, expected)| found.name() == expected.name() && found.data_type() == expected.data_type());
    if !same {
        return Err(damaged("other columns than this program writes".into()));
    }
    let mut fingerprint = Fingerprint::new("icdbench prepared notes 1");
    let mut rows = 0;
    while let Some(batch) = file.next_batch().map_err(|Damaged(problem)| damaged(problem))? {
        for note in notes_of(&batch).ok_or_else(|| damaged("missing values".into()))? {
            add(&mut fingerprint, &note);
            rows += 1;
            row(note)?;
        }
    }
    Ok((rows, fingerprint.finish()))
}

fn notes_of(batch: &RecordBatch) -> Option<Vec<PreparedNote>> {
    let strings: Vec<&StringArray> = (0..5)
        .map(|i| batch.column(i).as_string_opt::<i32>())
        .collect::<Option<_>>()?;
    let lists = batch.column(5).as_list_opt::<i32>()?;
    let mut notes = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let value = |column: usize| strings[column].value(row).to_owned();
        let codes = lists.value(row);
        let codes = codes.as_struct_opt()?;
        let names = codes.column(0).as_string_opt::<i32>()?;
        let kinds = codes.column(1).as_string_opt::<i32>()?;
        let orders = codes.column(2).as_primitive_opt::<UInt32Type>()?;
        let code = |at: usize| {
            Some(PreparedCode {
                code: names.value(at).to_owned(),
                kind: match kinds.value(at) {
                    "diagnosis" => CodeKind::Diagnosis,
                    "procedure" => CodeKind::Procedure,
                    _ => return None,
                },
                order: orders.value(at),
            })
        };
        notes.push(PreparedNote {
            note: value(0),
            subject: value(1),
            admission: value(2),
            split: value(3),
            text: value(4),
            codes: (0..codes.len()).map(code).collect::<Option<_>>()?,
        });
    }
    Some(notes)
}
