//! `[text.<name>.word-vectors]`: a file of word vectors, or how they are trained on the notes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::text::VectorScale;
use crate::word_vectors::{StarSpace, Word2Vec};

/// Where a text's word vectors come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum WordVectorChoice {
    /// They were trained elsewhere.
    File(WordVectorFile),
    /// They are trained here.
    Trained(TrainedVectors),
}

/// A file of pretrained word vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectorFile {
    /// In the text format of word2vec and GloVe or the binary one of word2vec, relative to the working directory.
    pub file: PathBuf,
    /// The file's SHA-256.
    pub sha256: String,
    /// Length of a vector.
    pub dimension: usize,
    /// Whether vectors are rescaled.
    pub scale: VectorScale,
    /// How a user gets it, in a sentence or a command. With it, runs of this text are skipped where it is not there, and
    /// say this; without it, its absence is an error. It moves no result.
    pub get: Option<String>,
}

/// Word vectors that are trained on the training notes.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedVectors {
    /// By which method, with all of its settings.
    pub train: VectorTraining,
    /// Whether vectors are rescaled after it.
    pub scale: VectorScale,
}

/// How word vectors are trained: `train = { word2vec = { .. } }` or `train = { starspace = { .. } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum VectorTraining {
    /// From the words around each word.
    Word2Vec(Word2Vec),
    /// From the notes' codes.
    StarSpace(StarSpace),
}

impl VectorTraining {
    /// `word2vec` or `starspace`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Word2Vec(_) => "word2vec",
            Self::StarSpace(_) => "starspace",
        }
    }

    /// Length of a vector.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Word2Vec(settings) => settings.dimension,
            Self::StarSpace(settings) => settings.dimension,
        }
    }

    /// The parts that are read beside the training notes. StarSpace reads notes with codes only.
    pub fn unlabelled(&self) -> &[String] {
        match self {
            Self::Word2Vec(settings) => &settings.unlabelled,
            Self::StarSpace(_) => &[],
        }
    }

    /// What is wrong with the settings: the setting and the problem.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        match self {
            Self::Word2Vec(settings) => settings.check(),
            Self::StarSpace(settings) => settings.check(),
        }
    }
}

/// [`WordVectorChoice`] as it is written: one table whose keys say which of the two it is. An untagged enum would report every
/// mistake as "did not match any variant".
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dimension: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    train: Option<VectorTraining>,
    scale: VectorScale,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    get: Option<String>,
}

impl TryFrom<Wire> for WordVectorChoice {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let Wire {
            file,
            sha256,
            dimension,
            train,
            scale,
            get,
        } = wire;
        let missing = |key: &str| format!("missing field `{key}`");
        match train {
            Some(train) => {
                let of_files = [
                    ("file", file.is_some()),
                    ("sha256", sha256.is_some()),
                    ("dimension", dimension.is_some()),
                    ("get", get.is_some()),
                ];
                match of_files.iter().find(|(_, given)| *given) {
                    Some((key, _)) => Err(format!(
                        "`{key}` is for vectors of a file, and `train` for vectors that are trained here: expected one of the two"
                    )),
                    None => Ok(Self::Trained(TrainedVectors { train, scale })),
                }
            }
            None if file.is_none() && sha256.is_none() && dimension.is_none() => {
                Err("expected `file` with `sha256` and `dimension`, or `train`".into())
            }
            None => Ok(Self::File(WordVectorFile {
                file: file.ok_or_else(|| missing("file"))?,
                sha256: sha256.ok_or_else(|| missing("sha256"))?,
                dimension: dimension.ok_or_else(|| missing("dimension"))?,
                scale,
                get,
            })),
        }
    }
}

impl From<WordVectorChoice> for Wire {
    fn from(choice: WordVectorChoice) -> Self {
        match choice {
            WordVectorChoice::File(WordVectorFile {
                file,
                sha256,
                dimension,
                scale,
                get,
            }) => Self {
                file: Some(file),
                sha256: Some(sha256),
                dimension: Some(dimension),
                train: None,
                scale,
                get,
            },
            WordVectorChoice::Trained(TrainedVectors { train, scale }) => Self {
                file: None,
                sha256: None,
                dimension: None,
                train: Some(train),
                scale,
                get: None,
            },
        }
    }
}
