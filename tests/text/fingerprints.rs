//! Fingerprints change with everything that can change an id, and with nothing else; saved tokenizers keep them.

use std::path::Path;

use icdbench::text::{Normalisation, TextSettings, Tokenizer, TokenizerSettings};

use super::{file_settings, fit, fixture, training_settings, words_settings, words_tokenizer};

const NOTES: [&str; 2] = ["Fever and cough", "fever and chills"];

#[test]
fn a_words_fingerprint_changes_with_recipe_settings_and_vocabulary() {
    let base = words_tokenizer(Normalisation::Caml, 1, &NOTES);
    let capped = TextSettings {
        normalise: Normalisation::Caml,
        tokenizer: TokenizerSettings::Words {
            min_documents: 1,
            max_size: Some(1000),
        },
    };
    let others = [
        words_tokenizer(Normalisation::Edin, 1, &NOTES),
        words_tokenizer(Normalisation::Caml, 2, &NOTES),
        fit(&capped, &NOTES).unwrap(),
        // One word other.
        words_tokenizer(Normalisation::Caml, 1, &["Fever and cough", "fever and chill"]),
        // The same words in more notes: other document frequencies.
        words_tokenizer(Normalisation::Caml, 1, &["Fever and cough", "fever and chills cough"]),
        // The same words, one more note.
        words_tokenizer(Normalisation::Caml, 1, &["Fever and cough", "fever and chills", ""]),
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(base.fingerprint(), other.fingerprint(), "variant {index}");
    }
}

#[test]
fn a_words_fingerprint_ignores_what_cannot_change_an_id() {
    let base = words_tokenizer(Normalisation::Caml, 1, &NOTES);
    for notes in [
        ["fever and chills", "Fever and cough"],
        ["cough, and: FEVER fever", "chills and fever 12"],
    ] {
        assert_eq!(
            base.fingerprint(),
            words_tokenizer(Normalisation::Caml, 1, &notes).fingerprint()
        );
    }
    assert_eq!(base.fingerprint().len(), 64);
}

#[test]
fn a_wordpiece_fingerprint_changes_with_lowercase_recipe_and_one_line() {
    let fit = |settings: &TextSettings| fit(settings, &[] as &[&str]).unwrap();
    let base = fit(&file_settings(fixture("vocab.txt"), true));
    let edin = TextSettings {
        normalise: Normalisation::Edin,
        ..file_settings(fixture("vocab.txt"), true)
    };
    assert_ne!(base.fingerprint(), fit(&edin).fingerprint());
    assert_ne!(
        base.fingerprint(),
        fit(&file_settings(fixture("vocab.txt"), false)).fingerprint()
    );

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("elsewhere.txt");
    let text = std::fs::read_to_string(fixture("vocab.txt")).unwrap();
    std::fs::write(&path, &text).unwrap();
    assert_eq!(
        base.fingerprint(),
        fit(&file_settings(path.clone(), true)).fingerprint()
    );
    std::fs::write(&path, text.replace("naive", "native")).unwrap();
    assert_ne!(
        base.fingerprint(),
        fit(&file_settings(path.clone(), true)).fingerprint()
    );
    // The same tokens in another order are other ids.
    std::fs::write(&path, text.replace("the\npatient", "patient\nthe")).unwrap();
    assert_ne!(base.fingerprint(), fit(&file_settings(path, true)).fingerprint());
}

#[test]
fn a_trained_fingerprint_changes_with_each_setting() {
    let fit = |vocabulary, min_frequency| {
        let settings = training_settings(vocabulary, min_frequency);
        fit(&settings, &NOTES).unwrap().fingerprint().to_owned()
    };
    let base = fit(40, 2);
    assert_eq!(base, fit(40, 2));
    assert_ne!(base, fit(41, 2));
    assert_ne!(base, fit(40, 1));
}

#[test]
fn a_saved_tokenizer_comes_back_the_same() {
    let tokenizers = [
        words_tokenizer(Normalisation::Edin, 1, &NOTES),
        fit(&training_settings(40, 1), &NOTES).unwrap(),
        fit(&file_settings(fixture("vocab.txt"), false), &NOTES).unwrap(),
    ];
    for tokenizer in tokenizers {
        let loaded = Tokenizer::from_json(&tokenizer.to_json(), Path::new("tokenizer.json")).unwrap();
        assert_eq!(loaded.fingerprint(), tokenizer.fingerprint());
        assert_eq!(loaded.size(), tokenizer.size());
        assert_eq!(loaded.document_frequency(), tokenizer.document_frequency());
        assert_eq!(loaded.training_documents(), tokenizer.training_documents());
        assert_eq!(loaded.recipe(), tokenizer.recipe());
        for text in ["fever and 12 chills", "Fever naïve (the) nothing", ""] {
            assert_eq!(loaded.encode(text), tokenizer.encode(text));
        }
    }
}

#[test]
fn a_suite_writes_settings_in_kebab_case_and_nothing_unknown() {
    let parse = |text: &str| toml::from_str::<TextSettings>(text).map_err(|error| error.to_string());
    assert_eq!(
        parse("normalise = \"caml\"\n[tokenizer.words]\nmin-documents = 3").unwrap(),
        words_settings(Normalisation::Caml, 3)
    );
    assert_eq!(
        parse("normalise = \"none\"\n[tokenizer.word-piece]\nfile = \"vocab.txt\"\nlowercase = true").unwrap(),
        file_settings("vocab.txt".into(), true)
    );
    let trained = "normalise = \"none\"\n[tokenizer.train-word-piece]\nvocabulary = 200\n";
    assert_eq!(
        parse(&format!("{trained}min-frequency = 2\nlowercase = true")).unwrap(),
        training_settings(200, 2)
    );
    for (text, expected) in [
        (
            "normalise = \"caml\"\n[tokenizer.words]\nmin-document = 3",
            "unexpected keys in table: min-document",
        ),
        (
            "normalise = \"calm\"\n[tokenizer.words]\nmin-documents = 3",
            "unknown variant `calm`",
        ),
        (
            "normalise = \"caml\"\n[tokenizer.words]\n",
            "missing field `min-documents`",
        ),
        (
            "normalise = \"caml\"\nstem = true\n[tokenizer.words]\nmin-documents = 3",
            "unknown field `stem`",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
