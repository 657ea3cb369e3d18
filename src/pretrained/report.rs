//! What came of loading a pretrained encoder.

use std::fmt;

/// What was loaded, what was missing and what was left over. Tensors are called as in the file; missing ones as
/// Hugging Face's `BertModel` calls them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// The weights file's name.
    pub file: String,
    /// Its tensors that were loaded, sorted.
    pub loaded: Vec<String>,
    /// Parameters (numbers) in them.
    pub parameters: u64,
    /// Tensors that are not in the file and that an encoder can do without: the pooler's.
    pub missing: Vec<String>,
    /// Tensors of the file that the encoder has no place for, sorted: heads of the pretraining tasks, mostly.
    pub left_over: Vec<String>,
}

/// Left over tensors that the text names; the number of the others follows.
const NAMED: usize = 12;

impl fmt::Display for LoadReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tensors, parameters) = (self.loaded.len(), self.parameters);
        write!(
            out,
            "{}: loaded {tensors} tensors with {parameters} parameters; missing: ",
            self.file
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
            0 => out.write_str("none"),
            count => {
                let named = &self.left_over[..count.min(NAMED)];
                write!(out, "{}", named.join(", "))?;
                match count - named.len() {
                    0 => Ok(()),
                    more => write!(out, " and {more} more"),
                }
            }
        }
    }
}
