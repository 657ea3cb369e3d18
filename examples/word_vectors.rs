//! Writes the input embeddings of a pretrained encoder's whole words as a file of word vectors, for models that read
//! words and start from vectors trained elsewhere (`word-vectors` of a suite's `[text.<name>]`).
//!
//! Usage: `cargo run --release --example word_vectors -- DIRECTORY FILE`. DIRECTORY is a Hugging Face BERT, whose
//! vocabulary should be lower case as CAML's words are; FILE gets the text format of word2vec: a line with the number
//! of words and their length, then a line for each word. Pieces of words and special tokens are left out. Prints the
//! file's SHA-256, which the suite has to name.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use icdbench::pretrained::PretrainedBert;
use icdbench::record::hex;
use sha2::{Digest, Sha256};

/// The table of token vectors, by its name in an encoder of icdbench.
const TABLE: &str = "embeddings.word";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, file] = arguments.as_slice() else {
        bail!("usage: word_vectors DIRECTORY FILE");
    };
    let directory = PathBuf::from(directory);
    let pretrained = PretrainedBert::read(&directory, None)?;
    let table = pretrained
        .parameters
        .get(TABLE)
        .context("an encoder with token embeddings")?;
    let width = table.shape[1];
    let is_word = |token: &str| {
        let mut letters = token.chars();
        letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
            && token.chars().any(|letter| letter.is_ascii_lowercase())
    };
    let rows = pretrained.tokens.iter().zip(table.values.chunks_exact(width));
    let words: Vec<_> = rows.filter(|(token, _)| is_word(token)).collect();
    let mut text = format!("{} {width}\n", words.len());
    for (word, vector) in &words {
        text += word;
        for value in *vector {
            write!(text, " {value}")?;
        }
        text.push('\n');
    }
    std::fs::write(file, &text).with_context(|| file.clone())?;
    println!("{} words of {width} numbers in {file}", words.len());
    println!("sha256 {}", hex(&Sha256::digest(text.as_bytes())));
    Ok(())
}
