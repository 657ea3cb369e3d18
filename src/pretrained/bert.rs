//! A BERT or RoBERTa directory read whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::names::{self, Parameter, Wanted};
use super::weights::Weights;
use super::{BertConfig, Error, LoadReport, config, vocabulary};
use crate::models::PretrainedEncoder;
use crate::models::parameters::{Parameters, Values};
use crate::text::{Published, Said};

/// A pretrained encoder, of BERT or RoBERTa, as plain numbers.
#[derive(Clone, Debug)]
pub struct PretrainedBert {
    /// What `config.json` says.
    pub config: BertConfig,
    /// The tokens it was trained with, by id: at most as many as its table of tokens has rows.
    pub tokens: Vec<String>,
    /// How the text was read that it was trained with, as far as its files say.
    pub said: Said,
    /// Its parameters by their paths in the encoder, such as `layers.0.output.weight`; linear weights are
    /// `[in, out]`. The pooler's are there where the file has them.
    pub parameters: Parameters,
    /// What was loaded, missing and left over.
    pub report: LoadReport,
    /// SHA-256 of the weights file, or of all its files one after another.
    pub weights_sha256: String,
    /// SHA-256 of `config.json`.
    pub config_sha256: String,
}

impl PretrainedBert {
    /// Reads a Hugging Face BERT or RoBERTa directory: `config.json`, `model.safetensors` or `pytorch_model.bin` (whole or in
    /// several files with an index), and the vocabulary (for BERT `vocab.txt`, for RoBERTa `vocab.json` with `merges.txt`, or
    /// `tokenizer.json`) with what says how text is read. `expected_sha256` is compared with the weights.
    ///
    /// # Errors
    /// A file that is missing or damaged, another hash, a model that is neither or has no exact GELU, a tensor that is missing
    /// or has another shape than `config.json` says, or a larger vocabulary.
    pub fn read(directory: &Path, expected_sha256: Option<&str>) -> Result<Self, Error> {
        let (config, config_sha256) = config::read(&directory.join("config.json"))?;
        let Published { tokens, said } = vocabulary::read(directory, &config)?;
        let wanted = names::encoder(&config);
        let parameters = wanted
            .iter()
            .flat_map(|parameter| &parameter.tensors)
            .map(Wanted::elements)
            .sum();
        let weights = Weights::open(directory, expected_sha256, parameters)?;
        let mut loader = Loader {
            weights: &weights,
            names: Loader::names(&weights),
            loaded: BTreeSet::new(),
            parameters: Parameters::new(),
        };
        for parameter in &wanted {
            loader.load(parameter)?;
        }
        let pooler = names::pooler(&config);
        let mut missing = Vec::new();
        for tensor in pooler.iter().flat_map(|parameter| &parameter.tensors) {
            if loader.find(tensor)?.is_none() {
                missing.push(tensor.name.clone());
            }
        }
        // Half a pooler is none: a model that uses it would mix trained and drawn numbers.
        if missing.is_empty() {
            for parameter in &pooler {
                loader.load(parameter)?;
            }
        }
        let Loader { loaded, parameters, .. } = loader;
        let left_over = weights.tensors.keys().filter(|name| !loaded.contains(*name));
        let report = LoadReport {
            file: weights
                .path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            shards: weights.shards,
            parameters: parameters.values().map(|values| values.values.len() as u64).sum(),
            missing,
            left_over: left_over.cloned().collect(),
            loaded: loaded.into_iter().collect(),
            unused_rows: config.vocabulary - tokens.len(),
        };
        Ok(Self {
            config,
            tokens,
            said,
            parameters,
            report,
            weights_sha256: weights.sha256,
            config_sha256,
        })
    }

    /// What models are given: sizes and parameters.
    pub fn into_encoder(self) -> PretrainedEncoder {
        let first = self.config.first_position();
        let BertConfig {
            hidden,
            layers,
            heads,
            intermediate,
            vocabulary,
            positions,
            token_types,
            norm_epsilon,
            ..
        } = self.config;
        PretrainedEncoder {
            vocabulary,
            hidden,
            layers,
            heads,
            intermediate,
            positions: positions - first,
            token_types,
            norm_epsilon,
            parameters: self.parameters,
        }
    }
}

struct Loader<'a> {
    weights: &'a Weights,
    /// The names in the file, by today's.
    names: BTreeMap<String, Vec<&'a str>>,
    /// Names in the file of the tensors used so far.
    loaded: BTreeSet<String>,
    parameters: Parameters,
}

impl<'a> Loader<'a> {
    fn names(weights: &'a Weights) -> BTreeMap<String, Vec<&'a str>> {
        let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in weights.tensors.keys() {
            names.entry(names::today(name)).or_default().push(name);
        }
        names
            .values_mut()
            .for_each(|names| names.sort_by_key(|name| name.len()));
        names
    }

    /// The tensor's name in the file.
    fn find(&self, tensor: &Wanted) -> Result<Option<String>, Error> {
        match self.names.get(&tensor.name).map_or(&[][..], Vec::as_slice) {
            [] => Ok(None),
            [one] => Ok(Some((*one).to_owned())),
            [first, second, ..] => Err(Error::Twice {
                path: self.weights.path.clone(),
                first: (*first).to_owned(),
                second: (*second).to_owned(),
            }),
        }
    }

    /// For a tensor that is missing: where the file has one of that name behind something that stands before no encoder's.
    fn instead(&self, tensor: &Wanted) -> String {
        let inner = format!(".{}", tensor.name);
        match self.names.iter().find(|(today, _)| today.ends_with(&inner)) {
            Some((_, names)) => format!(
                "; it holds {}: save that encoder alone, with `save_pretrained`, or without what stands before its names",
                names[0]
            ),
            None => String::new(),
        }
    }

    fn load(&mut self, parameter: &Parameter) -> Result<(), Error> {
        let mut parts = Vec::new();
        for tensor in &parameter.tensors {
            let name = self.find(tensor)?.ok_or_else(|| Error::Missing {
                path: self.weights.path.clone(),
                tensor: tensor.name.clone(),
                expected: tensor.shape.clone(),
                instead: self.instead(tensor),
            })?;
            let found = &self.weights.tensors[&name].shape;
            if *found != tensor.shape {
                return Err(Error::Shape {
                    path: self.weights.path.clone(),
                    tensor: name.clone(),
                    found: found.clone(),
                    expected: tensor.shape.clone(),
                });
            }
            parts.push(self.weights.values(&name)?);
            self.loaded.insert(name);
        }
        let shape = &parameter.tensors[0].shape;
        let mut values = if parameter.transposed {
            transposed(&parts, shape[1], shape[0])
        } else {
            Values {
                shape: match parts.len() {
                    1 => shape.clone(),
                    count => vec![count * shape[0]],
                },
                values: parts.concat(),
            }
        };
        if parameter.unused > 0 {
            values.shape[0] -= parameter.unused;
            values.values.drain(..parameter.unused * values.shape[1]);
        }
        self.parameters.insert(parameter.path.clone(), values);
        Ok(())
    }
}

/// Linear weights `[out, in]`, each transposed, side by side: `[in, parts * out]`.
fn transposed(parts: &[Vec<f32>], inputs: usize, outputs: usize) -> Values {
    let width = parts.len() * outputs;
    let mut values = Vec::with_capacity(inputs * width);
    for input in 0..inputs {
        for part in parts {
            values.extend((0..outputs).map(|output| part[output * inputs + input]));
        }
    }
    Values {
        shape: vec![inputs, width],
        values,
    }
}
