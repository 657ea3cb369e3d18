//! The files beside a published vocabulary: obeyed, or refused where they contradict the suite, each other, or what this
//! program can do.

use std::path::PathBuf;

use icdbench::text::{Normalisation, TextSettings, Tokenizer, TokenizerKind, TokenizerSettings, published};
use serde_json::{Value, json};

use super::wordpiece::tokenizer_json;
use super::{fit, fixture};

/// A folder with the fixture's vocabulary that goes away with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, Value)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::copy(fixture("vocab.txt"), folder.path("vocab.txt")).unwrap();
        for (name, content) in files {
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

    fn settings(&self, file: &str, (lowercase, strip_accents, split_chinese): Asked) -> TokenizerSettings {
        TokenizerSettings::WordPiece {
            file: self.path(file),
            sha256: None,
            lowercase,
            strip_accents,
            split_chinese,
        }
    }

    fn read(&self, asked: Asked) -> Result<Tokenizer, String> {
        let settings = TextSettings {
            normalise: Normalisation::None,
            tokenizer: self.settings("vocab.txt", asked),
        };
        let folder = format!("{}/", self.0.path().display());
        fit(&settings, &[] as &[&str]).map_err(|error| error.to_string().replace(&folder, ""))
    }

    #[track_caller]
    fn assert_refused(&self, asked: Asked, start: &str) {
        let message = self.read(asked).expect_err("refused");
        assert!(message.starts_with(start), "{message}");
    }
}

/// `lowercase`, `strip-accents`, `split-chinese` of the suite.
type Asked = (bool, Option<bool>, Option<bool>);

const LOWER: Asked = (true, None, None);

fn config(settings: Value) -> Folder {
    Folder::new(&[("tokenizer_config.json", settings)])
}

#[test]
fn a_suite_that_contradicts_a_file_is_refused() {
    let cased = config(json!({"do_lower_case": false}));
    assert_eq!(
        cased.read(LOWER).unwrap_err(),
        "tokenizer_config.json: do_lower_case is false, expected true, as `lowercase` in the suite says. The encoder was \
         trained on text that is read as its own files say: write the same in the suite, or name another encoder's files"
    );
    assert!(cased.read((false, None, None)).is_ok());
    config(json!({"do_lower_case": true})).assert_refused(
        (false, None, None),
        "tokenizer_config.json: do_lower_case is true, expected false, as `lowercase`",
    );
    config(json!({"strip_accents": false})).assert_refused(
        (true, Some(true), None),
        "tokenizer_config.json: strip_accents is false, expected true, as `strip-accents` in the suite says.",
    );
    config(json!({"tokenize_chinese_chars": false})).assert_refused(
        (true, None, Some(true)),
        "tokenizer_config.json: tokenize_chinese_chars is false, expected true, as `split-chinese` in the suite says.",
    );
    let mut json = tokenizer_json(true);
    json["normalizer"]["strip_accents"] = json!(false);
    Folder::new(&[("tokenizer.json", json)]).assert_refused(
        (true, Some(true), None),
        "tokenizer.json: normalizer.strip_accents is false, expected true, as `strip-accents`",
    );
}

#[test]
fn what_no_file_says_the_suite_says() {
    let text = "naïve 中文";
    let pieces = |folder: &Folder, asked| {
        let tokenizer = folder.read(asked).unwrap();
        let ids = tokenizer.encode(text).into_iter();
        ids.map(|id| tokenizer.token(id).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for folder in [
        Folder::new(&[]),
        config(json!({"do_lower_case": true, "strip_accents": null})),
        // As `save_pretrained` writes it, with a length that no machine has.
        config(
            json!({"backend": "tokenizers", "cls_token": "[CLS]", "do_lower_case": true, "mask_token": "[MASK]",
            "model_max_length": 1e30, "pad_token": "[PAD]", "sep_token": "[SEP]", "strip_accents": null,
            "tokenizer_class": "BertTokenizer", "unk_token": "[UNK]", "never_split": null, "is_local": true,
            "added_tokens_decoder": {"0": {"content": "[PAD]", "special": true}}}),
        ),
    ] {
        assert_eq!(pieces(&folder, LOWER), ["naive", "中", "文"]);
        assert_eq!(pieces(&folder, (true, Some(false), None)), ["[UNK]", "中", "文"]);
        assert_eq!(pieces(&folder, (true, None, Some(false))), ["naive", "[UNK]"]);
    }
}

#[test]
fn special_tokens_are_called_what_the_files_call_them() {
    let names = json!({"unk_token": "the", "pad_token": {"content": "fever", "lstrip": false}, "cls_token": "patient"});
    for folder in [
        config(names.clone()),
        Folder::new(&[("special_tokens_map.json", names)]),
    ] {
        let tokenizer = folder.read(LOWER).unwrap();
        let id = |token: &str| tokenizer.id(token).unwrap();
        assert_eq!(tokenizer.unknown(), id("the"));
        assert_eq!(tokenizer.padding(), id("fever"));
        assert_eq!(tokenizer.cls(), Some(id("patient")));
        assert_eq!(tokenizer.sep(), Some(id("[SEP]")));
        assert_eq!(tokenizer.encode("qqq"), [id("the")]);
        let saved = Tokenizer::from_json(&tokenizer.to_json(), &folder.path("saved.json")).unwrap();
        assert_eq!((saved.unknown(), saved.cls()), (tokenizer.unknown(), tokenizer.cls()));
        assert_eq!(saved.encode("qqq fever"), tokenizer.encode("qqq fever"));
    }
    config(json!({"unk_token": "<unk>"})).assert_refused(LOWER, "vocab.txt: no <unk> among 37 tokens");
}

#[test]
fn what_this_program_does_not_do_is_refused() {
    for (settings, words) in [
        (
            json!({"do_basic_tokenize": false}),
            "do_basic_tokenize is false, expected true",
        ),
        (
            json!({"never_split": ["fever"]}),
            "never_split is a list of 1 words, expected none",
        ),
        (
            json!({"tokenizer_class": "BertJapaneseTokenizer"}),
            "tokenizer_class is BertJapaneseTokenizer, expected BertTokenizer",
        ),
        (
            json!({"added_tokens_decoder": {"37": {"content": "[NEW]", "special": true}}}),
            "added_tokens_decoder is added for id 37, expected a special token of the vocabulary, whose ids are below 37",
        ),
        (
            json!({"added_tokens_decoder": {"5": {"content": "un", "special": false}}}),
            "added_tokens_decoder is added for id 5, expected a special token",
        ),
        (
            json!({"do_lower_case": "yes"}),
            "not the settings of a tokenizer: invalid type",
        ),
        (json!([]), "not the settings of a tokenizer: "),
    ] {
        config(settings).assert_refused(LOWER, &format!("tokenizer_config.json: {words}"));
    }
    let added = |content| Folder::new(&[("added_tokens.json", content)]);
    added(json!({"creatinine": 37})).assert_refused(LOWER, "added_tokens.json: a token is added for id 37");
    assert!(added(json!({"[MASK]": 4})).read(LOWER).is_ok());
}

#[test]
fn two_files_that_disagree_are_refused() {
    let folder =
        |settings: Value, json: Value| Folder::new(&[("tokenizer_config.json", settings), ("tokenizer.json", json)]);
    assert_eq!(
        folder(json!({"do_lower_case": true}), tokenizer_json(false))
            .read(LOWER)
            .unwrap_err(),
        "tokenizer.json: normalizer.lowercase is false, and do_lower_case is true in tokenizer_config.json. Fetch both \
         files again from one and the same model, or correct the wrong one"
    );
    // A class that is what tokenizer.json says leaves the settings of BERT's unread.
    let fast = json!({"do_lower_case": true, "tokenizer_class": "PreTrainedTokenizerFast"});
    assert!(folder(fast, tokenizer_json(false)).read((false, None, None)).is_ok());

    let mut json = tokenizer_json(true);
    json["normalizer"]["strip_accents"] = json!(false);
    let open = folder(json!({"do_lower_case": true}), json);
    assert_eq!(
        open.read(LOWER).unwrap_err(),
        "tokenizer.json: normalizer.strip_accents is false, and tokenizer_config.json beside it says nothing: \
         `tokenizers` obeys the first, `transformers` reads that as true. Write `strip-accents` in the suite"
    );
    assert!(open.read((true, Some(false), None)).is_ok());

    let mut json = tokenizer_json(true);
    json["model"]["vocab"]["other"] = json!(37);
    Folder::new(&[("tokenizer.json", json)]).assert_refused(
        LOWER,
        "vocab.txt and tokenizer.json do not hold the same tokens, from id 37 on.",
    );
}

#[test]
fn files_that_only_stand_for_others_are_named() {
    let folder = Folder::new(&[]);
    folder.write(
        "vocab.txt",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 231508\n",
    );
    folder.assert_refused(
        LOWER,
        "vocab.txt: cannot read the WordPiece vocabulary: it is a Git LFS pointer, which only stands for the file: run \
         `git lfs pull`",
    );
    folder.write("vocab.txt", "\n<!DOCTYPE html>\n<html></html>\n");
    folder.assert_refused(
        LOWER,
        "vocab.txt: cannot read the WordPiece vocabulary: it is a web page",
    );
}

#[test]
fn a_deeply_nested_file_is_an_error() {
    for name in [
        "tokenizer_config.json",
        "tokenizer.json",
        "special_tokens_map.json",
        "added_tokens.json",
    ] {
        for start in ["[", "{\"a\":", "{\"unk_token\":[", "{\"model\":{\"vocab\":"] {
            let folder = Folder::new(&[]);
            folder.write(name, start.repeat(200_000));
            folder.assert_refused(LOWER, &format!("{name}: not "));
        }
    }
}

#[test]
fn the_companions_are_those_that_are_there() {
    let folder = Folder::new(&[
        ("tokenizer_config.json", json!({})),
        ("tokenizer.json", tokenizer_json(true)),
    ]);
    let names = |file: &str| {
        let companions = folder.settings(file, LOWER).companions();
        companions.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names("vocab.txt"), ["tokenizer_config.json", "tokenizer.json"]);
    assert_eq!(names("tokenizer.json"), ["tokenizer_config.json"]);
    let vocabulary = published(&folder.path("vocab.txt"), TokenizerKind::WordPiece).unwrap();
    assert_eq!(vocabulary.tokens.len(), 37);
}

#[test]
fn a_tokenizer_from_elsewhere_is_compared_with_an_encoders_files() {
    let cased = config(json!({"do_lower_case": false, "strip_accents": false}));
    let said_by = |folder: &Folder| {
        let published = published(&folder.path("vocab.txt"), TokenizerKind::WordPiece);
        published.unwrap().said
    };
    let said = said_by(&cased);
    let elsewhere = Folder::new(&[]);
    assert!(elsewhere.read((false, None, None)).unwrap().reads_as(&said).is_ok());
    let message = elsewhere.read(LOWER).unwrap().reads_as(&said).unwrap_err().to_string();
    assert!(
        message.contains("do_lower_case is false, expected true, as `lowercase` in the suite says"),
        "{message}"
    );
    let renamed = config(json!({"unk_token": "the"}));
    let said = said_by(&renamed);
    let message = elsewhere.read(LOWER).unwrap().reads_as(&said).unwrap_err().to_string();
    assert!(message.contains("unk_token is the, expected [UNK]"), "{message}");
}
