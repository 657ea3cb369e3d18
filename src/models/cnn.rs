//! A convolutional network for sentences (Kim 2014) with one width of filters, as Mullenbach et al. 2018 take it for
//! notes and Ji, Hölttä and Marttinen 2021 train it once more.
//!
//! Words are embedded, filters slide over them, each filter's largest value over the note goes through a tanh, and a
//! linear layer over the filters gives each code its logit. (Kim has filters of three widths, a ReLU, and dropout and a
//! bound on the norm where the linear layer reads; Mullenbach's code has none of this, and Ji follows it.)
//!
//! Against the code of Mullenbach et al.: padding is left out of the maximum, unless `read-padding` asks for the
//! published behaviour, where scores depend on the notes that share a batch. A note of fewer words than the width is
//! filled up with zero vectors; there it is read with the padding of its batch.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::dropout::dropout;
use super::layers::Linear;
use super::ops::{self, Extent};
use super::settings::{at_least_1, probability};
use super::{Batch, CodingModel, Initialiser, NoteSize, Task, Tokens, Work, word_vectors};
use crate::kernels::pooled_convolution::positions;

/// Settings of the convolutional network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Length of a word vector. Mullenbach et al. use 100.
    pub embedding: usize,
    /// Whether word vectors start from the suite's `[text.word-vectors]` (as in both papers) or at random.
    pub pretrained_embedding: bool,
    /// Whether word vectors are trained. Mullenbach et al. train them, Ji et al. keep them as they are.
    pub train_embedding: bool,
    /// Convolution filters. Both use 500.
    pub filters: usize,
    /// Words a filter reads. Both use 4.
    pub width: usize,
    /// Dropout probability on the embedded words. Both use 0.2.
    pub dropout: f64,
    /// Quirk: take the maximum over padding too, as the published implementation does.
    pub read_padding: bool,
}

/// Word vectors, filters, and a linear layer over what each filter finds.
#[derive(Module, Debug)]
pub struct Cnn {
    /// `[word, dimension]`.
    embedding: Param<Tensor<2>>,
    convolution: Convolution,
    output: Linear,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    read_padding: bool,
}

/// What slides over the words.
#[derive(Module, Debug)]
struct Convolution {
    /// `[filter, dimension, width]`.
    weight: Param<Tensor<3>>,
    /// `[filter]`.
    bias: Param<Tensor<1>>,
}

impl CodingModel for Cnn {
    type Config = Config;

    const ABOUT: &'static str =
        "convolution and the maximum over the note (Kim 2014; as in Mullenbach et al. 2018 and Ji et al. 2021)";

    const TOKENS: Tokens = Tokens::Words;

    fn tiny() -> Config {
        Config {
            embedding: 12,
            pretrained_embedding: false,
            train_embedding: true,
            filters: 40,
            width: 3,
            dropout: 0.2,
            read_padding: false,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            embedding: 100,
            pretrained_embedding: false,
            train_embedding: true,
            filters: 500,
            width: 4,
            dropout: 0.2,
            read_padding: false,
        }
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[
            ("embedding", config.embedding),
            ("filters", config.filters),
            ("width", config.width),
        ])?;
        probability("dropout", config.dropout)?;
        word_vectors::check(config.embedding, config.pretrained_embedding, task)
    }

    /// As of a product at every position, though the way back here goes through those with the largest values alone.
    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        let longest = notes.iter().map(|note| note.tokens).max().unwrap_or(0);
        let read = |note: &NoteSize| if config.read_padding { longest } else { note.tokens };
        let windows = notes.iter().map(|note| positions(read(note), config.width)).sum();
        let sides = [windows, config.width * config.embedding, config.filters];
        let convolution = match config.train_embedding {
            true => Work::product(sides),
            false => Work::product_of_given(sides),
        };
        Some(convolution + Linear::work(notes.len(), [config.filters, codes]))
    }

    /// Word vectors are as [`word_vectors::init`] says, filters and output Xavier uniform, biases uniform in
    /// `1 / sqrt(inputs)`.
    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let (filters, dimension, width) = (config.filters, config.embedding, config.width);
        let embedding = word_vectors::init(dimension, config.pretrained_embedding, task, initialiser);
        let bound = |inputs: usize| 1.0 / (inputs as f64).sqrt();
        Self {
            embedding: embedding.set_require_grad(config.train_embedding),
            convolution: Convolution {
                weight: initialiser.xavier_uniform([filters, dimension, width], dimension * width, filters * width),
                bias: initialiser.uniform([filters], bound(dimension * width)),
            },
            output: Linear {
                weight: initialiser.xavier_uniform([filters, task.codes], filters, task.codes),
                bias: initialiser.uniform([task.codes], bound(filters)),
            },
            dropout: config.dropout,
            read_padding: config.read_padding,
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let words = ops::lookup(self.embedding.val(), &batch.rectangle());
        let [_, dimension] = words.dims();
        let words = words.reshape([batch.notes(), batch.width(), dimension]);
        let words = dropout(batch.noise.as_ref(), words, self.dropout);
        let width = self.convolution.weight.dims()[2];
        let windows = |&length: &usize| positions(if self.read_padding { batch.width() } else { length }, width);
        let extent = Extent {
            lengths: Arc::new(batch.lengths().to_vec()),
            positions: Arc::new(batch.lengths().iter().map(windows).collect()),
        };
        let (weight, bias) = (self.convolution.weight.val(), self.convolution.bias.val());
        let found = ops::pooled_convolution(words, extent, weight, bias, batch.precision);
        self.output.forward(found, batch.precision)
    }
}
