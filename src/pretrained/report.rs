//! What came of loading a pretrained encoder.

use std::fmt;

/// What was loaded, what was missing and what was left over. Tensors are called as in the file; missing ones as
/// Hugging Face's `BertModel` calls them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// The weights file's name, or that of the index of several.
    pub file: String,
    /// How many files the weights are in.
    pub shards: usize,
    /// Its tensors that were loaded, sorted.
    pub loaded: Vec<String>,
    /// Parameters (numbers) in them.
    pub parameters: u64,
    /// Tensors that are not in the file and that an encoder can do without: the pooler's.
    pub missing: Vec<String>,
    /// Tensors of the file that the encoder has no place for, sorted: heads of the pretraining tasks, mostly.
    pub left_over: Vec<String>,
    /// Rows of the table of tokens beyond the vocabulary: no token asks for them.
    pub unused_rows: usize,
}

/// Left over tensors that the text names; the number of the others follows.
const NAMED: usize = 12;

impl fmt::Display for LoadReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tensors, parameters) = (self.loaded.len(), self.parameters);
        out.write_str(&self.file)?;
        if self.shards > 1 {
            write!(out, " ({} files)", self.shards)?;
        }
        write!(
            out,
            ": loaded {tensors} tensors with {parameters} parameters; missing: "
        )?;
        match self.missing.as_slice() {
            [] => out.write_str("none")?,
            missing => write!(
                out,
                "{} (drawn from the seed where a model uses them)",
                missing.join(", ")
            )?,
        }
        out.write_str("; left over: ")?;
        match self.left_over.len() {
            0 => out.write_str("none")?,
            count => {
                let named = &self.left_over[..count.min(NAMED)];
                write!(out, "{}", named.join(", "))?;
                match count - named.len() {
                    0 => {}
                    more => write!(out, " and {more} more")?,
                }
            }
        }
        match self.unused_rows {
            0 => Ok(()),
            rows => write!(out, "; {rows} rows of its table of tokens are beyond the vocabulary"),
        }
    }
}
