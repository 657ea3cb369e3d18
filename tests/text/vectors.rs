//! Word vectors from word2vec and GloVe text files, aligned to a vocabulary.

use std::path::PathBuf;

use icdbench::text::{Recipe, Tokenizer, VectorScale, WordVectors};

use super::words_tokenizer;

/// Ids: fever 2, cough 3, rash 4.
fn tokenizer() -> Tokenizer {
    words_tokenizer(Recipe::Caml, 1, &["fever cough rash", "fever cough", "fever"])
}

fn read(content: &[u8], scale: VectorScale) -> Result<WordVectors, String> {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("vectors.txt");
    std::fs::write(&path, content).unwrap();
    WordVectors::read(&path, &tokenizer(), 2, scale)
        .map_err(|error| error.to_string().replace(&path.display().to_string(), "vectors.txt"))
}

const EXPECTED: [f32; 10] = [0.0, 0.0, 0.0, 0.0, 3.0, 4.0, -0.5, 1e-3, 0.0, 0.0];

#[test]
fn rows_follow_the_vocabulary_with_and_without_a_first_line() {
    for content in [
        "cough -0.5 1e-3\nother 1 1\nfever 3 4\n",
        "3 2\ncough -0.5 1e-3\nother 1 1\nfever 3 4",
        // Trailing spaces and tabs as the original tool writes them, Windows line ends, a last empty line.
        "3 2\r\ncough -0.5 1e-3 \r\nother\t1\t1\r\nfever 3 4\r\n\r\n",
    ] {
        let vectors = read(content.as_bytes(), VectorScale::AsRead).unwrap();
        assert_eq!(vectors.values, EXPECTED);
        assert_eq!(vectors.found, [false, false, true, true, false]);
        assert_eq!((vectors.found_words(), vectors.dimension), (2, 2));
        assert_eq!(vectors.row(2), [3.0, 4.0]);
    }
}

#[test]
fn unit_rows_divide_by_the_length_plus_a_millionth_as_caml_does() {
    let vectors = read(b"fever 3 4\ncough 0 0\n", VectorScale::UnitRows).unwrap();
    assert_eq!(
        vectors.row(2),
        [(3.0_f64 / 5.000_001) as f32, (4.0_f64 / 5.000_001) as f32]
    );
    // A zero vector stays zero instead of becoming NaN.
    assert_eq!(vectors.row(3), [0.0, 0.0]);
}

#[test]
fn the_first_of_two_lines_counts_and_special_names_are_only_words() {
    let vectors = read(b"fever 1 2\nfever 3 4\n<pad> 9 9\n<unk> 9 9\n", VectorScale::AsRead).unwrap();
    assert_eq!(vectors.row(2), [1.0, 2.0]);
    assert_eq!(vectors.found_words(), 1);
    assert!(vectors.row(0).iter().chain(vectors.row(1)).all(|value| *value == 0.0));
}

#[test]
fn errors_name_the_line_and_the_expected_dimension_and_never_the_word() {
    for (content, expected) in [
        (
            &b"fever 3 4\ncough 1\n"[..],
            "vectors.txt, line 2: 1 values, expected a word and 2.",
        ),
        (
            b"fever 3 4 5\n",
            "vectors.txt, line 1: 3 values, expected a word and 2.",
        ),
        (
            b"fever 3 x\n",
            "vectors.txt, line 1: value 2 is not a finite number, expected 2 of them.",
        ),
        (
            b"fever nan 1\n",
            "vectors.txt, line 1: value 1 is not a finite number, expected 2 of them.",
        ),
        (
            b"2 2\nfever 3 4\n",
            "vectors.txt: 1 vectors, the first line announces 2.",
        ),
        (
            b"1 300\nfever 3 4\n",
            "vectors.txt, line 1: announces dimension 300, expected 2.",
        ),
        (b"fever 3 4\nf\xffver 1 1\n", "vectors.txt, line 2: not UTF-8."),
    ] {
        let message = read(content, VectorScale::AsRead).unwrap_err();
        assert!(message.starts_with(expected), "{message}");
        assert!(!message.contains("fever"), "{message}");
    }
}
