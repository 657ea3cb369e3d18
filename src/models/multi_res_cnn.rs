//! MultiResCNN: a convolutional network with filters of several widths and residual blocks (Li and Yu 2020).
//!
//! Words are embedded; for each width a convolution with tanh and residual blocks of convolutions of that width give a
//! state at each position; the states of all widths side by side go through label-wise attention and a linear
//! classifier per label, as in CAML. A residual block is tanh(left + right), with left a convolution, batch norm, tanh,
//! convolution and batch norm, and right a convolution of width 1 and batch norm. As in the authors' code, right has its
//! convolution whatever the sizes, and convolutions of blocks have no biases.
//!
//! Against the authors' code: padding is left out everywhere (convolutions read zero vectors past a note's end, batch
//! norms count real positions only, no label attends to padding), unless `read-padding` asks for the published behaviour,
//! where scores depend on the notes that share a batch.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::blockwise::{CPU_BLOCK, gradients_through};
use super::dropout::dropout;
use super::label_attention::LabelAttention;
use super::layers::BatchNorm;
use super::ops::{self, Extent};
use super::settings::{at_least_1, probability};
use super::{Batch, CodingModel, Initialiser, NoteSize, Task, Tokens, Work, word_vectors};

/// Settings of MultiResCNN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Length of a word vector. The authors use 100.
    pub embedding: usize,
    /// Whether word vectors start from the suite's `[text.word-vectors]` (the authors') or at random.
    pub pretrained_embedding: bool,
    /// Whether word vectors are trained. The authors train them.
    pub train_embedding: bool,
    /// Words that filters read, odd numbers, each of which has filters of its own. The authors use 3, 5, 9, 15, 19, 25.
    pub widths: Vec<usize>,
    /// Feature maps of each residual block, one block after another. The authors use one of 50; where they try more, of
    /// [100, 50], [150, 100, 50] and [200, 150, 100, 50].
    pub blocks: Vec<usize>,
    /// Dropout probability on the embedded words and on what each residual block gives. The authors use 0.2.
    pub dropout: f64,
    /// Labels computed at a time: memory grows with it, scores do not depend on it.
    pub label_block: usize,
    /// Quirk: read padding as words are read, as the published implementation does.
    pub read_padding: bool,
}

/// Word vectors, filters of several widths with residual blocks, and label-wise attention.
#[derive(Module, Debug)]
pub struct MultiResCnn {
    /// `[word, dimension]`.
    embedding: Param<Tensor<2>>,
    channels: Vec<Channel>,
    head: LabelAttention,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    read_padding: bool,
}

/// All filters of one width.
#[derive(Module, Debug)]
struct Channel {
    convolution: Convolution,
    blocks: Vec<Block>,
}

/// A convolution over word positions, of as many filters as a word vector is long.
#[derive(Module, Debug)]
struct Convolution {
    /// `[filter, dimension, width]`.
    weight: Param<Tensor<3>>,
    /// `[filter]`.
    bias: Param<Tensor<1>>,
}

/// A residual block.
#[derive(Module, Debug)]
struct Block {
    /// `[map, input, width]`.
    first: Param<Tensor<3>>,
    first_norm: BatchNorm,
    /// `[map, map, width]`.
    second: Param<Tensor<3>>,
    second_norm: BatchNorm,
    /// `[map, input, 1]`.
    shortcut: Param<Tensor<3>>,
    shortcut_norm: BatchNorm,
}

impl CodingModel for MultiResCnn {
    type Config = Config;

    const ABOUT: &'static str =
        "convolutions of several widths with residual blocks, and label-wise attention (MultiResCNN, Li and Yu 2020)";

    const TOKENS: Tokens = Tokens::Words;

    fn tiny() -> Config {
        Config {
            embedding: 6,
            pretrained_embedding: false,
            train_embedding: true,
            widths: vec![3, 5],
            blocks: vec![7, 4],
            dropout: 0.2,
            label_block: 7,
            read_padding: false,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            embedding: 100,
            pretrained_embedding: false,
            train_embedding: true,
            widths: vec![3, 5, 9, 15, 19, 25],
            blocks: vec![50],
            dropout: 0.2,
            label_block: CPU_BLOCK,
            read_padding: false,
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        Some(&mut config.label_block)
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[("embedding", config.embedding), ("label-block", config.label_block)])?;
        if let Some(width) = config.widths.iter().find(|width| width.is_multiple_of(2)) {
            return Err(format!(
                "widths holds {width}: expected odd numbers, by which a note has as many positions as words"
            ));
        }
        if config.blocks.contains(&0) {
            return Err("blocks holds 0: expected at least 1 feature map".into());
        }
        if config.widths.is_empty() || config.blocks.is_empty() {
            return Err("widths and blocks: expected at least one number in each".into());
        }
        probability("dropout", config.dropout)?;
        word_vectors::check(config.embedding, config.pretrained_embedding, task)
    }

    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        let longest = notes.iter().map(|note| note.tokens).max().unwrap_or(0);
        let read = |note: &NoteSize| if config.read_padding { longest } else { note.tokens };
        let positions: Vec<usize> = notes.iter().map(read).collect();
        let all = positions.iter().sum();
        let of_width = |&width: &usize| {
            let sides = [all, width * config.embedding, config.embedding];
            let convolution = match config.train_embedding {
                true => Work::product(sides),
                false => Work::product_of_given(sides),
            };
            let of_block = |(input, maps): (usize, usize)| {
                Work::product([all, width * input, maps])
                    + Work::product([all, width * maps, maps])
                    + Work::product([all, input, maps])
            };
            convolution + config.sizes().map(of_block).sum::<Work>()
        };
        let convolutions: Work = config.widths.iter().map(of_width).sum();
        Some(convolutions + LabelAttention::work(codes, config.states(), &positions))
    }

    /// Word vectors are as [`word_vectors::init`] says, the head as [`LabelAttention::init`] says, the first filters
    /// Xavier uniform, all others and biases uniform in `1 / sqrt(inputs)`, PyTorch's default.
    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let embedding = word_vectors::init(config.embedding, config.pretrained_embedding, task, initialiser);
        let channels = config.widths.iter().map(|&width| Channel {
            convolution: Convolution::init(config.embedding, width, initialiser),
            blocks: config
                .sizes()
                .map(|sizes| Block::init(sizes, width, initialiser))
                .collect(),
        });
        Self {
            embedding: embedding.set_require_grad(config.train_embedding),
            channels: channels.collect(),
            head: LabelAttention::init(task.codes, config.states(), config.label_block, initialiser),
            dropout: config.dropout,
            read_padding: config.read_padding,
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let (states, counts) = self.states(batch);
        self.head.logits(states, &counts, batch.precision)
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let (states, counts) = self.states(batch);
        gradients_through(self, &self.head, states, &counts, &targets, batch.precision, None)
    }

    fn explains(_config: &Config) -> bool {
        true
    }

    /// The attention of each code: position j is read for word j, the middle of what its filters read.
    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let (states, counts) = self.states(batch);
        let mask = batch.mask();
        let of_code = |&code: &usize| {
            let inside = self.head.attention(states.clone(), &counts, code) * mask.clone();
            let total = inside.clone().sum_dim(1).clamp_min(1e-12);
            inside / total
        };
        Some(codes.iter().map(of_code).collect())
    }
}

impl Config {
    /// Inputs and feature maps of each block.
    fn sizes(&self) -> impl Iterator<Item = (usize, usize)> {
        let inputs = std::iter::once(&self.embedding).chain(&self.blocks);
        inputs.copied().zip(self.blocks.iter().copied())
    }

    /// Length of a state: what the last blocks of all widths give.
    fn states(&self) -> usize {
        self.widths.len() * self.blocks.last().unwrap_or(&self.embedding)
    }
}

impl MultiResCnn {
    /// States `[note, position, dimension]`, and how many positions of each note count.
    fn states(&self, batch: &Batch) -> (Tensor<3>, Arc<Vec<usize>>) {
        let words = ops::lookup(self.embedding.val(), &batch.rectangle());
        let [_, dimension] = words.dims();
        let words = words.reshape([batch.notes(), batch.width(), dimension]);
        let words = dropout(batch.noise.as_ref(), words, self.dropout);
        let lengths = Arc::new(batch.lengths().to_vec());
        let counts = match self.read_padding {
            true => Arc::new(vec![batch.width(); batch.notes()]),
            false => lengths.clone(),
        };
        let read = Extent {
            lengths,
            positions: counts.clone(),
        };
        let of_channel = |channel: &Channel| {
            let convolution = &channel.convolution;
            let (weight, bias) = (convolution.weight.val(), convolution.bias.val());
            let states = ops::convolution(words.clone(), read.clone(), weight, bias, batch.precision);
            channel.blocks.iter().fold(states, |states, block| {
                dropout(
                    batch.noise.as_ref(),
                    block.forward(states, &counts, batch),
                    self.dropout,
                )
            })
        };
        let states = self.channels.iter().map(of_channel).collect();
        (Tensor::cat(states, 2), counts)
    }
}

impl Convolution {
    fn init(dimension: usize, width: usize, initialiser: &mut Initialiser) -> Self {
        let inputs = dimension * width;
        Self {
            weight: initialiser.xavier_uniform([dimension, dimension, width], inputs, inputs),
            bias: initialiser.uniform([dimension], 1.0 / (inputs as f64).sqrt()),
        }
    }
}

impl Block {
    fn init((input, maps): (usize, usize), width: usize, initialiser: &mut Initialiser) -> Self {
        fn filters([maps, input, width]: [usize; 3], initialiser: &mut Initialiser) -> Param<Tensor<3>> {
            initialiser.uniform([maps, input, width], 1.0 / ((input * width) as f64).sqrt())
        }
        Self {
            first: filters([maps, input, width], initialiser),
            first_norm: BatchNorm::init(maps, initialiser),
            second: filters([maps, maps, width], initialiser),
            second_norm: BatchNorm::init(maps, initialiser),
            shortcut: filters([maps, input, 1], initialiser),
            shortcut_norm: BatchNorm::init(maps, initialiser),
        }
    }

    /// `[note, position, input]` to `[note, position, map]`, of which the first `counts[note]` count and are read.
    fn forward(&self, states: Tensor<3>, counts: &Arc<Vec<usize>>, batch: &Batch) -> Tensor<3> {
        let extent = Extent {
            lengths: counts.clone(),
            positions: counts.clone(),
        };
        let convolved = |states: Tensor<3>, weight: &Param<Tensor<3>>| {
            ops::plain_convolution(states, extent.clone(), weight.val(), batch.precision)
        };
        let left = self
            .first_norm
            .forward(convolved(states.clone(), &self.first), counts, batch);
        let left = convolved(ops::tanh(left), &self.second);
        let left = self.second_norm.forward(left, counts, batch);
        let right = self
            .shortcut_norm
            .forward(convolved(states, &self.shortcut), counts, batch);
        ops::tanh(left + right)
    }
}
