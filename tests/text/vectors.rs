//! Word vectors from word2vec and GloVe text files, aligned to a vocabulary.

use std::path::PathBuf;

use icdbench::text::{Normalisation, Tokenizer, VectorScale, WordVectors};

use super::words_tokenizer;

/// Ids: fever 2, cough 3, rash 4.
fn tokenizer() -> Tokenizer {
    words_tokenizer(Normalisation::Caml, 1, &["fever cough rash", "fever cough", "fever"])
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
            b"1 2\nfever 3 4\ncough 1 2\n",
            "vectors.txt: 2 vectors, the first line announces 1.",
        ),
        // Finite as 64 bits only.
        (
            b"fever 3 1e300\n",
            "vectors.txt, line 1: value 2 is not a finite number",
        ),
        (b"fever\n", "vectors.txt, line 1: 0 values, expected a word and 2."),
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

#[test]
fn words_may_hold_spaces_as_in_glove_840b() {
    let content =
        b"fever 3 4\n. . . 0.1 0.2\nat name@domain.com 0.1 0.2\nwindows 95 1 2\n 5 6\n\xc2\xa0 7 8\ncough -0.5 1e-3\n";
    let vectors = read(content, VectorScale::AsRead).unwrap();
    assert_eq!(vectors.values, EXPECTED);
    // The fault's own file, in four dimensions.
    let lines = "fever 0.1 0.2 0.3 0.4\n. . . 0.1 0.2 0.3 0.4\nat name@domain.com 0.1 0.2 0.3 0.4\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("glove.txt");
    std::fs::write(&path, lines).unwrap();
    let vectors = WordVectors::read(&path, &tokenizer(), 4, VectorScale::AsRead).unwrap();
    assert_eq!((vectors.row(2), vectors.found_words()), (&[0.1, 0.2, 0.3, 0.4][..], 1));
    // Half the dimension is not a word with numbers in it.
    let message = WordVectors::read(&path, &tokenizer(), 2, VectorScale::AsRead)
        .unwrap_err()
        .to_string();
    assert!(message.contains("line 1: 4 values, expected a word and 2"), "{message}");
}

#[test]
fn a_vocabulary_without_any_vector_is_refused() {
    for content in [
        &b"Fever 3 4\nCOUGH 1 2\n"[..],
        b"2 2\nFever 3 4\nCOUGH 1 2\n",
        b"<pad> 1 2\n<unk> 1 2\n",
    ] {
        let message = read(content, VectorScale::AsRead).unwrap_err();
        assert!(
            message.starts_with("vectors.txt: none of the 3 words of the vocabulary is among its 2 vectors."),
            "{message}"
        );
        assert!(message.contains("lower-case"), "{message}");
    }
    assert!(
        read(b"", VectorScale::AsRead)
            .unwrap_err()
            .contains("among its 0 vectors")
    );
}

/// word2vec's binary format of words with two values.
fn binary(words: &[(&[u8], [f32; 2])], end: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{} 2\n", words.len()).into_bytes();
    for (word, values) in words {
        bytes.extend_from_slice(word);
        bytes.push(b' ');
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend_from_slice(end);
    }
    bytes
}

#[test]
fn the_binary_format_of_word2vec_is_read() {
    let words: [(&[u8], [f32; 2]); 4] = [
        (b"cough", [-0.5, 1e-3]),
        // Cut in the middle of a character, as an older word2vec does.
        (b"f\xc3", [1.0, 1.0]),
        (b"fever", [3.0, 4.0]),
        (b"fever", [9.0, 9.0]),
    ];
    for end in [&b""[..], b"\n"] {
        let bytes = binary(&words, end);
        let vectors = read(&bytes, VectorScale::AsRead).unwrap();
        assert_eq!(vectors.values, EXPECTED);
        for cut in (bytes.len() - 20)..(bytes.len() - end.len()) {
            let message = read(&bytes[..cut], VectorScale::AsRead).unwrap_err();
            assert!(
                message.contains("vectors, the first line announces 4"),
                "{cut}: {message}"
            );
        }
    }
    let message = read(&binary(&[(b"fever", [1.0, f32::NAN])], b""), VectorScale::AsRead).unwrap_err();
    assert!(
        message.starts_with("vectors.txt, vector 1: value 2 is not a finite number"),
        "{message}"
    );
}

#[test]
fn hostile_files_are_refused() {
    let long = [b"fever ", &[b'1'; 1 << 20][..]].concat();
    assert!(read(&long, VectorScale::AsRead).unwrap_err().contains("line 1: "));
    let most = usize::MAX;
    let message = read(format!("{most} 2\nfever 1 2\n").as_bytes(), VectorScale::AsRead).unwrap_err();
    assert!(
        message.contains(&format!("1 vectors, the first line announces {most}")),
        "{message}"
    );
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 4\n";
    assert!(
        read(pointer.as_bytes(), VectorScale::AsRead)
            .unwrap_err()
            .contains("git lfs pull")
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vectors.txt");
    std::fs::write(&path, "fever 1 2\n").unwrap();
    for dimension in [0, usize::MAX] {
        let message = WordVectors::read(&path, &tokenizer(), dimension, VectorScale::AsRead)
            .unwrap_err()
            .to_string();
        assert!(message.contains("word-vectors.dimension"), "{message}");
    }
}
