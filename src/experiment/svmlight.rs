//! Bags of words for other tools.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::prepare::{Error, Prepared};
use crate::suite::Run;

/// Writes the bags of words of a plan's first text choice and length as svmlight files
/// (`train.svmlight`, `validation.svmlight`, `evaluation.svmlight`), so that other tools can be run on
/// the same features, labels and split. Word ids and counts derive from note text: the files are
/// under the same data use agreement as the notes.
///
/// # Errors
/// When a file cannot be written.
pub fn export_svmlight(prepared: &Prepared, run: &Run, length: u32, directory: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(directory).map_err(|source| Error::Io {
        path: directory.to_owned(),
        source,
    })?;
    let parts = [
        ("train", prepared.training(run)),
        ("validation", prepared.validation(run)),
        ("evaluation", prepared.evaluation(run)),
    ];
    for (name, examples) in parts {
        let path = directory.join(format!("{name}.svmlight"));
        let io = |source| Error::Io {
            path: path.clone(),
            source,
        };
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).map_err(io)?);
        for (note, gold) in examples.gold.iter().enumerate() {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for &token in examples.tokens.note(note, length as usize) {
                *counts.entry(token).or_default() += 1;
            }
            let gold: Vec<String> = gold.iter().map(u32::to_string).collect();
            let words: String = counts.iter().map(|(word, count)| format!(" {word}:{count}")).collect();
            writeln!(file, "{}{words}", gold.join(",")).map_err(io)?;
        }
        file.flush().map_err(io)?;
    }
    Ok(())
}
