//! The pretrained encoder as a directory that Hugging Face loads.

use std::path::Path;

use safetensors::SafeTensorError;

use super::fit::Pretrained;
use crate::pretrained::{Architecture, BertConfig, WrittenBert, write};
use crate::text::Tokenizer;

/// Why an encoder was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The vocabulary is none that a Hugging Face directory can hold.
    #[error("the encoder is not written: {0}")]
    Vocabulary(String),
    /// The weights are too large for their format, or not what it takes.
    #[error("the encoder is not written: {0}")]
    Format(#[from] SafeTensorError),
    /// The directory cannot be written.
    #[error(transparent)]
    Disk(#[from] crate::results::files::Error),
}

impl Pretrained {
    /// The files of the directory: `config.json`, `model.safetensors`, `vocab.txt` and `tokenizer_config.json`. The same
    /// encoder gives the same bytes.
    ///
    /// # Errors
    /// The tokenizer's vocabulary is none that such a directory can hold.
    pub fn files(&self, tokenizer: &Tokenizer) -> Result<Vec<(&'static str, Vec<u8>)>, ExportError> {
        let vocabulary = tokenizer.as_hugging_face().map_err(ExportError::Vocabulary)?;
        let (encoder, heads) = self.model.parts();
        let rows = |table: &str| encoder.get(table).map_or(0, |values| values.shape[0]);
        let sizes = &self.encoder;
        let config = BertConfig {
            architecture: Architecture::Bert,
            hidden: sizes.hidden,
            layers: sizes.layers,
            heads: sizes.heads,
            intermediate: sizes.intermediate,
            vocabulary: rows("embeddings.word"),
            positions: rows("embeddings.position"),
            token_types: rows("embeddings.token_type"),
            dropout: Some(sizes.dropout),
            attention_dropout: Some(sizes.attention_dropout),
            norm_epsilon: sizes.norm_epsilon,
            padding: Some(self.padding.into()),
        };
        let written = WrittenBert {
            config: &config,
            initializer_range: sizes.initializer_range,
            encoder: &encoder,
            heads: &heads,
        };
        let mut files = Vec::from(written.files()?);
        files.extend(vocabulary.files(config.positions));
        Ok(files)
    }

    /// Writes the directory, which appears whole or not at all.
    ///
    /// # Errors
    /// See [`ExportError`]; something being at `directory` already is one.
    pub fn write(&self, directory: &Path, tokenizer: &Tokenizer) -> Result<(), ExportError> {
        Ok(write(directory, &self.files(tokenizer)?)?)
    }
}
