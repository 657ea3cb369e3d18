//! RoBERTa's byte-level BPE: Hugging Face's ids from each form of its files, and files that contradict each other, the suite
//! or what this program does. tests/reference/make_roberta.py made the fixture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use icdbench::text::{
    LocatedToken, Normalisation, TextSettings, Tokenizer, TokenizerKind, TokenizerSettings, published,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fit;
use super::hugging_face::{Case, assert_codiesp, digest, random_texts};

#[derive(Deserialize)]
struct Expected {
    cases: BTreeMap<String, Case>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/roberta")
        .join(name)
}

fn cases() -> BTreeMap<String, Case> {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    serde_json::from_str::<Expected>(&text).unwrap().cases
}

fn json_of(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

fn settings(file: PathBuf, add_prefix_space: Option<bool>) -> TextSettings {
    TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::ByteLevelBpe {
            file,
            sha256: None,
            add_prefix_space,
        },
    }
}

/// A folder with files of the fixture, and others, that goes away with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(copied: &[&str], written: &[(&str, Value)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in copied {
            std::fs::copy(fixture(name), folder.path(name)).unwrap();
        }
        for (name, content) in written {
            folder.write(name, content.to_string());
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, file: &str, add_prefix_space: Option<bool>) -> Result<Tokenizer, String> {
        let folder = format!("{}/", self.0.path().display());
        let settings = settings(self.path(file), add_prefix_space);
        fit(&settings, &[] as &[&str]).map_err(|error| error.to_string().replace(&folder, ""))
    }

    #[track_caller]
    fn assert_refused(&self, file: &str, start: &str) {
        let message = self.read(file, None).expect_err("refused");
        assert!(message.starts_with(start), "{message}");
    }
}

const PAIR: [&str; 2] = ["vocab.json", "merges.txt"];

/// The case's tokenizer in each way that a suite can have it.
fn tokenizers(case: &Case) -> Vec<(&'static str, Tokenizer)> {
    let space = case.settings.get("add_prefix_space").copied();
    let config = json!(case.settings);
    let said = Folder::new(&PAIR, &[("tokenizer_config.json", config)]);
    let mut whole = json_of("tokenizer.json");
    whole["pre_tokenizer"]["add_prefix_space"] = json!(space.unwrap_or(false));
    let whole = Folder::new(&PAIR, &[("tokenizer.json", whole)]);
    let read = |folder: &Folder, file: &str, space| folder.read(file, space).unwrap();
    vec![
        ("the suite", read(&Folder::new(&PAIR, &[]), "vocab.json", space)),
        ("tokenizer_config.json", read(&said, "vocab.json", None)),
        ("tokenizer.json", read(&whole, "tokenizer.json", None)),
        ("all", read(&whole, "vocab.json", space)),
    ]
}

#[test]
fn random_unicode_gets_hugging_faces_ids() {
    let texts = random_texts();
    let cases = cases();
    assert_eq!(cases.len(), 2);
    for (name, case) in &cases {
        for (from, tokenizer) in tokenizers(case) {
            let ids: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text)).collect();
            for (number, expected) in case.first.iter().enumerate() {
                assert_eq!(ids[number], *expected, "{name}, from {from}: {:?}", texts[number]);
            }
            assert_eq!(digest(&ids), case.random, "{name}, from {from}");
        }
    }
    let [one, other] = [0, 1].map(|case| &cases.values().nth(case).unwrap().random);
    assert_ne!(one, other, "two cases that no text tells apart");
}

#[test]
fn codiesp_gets_hugging_faces_ids() {
    assert_codiesp(cases().into_iter().map(|(name, case)| {
        let tokenizer = tokenizers(&case).swap_remove(0).1;
        (name, case, tokenizer)
    }));
}

#[test]
fn special_tokens_are_robertas_and_no_text_makes_one() {
    let tokenizer = Folder::new(&PAIR, &[]).read("vocab.json", None).unwrap();
    assert_eq!(tokenizer.kind(), TokenizerKind::ByteLevelBpe);
    assert_eq!(
        (tokenizer.cls(), tokenizer.padding(), tokenizer.sep()),
        (Some(0), 1, Some(2))
    );
    assert_eq!((tokenizer.unknown(), tokenizer.size()), (3, 400));
    assert_eq!(
        (tokenizer.document_frequency(), tokenizer.training_documents()),
        (None, None)
    );
    assert!(tokenizer.encode("<s>fever</s><pad><unk>").iter().all(|id| *id > 4));
    assert!(tokenizer.encode("").is_empty());
    let renamed = json!({"cls_token": "<mask>", "pad_token": {"content": "<unk>"}});
    let renamed = Folder::new(&PAIR, &[("special_tokens_map.json", renamed)]);
    let renamed = renamed.read("vocab.json", None).unwrap();
    assert_eq!((renamed.cls(), renamed.padding(), renamed.sep()), (Some(4), 3, Some(2)));
}

#[test]
fn tokens_lie_where_their_words_stand_without_the_space_before() {
    let text = "Sin fiebre:  paciente\n«cough»";
    for space in [false, true] {
        let tokenizer = Folder::new(&PAIR, &[]).read("vocab.json", Some(space)).unwrap();
        let located = tokenizer.locate(text).unwrap();
        let ids: Vec<u32> = located.iter().map(|token| token.id).collect();
        assert_eq!(ids, tokenizer.encode(text));
        let at = |token: &LocatedToken| -> String {
            let characters = token.characters.clone();
            text.chars().skip(characters.start).take(characters.len()).collect()
        };
        let mut words: Vec<String> = located.iter().map(at).collect();
        words.dedup();
        assert_eq!(words, ["Sin", "fiebre", ":", " ", "paciente", "\n", "«", "cough", "»"]);
    }
    let other = TextSettings {
        normalise: Normalisation::Caml,
        ..settings(fixture("vocab.json"), None)
    };
    assert_eq!(fit(&other, &[] as &[&str]).unwrap().locate(text), None);
}

#[test]
fn a_saved_tokenizer_comes_back_the_same_and_every_file_moves_its_fingerprint() {
    let folder = Folder::new(&PAIR, &[]);
    let tokenizer = folder.read("vocab.json", None).unwrap();
    let saved = Tokenizer::from_json(&tokenizer.to_json(), Path::new("saved.json")).unwrap();
    assert_eq!(saved.fingerprint(), tokenizer.fingerprint());
    let text = "Paciente con fiebre, 38 ºC";
    assert_eq!(saved.encode(text), tokenizer.encode(text));
    let from_json = Folder::new(&["tokenizer.json"], &[])
        .read("tokenizer.json", None)
        .unwrap();
    assert_eq!(from_json.fingerprint(), tokenizer.fingerprint());

    let spaced = folder.read("vocab.json", Some(true)).unwrap();
    assert_ne!(spaced.fingerprint(), tokenizer.fingerprint());
    let merges = std::fs::read_to_string(fixture("merges.txt")).unwrap();
    folder.write("merges.txt", merges.lines().take(40).collect::<Vec<_>>().join("\n"));
    let fewer = folder.read("vocab.json", None).unwrap();
    assert_ne!(fewer.fingerprint(), tokenizer.fingerprint());
    assert_ne!(fewer.encode(text), tokenizer.encode(text));
}

#[test]
fn the_checksum_and_the_companions_are_the_files() {
    let sum = format!("{:x}", Sha256::digest(std::fs::read(fixture("vocab.json")).unwrap()));
    let asked = |sha256: String| TokenizerSettings::ByteLevelBpe {
        file: fixture("vocab.json"),
        sha256: Some(sha256),
        add_prefix_space: None,
    };
    let with = |tokenizer| {
        let normalise = Normalisation::None;
        fit(&TextSettings { normalise, tokenizer }, &[] as &[&str])
    };
    assert!(with(asked(sum)).is_ok());
    let message = with(asked("0".repeat(64))).unwrap_err().to_string();
    assert!(message.contains("vocab.json: sha256 is "), "{message}");

    let names = |file: &str| -> Vec<&str> {
        let companions = settings(fixture(file), None).tokenizer.companions();
        companions.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names("vocab.json"), ["merges.txt", "tokenizer.json"]);
    assert_eq!(names("tokenizer.json"), ["vocab.json", "merges.txt"]);
}

#[test]
fn a_suite_writes_its_settings_in_kebab_case_and_nothing_unknown() {
    let parse = |text: &str| toml::from_str::<TextSettings>(text).map_err(|error| error.to_string());
    let text = "normalise = \"none\"\n[tokenizer.byte-level-bpe]\nfile = \"vocab.json\"\n";
    assert_eq!(parse(text).unwrap(), settings("vocab.json".into(), None));
    let spaced = format!("{text}add-prefix-space = true");
    assert_eq!(parse(&spaced).unwrap(), settings("vocab.json".into(), Some(true)));
    let message = parse(&format!("{text}lowercase = true")).unwrap_err();
    assert!(message.contains("unexpected keys in table: lowercase"), "{message}");
}

#[test]
fn files_that_contradict_the_suite_or_each_other_are_refused() {
    let config = |settings: Value| Folder::new(&PAIR, &[("tokenizer_config.json", settings)]);
    assert_eq!(
        config(json!({"add_prefix_space": true}))
            .read("vocab.json", Some(false))
            .unwrap_err(),
        "tokenizer_config.json: add_prefix_space is true, expected false, as `add-prefix-space` in the suite says. The \
         encoder was trained on text that is read as its own files say: write the same in the suite, or name another \
         encoder's files"
    );
    config(json!({"tokenizer_class": "BertTokenizer"})).assert_refused(
        "vocab.json",
        "tokenizer_config.json: tokenizer_class is BertTokenizer, expected RobertaTokenizer. Use the vocab.json and \
         merges.txt of a RoBERTa model, or correct the suite",
    );
    config(json!({"added_tokens_decoder": {"9": {"content": "fever", "special": false}}})).assert_refused(
        "vocab.json",
        "tokenizer_config.json: added_tokens_decoder is added for id 9, expected a special token of the vocabulary",
    );

    let whole = |edit: &dyn Fn(&mut Value)| {
        let mut json = json_of("tokenizer.json");
        edit(&mut json);
        json
    };
    let spaced = whole(&|json| json["pre_tokenizer"]["add_prefix_space"] = json!(true));
    let open = Folder::new(
        &PAIR,
        &[("tokenizer.json", spaced), ("tokenizer_config.json", json!({}))],
    );
    open.assert_refused(
        "vocab.json",
        "tokenizer.json: pre_tokenizer.add_prefix_space is true, and tokenizer_config.json beside it says nothing: \
         `tokenizers` obeys the first, `transformers` reads that as false. Write `add-prefix-space` in the suite",
    );
    assert!(open.read("vocab.json", Some(true)).is_ok());

    let other = whole(&|json| json["model"]["vocab"]["more"] = json!(400));
    Folder::new(&PAIR, &[("tokenizer.json", other)]).assert_refused(
        "vocab.json",
        "vocab.json and tokenizer.json do not hold the same tokens, from id 400 on.",
    );
    let swapped = whole(&|json| json["model"]["merges"].as_array_mut().unwrap().swap(2, 3));
    Folder::new(&PAIR, &[("tokenizer.json", swapped)]).assert_refused(
        "vocab.json",
        "merges.txt and tokenizer.json do not merge the same pairs, from pair 3 on. Fetch both files again",
    );
    // The older form of merges in a tokenizer.json.
    let lines = whole(&|json| {
        for merge in json["model"]["merges"].as_array_mut().unwrap() {
            *merge = json!(format!("{} {}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap()));
        }
    });
    assert!(
        Folder::new(&PAIR, &[("tokenizer.json", lines)])
            .read("vocab.json", None)
            .is_ok()
    );
}

#[test]
fn a_tokenizer_json_that_cuts_text_otherwise_is_refused() {
    for (pointer, value, expected) in [
        (
            "/model/type",
            json!("WordPiece"),
            "model.type is WordPiece, expected BPE.",
        ),
        (
            "/normalizer",
            json!({"type": "NFC"}),
            "normalizer.type is NFC, expected none: RoBERTa cleans nothing.",
        ),
        (
            "/pre_tokenizer",
            json!(null),
            "pre_tokenizer.type is missing, expected ByteLevel.",
        ),
        (
            "/pre_tokenizer/type",
            json!("Metaspace"),
            "pre_tokenizer.type is Metaspace, expected ByteLevel.",
        ),
        (
            "/pre_tokenizer/use_regex",
            json!(false),
            "pre_tokenizer.use_regex is false, expected true",
        ),
        ("/model/dropout", json!(0.1), "model.dropout is 0.1, expected none."),
        (
            "/model/end_of_word_suffix",
            json!("</w>"),
            "model.end_of_word_suffix is </w>, expected none.",
        ),
        (
            "/model/ignore_merges",
            json!(true),
            "model.ignore_merges is true, expected false.",
        ),
        (
            "/model/unk_token",
            json!("[UNK]"),
            "no [UNK] among 400 tokens, expected a RoBERTa vocabulary with <pad>",
        ),
        (
            "/model/vocab/!",
            json!(6),
            "model.vocab is 400 tokens whose ids have gaps or repeats, expected each id",
        ),
        (
            "/model/merges/7",
            json!("a b c"),
            "merge 8: expected two parts with a space between. Fetch",
        ),
        (
            "/model/merges/7",
            json!(["in", "zz"]),
            "merge 8: its parts or what they make are not in the vocabulary.",
        ),
        ("/model/merges/7", json!(7), "not a vocab.json or a tokenizer.json: "),
        (
            "/added_tokens/0/special",
            json!(false),
            "added_tokens is not special for id 0, expected special",
        ),
        (
            "/added_tokens/0/id",
            json!(400),
            "added_tokens.id is 400, expected an id below 400",
        ),
    ] {
        let mut file = json_of("tokenizer.json");
        *file.pointer_mut(pointer).unwrap() = value;
        let folder = Folder::new(&[], &[("tokenizer.json", file)]);
        let message = folder.read("tokenizer.json", None).unwrap_err();
        let place = ["tokenizer.json: ", "tokenizer.json, "].map(|place| format!("{place}{expected}"));
        assert!(place.iter().any(|start| message.starts_with(start)), "{message}");
    }
}

#[test]
fn broken_vocabularies_and_merges_are_refused() {
    let changed = |name: &str, content: &[u8]| {
        let folder = Folder::new(&PAIR, &[]);
        folder.write(name, content);
        folder
    };
    Folder::new(&["vocab.json"], &[]).assert_refused("vocab.json", "merges.txt: cannot read the byte-level BPE: ");
    Folder::new(&["merges.txt"], &[]).assert_refused("vocab.json", "vocab.json: cannot read the byte-level BPE: ");
    for content in [
        &b"{"[..],
        b"[]",
        b"{\"a\": -1}",
        b"{\"a\": \"b\"}",
        &b"[".repeat(200_000),
    ] {
        changed("vocab.json", content).assert_refused("vocab.json", "vocab.json: not a vocab.json or a tokenizer.json");
    }
    changed("vocab.json", b"{}").assert_refused("vocab.json", "vocab.json: the vocabulary is without the signs of 256");
    changed("vocab.json", b"version https://git-lfs.github.com/spec/v1\n").assert_refused(
        "vocab.json",
        "vocab.json: cannot read the byte-level BPE: it is a Git LFS pointer",
    );
    let mut lacking = json_of("vocab.json");
    let token = lacking.as_object_mut().unwrap().remove("<pad>").unwrap();
    lacking["other"] = token;
    changed("vocab.json", lacking.to_string().as_bytes()).assert_refused(
        "vocab.json",
        "vocab.json: no <pad> among 400 tokens, expected a RoBERTa vocabulary with <pad> and <unk>.",
    );
    for (merges, words) in [
        (
            &b"#version: 0.2\nin\n"[..],
            "merges.txt, line 2: expected two parts with a space between",
        ),
        (b"i n\ni  n\n", "merges.txt, line 2: expected two parts"),
        (b"i n\n\ne s\n", "merges.txt, line 2: expected two parts"),
        (b"i n\n\xff s\n", "merges.txt, line 2: not UTF-8."),
        (
            b"i n\nq q\n",
            "vocab.json, merge 2: its parts or what they make are not in the vocabulary",
        ),
        (
            b"i zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n",
            "vocab.json, merge 1: its parts",
        ),
    ] {
        changed("merges.txt", merges).assert_refused("vocab.json", words);
    }
    for ends in [&b""[..], b"#version: 0.2\n", b"i n\r\ne s\r\n\r\n"] {
        assert!(changed("merges.txt", ends).read("vocab.json", None).is_ok());
    }
}

#[test]
fn a_tokenizer_from_elsewhere_is_compared_with_an_encoders_files() {
    let said = |folder: &Folder, kind| published(&folder.path("vocab.json"), kind).unwrap().said;
    let own = Folder::new(&PAIR, &[]);
    let tokenizer = own.read("vocab.json", None).unwrap();
    assert!(tokenizer.reads_as(&said(&own, TokenizerKind::ByteLevelBpe)).is_ok());
    let fewer = Folder::new(&PAIR, &[]);
    fewer.write("merges.txt", "i n\n");
    let message = tokenizer
        .reads_as(&said(&fewer, TokenizerKind::ByteLevelBpe))
        .unwrap_err();
    assert!(
        message
            .to_string()
            .contains("do not merge the same pairs, from pair 2 on"),
        "{message}"
    );
    let spaced = Folder::new(&PAIR, &[("tokenizer_config.json", json!({"add_prefix_space": true}))]);
    let message = tokenizer
        .reads_as(&said(&spaced, TokenizerKind::ByteLevelBpe))
        .unwrap_err();
    assert!(
        message.to_string().contains("add_prefix_space is true, expected false"),
        "{message}"
    );
    let pieces = fit(&super::file_settings(super::fixture("vocab.txt"), true), &[] as &[&str]).unwrap();
    let message = pieces.reads_as(&said(&own, TokenizerKind::ByteLevelBpe)).unwrap_err();
    assert_eq!(
        message.to_string(),
        "found the tokenizer `word-piece`, expected `byte-level-bpe`, with which the encoder was trained. Name the \
         encoder's own files as the tokenizer's `file` in the suite"
    );
}
