//! The text normalisation recipes of the published systems, edge cases included. A recipe is applied to the
//! whole note before it is split into tokens.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rises whenever a recipe's output changes for any input; part of every tokenizer fingerprint.
pub const NORMALISE_VERSION: u32 = 1;

/// How a note's text is normalised before it is split into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Mullenbach et al. 2018 (CAML): runs of letters, numbers and `_` are tokens, wholly numeric tokens are
    /// dropped, the rest is lowercased and joined by one space. `_` and accented letters are kept.
    Caml,
    /// Edin et al. 2023: lowercase, every run of characters outside `A-Za-z0-9` becomes one space, then runs of
    /// numbers with a space on both sides become one space, then the ends are trimmed. A number at the very
    /// start or end of the note has no space on one side and survives.
    Edin,
    /// Spanish words without their endings: lower case, no accents; runs of `a-z0-9` and the signs `%` and `+` are tokens;
    /// articles and the commonest prepositions and conjunctions are left out; a word loses the longest of a list of endings of
    /// gender, number and derivation that leaves four letters. For looking words up, not for reading.
    SpanishStems,
    /// The raw text, byte for byte.
    None,
}

// CAML uses Python's `\w`, which is letters, numbers and `_`. Rust's `\w` also takes combining marks and
// leaves out numbers such as "½", hence the explicit class.
static CAML_TOKEN: LazyLock<Regex> = LazyLock::new(|| fixed(r"[\p{L}\p{N}_]+"));
// Python's `isnumeric` also holds for some CJK ideographs ("二"); no clinical data set here has them.
static NUMERIC: LazyLock<Regex> = LazyLock::new(|| fixed(r"^\p{N}+$"));
static NOT_ALPHANUMERIC: LazyLock<Regex> = LazyLock::new(|| fixed(r"[^A-Za-z0-9]+"));
// The text holds no white space but single spaces where this is applied.
static NUMBER_RUN: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?: [0-9]+)+ "));

impl Normalisation {
    /// The text after this recipe. For all but `none`, tokens are separated by exactly one space and the
    /// result is empty when nothing survives.
    pub fn normalise(&self, text: &str) -> String {
        match self {
            Normalisation::Caml => caml(text),
            Normalisation::Edin => edin(text),
            Normalisation::SpanishStems => {
                let stems: Vec<String> = spanish_stems(text).into_iter().map(|(stem, _)| stem).collect();
                stems.join(" ")
            }
            Normalisation::None => text.to_owned(),
        }
    }

    /// The words of a text after this recipe, each with the characters of the text that it was made of; `None` where the
    /// recipe does not tell.
    pub(super) fn locate(self, text: &str) -> Option<Vec<(String, Range<usize>)>> {
        match self {
            Normalisation::Caml => {
                let tokens = CAML_TOKEN
                    .find_iter(text)
                    .filter(|found| !NUMERIC.is_match(found.as_str()));
                Some(in_characters(
                    text,
                    tokens.map(|found| (found.as_str().to_lowercase(), found.range())),
                ))
            }
            Normalisation::Edin => None,
            Normalisation::SpanishStems => Some(spanish_stems(text)),
            Normalisation::None => {
                let words = raw_words(text);
                Some(in_characters(text, words.map(|(word, bytes)| (word.to_owned(), bytes))))
            }
        }
    }

    /// Whether the text after this recipe is the text.
    pub(super) fn keeps_the_text(self) -> bool {
        self == Normalisation::None
    }
}

static RAW_WORD: LazyLock<Regex> = LazyLock::new(|| fixed(r"\w+|[^\w\s]"));

/// The words of a raw text with their bytes.
pub(super) fn raw_words(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    RAW_WORD.find_iter(text).map(|word| (word.as_str(), word.range()))
}

/// Places in bytes, ascending, as places in characters.
fn in_characters(text: &str, words: impl Iterator<Item = (String, Range<usize>)>) -> Vec<(String, Range<usize>)> {
    let (mut bytes, mut characters) = (0, 0);
    let mut at = |place: usize| {
        characters += text[bytes..place].chars().count();
        bytes = place;
        characters
    };
    words
        .map(|(word, range)| (word, at(range.start)..at(range.end)))
        .collect()
}

/// Words that stand in nearly every note.
const SPANISH_FUNCTION_WORDS: [&str; 16] = [
    "de", "del", "la", "el", "los", "las", "en", "con", "y", "a", "un", "una", "por", "su", "al", "lo",
];

/// Endings by falling length.
const SPANISH_ENDINGS: [&str; 44] = [
    "aciones", "idades", "acion", "iones", "mente", "icas", "icos", "idad", "ados", "adas", "ando", "idos", "idas",
    "osas", "osos", "ales", "ares", "ivas", "ivos", "ion", "ica", "ico", "ado", "ada", "ido", "ida", "osa", "oso",
    "iva", "ivo", "ias", "ios", "al", "ar", "es", "as", "os", "ia", "io", "s", "a", "o", "e", "",
];

/// Letters that an ending leaves at least.
const LEAST_STEM: usize = 4;

fn spanish_stems(text: &str) -> Vec<(String, Range<usize>)> {
    let mut words: Vec<(String, Range<usize>)> = Vec::new();
    for (place, letter) in text.chars().enumerate() {
        let letter = without_accent(letter);
        match letter {
            '%' | '+' => words.push((letter.into(), place..place + 1)),
            letter if letter.is_ascii_alphanumeric() => match words.last_mut() {
                Some((word, at)) if at.end == place && !word.starts_with(['%', '+']) => {
                    word.push(letter);
                    at.end += 1;
                }
                _ => words.push((letter.into(), place..place + 1)),
            },
            _ => {}
        }
    }
    words.retain(|(word, _)| !SPANISH_FUNCTION_WORDS.contains(&word.as_str()));
    for (word, _) in &mut words {
        let ending = SPANISH_ENDINGS
            .iter()
            .find(|ending| word.len() >= ending.len() + LEAST_STEM && word.ends_with(*ending));
        word.truncate(word.len() - ending.map_or(0, |ending| ending.len()));
    }
    words
}

/// A letter in lower case without the accents that Spanish and its neighbours write.
fn without_accent(letter: char) -> char {
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    match lower {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ª' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'º' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        other => other,
    }
}

fn caml(text: &str) -> String {
    let mut normalised = String::with_capacity(text.len());
    for token in CAML_TOKEN.find_iter(text).map(|found| found.as_str()) {
        if NUMERIC.is_match(token) {
            continue;
        }
        if !normalised.is_empty() {
            normalised.push(' ');
        }
        normalised.push_str(&token.to_lowercase());
    }
    normalised
}

fn edin(text: &str) -> String {
    let lowered = text.to_lowercase();
    let spaced = NOT_ALPHANUMERIC.replace_all(&lowered, " ");
    // Before trimming: "(5 mg)" begins with a space by now, so its 5 goes, while the 5 of "5 mg" stays.
    let without_numbers = NUMBER_RUN.replace_all(&spaced, " ");
    without_numbers.trim().to_owned()
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap() // OK because the patterns are constants that every test compiles.
}
