//! The "multi-head attention" baseline of BERT-XML (Zhang, Liu and Razavian 2020, sections 3.4.2
//! and 4.3): a bidirectional GRU over word vectors, attention heads that all codes share, and a
//! linear layer over what the heads found.
//!
//! A head's weights over the note's tokens are the softmax of state . query (equation 5); its
//! vector is the weighted sum of the states over the square root of their length (6); the heads'
//! vectors side by side (7) go through a linear layer (8). The paper calls the encoder a bi-LSTM
//! and says that its units are GRUs.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, activation, s};
use serde::{Deserialize, Serialize};

use super::coding_model::cross_entropy;
use super::gru::{self, Gru, Pass};
use super::ops::product;
use super::packed_words::PackedWords;
use super::settings::{at_least_1, probability};
use super::{Batch, CodingModel, Initialiser, NoteSize, Precision, Task, Tokens, Work, word_vectors};

/// Settings of the bi-GRU with attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Length of a word vector. The authors use 300.
    pub embedding: usize,
    /// Whether word vectors start from the suite's `[text.word-vectors]` (the authors', from StarSpace) or at random.
    pub pretrained_embedding: bool,
    /// Whether word vectors are trained. The authors keep them as they are.
    pub train_embedding: bool,
    /// Length of a state, of each direction. The authors use 512.
    pub hidden: usize,
    /// Attention heads, shared by all codes. The authors use 200.
    pub heads: usize,
    /// Dropout probability on the word vectors. The authors use 0.1.
    pub dropout: f64,
}

/// A bidirectional GRU under attention heads that all codes share.
#[derive(Module, Debug)]
pub struct BigruAttention {
    /// `[word, dimension]`.
    embedding: Param<Tensor<2>>,
    forward: Gru,
    backward: Gru,
    /// What each head looks for, `[head, 2H]`: forward states first.
    queries: Param<Tensor<2>>,
    output: Output,
    #[module(skip)]
    dropout: f64,
}

/// The linear layer over the heads' vectors.
#[derive(Module, Debug)]
struct Output {
    /// `[head * 2H, code]`.
    weight: Param<Tensor<2>>,
    /// `[code]`.
    bias: Param<Tensor<1>>,
}

/// A batch on its way to the heads. Nothing in it is tracked.
struct Encoded {
    words: PackedWords,
    passes: [Pass; 2],
}

impl CodingModel for BigruAttention {
    type Config = Config;

    const ABOUT: &'static str =
        "bidirectional GRU and attention heads shared by all codes (Zhang et al. 2020, baseline)";

    const TOKENS: Tokens = Tokens::Words;

    fn tiny() -> Config {
        Config {
            embedding: 12,
            pretrained_embedding: false,
            train_embedding: true,
            hidden: 10,
            heads: 3,
            dropout: 0.1,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            embedding: 300,
            pretrained_embedding: false,
            train_embedding: false,
            hidden: 512,
            heads: 200,
            dropout: 0.1,
        }
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[
            ("embedding", config.embedding),
            ("hidden", config.hidden),
            ("heads", config.heads),
        ])?;
        probability("dropout", config.dropout)?;
        word_vectors::check(config.embedding, config.pretrained_embedding, task)
    }

    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        let states = 2 * config.hidden;
        let of_note = |note: &NoteSize| {
            // A note without tokens reads as one padding token.
            let tokens = note.tokens.max(1);
            let direction = Gru::work(tokens, [config.embedding, config.hidden], config.train_embedding);
            direction
                + direction
                + Work::product([config.heads, states, tokens])
                + Work::product([config.heads, tokens, states])
                + Work::product([1, config.heads * states, codes])
        };
        Some(notes.iter().map(of_note).sum())
    }

    /// Word vectors are as [`word_vectors::init`] says, the GRU as [`Gru::init`] says, queries and output Xavier uniform, the output's bias uniform in
    /// `1 / sqrt(inputs)`.
    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let (states, found) = (2 * config.hidden, 2 * config.hidden * config.heads);
        let embedding = word_vectors::init(config.embedding, config.pretrained_embedding, task, initialiser);
        Self {
            embedding: embedding.set_require_grad(config.train_embedding),
            forward: Gru::init(config.embedding, config.hidden, initialiser),
            backward: Gru::init(config.embedding, config.hidden, initialiser),
            queries: initialiser.xavier_uniform([config.heads, states], states, config.heads),
            output: Output {
                weight: initialiser.xavier_uniform([found, task.codes], found, task.codes),
                bias: initialiser.uniform([task.codes], 1.0 / (found as f64).sqrt()),
            },
            dropout: config.dropout,
        }
    }

    /// Not tracked: [`gradients`](CodingModel::gradients) backpropagates by hand.
    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let encoded = self.encode(batch, false);
        let (found, _) = self.attend(&encoded, batch.notes());
        self.output.forward(found, batch.precision)
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let encoded = self.encode(batch, true);
        let (found, weights) = self.attend(&encoded, batch.notes());
        let logits = self.output.forward(found.clone(), batch.precision);
        let targets = targets.inner();
        let loss = cross_entropy(logits.clone(), targets.clone());

        let mut gradients = GradientsParams::new();
        let cells = targets.shape().num_elements();
        let at_logits = (activation::sigmoid(logits) - targets) / cells as f64;
        let at_found = self.output.backward(found, at_logits, batch.precision, &mut gradients);
        let at_states = self.attend_backward(&encoded, weights, at_found, &mut gradients);

        let trained = self.embedding.val().is_require_grad();
        let Encoded { words, passes } = encoded;
        let directions = [&self.forward, &self.backward];
        let (vectors, rows, precision) = (&words.vectors, &words.rows, batch.precision);
        let [first, second] = passes;
        let [at_first, at_second] = at_states;
        let passes = [(first, at_first), (second, at_second)];
        let at_vectors = gru::backward(directions, vectors, rows, passes, trained, precision, &mut gradients);
        if let Some(at_vectors) = at_vectors {
            words.backward(&self.embedding, at_vectors, &mut gradients);
        }
        (loss, gradients)
    }
}

impl BigruAttention {
    /// The states of the batch's real tokens, which are all there is: no row is padding.
    fn encode(&self, batch: &Batch, train: bool) -> Encoded {
        let words = PackedWords::new(&self.embedding, batch, self.dropout);
        let directions = [&self.forward, &self.backward];
        let passes = gru::forward(directions, &words.vectors, &words.rows, train, batch.precision);
        Encoded { words, passes }
    }

    /// The queries of each direction's half of a state, `[head, H]`.
    fn halves(&self) -> [Tensor<2>; 2] {
        halves(self.queries.val().inner())
    }

    /// What the heads find in each note, `[note, head * 2H]` in the order of the batch, and their
    /// weights, `[head, token]` for each note of the rows.
    fn attend(&self, encoded: &Encoded, notes: usize) -> (Tensor<2>, Vec<Tensor<2>>) {
        let queries = self.halves();
        let [heads, hidden] = queries[0].dims();
        let mut found = vec![Tensor::zeros([1, heads * 2 * hidden], &queries[0].device()); notes];
        let mut weights = Vec::new();
        for (note, range) in encoded.words.rows.ranges() {
            let states = encoded.states(range);
            let [first, second] = [0, 1].map(|i| queries[i].clone().matmul(states[i].clone().swap_dims(0, 1)));
            let attention = activation::softmax(first + second, 1);
            let vectors = states.map(|states| attention.clone().matmul(states));
            let vectors = Tensor::cat(vectors.into(), 1) / (2.0 * hidden as f64).sqrt();
            found[note] = vectors.reshape([1, heads * 2 * hidden]);
            weights.push(attention);
        }
        (Tensor::cat(found, 0), weights)
    }

    /// The gradient at both directions' states, `[row, H]`, from that at [`attend`](Self::attend)'s
    /// result. Registers the queries' gradient.
    fn attend_backward(
        &self,
        encoded: &Encoded,
        weights: Vec<Tensor<2>>,
        at_found: Tensor<2>,
        registered: &mut GradientsParams,
    ) -> [Tensor<2>; 2] {
        let queries = self.halves();
        let [heads, hidden] = queries[0].dims();
        let mut at_queries = queries.clone().map(|queries| queries.zeros_like());
        let mut at_states = [Vec::new(), Vec::new()];
        let ranges = encoded.words.rows.ranges();
        for ((note, range), attention) in ranges.zip(weights) {
            let states = encoded.states(range);
            let at_vectors = at_found.clone().slice(s![note..note + 1, ..]);
            let at_vectors = at_vectors.reshape([heads, 2 * hidden]) / (2.0 * hidden as f64).sqrt();
            let at_vectors = halves(at_vectors);
            let [first, second] = [0, 1].map(|i| at_vectors[i].clone().matmul(states[i].clone().swap_dims(0, 1)));
            let at_attention = first + second;
            let mean = (at_attention.clone() * attention.clone()).sum_dim(1);
            let at_scores = attention.clone() * (at_attention - mean);
            // A state is in the sum of the vectors and in the scores: one product for both.
            let both = Tensor::cat(vec![attention, at_scores.clone()], 0).swap_dims(0, 1);
            for (i, (states, at_vectors)) in states.into_iter().zip(at_vectors).enumerate() {
                let other = Tensor::cat(vec![at_vectors, queries[i].clone()], 0);
                at_states[i].push(both.clone().matmul(other));
                at_queries[i] = at_queries[i].clone() + at_scores.clone().matmul(states);
            }
        }
        registered.register(self.queries.id, Tensor::cat(at_queries.into(), 1));
        at_states.map(|notes| Tensor::cat(notes, 0))
    }
}

impl Encoded {
    /// Both directions' states of one note, `[token, H]`.
    fn states(&self, range: std::ops::Range<usize>) -> [Tensor<2>; 2] {
        [0, 1].map(|i| self.passes[i].states.clone().slice(s![range.clone(), ..]))
    }
}

impl Output {
    fn forward(&self, found: Tensor<2>, precision: Precision) -> Tensor<2> {
        product(found, self.weight.val().inner(), precision) + self.bias.val().inner().unsqueeze()
    }

    /// The gradient at the layer's input. Registers those of its parameters.
    fn backward(
        &self,
        found: Tensor<2>,
        at_logits: Tensor<2>,
        precision: Precision,
        registered: &mut GradientsParams,
    ) -> Tensor<2> {
        registered.register(self.bias.id, at_logits.clone().sum_dim(0).squeeze_dim::<1>(0));
        registered.register(
            self.weight.id,
            product(found.swap_dims(0, 1), at_logits.clone(), precision),
        );
        product(at_logits, self.weight.val().inner().swap_dims(0, 1), precision)
    }
}

/// The two halves of the columns.
fn halves(tensor: Tensor<2>) -> [Tensor<2>; 2] {
    let half = tensor.dims()[1] / 2;
    [tensor.clone().slice(s![.., ..half]), tensor.slice(s![.., half..])]
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::parameters::{self, host};
    use super::*;

    fn task() -> Task {
        Task {
            codes: 4,
            vocabulary: 6,
            ..Task::default()
        }
    }

    #[test]
    fn word_vectors_that_are_not_trained_are_saved_but_get_no_gradient() {
        let device = Device::flex().autodiff();
        let batch = Batch::new([vec![1, 2, 3], vec![4, 5]], 0, &device);
        for trained in [true, false] {
            let config = Config {
                train_embedding: trained,
                ..BigruAttention::tiny()
            };
            let model = BigruAttention::init(&config, &task(), &mut Initialiser::new(1, &device));
            assert!(parameters::read(&model).contains_key("embedding"));
            let loaded = parameters::write(model.clone(), parameters::read(&model)).unwrap();
            for model in [model, loaded] {
                let (_, gradients) = model.gradients(&batch, Tensor::ones([2, 4], &device));
                assert_eq!(gradients.get::<2>(model.embedding.id).is_some(), trained);
                assert!(gradients.get::<2>(model.queries.id).is_some());
            }
        }
    }

    #[test]
    fn a_note_without_tokens_reads_as_one_padding_token() {
        let device = Device::flex().autodiff();
        let model = BigruAttention::init(&BigruAttention::tiny(), &task(), &mut Initialiser::new(1, &device));
        let of = |first: &[i32]| {
            let batch = Batch::new([first, &[3, 1, 2]], 0, &device);
            let (loss, _) = model.gradients(&batch, Tensor::ones([2, 4], &device));
            (host(model.logits(&batch)), host(loss))
        };
        assert_eq!(of(&[]), of(&[0]));
        assert_ne!(of(&[]), of(&[0, 0]));
    }
}
