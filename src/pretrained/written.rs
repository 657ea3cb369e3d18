//! A BERT as a Hugging Face directory: what [`PretrainedBert::read`](super::PretrainedBert::read) reads, written.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use safetensors::{Dtype, SafeTensorError, tensor::TensorView};
use serde_json::json;

use super::BertConfig;
use super::names::{self, Parameter};
use crate::models::parameters::Parameters;
use crate::results::files;

/// A BERT with the heads that it was pretrained with.
pub struct WrittenBert<'a> {
    /// Sizes and dropout.
    pub config: &'a BertConfig,
    /// Deviation of the normal distribution that its parameters were drawn from.
    pub initializer_range: f64,
    /// The encoder's parameters, by their paths in it.
    pub encoder: &'a Parameters,
    /// Those of the heads, by the paths that [`PretrainedBert::heads`](super::PretrainedBert::heads) has.
    pub heads: &'a Parameters,
}

impl WrittenBert<'_> {
    /// `config.json` and `model.safetensors`, under the names of `BertForPreTraining`; of `BertForMaskedLM` where there is no
    /// head for next sentences.
    ///
    /// # Errors
    /// What the writer of safetensors says.
    ///
    /// # Panics
    /// When the parameters are not those of a BERT of these sizes.
    pub fn files(&self) -> Result<[(&'static str, Vec<u8>); 2], SafeTensorError> {
        Ok([
            ("config.json", self.config_json().into_bytes()),
            ("model.safetensors", self.weights()?),
        ])
    }

    fn pairs(&self) -> bool {
        self.heads.contains_key("next_sentence.weight")
    }

    fn config_json(&self) -> String {
        let BertConfig {
            hidden,
            layers,
            heads,
            intermediate,
            vocabulary,
            positions,
            token_types,
            dropout,
            attention_dropout,
            norm_epsilon,
            padding,
            architecture: _, // BERT's names are all that is written.
        } = self.config;
        let architecture = if self.pairs() {
            "BertForPreTraining"
        } else {
            "BertForMaskedLM"
        };
        let config = json!({
            "architectures": [architecture],
            "model_type": "bert",
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": intermediate,
            "hidden_act": "gelu",
            "vocab_size": vocabulary,
            "max_position_embeddings": positions,
            "type_vocab_size": token_types,
            "hidden_dropout_prob": dropout.unwrap_or(0.0),
            "attention_probs_dropout_prob": attention_dropout.unwrap_or(0.0),
            "initializer_range": self.initializer_range,
            "layer_norm_eps": norm_epsilon,
            "position_embedding_type": "absolute",
            "pad_token_id": padding,
            "tie_word_embeddings": true,
        });
        format!("{config:#}\n")
    }

    fn weights(&self) -> Result<Vec<u8>, SafeTensorError> {
        let config = self.config;
        let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
        let mut add = |prefix: &str, of: &Parameters, parameters: Vec<Parameter>| {
            for parameter in parameters {
                for (place, tensor) in parameter.tensors.iter().enumerate() {
                    let values = part(&of[&parameter.path].values, &parameter, place);
                    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                    tensors.insert(format!("{prefix}{}", tensor.name), (tensor.shape.clone(), bytes));
                }
            }
        };
        add("bert.", self.encoder, names::encoder(config));
        add("", self.heads, names::masked_words(config));
        if self.pairs() {
            add("bert.", self.encoder, names::pooler(config));
            add("", self.heads, names::next_sentence(config));
        }
        let views = tensors.iter().map(|(name, (shape, bytes))| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes)?;
            Ok((name.as_str(), view))
        });
        let views: Vec<(&str, TensorView)> = views.collect::<Result<_, SafeTensorError>>()?;
        // What `transformers` asks of a file, that it is PyTorch's layout.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::serialize(views, Some(metadata))
    }
}

/// The numbers of one of a parameter's tensors as Hugging Face has them: linear weights are `[out, in]` there.
fn part(values: &[f32], parameter: &Parameter, place: usize) -> Vec<f32> {
    let shape = &parameter.tensors[place].shape;
    let count: usize = shape.iter().product();
    let parts = parameter.tensors.len();
    assert_eq!(values.len(), parts * count, "{} is not of these sizes", parameter.path);
    if !parameter.transposed {
        return values[place * count..][..count].to_vec();
    }
    let (outputs, inputs) = (shape[0], shape[1]);
    let width = parts * outputs;
    let rows = (0..outputs).map(|output| place * outputs + output);
    rows.flat_map(|column| (0..inputs).map(move |input| values[input * width + column]))
        .collect()
}

/// Writes files into a directory that appears with all of them or not at all.
///
/// # Errors
/// Something is at `directory` already, or the system cannot write there.
pub fn write(directory: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), files::Error> {
    let failed = || files::Error::at(directory, "write the encoder to");
    if directory.exists() {
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "something is there already");
        return Err(failed()(error));
    }
    let parent = directory.parent().filter(|parent| *parent != Path::new(""));
    let unfinished = files::begin_directory(parent.unwrap_or(Path::new(".")))?;
    for (name, bytes) in files {
        files::write_atomically(&unfinished.path().join(name), bytes, true)?;
    }
    files::publish_directory(unfinished.path(), directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::parameters::Values;
    use crate::pretrained::{Architecture, PretrainedBert};

    const VOCABULARY: [&str; 6] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "pain"];

    fn config() -> BertConfig {
        BertConfig {
            architecture: Architecture::Bert,
            hidden: 4,
            layers: 2,
            heads: 2,
            intermediate: 6,
            vocabulary: VOCABULARY.len(),
            positions: 7,
            token_types: 2,
            dropout: Some(0.1),
            attention_dropout: Some(0.2),
            norm_epsilon: 1e-12,
            padding: Some(0),
        }
    }

    /// Parameters of which no two numbers are the same.
    fn drawn(parameters: Vec<Parameter>, next: &mut f32) -> Parameters {
        let of_one = |parameter: Parameter| {
            let shape = &parameter.tensors[0].shape;
            let parts = parameter.tensors.len();
            let shape = match parameter.transposed {
                true => vec![shape[1], parts * shape[0]],
                false if parts > 1 => vec![parts * shape[0]],
                false => shape.clone(),
            };
            let count: usize = shape.iter().product();
            let values = (0..count).map(|_| {
                *next += 0.25;
                *next
            });
            let values = values.collect();
            (parameter.path, Values { shape, values })
        };
        parameters.into_iter().map(of_one).collect()
    }

    #[test]
    fn what_is_written_is_read_with_every_number_at_its_place() {
        for pairs in [true, false] {
            let config = config();
            let mut next = 0.0;
            let mut encoder = drawn(names::encoder(&config), &mut next);
            let mut heads = drawn(names::masked_words(&config), &mut next);
            if pairs {
                encoder.extend(drawn(names::pooler(&config), &mut next));
                heads.extend(drawn(names::next_sentence(&config), &mut next));
            }
            let written = WrittenBert {
                config: &config,
                initializer_range: 0.02,
                encoder: &encoder,
                heads: &heads,
            };
            let mut files = written.files().unwrap().to_vec();
            files.push(("vocab.txt", (VOCABULARY.join("\n") + "\n").into_bytes()));
            let parent = tempfile::tempdir().unwrap();
            let directory = parent.path().join("encoder");
            write(&directory, &files).unwrap();
            let found = PretrainedBert::read(&directory, None).unwrap();
            assert_eq!(
                (&found.config, &found.parameters, &found.heads),
                (&config, &encoder, &heads)
            );
            assert_eq!(found.tokens, VOCABULARY);
            // Nothing is put in the place of what is there, and nothing stays beside it.
            assert!(write(&directory, &files).unwrap_err().to_string().contains("already"));
            assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
        }
    }
}
