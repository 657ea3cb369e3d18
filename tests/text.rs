//! The `text` module from outside: recipes, vocabularies, WordPiece, byte-level BPE, saved tokenizers, files of tokens, batches and
//! word vectors. All texts are invented.

#[path = "text/batches.rs"]
mod batches;
#[path = "text/byte_level.rs"]
mod byte_level;
#[path = "text/errors.rs"]
mod errors;
#[path = "text/fingerprints.rs"]
mod fingerprints;
#[path = "common/fit.rs"]
mod fit;
#[path = "text/folders.rs"]
mod folders;
#[path = "text/hugging_face.rs"]
mod hugging_face;
#[path = "text/places.rs"]
mod places;
#[path = "text/recipes.rs"]
mod recipes;
#[path = "text/stores.rs"]
mod stores;
#[path = "text/vectors.rs"]
mod vectors;
#[path = "text/wordpiece.rs"]
mod wordpiece;
#[path = "text/words.rs"]
mod words;

use std::path::PathBuf;

use fit::{fit, fit_and_encode};
use icdbench::text::{Normalisation, TextSettings, Tokenizer, TokenizerSettings};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/text")
        .join(name)
}

fn words_settings(normalise: Normalisation, min_documents: u32) -> TextSettings {
    TextSettings {
        normalise,
        tokenizer: TokenizerSettings::Words {
            min_documents,
            max_size: None,
        },
    }
}

fn training_settings(vocabulary: usize, min_frequency: u64) -> TextSettings {
    TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::TrainWordPiece {
            vocabulary,
            min_frequency,
            lowercase: true,
            strip_accents: None,
            split_chinese: None,
        },
    }
}

fn file_settings(file: PathBuf, lowercase: bool) -> TextSettings {
    TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::WordPiece {
            file,
            sha256: None,
            lowercase,
            strip_accents: None,
            split_chinese: None,
        },
    }
}

fn words_tokenizer(recipe: Normalisation, min_documents: u32, texts: &[&str]) -> Tokenizer {
    fit(&words_settings(recipe, min_documents), texts).unwrap()
}

/// Invented notes with many ties between word counts, so that any dependence on hash order would show.
fn invented_notes(notes: usize) -> Vec<String> {
    let stems = ["cardi", "pulmon", "hepat", "nephr", "gastr", "oste", "derm", "neur"];
    let ends = ["itis", "osis", "ology", "ectomy", "algia", "opathy", "ic", "al"];
    let word = |number: usize| format!("{}{}", stems[number % 8], ends[(number / 8) % 8]);
    let note = |note: usize| {
        let words: Vec<String> = (0..note % 40).map(|place| word(note * 7 + place * place * 3)).collect();
        words.join(" ")
    };
    (0..notes).map(note).collect()
}
