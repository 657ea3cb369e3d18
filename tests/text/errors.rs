//! Every message of `text::Error`: the place, what was found, what was expected and the next step.

use std::path::Path;

use icdbench::text::{Error, Normalisation, TextSettings, Tokenizer, TokenizerSettings, VectorScale, WordVectors};
use serde_json::json;

use super::wordpiece::tokenizer_json;
use super::{file_settings, fit, fixture, training_settings, words_settings, words_tokenizer};

/// The message of a vocabulary file with this content, its path shortened to the name.
fn vocabulary_error(name: &str, content: impl AsRef<[u8]>, lowercase: bool) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    let error = fit(&file_settings(path.clone(), lowercase), &[] as &[&str]).unwrap_err();
    shorten(&error, &path)
}

fn shorten(error: &Error, path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    error.to_string().replace(&path.display().to_string(), name)
}

fn fit_error(settings: &TextSettings, notes: &[&str]) -> String {
    fit(settings, notes).unwrap_err().to_string()
}

#[test]
fn a_missing_vocabulary_file() {
    let settings = file_settings("no/such/vocab.txt".into(), true);
    assert_eq!(
        fit_error(&settings, &[]),
        "no/such/vocab.txt: cannot read the WordPiece vocabulary: No such file or directory (os error 2). \
         Put the file there, or correct its path in the suite"
    );
}

#[test]
fn a_wrong_checksum() {
    let settings = TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::WordPiece {
            file: fixture("vocab.txt"),
            sha256: Some("0".repeat(64)),
            lowercase: true,
            strip_accents: None,
            split_chinese: None,
        },
    };
    let message = fit_error(&settings, &[]);
    let found = message.split("sha256 is ").nth(1).unwrap();
    assert!(found.as_bytes()[..64].iter().all(u8::is_ascii_hexdigit), "{message}");
    assert!(
        found[64..].starts_with(&format!(", the suite expects {}. Fetch the file again", "0".repeat(64))),
        "{message}"
    );
}

#[test]
fn a_broken_vocab_txt() {
    assert_eq!(
        vocabulary_error("vocab.txt", "[PAD]\nfever\n", true),
        "vocab.txt: no [UNK] among 2 tokens, expected a BERT vocabulary with [PAD] and [UNK]. Check that the \
         file is the model's own vocabulary"
    );
    assert!(vocabulary_error("vocab.txt", "[UNK]\n", true).starts_with("vocab.txt: no [PAD] among 1 tokens"));
    assert!(vocabulary_error("vocab.txt", "", true).starts_with("vocab.txt: no [PAD] among 0 tokens"));
    let duplicate = vocabulary_error("vocab.txt", "[PAD]\n[UNK]\nfever\ncough\nfever\n", true);
    assert_eq!(
        duplicate,
        "vocab.txt, line 5: the same token as line 3, expected each token once. Ids are line numbers, so fetch \
         the file again rather than deleting the line"
    );
    assert!(
        vocabulary_error("vocab.txt", "[PAD]\n\n[UNK]\n", true)
            .starts_with("vocab.txt, line 2: empty, expected one token per line. Ids are line numbers")
    );
    assert!(
        vocabulary_error("vocab.txt", b"[PAD]\n[UNK]\nf\xffver\n", true)
            .starts_with("vocab.txt, line 3: not UTF-8. Convert the file to UTF-8")
    );
}

#[test]
fn a_tokenizer_json_that_is_not_json() {
    let message = vocabulary_error("tokenizer.json", "[PAD]\n", true);
    assert!(
        message.starts_with("tokenizer.json: not a tokenizer.json: expected"),
        "{message}"
    );
    assert!(
        message.ends_with("name a vocab.txt without the ending .json"),
        "{message}"
    );
}

#[test]
fn a_tokenizer_json_of_another_model() {
    let bpe = json!({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "normalizer": null});
    assert_eq!(
        vocabulary_error("tokenizer.json", bpe.to_string(), true),
        "tokenizer.json: model.type is BPE, expected WordPiece. Use the vocab.txt of a BERT WordPiece model, or \
         correct the suite"
    );
}

#[test]
fn a_tokenizer_json_that_cuts_text_otherwise() {
    for (pointer, value, expected) in [
        (
            "/normalizer/type",
            json!("NFC"),
            "normalizer.type is NFC, expected BertNormalizer.",
        ),
        (
            "/normalizer",
            json!(null),
            "normalizer.type is missing, expected BertNormalizer.",
        ),
        (
            "/pre_tokenizer/type",
            json!("Whitespace"),
            "pre_tokenizer.type is Whitespace, expected BertPreTokenizer.",
        ),
        (
            "/model/unk_token",
            json!("<unk>"),
            "no <unk> among 37 tokens, expected a BERT vocabulary with [PAD] and [UNK].",
        ),
        (
            "/model/continuing_subword_prefix",
            json!("@@"),
            "model.continuing_subword_prefix is @@, expected ##.",
        ),
        (
            "/normalizer/lowercase",
            json!(false),
            "normalizer.lowercase is false, expected true, as `lowercase` in the suite says.",
        ),
        (
            "/added_tokens/0/id",
            json!(37),
            "added_tokens.id is 37, expected an id below 37, the size of model.vocab.",
        ),
        (
            "/added_tokens/0/special",
            json!(false),
            "added_tokens is not special for id 0, expected special: this program cuts no other token",
        ),
        (
            "/model/vocab/the",
            json!(9),
            "model.vocab is 37 tokens whose ids have gaps or repeats, expected each id from 0 to 36 once.",
        ),
    ] {
        let mut file = tokenizer_json(true);
        *file.pointer_mut(pointer).unwrap() = value;
        let message = vocabulary_error("tokenizer.json", file.to_string(), true);
        assert!(message.starts_with(&format!("tokenizer.json: {expected}")), "{message}");
    }
}

#[test]
fn an_empty_training_split() {
    for settings in [words_settings(Normalisation::Edin, 1), training_settings(100, 1)] {
        assert!(
            fit_error(&settings, &[]).starts_with("the training split holds 0 notes and not one token"),
            "{settings:?}"
        );
        assert_eq!(
            fit_error(&settings, &["", " \n"]),
            "the training split holds 2 notes and not one token after normalisation, expected text to build a \
             vocabulary from. Check the data set's training split and the recipe"
        );
    }
}

#[test]
fn settings_out_of_range() {
    assert_eq!(
        fit_error(&words_settings(Normalisation::Caml, 0), &["fever"]),
        "tokenizer setting min-documents = 0, expected 1 or more. Correct it in the suite"
    );
    let no_words = TextSettings {
        normalise: Normalisation::Caml,
        tokenizer: TokenizerSettings::Words {
            min_documents: 1,
            max_size: Some(0),
        },
    };
    assert!(fit_error(&no_words, &["fever"]).starts_with("tokenizer setting max-size = 0, expected 1 or more"));
    assert!(fit_error(&training_settings(100, 0), &["fever"]).starts_with("tokenizer setting min-frequency = 0"));
}

#[test]
fn a_cut_off_that_leaves_no_word() {
    assert_eq!(
        fit_error(&words_settings(Normalisation::Caml, 3), &["fever", "cough"]),
        "no word occurs in 3 or more of the 2 training notes, expected at least one. Lower min-documents or use \
         more notes"
    );
}

#[test]
fn a_vocabulary_too_small_for_the_alphabet() {
    // a, b, c at the start or anywhere; ##b and ##c inside: 5 + 3 + 2.
    assert_eq!(
        fit_error(&training_settings(9, 1), &["ab abc"]),
        "tokenizer setting vocabulary = 9, expected at least 10: 5 special tokens and the 5 single characters of \
         the training text. Raise vocabulary"
    );
    assert_eq!(fit(&training_settings(10, 1), &["ab abc"]).unwrap().size(), 10);
}

#[test]
fn a_saved_tokenizer_that_was_edited_or_is_of_another_version() {
    let path = Path::new("some/folder/saved.json");
    let load = |text: &str| shorten(&Tokenizer::from_json(text.as_bytes(), path).unwrap_err(), path);
    let good = String::from_utf8(words_tokenizer(Normalisation::Caml, 1, &["fever cough"]).to_json()).unwrap();
    for (from, to, expected) in [
        ("fever", "fevers", "saved.json: content with fingerprint "),
        ("\"caml\"", "\"edin\"", "saved.json: content with fingerprint "),
        (
            "\"normalise_version\":1",
            "\"normalise_version\":2",
            "saved.json: normalisation version 2, expected version 1. Fit the tokenizer again",
        ),
        (
            "icdbench tokenizer",
            "other",
            "saved.json: another `format`, expected \"icdbench tokenizer\".",
        ),
        ("\"fever\"", "5", "saved.json: something else at line 1, column "),
        ("}", "", "saved.json: something else at line 1, column "),
    ] {
        assert!(good.contains(from));
        let message = load(&good.replace(from, to));
        assert!(message.starts_with(expected), "{message}");
        assert!(!message.contains("cough"), "{message}");
    }
}

#[test]
fn word_vectors_for_pieces_and_a_missing_vector_file() {
    let pieces = fit(&file_settings(fixture("vocab.txt"), true), &[] as &[&str]).unwrap();
    let read = |tokenizer: &Tokenizer| {
        WordVectors::read(Path::new("no/vectors.txt"), tokenizer, 2, VectorScale::AsRead)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        read(&pieces),
        "word vectors need the `words` tokenizer, found word-piece. Set tokenizer.words in the suite, or leave \
         the vectors out"
    );
    let words = words_tokenizer(Normalisation::Caml, 1, &["fever"]);
    assert!(read(&words).starts_with("no/vectors.txt: cannot read the word vectors: "));
}
