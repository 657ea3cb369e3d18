//! The ids of Hugging Face's tokenizers, text by text: tests/reference/make_tokenizers.py made the fixtures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use icdbench::data::{self, CodeChoice, CodiespSettings, DatasetSettings, Language};
use icdbench::text::{Normalisation, TextSettings, Tokenizer, TokenizerSettings};
use rayon::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::fit;

/// What the vocabulary spells, and what it mostly does not: the tables of the script.
const RANGES: [(u32, u32); 16] = [
    (0x61, 0x7A),
    (0x41, 0x5A),
    (0x41, 0x7A),
    (0x30, 0x39),
    (0x20, 0x2F),
    (0xC0, 0xFF),
    (0xC0, 0x17F),
    (0x300, 0x304),
    (0x3B1, 0x3C9),
    (0x391, 0x3A9),
    (0x410, 0x44F),
    (0x4E00, 0x4E10),
    (0x3042, 0x3052),
    (0xAC00, 0xAC08),
    (0x00, 0x1F),
    (0x7F, 0xA0),
];
#[rustfmt::skip]
const FARTHER: [(u32, u32); 40] = [
    (0xA1, 0xBF), (0x180, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5FF), (0x600, 0x6FF),
    (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1680, 0x1680), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF),
    (0x2000, 0x206F), (0x20A0, 0x20FF), (0x2100, 0x218F), (0x2E00, 0x2E5F), (0x3000, 0x303F), (0x3040, 0x30FF),
    (0x33FF, 0x3401), (0x4DBE, 0x4E01), (0x4E00, 0x9FFF), (0x9FFE, 0xA000), (0xAC00, 0xD7A3), (0xE000, 0xE010),
    (0xF8FF, 0xFB06), (0xFE00, 0xFE2F), (0xFF00, 0xFF60), (0xFFF0, 0xFFFF), (0x1D400, 0x1D430), (0x1F600, 0x1F64F),
    (0x1FFFE, 0x20010), (0x2A6DE, 0x2A701), (0x2B73E, 0x2B741), (0x2B81E, 0x2B921), (0x2CEAE, 0x2CEB1),
    (0x2F7FF, 0x2FA20), (0xE0000, 0xE007F), (0x10FFF0, 0x10FFFF), (0x00, 0x10FFFF),
];

const TEXTS: usize = 1000;

/// What Hugging Face makes of the texts with these settings.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Case {
    pub settings: BTreeMap<String, bool>,
    pub first: Vec<Vec<u32>>,
    pub random: String,
    codiesp_es: String,
    codiesp_en: String,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tokenizers")
        .join(name)
}

fn cases() -> BTreeMap<String, Case> {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A linear congruential generator, as in the script.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }
}

pub fn random_texts() -> Vec<String> {
    let vocabulary = std::fs::read_to_string(fixture("vocab.txt")).unwrap();
    // Behind the five special tokens, before the single characters.
    let pieces: Vec<&str> = vocabulary.lines().skip(5).take_while(|token| *token != "!").collect();
    let mut random = Random(20240229);
    let text = |_| {
        let mut text = String::new();
        for _ in 0..1 + random.below(24) {
            let ranges = if random.below(5) == 0 { &FARTHER[..] } else { &RANGES };
            let (first, last) = ranges[random.below(ranges.len())];
            for _ in 0..1 + random.below(6) {
                let point = first + random.below((last - first + 1) as usize) as u32;
                text.push(char::from_u32(point).unwrap_or('\u{fffd}'));
            }
            text.push_str(["", " "][random.below(2)]);
            if random.below(3) == 0 {
                let piece = pieces[random.below(pieces.len())];
                text.push_str(piece.strip_prefix("##").unwrap_or(piece));
            }
        }
        text
    };
    (0..TEXTS).map(text).collect()
}

/// SHA-256 over a line of numbers for each text.
pub fn digest(ids: &[Vec<u32>]) -> String {
    let mut hash = Sha256::new();
    for ids in ids {
        let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
        hash.update(ids.join(" ") + "\n");
    }
    format!("{:x}", hash.finalize())
}

fn settings(file: PathBuf, lowercase: bool, strip_accents: Option<bool>, split_chinese: Option<bool>) -> TextSettings {
    TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::WordPiece {
            file,
            sha256: None,
            lowercase,
            strip_accents,
            split_chinese,
        },
    }
}

/// The case's tokenizer in each way that a suite can have it: from what the files say, and from what the suite says.
fn tokenizers(name: &str, case: &Case) -> Vec<(&'static str, Tokenizer)> {
    let said = |key: &str| case.settings.get(key).copied();
    let lowercase = said("do_lower_case").unwrap();
    let (accents, chinese) = (said("strip_accents"), said("tokenize_chinese_chars"));
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |file: &str| folder.path().join(file);
    let read = |file: &str, accents, chinese| {
        let settings = settings(in_folder(file), lowercase, accents, chinese);
        fit(&settings, &[] as &[&str]).unwrap()
    };
    if name == "tokenizer.json" {
        std::fs::copy(fixture("tokenizer.json"), in_folder("tokenizer.json")).unwrap();
        let mut tokenizers = vec![("its file", read("tokenizer.json", None, None))];
        std::fs::copy(fixture("vocab.txt"), in_folder("vocab.txt")).unwrap();
        tokenizers.push(("the file beside vocab.txt", read("vocab.txt", None, None)));
        tokenizers.push(("both", read("vocab.txt", accents, chinese)));
        return tokenizers;
    }
    std::fs::copy(fixture("vocab.txt"), in_folder("vocab.txt")).unwrap();
    let from_suite = read("vocab.txt", accents, chinese);
    let config = serde_json::to_string(&case.settings).unwrap();
    std::fs::write(in_folder("tokenizer_config.json"), config).unwrap();
    vec![
        ("the suite", from_suite),
        ("tokenizer_config.json", read("vocab.txt", None, None)),
        ("both", read("vocab.txt", accents, chinese)),
    ]
}

#[test]
fn random_unicode_gets_hugging_faces_ids() {
    let texts = random_texts();
    let cases = cases();
    assert_eq!(cases.len(), 7);
    for (name, case) in &cases {
        for (from, tokenizer) in tokenizers(name, case) {
            let ids: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text)).collect();
            for (number, expected) in case.first.iter().enumerate() {
                assert_eq!(ids[number], *expected, "{name}, from {from}: {:?}", texts[number]);
            }
            assert_eq!(digest(&ids), case.random, "{name}, from {from}");
        }
    }
    let digests: BTreeSet<&String> = cases.values().map(|case| &case.random).collect();
    assert_eq!(digests.len(), cases.len(), "two cases that no text tells apart");
}

/// The notes themselves stay where they are: only hashes of their ids are here.
#[test]
fn codiesp_gets_hugging_faces_ids() {
    // It has no Chinese characters for the other cases to differ in.
    let cases = cases().into_iter().filter(|(name, _)| !name.contains("chinese"));
    assert_codiesp(cases.map(|(name, case)| {
        let tokenizer = tokenizers(&name, &case).swap_remove(1).1;
        (name, case, tokenizer)
    }));
}

/// Checks the ids of CodiEsp's notes by the tokenizer of each case, where the notes are here.
pub fn assert_codiesp(cases: impl Iterator<Item = (String, Case, Tokenizer)>) {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let directory = std::env::var_os("ICDBENCH_DATA").map_or_else(beside, PathBuf::from);
    if !directory.join("codiesp").is_dir() {
        println!("skipped: no CodiEsp release; set ICDBENCH_DATA to the folder that has codiesp/");
        return;
    }
    let cases: Vec<_> = cases.collect();
    for language in [Language::Es, Language::En] {
        let texts = codiesp(&directory, language);
        assert_eq!(texts.len(), 1000);
        for (name, case, tokenizer) in &cases {
            let ids: Vec<Vec<u32>> = texts.par_iter().map(|text| tokenizer.encode(text)).collect();
            let expected = match language {
                Language::Es => &case.codiesp_es,
                Language::En => &case.codiesp_en,
            };
            assert_eq!(digest(&ids), *expected, "{name}, {language:?}");
        }
    }
}

/// The notes of the parts with codes, each part in the order of its names.
fn codiesp(directory: &Path, language: Language) -> Vec<String> {
    let settings = DatasetSettings::Codiesp(CodiespSettings {
        language,
        codes: CodeChoice::Both,
    });
    let corpus = data::load(&settings, Some(directory), &data::registry().unwrap()).unwrap();
    let mut texts = Vec::new();
    for part in ["train", "dev", "test"] {
        let mut notes: Vec<_> = corpus.part(part).unwrap().notes.iter().collect();
        notes.sort_by(|a, b| a.id.cmp(&b.id));
        texts.extend(notes.iter().map(|note| note.text.clone()));
    }
    texts
}
