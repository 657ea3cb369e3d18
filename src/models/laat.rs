//! LAAT, the label attention model (Vu, Nguyen and Nguyen 2020; the authors' code is aehrc/LAAT).
//!
//! Words are embedded and a bidirectional LSTM gives a state for each. What labels look at is tanh of a projection of the
//! states; a softmax over the tokens of their product with a label's query weighs the states themselves, and a linear
//! classifier of the label's own reads their sum.
//!
//! JointLAAT's second level, which predicts the codes' first three characters and hands them on, is left out. Against the
//! authors' code: padding is masked out of the attention, unless `attend-to-padding` asks for the published behaviour,
//! where scores depend on the notes that share a batch; a note without words reads as one padding token, where theirs
//! leaves it out.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, s};
use serde::{Deserialize, Serialize};

use super::blockwise::{BlockwiseHead, CPU_BLOCK};
use super::coding_model::widened;
use super::lstm::{self, Lstm, Pass};
use super::ops::lookup;
use super::packed_words::PackedWords;
use super::projected_attention::ProjectedAttention;
use super::settings::{at_least_1, probability};
use super::{Batch, CodingModel, Initialiser, NoteSize, Task, Tokens, Work, batch, word_vectors};

/// Settings of LAAT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Length of a word vector. The authors use 100.
    pub embedding: usize,
    /// Whether word vectors start from the suite's `[text.word-vectors]` (the authors', from word2vec) or at random.
    pub pretrained_embedding: bool,
    /// Whether word vectors are trained. The authors' command keeps them as they are (`--mode static`, the default).
    pub train_embedding: bool,
    /// Length of a state, of each direction. The authors use 512, and 256 for 50 codes.
    pub hidden: usize,
    /// Length of what labels look at, their d_a. The authors use 512, and 256 for 50 codes.
    pub projection: usize,
    /// Dropout probability on the word vectors. The authors use 0.3.
    pub dropout: f64,
    /// Labels computed at a time: memory grows with it, scores do not depend on it.
    pub label_block: usize,
    /// Quirk: attend to padding too, whose states are 0, as the published implementation does.
    pub attend_to_padding: bool,
}

/// A bidirectional LSTM under label attention.
#[derive(Module, Debug)]
pub struct Laat {
    /// `[word, dimension]`.
    embedding: Param<Tensor<2>>,
    forward: Lstm,
    backward: Lstm,
    head: ProjectedAttention,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    attend_to_padding: bool,
}

/// A batch on its way to the head. Nothing in it is tracked.
struct Encoded {
    words: PackedWords,
    passes: [Pass; 2],
}

impl CodingModel for Laat {
    type Config = Config;

    const ABOUT: &'static str = "bidirectional LSTM and label attention over projected states (Vu et al. 2020)";

    const TOKENS: Tokens = Tokens::Words;

    fn tiny() -> Config {
        Config {
            embedding: 12,
            pretrained_embedding: false,
            train_embedding: true,
            hidden: 10,
            projection: 7,
            dropout: 0.3,
            label_block: 7,
            attend_to_padding: false,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            embedding: 100,
            pretrained_embedding: false,
            train_embedding: false,
            hidden: 512,
            projection: 512,
            dropout: 0.3,
            label_block: CPU_BLOCK,
            attend_to_padding: false,
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        Some(&mut config.label_block)
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[
            ("embedding", config.embedding),
            ("hidden", config.hidden),
            ("projection", config.projection),
            ("label-block", config.label_block),
        ])?;
        probability("dropout", config.dropout)?;
        word_vectors::check(config.embedding, config.pretrained_embedding, task)
    }

    /// Padding that is attended to is read as words are; no recurrence runs over it.
    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        // A note without tokens reads as one padding token.
        let tokens = notes.iter().map(|note| note.tokens.max(1));
        let longest = tokens.clone().max().unwrap_or(1);
        let read: Vec<usize> = tokens
            .clone()
            .map(|tokens| if config.attend_to_padding { longest } else { tokens })
            .collect();
        let sizes = [config.embedding, config.hidden];
        let direction: Work = tokens
            .map(|tokens| Lstm::work(tokens, sizes, config.train_embedding))
            .sum();
        let head = ProjectedAttention::work(codes, [2 * config.hidden, config.projection], &read);
        Some(direction + direction + head)
    }

    /// Word vectors are as [`word_vectors::init`] says, the LSTM as [`Lstm::init`], the head as
    /// [`ProjectedAttention::init`].
    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let embedding = word_vectors::init(config.embedding, config.pretrained_embedding, task, initialiser);
        let sizes = [2 * config.hidden, config.projection];
        Self {
            embedding: embedding.set_require_grad(config.train_embedding),
            forward: Lstm::init(config.embedding, config.hidden, initialiser),
            backward: Lstm::init(config.embedding, config.hidden, initialiser),
            head: ProjectedAttention::init(task.codes, sizes, config.label_block, initialiser),
            dropout: config.dropout,
            attend_to_padding: config.attend_to_padding,
        }
    }

    /// Not tracked: [`gradients`](CodingModel::gradients) backpropagates by hand.
    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let encoded = self.encode(batch, false);
        let (states, lengths) = self.states(&encoded, batch);
        self.head.logits(states, &lengths, batch.precision)
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let encoded = self.encode(batch, true);
        let (states, lengths) = self.states(&encoded, batch);
        let mut gradients = GradientsParams::new();
        let precision = batch.precision;
        let (loss, at_states) = self.head.loss(&states, &lengths, &targets, precision, &mut gradients);
        let [at_first, at_second] = encoded.at_rows(at_states);
        let trained = self.embedding.val().is_require_grad();
        let Encoded { words, passes } = encoded;
        let directions = [&self.forward, &self.backward];
        let (vectors, rows) = (&words.vectors, &words.rows);
        let [first, second] = passes;
        let passes = [(first, at_first), (second, at_second)];
        let at_vectors = lstm::backward(directions, vectors, rows, passes, trained, precision, &mut gradients);
        if let Some(at_vectors) = at_vectors {
            words.backward(&self.embedding, at_vectors, &mut gradients);
        }
        (loss, gradients)
    }

    fn explains(_config: &Config) -> bool {
        true
    }

    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let encoded = self.encode(batch, false);
        let (states, lengths) = self.states(&encoded, batch);
        let mask = batch.mask().inner();
        let of_words = |attention: Tensor<2>| {
            let inside = widened(attention, batch.width()) * mask.clone();
            // Of padding that was attended to nothing is left.
            let total = inside.clone().sum_dim(1).clamp_min(1e-12);
            inside / total
        };
        let attention = self.head.attention(states, &lengths, codes);
        Some(attention.into_iter().map(of_words).collect())
    }
}

impl Laat {
    fn encode(&self, batch: &Batch, train: bool) -> Encoded {
        let words = PackedWords::new(&self.embedding, batch, self.dropout);
        let directions = [&self.forward, &self.backward];
        let passes = lstm::forward(directions, &words.vectors, &words.rows, train, batch.precision);
        Encoded { words, passes }
    }

    /// States `[note, token, 2H]`, forward states first, and how many of each note count: all of the batch's width, past
    /// the words 0, where padding counts too.
    fn states(&self, encoded: &Encoded, batch: &Batch) -> (Tensor<3>, Vec<usize>) {
        let lengths = encoded.lengths();
        if !self.attend_to_padding {
            let width = lengths.iter().copied().max().unwrap_or(1);
            return (encoded.rectangle(width), lengths);
        }
        let states = encoded.rectangle(batch.width());
        let mask = batch::mask(&lengths, batch.width(), &states.device());
        let counts = vec![batch.width(); lengths.len()];
        (states * mask.unsqueeze_dim(2), counts)
    }
}

impl Encoded {
    /// Tokens of each note in the order of the batch.
    fn lengths(&self) -> Vec<usize> {
        let mut lengths = vec![0; self.words.rows.notes.len()];
        for (note, range) in self.words.rows.ranges() {
            lengths[note] = range.len();
        }
        lengths
    }

    /// Both directions' states side by side, `[note, token, 2H]`, at least as wide as the longest note. What lies past a
    /// note's end is a copy of its first token's.
    fn rectangle(&self, width: usize) -> Tensor<3> {
        let rows = &self.words.rows;
        let mut index = vec![0; rows.notes.len() * width];
        for (note, range) in rows.ranges() {
            let index = &mut index[note * width..][..width];
            index.fill(range.start as i32);
            for (row, slot) in range.zip(index) {
                *slot = row as i32;
            }
        }
        let states = self.passes.each_ref().map(|pass| pass.states.clone());
        let states = lookup(Tensor::cat(states.into(), 1), &index);
        let size = states.dims()[1];
        states.reshape([rows.notes.len(), width, size])
    }

    /// From a gradient at [`rectangle`](Self::rectangle) that at each direction's states, `[row, H]`.
    fn at_rows(&self, at_states: Tensor<3>) -> [Tensor<2>; 2] {
        let [notes, width, size] = at_states.dims();
        let places = self.words.rows.ranges();
        let index: Vec<i32> = places
            .flat_map(|(note, range)| (0..range.len()).map(move |token| (note * width + token) as i32))
            .collect();
        let at_rows = lookup(at_states.reshape([notes * width, size]), &index);
        [
            at_rows.clone().slice(s![.., ..size / 2]),
            at_rows.slice(s![.., size / 2..]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::parameters::host;
    use super::*;

    fn task() -> Task {
        Task {
            codes: 4,
            vocabulary: 6,
            ..Task::default()
        }
    }

    fn model(config: &Config, device: &Device) -> Laat {
        Laat::init(config, &task(), &mut Initialiser::new(1, device))
    }

    #[test]
    fn word_vectors_that_are_not_trained_get_no_gradient() {
        let device = Device::flex().autodiff();
        let batch = Batch::new([vec![1, 2, 3], vec![4, 5]], 0, &device);
        for trained in [true, false] {
            let config = Config {
                train_embedding: trained,
                ..Laat::tiny()
            };
            let model = model(&config, &device);
            let (_, gradients) = model.gradients(&batch, Tensor::ones([2, 4], &device));
            assert_eq!(gradients.get::<2>(model.embedding.id).is_some(), trained);
        }
    }

    #[test]
    fn a_note_without_tokens_reads_as_one_padding_token() {
        let device = Device::flex().autodiff();
        let model = model(&Laat::tiny(), &device);
        let of = |first: &[i32]| {
            let batch = Batch::new([first, &[3, 1, 2]], 0, &device);
            let (loss, _) = model.gradients(&batch, Tensor::ones([2, 4], &device));
            (host(model.logits(&batch)), host(loss))
        };
        assert_eq!(of(&[]), of(&[0]));
    }

    #[test]
    fn padding_that_is_attended_to_takes_its_share_of_every_label() {
        let device = Device::flex();
        let logits = |attend_to_padding: bool, width: usize| {
            let config = Config {
                attend_to_padding,
                ..Laat::tiny()
            };
            let batch = Batch::new([vec![1, 2, 3]], 0, &device).padded_to(width);
            host(model(&config, &device).logits(&batch))
        };
        assert_eq!(logits(false, 3), logits(false, 9));
        assert_eq!(logits(false, 3), logits(true, 3));
        assert_ne!(logits(true, 3), logits(true, 9));
    }

    #[test]
    fn explanations_leave_out_padding_that_is_attended_to() {
        let device = Device::flex().autodiff();
        let config = Config {
            attend_to_padding: true,
            ..Laat::tiny()
        };
        let batch = Batch::new([vec![1, 2], vec![3, 4, 5, 1]], 0, &device);
        let found = model(&config, &device).explain(&batch, &[3, 0]).unwrap();
        for weights in found.into_iter().map(host) {
            assert_eq!(weights[2..4], [0.0, 0.0]);
            assert!((weights[..2].iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}
