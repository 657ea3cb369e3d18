//! Bags of words for other tools.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Stop, Workshop};
use crate::plan::Cell;
use crate::results::files;

impl Workshop<'_> {
    /// Writes the bags of words of a cell's text choice, over the first `length` words, as svmlight files
    /// (`train.svmlight`, `validation.svmlight`, `evaluation.svmlight`), so that other tools can be run on the same
    /// features, labels and split. Word ids and counts derive from note text: the files are under the same data use
    /// agreement as the notes, and only their owner can read them.
    ///
    /// # Errors
    /// The cell's tokens cannot be had, or a file cannot be written.
    pub fn export_svmlight(&self, cell: &Cell, length: u32, directory: &Path) -> Result<(), Stop> {
        let tokens = self.tokens(cell)?;
        let notes = self.notes(cell)?;
        files::make_directory(directory, false)?;
        for (name, store, gold) in [
            ("train", &tokens.training, &notes.training_gold),
            ("validation", &tokens.validation, &notes.validation_gold),
            ("evaluation", &tokens.evaluation, &notes.evaluation_gold),
        ] {
            let mut text = String::new();
            for (note, gold) in gold.iter().enumerate() {
                let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
                for &token in store.note(note, length as usize) {
                    *counts.entry(token).or_default() += 1;
                }
                let gold: Vec<String> = gold.iter().map(u32::to_string).collect();
                let words: String = counts.iter().map(|(word, count)| format!(" {word}:{count}")).collect();
                text.push_str(&format!("{}{words}\n", gold.join(",")));
            }
            files::write_atomically(&directory.join(format!("{name}.svmlight")), text.as_bytes(), true)?;
        }
        Ok(())
    }
}
