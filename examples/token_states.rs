//! Loads a Hugging Face BERT directory and writes the encoder's token states for some sentences.
//!
//! `tests/reference/minilm_states.py` sets Hugging Face's states for the same token ids beside them.
//! Usage: `cargo run --release --example token_states -- DIRECTORY cased|uncased SENTENCES.txt IDS.json
//! STATES.f32`. SENTENCES.txt has one sentence a line; IDS.json gets the list of their token ids, [CLS] and
//! [SEP] included; STATES.f32 the states of all these tokens, one sentence after another, little-endian.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use burn::tensor::Device;
use icdbench::data::FitNotes;
use icdbench::models::bert::{Encoder, EncoderConfig};
use icdbench::models::layers::Packed;
use icdbench::models::{Initialiser, Pass, Task, parameters};
use icdbench::pretrained::PretrainedBert;
use icdbench::text::{Normalisation, TextSettings, Tokenizer, TokenizerSettings};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, case, sentences, ids, states] = arguments.as_slice() else {
        bail!("usage: token_states DIRECTORY cased|uncased SENTENCES.txt IDS.json STATES.f32");
    };
    let directory = PathBuf::from(directory);
    let pretrained = PretrainedBert::read(&directory, None)?;
    println!("{}", pretrained.report);
    println!("weights sha256 {}", pretrained.weights_sha256);
    let settings = TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::WordPiece {
            file: directory.join("vocab.txt"),
            sha256: None,
            lowercase: case == "uncased",
            strip_accents: None,
            split_chinese: None,
        },
    };
    // A published vocabulary looks at no text.
    let nobody = FitNotes::new(Vec::new(), &[], &[])?;
    let (tokenizer, _) = Tokenizer::fit(&settings, nobody.texts())?;
    let special = |id: Option<u32>| id.context("a vocabulary with [CLS] and [SEP]");
    let (cls, separator) = (special(tokenizer.cls())?, special(tokenizer.sep())?);
    let config = EncoderConfig {
        layers: pretrained.config.layers,
        hidden: pretrained.config.hidden,
        heads: pretrained.config.heads,
        intermediate: pretrained.config.intermediate,
        positions: pretrained.config.positions,
        dropout: 0.0,
        attention_dropout: 0.0,
        initializer_range: 0.02,
        norm_epsilon: pretrained.config.norm_epsilon,
    };
    let sentences = std::fs::read_to_string(sentences).with_context(|| sentences.clone())?;
    let sequence = |sentence: &str| {
        let mut tokens = tokenizer.encode(sentence);
        tokens.truncate(config.positions - 2);
        let all = [cls].into_iter().chain(tokens).chain([separator]);
        all.map(|id| id as i32).collect()
    };
    let sequences: Vec<Vec<i32>> = sentences.lines().map(sequence).collect();
    let task = Task {
        vocabulary: tokenizer.size(),
        padding: tokenizer.padding(),
        cls: Some(cls),
        separator: Some(separator),
        encoder: Some(Arc::new(pretrained.into_encoder())),
        ..Task::default()
    };
    config.check(&task, ("", 0), true).map_err(anyhow::Error::msg)?;
    let device = Device::flex();
    let encoder = Encoder::init(&config, &task, false, &mut Initialiser::new(1, &device));
    let rows = encoder.forward(&Packed::new(&sequences, task.padding as i32, &device), Pass::default());
    let [tokens, hidden] = rows.dims();
    let bytes: Vec<u8> = parameters::host(rows).into_iter().flat_map(f32::to_le_bytes).collect();
    std::fs::write(ids, serde_json::to_string(&sequences)?).with_context(|| ids.clone())?;
    std::fs::write(states, bytes).with_context(|| states.clone())?;
    println!("{} sentences, {tokens} tokens, {hidden} numbers each", sequences.len());
    Ok(())
}
