//! What a suite can get wrong about pretraining is answered with its place, before anything is read.

use icdbench::suite::Suite;

use crate::common::pretraining::{pretrained, pretraining_suite};

fn good() -> String {
    pretraining_suite(60, &pretrained())
}

/// The message for the good suite with one thing changed.
fn message(from: &str, to: &str) -> String {
    assert!(good().contains(from), "the suite has no {from:?}");
    let error = Suite::parse(&good().replacen(from, to, 1), "my.toml").unwrap_err();
    error.to_string()
}

#[test]
fn the_good_suite_is_good_and_survives_a_round_trip() {
    let suite = Suite::parse(&good(), "my.toml").unwrap();
    let (name, settings) = suite.pretraining(&suite.runs[0]).unwrap();
    assert_eq!((name, settings.text.as_str()), ("tiny", "pieces"));
    assert_eq!(suite.encoder_file(&suite.runs[0]), None);
    let text = toml::to_string(&suite).unwrap();
    assert_eq!(Suite::parse(&text, "again.toml").unwrap(), suite);
}

#[test]
fn names_that_lead_nowhere_or_twice_are_named() {
    let other = "[encoder.tiny]\ndirectory = \"x\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n";
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "encoder = \"tiny\"",
            "encoder = \"huge\"",
            &["run[0].encoder: \"huge\" is not defined", "tiny"],
        ),
        (
            "[pretrain.tiny]\n",
            &format!("{other}[pretrain.tiny]\n"),
            &["pretrain.tiny: [encoder.tiny] is called so too"],
        ),
        (
            "[pretrain.tiny]\ntext = \"pieces\"",
            "[pretrain.tiny]\ntext = \"letters\"",
            &["pretrain.tiny.text: \"letters\" is not defined", "pieces, words"],
        ),
        (
            "[pretrain.tiny]\ntext = \"pieces\"",
            "[pretrain.tiny]\ntext = \"words\"",
            &["pretrain.tiny.text: [text.words] is of words", "WordPiece"],
        ),
        (
            "start = \"scratch\"",
            "start = { encoder = \"bert\" }",
            &["pretrain.tiny.start: \"bert\" is not defined", "none is there"],
        ),
        (
            "name = \"pretrained\"\ntext = \"pieces\"",
            "name = \"pretrained\"\ntext = \"words\"",
            &["run[0].text: \"words\": expected \"pieces\"", "[pretrain.tiny] reads"],
        ),
    ];
    for (from, to, words) in cases {
        let message = message(from, to);
        for word in ["my.toml:"].iter().chain(*words) {
            assert!(message.contains(word), "{word:?} is not in: {message}");
        }
    }
}

#[test]
fn a_part_that_is_held_out_or_trained_on_is_no_unlabelled_part() {
    for part in ["train", "dev", "test"] {
        let message = message("unlabelled = []", &format!("unlabelled = [\"{part}\"]"));
        let words = format!("pretrain.tiny.unlabelled: {part:?} has a role in [division]");
        assert!(message.contains(&words), "{message}");
    }
    let twice = message("unlabelled = []", "unlabelled = [\"a\", \"a\"]");
    assert!(
        twice.contains("pretrain.tiny.unlabelled: names a part twice"),
        "{twice}"
    );
}

#[test]
fn values_that_cannot_be_are_named_with_key_line_and_column() {
    let line = 1 + good().lines().position(|line| line.starts_with("objective")).unwrap();
    let objective = message("masked = 0.15", "masked = 1.5");
    assert!(objective.starts_with(&format!("my.toml:{line}:")), "{objective}");
    assert!(objective.contains("pretrain.tiny.objective: masked 1.5"), "{objective}");
    let cases = [
        (
            "length = 32",
            "length = 51",
            "pretrain.tiny.length: 51 is above encoder.positions = 50",
        ),
        ("epochs = 3", "epochs = 0", "pretrain.tiny.epochs: 0"),
        (
            "epochs = 3",
            "epochs = 4000000000",
            "pretrain.tiny.epochs: 4000000000: expected at most",
        ),
        (
            "layers = 1",
            "layers = 1001",
            "pretrain.tiny.encoder.layers: 1001: expected at most 1000",
        ),
        (
            "vocabulary-block = 64",
            "vocabulary-block = 0",
            "pretrain.tiny.vocabulary-block",
        ),
        ("longest-sentence = 16", "longest = 16", "unknown field `longest`"),
    ];
    for (from, to, words) in cases {
        let message = message(from, to);
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
}
