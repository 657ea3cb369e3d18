//! WordPiece on a vocabulary small enough to derive every expected id by hand, and the trainer's determinism.

use icdbench::text::{Normalisation, TextSettings, Tokenizer, TokenizerKind, TokenizerSettings};
use sha2::{Digest, Sha256};

use super::{file_settings, fit, fixture, invented_notes, training_settings};

fn fixture_tokenizer(lowercase: bool) -> Tokenizer {
    fit(&file_settings(fixture("vocab.txt"), lowercase), &[] as &[&str]).unwrap()
}

fn pieces<'a>(tokenizer: &'a Tokenizer, text: &str) -> Vec<&'a str> {
    let ids = tokenizer.encode(text);
    ids.into_iter().map(|id| tokenizer.token(id).unwrap()).collect()
}

#[test]
fn ids_are_line_numbers_and_special_tokens_are_found() {
    let tokenizer = fixture_tokenizer(true);
    assert_eq!(tokenizer.size(), 37);
    assert_eq!(tokenizer.kind(), TokenizerKind::WordPiece);
    assert_eq!((tokenizer.padding(), tokenizer.unknown()), (0, 1));
    assert_eq!((tokenizer.cls(), tokenizer.sep()), (Some(2), Some(3)));
    assert_eq!(tokenizer.document_frequency(), None);
    assert_eq!(tokenizer.encode("unaffable patients"), [5, 6, 7, 9, 10]);
}

#[test]
fn lowercase_folds_case_and_strips_accents() {
    let tokenizer = fixture_tokenizer(true);
    let expected = ["the", "fever", ",", "naive", "resume", "."];
    assert_eq!(pieces(&tokenizer, "The FEVER, naïve résumé."), expected);
    assert_eq!(
        pieces(&tokenizer, "The FEVER, nai\u{308}ve re\u{301}sume\u{301}."),
        expected
    );
}

#[test]
fn cased_keeps_case_and_accents() {
    let tokenizer = fixture_tokenizer(false);
    assert_eq!(
        pieces(&tokenizer, "Fever fever FEVER résumé"),
        ["Fever", "fever", "[UNK]", "[UNK]"]
    );
}

#[test]
fn the_longest_match_wins_even_where_it_leads_nowhere() {
    let tokenizer = fixture_tokenizer(true);
    assert_eq!(pieces(&tokenizer, "running"), ["runn", "##ing"]);
    assert_eq!(pieces(&tokenizer, "runs"), ["run", "##s"]);
    assert_eq!(pieces(&tokenizer, "mimic"), ["mi", "##mic"]);
    assert_eq!(pieces(&tokenizer, "mimis"), ["mi", "##mi", "##s"]);
    // `a` `##bc` would do, but `ab` is longer than `a`, and there is no `##c`.
    assert_eq!(pieces(&tokenizer, "abc"), ["[UNK]"]);
    assert_eq!(pieces(&tokenizer, "feverish feverx"), ["fever", "##ish", "[UNK]"]);
}

#[test]
fn punctuation_and_chinese_characters_stand_alone() {
    let tokenizer = fixture_tokenizer(true);
    assert_eq!(pieces(&tokenizer, "(fever-ish)"), ["(", "fever", "-", "[UNK]", ")"]);
    assert_eq!(pieces(&tokenizer, "中文patient"), ["中", "文", "patient"]);
}

#[test]
fn white_space_separates_and_control_characters_vanish() {
    let tokenizer = fixture_tokenizer(true);
    assert_eq!(
        pieces(&tokenizer, "fe\u{0}ver\tthe\u{a0}patient\r\n\u{200b}the"),
        ["fever", "the", "patient", "the"]
    );
    assert_eq!(tokenizer.encode(" \n "), [] as [u32; 0]);
}

#[test]
fn a_note_cannot_spell_a_special_token() {
    let tokenizer = fixture_tokenizer(false);
    assert_eq!(
        pieces(&tokenizer, "[SEP] fever [a]"),
        ["[", "[UNK]", "]", "fever", "[", "a", "]"]
    );
}

#[test]
fn a_word_of_more_than_100_characters_is_unknown() {
    let tokenizer = fixture_tokenizer(true);
    let count = |length| tokenizer.encode(&"s".repeat(length)).len();
    // s, then ##s 99 times.
    assert_eq!(count(100), 100);
    assert_eq!(pieces(&tokenizer, &"s".repeat(101)), ["[UNK]"]);
}

#[test]
fn the_recipe_runs_before_the_pieces_are_cut() {
    let settings = TextSettings {
        normalise: Normalisation::Caml,
        ..file_settings(fixture("vocab.txt"), true)
    };
    let tokenizer = fit(&settings, &[] as &[&str]).unwrap();
    assert_eq!(pieces(&tokenizer, "Fever, 12 (patients)."), ["fever", "patient", "##s"]);
}

#[test]
fn the_checksum_of_the_suite_is_accepted_in_either_case() {
    let bytes = std::fs::read(fixture("vocab.txt")).unwrap();
    for sha256 in [
        format!("{:x}", Sha256::digest(&bytes)),
        format!("{:X}", Sha256::digest(&bytes)),
    ] {
        let settings = TextSettings {
            normalise: Normalisation::None,
            tokenizer: TokenizerSettings::WordPiece {
                file: fixture("vocab.txt"),
                sha256: Some(sha256),
                lowercase: true,
                strip_accents: None,
                split_chinese: None,
            },
        };
        assert!(fit(&settings, &[] as &[&str]).is_ok());
    }
}

/// A `tokenizer.json` with the tokens of the fixture.
pub(super) fn tokenizer_json(lowercase: bool) -> serde_json::Value {
    let text = std::fs::read_to_string(fixture("vocab.txt")).unwrap();
    let vocab: serde_json::Map<String, serde_json::Value> = text
        .lines()
        .zip(0..)
        .map(|(token, id)| (token.to_owned(), id.into()))
        .collect();
    serde_json::json!({
        "version": "1.0",
        "truncation": null,
        "added_tokens": [{"id": 0, "content": "[PAD]", "special": true}],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing"},
        "decoder": {"type": "WordPiece"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab},
    })
}

#[test]
fn tokenizer_json_and_vocab_txt_are_the_same_tokenizer() {
    let directory = tempfile::tempdir().unwrap();
    for lowercase in [true, false] {
        let path = directory.path().join("tokenizer.json");
        std::fs::write(&path, tokenizer_json(lowercase).to_string()).unwrap();
        let from_json = fit(&file_settings(path, lowercase), &[] as &[&str]).unwrap();
        let from_txt = fixture_tokenizer(lowercase);
        assert_eq!(from_json.fingerprint(), from_txt.fingerprint());
        let text = "The Fever, naïve 中文 mimic";
        assert_eq!(from_json.encode(text), from_txt.encode(text));
    }
}

#[test]
fn windows_line_ends_and_a_missing_last_one_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vocab.txt");
    let text = std::fs::read_to_string(fixture("vocab.txt")).unwrap();
    let expected = fixture_tokenizer(true);
    for variant in [
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
        format!("{text}\n"),
    ] {
        std::fs::write(&path, variant).unwrap();
        let tokenizer = fit(&file_settings(path.clone(), true), &[] as &[&str]).unwrap();
        assert_eq!(tokenizer.fingerprint(), expected.fingerprint());
    }
}

#[test]
fn training_merges_the_most_frequent_pair_first() {
    // Words: ab 3 times, abc once. Pairs: a ##b 4 times, ##b ##c once; then ab ##c once.
    let notes = ["ab ab", "ab abc"];
    let vocabulary = |size, min_frequency| {
        let tokenizer = fit(&training_settings(size, min_frequency), &notes).unwrap();
        (0..tokenizer.size() as u32)
            .map(|id| tokenizer.token(id).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut expected = vec![
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##b", "##c", "a", "b", "c", "ab",
    ];
    assert_eq!(vocabulary(11, 1), expected);
    assert_eq!(vocabulary(100, 2), expected);
    expected.push("abc");
    assert_eq!(vocabulary(100, 1), expected);
}

#[test]
fn training_gives_the_same_bytes_every_time_in_one_thread_and_in_two() {
    let notes = invented_notes(300);
    let bytes = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&training_settings(200, 2), &notes).unwrap())
            .to_json()
    };
    let expected = bytes(1);
    for _ in 0..4 {
        assert!(bytes(1) == expected && bytes(2) == expected);
    }
}

#[test]
fn training_does_not_depend_on_the_process() {
    // Hash maps are seeded per process, so this value was taken from one process and is compared in another.
    let notes = invented_notes(300);
    let tokenizer = fit(&training_settings(200, 2), &notes).unwrap();
    assert_eq!(
        tokenizer.fingerprint(),
        "b225b89c2144d5c01d417641ae90d678f101507a61c293bcd76df13abd3e6f15"
    );
}

#[test]
fn a_trained_vocabulary_spells_every_word_it_was_trained_on() {
    let notes = invented_notes(300);
    let tokenizer = fit(&training_settings(90, 2), &notes).unwrap();
    for note in &notes {
        let spelled = pieces(&tokenizer, note).join(" ").replace(" ##", "");
        assert_eq!(&spelled, note);
    }
}
