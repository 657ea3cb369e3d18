//! What a run needs and the user may not have: files that a suite says how to get.

use std::path::Path;

use crate::suite::{Run, Suite};

/// Why a run cannot be trained here: its encoder, its word vectors or its vocabulary is not there, and the suite says how
/// to get it. One that is absent and that the suite says nothing of is a mistake, which whoever reads it names.
pub(super) fn lacking(suite: &Suite, run: &Run) -> Option<String> {
    let encoder = run.encoder.as_ref().and_then(|name| {
        let choice = suite.encoders.get(name)?;
        absent(&format!("[encoder.{name}]"), &choice.directory, choice.get.as_deref()?)
    });
    let vectors = || {
        let choice = suite.text.get(&run.text)?.word_vectors.as_ref()?;
        let place = format!("[text.{}] word-vectors", run.text);
        absent(&place, &choice.file, choice.get.as_deref()?)
    };
    // A vocabulary in an encoder's directory comes with it.
    let vocabulary = || {
        let file = suite.text.get(&run.text)?.tokenizer.file()?;
        let mut encoders = suite.encoders.values();
        let choice = encoders.find(|choice| choice.get.is_some() && file.starts_with(&choice.directory))?;
        absent(
            &format!("[text.{}]", run.text),
            &choice.directory,
            choice.get.as_deref()?,
        )
    };
    encoder.or_else(vectors).or_else(vocabulary)
}

fn absent(place: &str, path: &Path, get: &str) -> Option<String> {
    // One that is there and cannot be looked at is for whoever opens it to name.
    let there = path.try_exists().unwrap_or(true);
    // Into the record it goes too, which must not tell whose machine made it.
    let shown = match path.is_absolute() {
        true => Path::new(path.file_name().unwrap_or_default()),
        false => path,
    };
    (!there).then(|| {
        format!(
            "it needs {place}, and {} is not there. To have it: {get}",
            shown.display()
        )
    })
}
