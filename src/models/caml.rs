//! CAML and DR-CAML: convolutional attention for multi-label classification (Mullenbach,
//! Wiegreffe, Duke, Sun, Eisenstein 2018).
//!
//! Words are embedded, a convolution with tanh gives a state at each position (equation 1),
//! label-wise attention a document vector for each code (2-3), a linear classifier its logit (4).
//! DR-CAML pulls each gold code's classifier towards a vector made of its description (6).
//!
//! Against the authors' code: padding is masked out of the attention, unless `attend-to-padding`
//! asks for the published behaviour, where scores depend on the notes that share a batch.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData, module};
use serde::{Deserialize, Serialize};

use super::blockwise::{CPU_BLOCK, add, gradients_through};
use super::dropout::dropout;
use super::evidence_loss::evidence_loss;
use super::label_attention::LabelAttention;
use super::ops::{self, Extent};
use super::settings::{at_least_1, evidence_weight, is_zero, probability};
use super::{Batch, CodingModel, Initialiser, NoteSize, Precision, Task, Tokens, Work, batch, word_vectors};
use crate::kernels::convolution as kernel;

/// Settings of CAML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Length of a word vector. The authors use 100.
    pub embedding: usize,
    /// Whether word vectors start from the suite's `[text.word-vectors]` (the authors') or at random.
    pub pretrained_embedding: bool,
    /// Convolution filters. The authors use 50.
    pub filters: usize,
    /// Words a filter reads. The authors use 10.
    pub width: usize,
    /// Dropout probability on the embedded words. The authors use 0.2.
    pub dropout: f64,
    /// Labels computed at a time: memory grows with it, scores do not depend on it.
    pub label_block: usize,
    /// Quirk: attend to padding too, as the published implementation does.
    pub attend_to_padding: bool,
    /// DR-CAML's lambda; 0 for plain CAML. The authors use 10 for 50 codes and 0.01 for all.
    pub description_weight: f64,
    /// Weight of the supervision by evidence: a label should read where annotators marked it (`models/evidence_loss.rs`). Left
    /// out: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub evidence_weight: f64,
}

/// CAML, or DR-CAML where the description branch is present.
#[derive(Module, Debug)]
pub struct Caml {
    /// `[word, dimension]`.
    embedding: Param<Tensor<2>>,
    convolution: Convolution,
    head: LabelAttention,
    descriptions: Option<Descriptions>,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    attend_to_padding: bool,
    #[module(skip)]
    evidence_weight: f64,
}

/// A convolution over word positions.
#[derive(Module, Debug)]
struct Convolution {
    /// `[filter, dimension, width]`.
    weight: Param<Tensor<3>>,
    /// `[filter]`.
    bias: Param<Tensor<1>>,
}

/// DR-CAML's second branch: a convolution over each code's description, max-pooled, then a linear layer.
#[derive(Module, Debug)]
struct Descriptions {
    convolution: Convolution,
    /// `[filter, filter]`.
    weight: Param<Tensor<2>>,
    /// `[filter]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    lambda: f64,
    #[module(skip)]
    padding: u32,
    /// Token ids of each code's description; empty where it has none.
    #[module(skip)]
    tokens: Vec<Vec<u32>>,
}

impl CodingModel for Caml {
    type Config = Config;

    const ABOUT: &'static str = "convolution and label-wise attention (Mullenbach et al. 2018); DR-CAML as a setting";

    const TOKENS: Tokens = Tokens::Words;

    fn tiny() -> Config {
        Config {
            embedding: 12,
            pretrained_embedding: false,
            filters: 8,
            width: 4,
            dropout: 0.2,
            label_block: 7,
            attend_to_padding: false,
            description_weight: 0.1,
            evidence_weight: 0.0,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            embedding: 100,
            pretrained_embedding: false,
            filters: 50,
            width: 10,
            dropout: 0.2,
            label_block: CPU_BLOCK,
            attend_to_padding: false,
            description_weight: 0.0,
            evidence_weight: 0.0,
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        Some(&mut config.label_block)
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[
            ("embedding", config.embedding),
            ("filters", config.filters),
            ("width", config.width),
            ("label-block", config.label_block),
        ])?;
        probability("dropout", config.dropout)?;
        if !(config.description_weight >= 0.0 && config.description_weight.is_finite()) {
            return Err(format!(
                "description-weight = {}: expected 0 (plain CAML) or a positive number",
                config.description_weight
            ));
        }
        if config.description_weight > 0.0 && task.descriptions.iter().all(Vec::is_empty) {
            return Err(
                "description-weight is above 0, but the data set has no code descriptions; \
                        set it to 0 or add them"
                    .into(),
            );
        }
        evidence_weight(config.evidence_weight, task.evidence.is_some())?;
        word_vectors::check(config.embedding, config.pretrained_embedding, task)
    }

    /// Padding that is attended to is read as words are. The terms that descriptions and marks add to the loss have
    /// work that depends on the notes' codes: none is said then.
    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        if config.description_weight > 0.0 || config.evidence_weight > 0.0 {
            return None;
        }
        let longest = notes.iter().map(|note| note.tokens).max().unwrap_or(0);
        let read = |note: &NoteSize| if config.attend_to_padding { longest } else { note.tokens };
        let positions: Vec<usize> = notes
            .iter()
            .map(|note| kernel::positions(read(note), config.width))
            .collect();
        let convolution = Convolution::work(config, positions.iter().sum());
        Some(convolution + LabelAttention::work(codes, config.filters, &positions))
    }

    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        Self {
            embedding: word_vectors::init(config.embedding, config.pretrained_embedding, task, initialiser),
            convolution: Convolution::init(config, initialiser),
            head: LabelAttention::init(task.codes, config.filters, config.label_block, initialiser),
            descriptions: (config.description_weight > 0.0).then(|| Descriptions::init(config, task, initialiser)),
            dropout: config.dropout,
            attend_to_padding: config.attend_to_padding,
            evidence_weight: config.evidence_weight,
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let (states, lengths) = self.states(batch);
        self.head.logits(states, &lengths, batch.precision)
    }

    fn penalty(&self, targets: &Tensor<2>) -> Option<Tensor<1>> {
        let branch = self.descriptions.as_ref()?;
        branch.penalty(&self.embedding, self.head.weight(), targets)
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let (states, lengths) = self.states(batch);
        let marked = match self.evidence_weight {
            0.0 => None,
            // Position j is read for word j, as `explain` has it; of an even width its centre lies half a word before.
            weight => {
                evidence_loss(&self.head.queries(), &states, batch.lengths(), &batch.marks).map(|loss| loss * weight)
            }
        };
        let penalty = add(self.penalty(&targets), marked);
        gradients_through(self, &self.head, states, &lengths, &targets, batch.precision, penalty)
    }

    fn explains(_config: &Config) -> bool {
        true
    }

    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let (states, lengths) = self.states(batch);
        let mask = batch.mask();
        let of_code = |&code: &usize| {
            let attention = self.head.attention(states.clone(), &lengths, code);
            // A convolution of even width has one position more than there are words: leave that out.
            let inside = attention.slice([0..batch.notes(), 0..batch.width()]) * mask.clone();
            let total = inside.clone().sum_dim(1).clamp_min(1e-12);
            inside / total
        };
        Some(codes.iter().map(of_code).collect())
    }
}

impl Caml {
    /// States `[note, position, filter]`, and how many positions of each note count.
    fn states(&self, batch: &Batch) -> (Tensor<3>, Vec<usize>) {
        let embedded = words(&self.embedding, batch);
        let embedded = dropout(batch.noise.as_ref(), embedded, self.dropout);
        let counts = self.convolution.positions(batch, self.attend_to_padding);
        let states = self.convolution.forward(embedded, batch, &counts, batch.precision);
        (states, counts)
    }
}

/// The vectors of a batch's words, `[note, word, dimension]`.
fn words(embedding: &Param<Tensor<2>>, batch: &Batch) -> Tensor<3> {
    let rows = ops::lookup(embedding.val(), &batch.rectangle());
    let [_, dimension] = rows.dims();
    rows.reshape([batch.notes(), batch.width(), dimension])
}

impl Convolution {
    fn init(config: &Config, initialiser: &mut Initialiser) -> Self {
        let (filters, dimension, width) = (config.filters, config.embedding, config.width);
        let fan_in = dimension * width;
        Self {
            weight: initialiser.xavier_uniform([filters, dimension, width], fan_in, filters * width),
            bias: initialiser.uniform([filters], 1.0 / (fan_in as f64).sqrt()),
        }
    }

    /// The work at so many positions. A window is whole at the ends of a note too, where it reads zeros.
    fn work(config: &Config, positions: usize) -> Work {
        Work::product([positions, config.width * config.embedding, config.filters])
    }

    /// How many positions of each note count, all of the batch's width where padding counts too. An even width
    /// gives one position more than there are words.
    fn positions(&self, batch: &Batch, of_padding: bool) -> Vec<usize> {
        let width = self.weight.dims()[2];
        let of_note = |&length: &usize| kernel::positions(if of_padding { batch.width() } else { length }, width);
        batch.lengths().iter().map(of_note).collect()
    }

    /// `[note, word, dimension]` to `[note, position, filter]`, of which the first `counts[note]` are wanted.
    fn forward(&self, words: Tensor<3>, batch: &Batch, counts: &[usize], precision: Precision) -> Tensor<3> {
        let extent = Extent {
            lengths: Arc::new(batch.lengths().to_vec()),
            positions: Arc::new(counts.to_vec()),
        };
        ops::convolution(words, extent, self.weight.val(), self.bias.val(), precision)
    }
}

impl Descriptions {
    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let filters = config.filters;
        Self {
            convolution: Convolution::init(config, initialiser),
            weight: initialiser.xavier_uniform([filters, filters], filters, filters),
            bias: initialiser.uniform([filters], 1.0 / (filters as f64).sqrt()),
            lambda: config.description_weight,
            padding: task.padding,
            tokens: task.descriptions.clone(),
        }
    }

    /// `lambda / notes * sum over notes and their gold codes of mean((z - w)^2)`: the term of the
    /// authors' code, which takes the mean square where the paper's equation 6 writes a norm.
    fn penalty(
        &self,
        embedding: &Param<Tensor<2>>,
        weight: &Param<Tensor<2>>,
        targets: &Tensor<2>,
    ) -> Option<Tensor<1>> {
        let notes = targets.dims()[0];
        let uses = targets.clone().sum_dim(0).into_data().convert::<f32>();
        let uses = uses.try_to_vec::<f32>().ok()?;
        let codes: Vec<usize> = (0..uses.len())
            .filter(|&code| uses[code] > 0.0 && !self.tokens[code].is_empty())
            .collect();
        if codes.is_empty() {
            return None;
        }
        let device = embedding.device();
        let ids = codes.iter().map(|&code| code as i32).collect::<Vec<_>>();
        let shares = codes.iter().map(|&code| uses[code]).collect::<Vec<_>>();
        let shares = Tensor::<1>::from_data(TensorData::new(shares, [codes.len()]), &device);
        let distance = self.vectors(embedding, &codes) - ops::lookup(weight.val(), &ids);
        let squares: Tensor<1> = distance.square().mean_dim(1).squeeze_dim(1);
        Some((squares * shares).sum() * (self.lambda / notes as f64))
    }

    /// Description vectors `[code, filter]`.
    fn vectors(&self, embedding: &Param<Tensor<2>>, codes: &[usize]) -> Tensor<2> {
        let device = embedding.device();
        let descriptions = codes
            .iter()
            .map(|&code| self.tokens[code].iter().map(|&token| token as i32));
        let batch = Batch::new(descriptions, self.padding, &device);
        let embedded = words(embedding, &batch);
        let counts = self.convolution.positions(&batch, false);
        let states = self.convolution.forward(embedded, &batch, &counts, Precision::F32);
        let [_, positions, filters] = states.dims();
        let outside = batch::mask(&counts, positions, &device).equal_elem(0);
        let outside = outside.unsqueeze_dim::<3>(2).repeat_dim(2, filters);
        // tanh lies above -1: -2 never wins the maximum.
        let pooled: Tensor<2> = states.mask_fill(outside, -2.0).max_dim(1).squeeze_dim(1);
        module::linear(pooled, self.weight.val(), Some(self.bias.val()))
    }
}
