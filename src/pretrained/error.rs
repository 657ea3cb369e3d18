//! What can be wrong with the directory of an encoder.

use std::path::PathBuf;

use crate::text;

/// Why a pretrained encoder cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: cannot read it: {source}. {what}; correct `directory` in the suite, or fetch the encoder again (`icdbench data list` says where from)", path.display())]
    Read {
        /// As the suite's `directory` leads to it.
        path: PathBuf,
        /// What should be there, as a sentence of the message.
        what: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// `config.json` is not JSON with BERT's sizes.
    #[error("{}: not the config.json of a BERT or RoBERTa: {source}. Fetch the file again, or convert the encoder with transformers", path.display())]
    Config {
        /// As the suite's `directory` leads to it.
        path: PathBuf,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// A model that the encoder here does not compute.
    #[error("{}: {key} is {found}, expected {expected}. Use an encoder that has it", path.display())]
    Unsupported {
        /// As the suite's `directory` leads to it.
        path: PathBuf,
        /// The key in `config.json`.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What this program computes.
        expected: String,
    },
    /// Neither form of the weights is there.
    #[error(
        "{}: no weights: found neither model.safetensors nor pytorch_model.bin, nor the index of either in several files. \
         Fetch one of them; TensorFlow's (bert_model.ckpt) must be converted first, `icdbench data list` says how",
        directory.display()
    )]
    NoWeights {
        /// Where they were looked for.
        directory: PathBuf,
    },
    /// The weights are not those the suite names.
    #[error("{}: found sha256 {found}{of}, expected {expected}. Fetch the file again, or correct `sha256` in the suite", path.display())]
    Checksum {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// SHA-256 of the file as it lies on disk.
        found: String,
        /// SHA-256 that the suite names.
        expected: String,
        /// What it is of, where that is not one file.
        of: String,
    },
    /// Truncated, damaged or of another format.
    #[error("{}: not a whole weights file: {problem}. Fetch the file again", path.display())]
    Damaged {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Whole, and something else than the weights of an encoder that are read here.
    #[error("{}: {problem}", path.display())]
    Unsuitable {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// What it is, and the next step.
        problem: String,
    },
    /// A tensor that the configuration needs is not in the file.
    #[error(
        "{}: no tensor {tensor} (nor under its older names), expected one of shape {expected:?} from config.json{instead}. \
         Use the weights and the config.json of one and the same encoder",
        path.display()
    )]
    Missing {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// The tensor's name in Hugging Face's terms.
        tensor: String,
        /// As `config.json` implies it.
        expected: Vec<usize>,
        /// Where something like it is, if so.
        instead: String,
    },
    /// A tensor is there under two of its names.
    #[error("{}: holds both {first} and {second}, expected one of them. Save the encoder alone and try again", path.display())]
    Twice {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// One name by which it is there.
        first: String,
        /// The other, by which it is there too.
        second: String,
    },
    /// A tensor of another shape than the configuration says.
    #[error(
        "{}: tensor {tensor} has shape {found:?}, expected {expected:?} from config.json. Use the weights and the \
         config.json of one and the same encoder",
        path.display()
    )]
    Shape {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// As the weights file has it.
        found: Vec<usize>,
        /// As `config.json` implies it.
        expected: Vec<usize>,
    },
    /// A tensor whose elements are not 16 or 32-bit floats.
    #[error("{}: tensor {tensor} holds {found}, expected F32, F16 or BF16. Save the weights again in one of them", path.display())]
    ElementType {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// Its element type, in capitals.
        found: String,
    },
    /// A value that is not a finite number.
    #[error("{}: tensor {tensor} holds a value that is not a finite number. Fetch the file again", path.display())]
    NotFinite {
        /// `model.safetensors` or `pytorch_model.bin`.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
    },
    /// No vocabulary beside the weights.
    #[error(
        "{}: no vocabulary: found neither {usual} nor tokenizer.json. Fetch the one that the encoder was trained \
         with, and name it as the tokenizer's `file` in the suite's [text.<name>]",
        directory.display()
    )]
    NoVocabulary {
        /// `vocab.txt` or `vocab.json`.
        usual: &'static str,
        /// Where they were looked for.
        directory: PathBuf,
    },
    /// A vocabulary with more tokens than the embedding table has rows. A table may have more rows: no token asks for
    /// them.
    #[error(
        "{}: {found} tokens, expected {expected} at most, the vocab_size of config.json: no vector was trained for the \
         others. Fetch the vocabulary that the encoder was trained with; or, where tokens were added at its end later, \
         remove those, so that {expected} are left",
        path.display()
    )]
    VocabularySize {
        /// `vocab.txt`, `vocab.json` or `tokenizer.json`.
        path: PathBuf,
        /// Tokens in it.
        found: usize,
        /// The configuration's `vocab_size`.
        expected: usize,
    },
    /// A vocabulary that cannot be read.
    #[error(transparent)]
    Vocabulary(#[from] text::Error),
}
