//! A WordPiece vocabulary as the files of a Hugging Face directory, from which `transformers` and this program read text as
//! it does.

use serde_json::json;

use super::tokenizer::Tokenizer;
use super::vocabulary::Vocabulary;
use super::wordpiece::{MAX_CHARACTERS, WordPieceTable};

/// What the token is called that pretraining masks with.
pub const MASK: &str = "[MASK]";

/// A vocabulary that such files can hold.
#[derive(Clone, Copy)]
pub struct HuggingFaceVocabulary<'a>(&'a WordPieceTable);

impl Tokenizer {
    /// The vocabulary for a Hugging Face directory. A normalisation recipe is not in it: no such file can hold one.
    ///
    /// # Errors
    /// In words: it is one of words, or cuts text in a way that these files cannot say.
    pub fn as_hugging_face(&self) -> Result<HuggingFaceVocabulary<'_>, String> {
        let Vocabulary::WordPiece(pieces) = &self.vocabulary else {
            return Err("a vocabulary of words is none of BERT's".into());
        };
        let table = &pieces.table;
        if !table.cleaning.clean_text {
            return Err("the tokenizer keeps control characters, which BERT's own removes".into());
        }
        if table.cleaning.max_characters != MAX_CHARACTERS {
            return Err(format!(
                "the tokenizer cuts words of up to {} characters, BERT's own of up to {MAX_CHARACTERS}",
                table.cleaning.max_characters
            ));
        }
        Ok(HuggingFaceVocabulary(table))
    }

    /// How many of a text's words the vocabulary does not have whole (Zhang et al. 2020, section 3.2). `None` for a
    /// vocabulary of words.
    pub fn words_outside(&self, text: &str) -> Option<usize> {
        let Vocabulary::WordPiece(pieces) = &self.vocabulary else {
            return None;
        };
        let words = pieces.table.cleaning.words(&self.recipe.normalise(text));
        Some(words.iter().filter(|word| pieces.id(word).is_none()).count())
    }
}

impl HuggingFaceVocabulary<'_> {
    /// `vocab.txt` and `tokenizer_config.json`, for a model of so many positions.
    pub fn files(&self, positions: usize) -> [(&'static str, Vec<u8>); 2] {
        let Self(table) = self;
        let mut tokens = table.tokens.join("\n");
        tokens.push('\n');
        let config = json!({
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": table.cleaning.lowercase,
            "strip_accents": table.cleaning.strip_accents,
            "tokenize_chinese_chars": table.cleaning.split_chinese,
            "unk_token": table.specials.unknown,
            "pad_token": table.specials.padding,
            "cls_token": table.specials.cls,
            "sep_token": table.specials.separator,
            "mask_token": MASK,
            "model_max_length": positions,
        });
        [
            ("vocab.txt", tokens.into_bytes()),
            ("tokenizer_config.json", format!("{config:#}\n").into_bytes()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::FitNotes;
    use crate::text::{Normalisation, TextSettings, TokenizerSettings};

    fn read(file: &std::path::Path, lowercase: bool) -> Tokenizer {
        let settings = TextSettings {
            normalise: Normalisation::None,
            tokenizer: TokenizerSettings::WordPiece {
                file: file.to_owned(),
                sha256: None,
                lowercase,
                strip_accents: None,
                split_chinese: None,
            },
        };
        let nobody = FitNotes::new(Vec::new(), &[], &[]).unwrap();
        Tokenizer::fit(&settings, nobody.texts()).unwrap().0
    }

    #[test]
    fn what_is_written_is_read_as_the_same_vocabulary() {
        for lowercase in [true, false] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("vocab.txt");
            std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nchest\npain\n##ful\n.\n").unwrap();
            let tokenizer = read(&path, lowercase);
            let copy = tempfile::tempdir().unwrap();
            for (name, bytes) in tokenizer.as_hugging_face().unwrap().files(512) {
                std::fs::write(copy.path().join(name), bytes).unwrap();
            }
            let found = read(&copy.path().join("vocab.txt"), lowercase);
            assert_eq!(found.fingerprint(), tokenizer.fingerprint());
            let said = crate::text::published(&copy.path().join("vocab.txt"), crate::text::TokenizerKind::WordPiece)
                .unwrap()
                .said;
            assert!(tokenizer.reads_as(&said).is_ok());
        }
    }

    #[test]
    fn words_that_are_cut_are_outside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vocab.txt");
        std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nchest\npain\n##ful\n.\n").unwrap();
        // painful and the comma.
        assert_eq!(read(&path, true).words_outside("Chest pain, painful."), Some(2));
    }
}
