//! Word vectors as files in the formats of word2vec, which other programs read.

use std::fmt::Write as _;

/// A format of word2vec: a first line `count dimension`, then a vector after each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorFormat {
    /// Lines `word v1 v2 ...`, in as many digits as give the same bits when they are read.
    Text,
    /// The word, a space, the numbers as 32-bit floats, lowest byte first, and the end of the line.
    Binary,
}

/// A file of vectors, row-major `[word, dimension]`. Words derive from note text: so do files of them.
///
/// # Panics
/// When there is not a vector for each word.
pub fn vector_file<'w>(
    format: VectorFormat,
    words: impl ExactSizeIterator<Item = &'w str>,
    vectors: &[f32],
) -> Vec<u8> {
    let dimension = vectors.len() / words.len().max(1);
    assert_eq!(vectors.len(), words.len() * dimension, "a vector for each word");
    let mut bytes = format!("{} {dimension}\n", words.len()).into_bytes();
    let mut line = String::new();
    for (word, vector) in words.zip(vectors.chunks_exact(dimension.max(1))) {
        bytes.extend_from_slice(word.as_bytes());
        match format {
            VectorFormat::Text => {
                line.clear();
                for value in vector {
                    let _ = write!(line, " {value}"); // OK because writing to a string does not fail.
                }
                bytes.extend_from_slice(line.as_bytes());
            }
            VectorFormat::Binary => {
                bytes.push(b' ');
                bytes.extend(vector.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
        bytes.push(b'\n');
    }
    bytes
}
