//! The text normalisation recipes of the published systems, edge cases included. A recipe is applied to the
//! whole note before it is split into tokens.

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
    /// The text after this recipe. For `caml` and `edin`, tokens are separated by exactly one space and the
    /// result is empty when nothing survives.
    pub fn normalise(&self, text: &str) -> String {
        match self {
            Normalisation::Caml => caml(text),
            Normalisation::Edin => edin(text),
            Normalisation::None => text.to_owned(),
        }
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
