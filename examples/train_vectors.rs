//! Trains word vectors on a file of texts, for whoever sets them beside another program's: `scripts/peers/word_vectors.py`.
//!
//! Usage: `cargo run --release --example train_vectors -- TEXTS SETTINGS.toml FILE`. TEXTS has one text a line, its words between
//! spaces; words that begin with `__label__` are its labels (StarSpace). SETTINGS.toml has one table, `[word2vec]` or
//! `[starspace]`, with all that `train` of a suite's word-vectors has. FILE gets word2vec's text format. Prints the words that
//! were trained on, of all epochs, and the seconds that it took, reading and counting left out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use icdbench::suite::VectorTraining;
use icdbench::text::{VectorFormat, vector_file};
use icdbench::word_vectors::{Corpus, Labels, starspace, word2vec};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [texts, settings, file] = arguments.as_slice() else {
        bail!("usage: train_vectors TEXTS SETTINGS.toml FILE");
    };
    let settings = std::fs::read_to_string(settings).with_context(|| settings.clone())?;
    let settings: VectorTraining = toml::from_str(&settings)?;
    let wrong = |(key, problem)| anyhow!("{key}: {problem}");
    let texts = std::fs::read_to_string(texts).with_context(|| texts.clone())?;
    let lines: Vec<Vec<&str>> = texts
        .lines()
        .map(|line| line.split_ascii_whitespace().collect())
        .collect();
    let is_label = |word: &&&str| word.starts_with("__label__");
    let (words, counts, numbers) = numbered(lines.iter().flatten().filter(|word| !is_label(word)));
    let (labels, _, label_numbers) = numbered(lines.iter().flatten().filter(is_label));
    let mut tokens = Vec::new();
    let mut ends = Vec::new();
    let mut of_text = Vec::new();
    for line in &lines {
        tokens.extend(line.iter().filter_map(|word| numbers.get(word).copied()));
        ends.push(tokens.len());
        of_text.push(
            line.iter()
                .filter_map(|word| label_numbers.get(word).copied())
                .collect(),
        );
    }
    let corpus = Corpus {
        counts: &counts,
        words: &tokens,
        ends: &ends,
    };
    let labels = Labels {
        count: labels.len(),
        of_text: &of_text,
    };
    let started = Instant::now();
    let (vectors, epochs) = match &settings {
        VectorTraining::Word2Vec(settings) => {
            settings.check().map_err(wrong)?;
            (word2vec(settings, &corpus, &mut |_| true)?, settings.epochs)
        }
        VectorTraining::StarSpace(settings) => {
            settings.check().map_err(wrong)?;
            (starspace(settings, &corpus, &labels, &mut |_| true)?, settings.epochs)
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let with_vector = vectors.len() / settings.dimension();
    let bytes = vector_file(VectorFormat::Text, words[..with_vector].iter().copied(), &vectors);
    std::fs::write(file, bytes).with_context(|| file.clone())?;
    println!("{} words in {seconds} seconds", tokens.len() as u64 * u64::from(epochs));
    Ok(())
}

/// Words by falling count, ties alphabetically; their counts and numbers.
fn numbered<'w>(words: impl Iterator<Item = &'w &'w str>) -> (Vec<&'w str>, Vec<u64>, HashMap<&'w str, u32>) {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut order: Vec<(&str, u64)> = counts.into_iter().collect();
    order.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
    let numbers = order
        .iter()
        .zip(0..)
        .map(|(&(word, _), number)| (word, number))
        .collect();
    let (words, counts) = order.into_iter().unzip();
    (words, counts, numbers)
}
