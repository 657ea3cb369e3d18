//! The encoder with the heads of BERT's two pretraining tasks (Devlin et al. 2019, section 3.1; Hugging Face's
//! `BertForPreTraining`): masked tokens, whose word vectors are the encoder's own, and next sentences.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation};

use super::pieces::Pieces;
use super::sequence::{Sequence, masked_text};
use super::settings::Pretraining;
use crate::device::Precision;
use crate::models::batch::Pass;
use crate::models::bert::Encoder;
use crate::models::bert::encoder::EPSILON;
use crate::models::coding_model::ordered_sum;
use crate::models::layers::{Linear, Norm, Packed};
use crate::models::ops::{self, Words};
use crate::models::parameters::{self, Parameters, host};
use crate::models::{Initialiser, PretrainedEncoder, Task};

/// A pretrained encoder to start from, with the heads that came with it.
#[derive(Clone, Debug)]
pub struct PretrainedStart {
    /// Its sizes and parameters.
    pub encoder: Arc<PretrainedEncoder>,
    /// As [`PretrainedBert::heads`](crate::pretrained::PretrainedBert::heads) has them: each whole, or not there.
    pub heads: Parameters,
}

/// An encoder that is being pretrained.
#[derive(Module, Debug)]
pub struct PretrainingModel {
    encoder: Encoder,
    /// Makes of a token's state what words are told by.
    transform: Linear,
    norm: Norm,
    /// `[word]`.
    bias: Param<Tensor<1>>,
    /// Present where next sentences are told.
    next_sentence: Option<Linear>,
    #[module(skip)]
    block: usize,
}

/// The path of the encoder among a model's parameters.
const ENCODER: &str = "encoder.";

/// What a pass over some sequences found, each `[1]` and summed, not averaged.
pub(super) struct Losses {
    /// Over the tokens that were to be predicted.
    pub(super) masked: Tensor<1>,
    /// Over the sequences that have a second part; `None` where no next sentence is told.
    pub(super) next: Option<Tensor<1>>,
}

/// How many of what was to be predicted were told right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Right {
    pub(super) masked: u64,
    pub(super) next: u64,
}

/// One masked token, and what a model would put there.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// The token's place in the text, from 0.
    pub place: usize,
    /// What stood there.
    pub token: u32,
    /// The likeliest tokens with their probabilities, best first.
    pub likely: Vec<(u32, f32)>,
}

impl PretrainingModel {
    /// A model whose parameters are drawn as BERT's are, or, where there is a start, are that one's.
    ///
    /// # Errors
    /// In words: the start has other sizes or another vocabulary than the settings ask for.
    pub fn init(
        settings: &Pretraining,
        vocabulary: usize,
        start: Option<&PretrainedStart>,
        device: &Device,
    ) -> Result<Self, String> {
        Self::check(settings, vocabulary, start)?;
        let pairs = settings.objective.next_sentence;
        let task = task(vocabulary, start);
        let mut initialiser = Initialiser::new(settings.seed, device);
        let (hidden, range) = (settings.encoder.hidden, settings.encoder.initializer_range);
        let model = Self {
            encoder: Encoder::init(&settings.encoder, &task, pairs, &mut initialiser),
            transform: Linear::init([hidden, hidden], range, &mut initialiser),
            norm: Norm::init(hidden, EPSILON, &mut initialiser),
            bias: initialiser.constant([vocabulary], 0.0),
            next_sentence: pairs.then(|| Linear::init([hidden, 2], range, &mut initialiser)),
            block: settings.vocabulary_block,
        };
        match start {
            Some(start) if !start.heads.is_empty() => model.with_heads(&start.heads),
            _ => Ok(model),
        }
    }

    /// What keeps a model of these settings from being built, if anything.
    ///
    /// # Errors
    /// In words: the start has other sizes or another vocabulary than the settings ask for.
    pub fn check(settings: &Pretraining, vocabulary: usize, start: Option<&PretrainedStart>) -> Result<(), String> {
        let task = task(vocabulary, start);
        settings.encoder.check(&task, ("length", settings.length), false)
    }

    /// The model with those heads in the place of its own, as far as it has such.
    fn with_heads(self, heads: &Parameters) -> Result<Self, String> {
        let mut own = parameters::read(&self);
        for (path, given) in heads {
            let Some(own) = own.get_mut(path) else {
                continue;
            };
            // The bias has an entry for each row of the pretrained table of tokens, of which there may be more.
            let count = own.values.len();
            let fits = given.shape == own.shape || (path == "bias" && given.values.len() >= count);
            if !fits {
                return Err(format!(
                    "the start's {path} has shape {:?}, expected {:?}: use another encoder",
                    given.shape, own.shape
                ));
            }
            own.values.copy_from_slice(&given.values[..count]);
        }
        parameters::write(self, own)
    }

    /// The encoder's parameters, by their paths in it, and those of the heads.
    pub(super) fn parts(&self) -> (Parameters, Parameters) {
        let (mut encoder, mut heads) = (Parameters::new(), Parameters::new());
        for (path, values) in parameters::read(self) {
            match path.strip_prefix(ENCODER) {
                Some(inside) => encoder.insert(inside.to_owned(), values),
                None => heads.insert(path, values),
            };
        }
        (encoder, heads)
    }

    /// The losses of some sequences.
    pub(super) fn losses(&self, batch: &Sequences, pass: Pass) -> Losses {
        let states = self.states(batch, pass);
        self.losses_of(&states, batch, pass.precision)
    }

    /// The losses, and how much was told right.
    pub(super) fn judged(&self, batch: &Sequences, precision: Precision) -> (Losses, Right) {
        let pass = Pass { noise: None, precision };
        let states = self.states(batch, pass);
        let likely = ops::likely_words(states.masked.clone(), &self.words(), 1, precision);
        let hits = likely.iter().zip(&batch.targets);
        let masked = hits.filter(|(likely, target)| likely.first().is_some_and(|(word, _)| *word as i32 == **target));
        let mut right = Right {
            masked: masked.count() as u64,
            next: 0,
        };
        if let Some(logits) = self.next_logits(&states, precision) {
            let logits = host(logits);
            let told = logits.chunks(2).map(|pair| pair[1] > pair[0]);
            right.next = told.zip(&batch.random_next).filter(|(told, is)| told == *is).count() as u64;
        }
        (self.losses_of(&states, batch, precision), right)
    }

    /// What the model would put in the place of the tokens at the `masked` places of a text, for each of them the `count`
    /// likeliest tokens: the paper's figure 1. The text is without special tokens, and short enough for the encoder's
    /// positions with two of them.
    pub fn guesses(
        &self,
        tokens: &[u32],
        masked: &[usize],
        count: usize,
        pieces: &Pieces,
        precision: Precision,
    ) -> Vec<Guess> {
        if masked.is_empty() {
            return Vec::new();
        }
        let device = self.bias.val().device();
        let sequence = masked_text(tokens, masked, pieces);
        let batch = Sequences::new(&[sequence], pieces.padding, &device);
        let pass = Pass { noise: None, precision };
        let states = self.states(&batch, pass).masked;
        let likely = ops::likely_words(states.clone(), &self.words(), count, precision);
        let probabilities = |(row, likely): (usize, Vec<(u32, f32)>)| -> Vec<(u32, f32)> {
            let state = states.clone().narrow(0, row, 1);
            let probability = |(word, _)| {
                let loss = ops::word_loss(state.clone(), self.words(), &[word as i32], precision);
                (word, (-host(loss)[0]).exp())
            };
            likely.into_iter().map(probability).collect()
        };
        let likely = likely.into_iter().enumerate().map(probabilities);
        let guess = |(&place, likely)| Guess {
            place,
            token: tokens[place],
            likely,
        };
        masked.iter().zip(likely).map(guess).collect()
    }

    fn words(&self) -> Words {
        Words {
            vectors: self.encoder.words(),
            bias: self.bias.val(),
            block: self.block,
        }
    }

    fn states(&self, batch: &Sequences, pass: Pass) -> States {
        let states = self.encoder.forward_typed(&batch.packed, &batch.types, pass);
        let masked = ops::lookup(states.clone(), &batch.masked);
        let masked = ops::gelu(self.transform.forward(masked, pass.precision));
        let pairs = self.next_sentence.is_some();
        States {
            masked: self.norm.forward(masked),
            cls: pairs.then(|| ops::lookup(states, &batch.cls)),
        }
    }

    /// `[sequence, 2]`: that the second part goes on, and that it is from another note.
    fn next_logits(&self, states: &States, precision: Precision) -> Option<Tensor<2>> {
        let (head, cls) = (self.next_sentence.as_ref()?, states.cls.clone()?);
        Some(head.forward(self.encoder.pool(cls, precision), precision))
    }

    fn losses_of(&self, states: &States, batch: &Sequences, precision: Precision) -> Losses {
        let next = self.next_logits(states, precision).map(|logits| {
            let device = logits.device();
            let one_hot = batch
                .random_next
                .iter()
                .flat_map(|&random| if random { [0.0f32, 1.0] } else { [1.0, 0.0] });
            let data = TensorData::new(one_hot.collect::<Vec<f32>>(), logits.dims());
            -ordered_sum(activation::log_softmax(logits, 1) * Tensor::from_data(data, &device))
        });
        Losses {
            masked: ops::word_loss(states.masked.clone(), self.words(), &batch.targets, precision),
            next,
        }
    }
}

/// What an encoder of that vocabulary is built for.
fn task(vocabulary: usize, start: Option<&PretrainedStart>) -> Task {
    Task {
        vocabulary,
        encoder: start.map(|start| start.encoder.clone()),
        ..Task::default()
    }
}

/// What the heads read.
struct States {
    /// Of the tokens that are to be predicted, `[masked, hidden]`.
    masked: Tensor<2>,
    /// Of each sequence's `[CLS]`, `[sequence, hidden]`, where next sentences are told.
    cls: Option<Tensor<2>>,
}

/// Sequences ready for a pass: their rows one after another without padding on the CPU, as [`Packed`] says.
pub(super) struct Sequences {
    packed: Packed,
    /// The type of each row's token.
    types: Vec<i32>,
    /// The rows that are to be predicted, and what stood there.
    masked: Vec<i32>,
    pub(super) targets: Vec<i32>,
    /// The row of each `[CLS]`.
    cls: Vec<i32>,
    /// Of each sequence.
    random_next: Vec<bool>,
    /// Real tokens.
    pub(super) tokens: u64,
}

impl Sequences {
    pub(super) fn new(sequences: &[Sequence], padding: u32, device: &Device) -> Self {
        let tokens: Vec<Vec<i32>> = sequences.iter().map(|sequence| sequence.tokens.clone()).collect();
        let packed = Packed::new(&tokens, padding as i32, device);
        let starts = packed.layout.starts();
        let mut types = vec![0; packed.layout.rows()];
        let (mut masked, mut targets) = (Vec::new(), Vec::new());
        for (&start, sequence) in starts.iter().zip(sequences) {
            types[start..start + sequence.types.len()].copy_from_slice(&sequence.types);
            masked.extend(sequence.masked.iter().map(|place| (start + place) as i32));
            targets.extend_from_slice(&sequence.targets);
        }
        Self {
            packed,
            types,
            masked,
            targets,
            cls: starts.into_iter().map(|start| start as i32).collect(),
            random_next: sequences
                .iter()
                .filter_map(|sequence| sequence.is_random_next)
                .collect(),
            tokens: tokens.iter().map(|tokens| tokens.len() as u64).sum(),
        }
    }

    /// How many have a second part.
    pub(super) fn pairs(&self) -> usize {
        self.random_next.len()
    }
}
