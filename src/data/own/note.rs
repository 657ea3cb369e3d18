//! A row of anybody's table.

/// A note of a table, before its codes from another file are known.
pub(super) struct OwnNote {
    pub id: String,
    pub patient: Option<String>,
    pub text: String,
    pub part: Option<String>,
    pub codes: Vec<String>,
}

/// What was counted while reading.
#[derive(Default)]
pub(super) struct Counts {
    /// Codes that a note has again.
    pub repeated: u64,
    /// Rows of the table of codes without a code.
    pub without_code: u64,
}
