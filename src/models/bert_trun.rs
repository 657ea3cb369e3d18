//! BERT-trun: a BERT that reads as many tokens as it has positions and no more (Ji, Hölttä, Marttinen
//! 2021, section 3.2; BERT-XML's plain BERT, equation 1).
//!
//! The input is `[CLS]`, the first `positions - 2` tokens of the note at most, `[SEP]`. The head is fully
//! connected on the last state of `[CLS]`, or label-wise attention over the states of the note's tokens.
//! With more positions than the pretrained encoder has, the others start at random: "BERT, max length 1024".

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::bert::{self, Encoder, EncoderConfig, HeadConfig, Input, with_specials};
use super::blockwise::gradients_through;
use super::dropout::dropout;
use super::label_attention::LabelAttention;
use super::layers::Linear;
use super::settings::probability;
use super::{Batch, CodingModel, Depth, Initialiser, NoteSize, Pass, Task, Tokens, Work, coding_model};

/// Settings of BERT-trun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Reads `[CLS]`, the first tokens and `[SEP]`, as many as it has positions for.
    pub encoder: EncoderConfig,
    /// Whether the fully connected head reads `[CLS]` through BERT's pooler, as Hugging Face's classifier
    /// does; Ji et al. read the state itself.
    pub pooler: bool,
    /// Dropout probability on what the fully connected head reads.
    pub classifier_dropout: f64,
    /// What makes logits of the encoder's states.
    pub head: HeadConfig,
}

/// An encoder over a note's first tokens under either head.
#[derive(Module, Debug)]
pub struct BertTrun {
    encoder: Encoder,
    classifier: Option<Linear>,
    label_attention: Option<LabelAttention>,
    #[module(skip)]
    classifier_dropout: f64,
    #[module(skip)]
    input: Input,
}

impl CodingModel for BertTrun {
    type Config = Config;

    const ABOUT: &'static str = "BERT on the first tokens only, head on [CLS] or label-wise (Ji et al. 2021)";

    const TAKES_ENCODER: bool = true;

    const TOKENS: Tokens = Tokens::WordPieces;

    fn tiny() -> Config {
        Config {
            encoder: EncoderConfig::smallest(),
            pooler: true,
            classifier_dropout: 0.1,
            head: HeadConfig::FullyConnected,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            encoder: EncoderConfig::small(512),
            pooler: false,
            classifier_dropout: 0.1,
            head: HeadConfig::FullyConnected,
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        config.head.label_block()
    }

    fn depth(path: &str) -> Depth {
        bert::depth("encoder", path)
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        config.encoder.check(task, ("", 0), true)?;
        config.head.check()?;
        probability("classifier-dropout", config.classifier_dropout)?;
        if config.pooler && config.head != HeadConfig::FullyConnected {
            return Err(
                "pooler = true: only the fully-connected head reads it; write pooler = false, or head = \
                 \"fully-connected\""
                    .into(),
            );
        }
        Ok(())
    }

    fn reads(config: &Config, length: usize) -> usize {
        length.min(config.encoder.positions.saturating_sub(2))
    }

    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        let encoder = &config.encoder;
        let kept = |note: &NoteSize| bert::tokens_of_sequences(note.tokens, encoder.positions, false);
        let tokens: Vec<usize> = notes.iter().flat_map(kept).collect();
        let pooler = match config.pooler {
            true => Encoder::pooler_work(encoder, notes.len()),
            false => Work::default(),
        };
        let head = config.head.work(codes, encoder.hidden, &tokens);
        Some(Encoder::work(encoder, &with_specials(&tokens)) + pooler + head)
    }

    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let encoder = Encoder::init(&config.encoder, task, config.pooler, initialiser);
        let (classifier, label_attention) = config.head.init(task.codes, &config.encoder, initialiser);
        Self {
            encoder,
            classifier,
            label_attention,
            classifier_dropout: config.classifier_dropout,
            input: Input::new(task, config.encoder.positions, false),
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let Pass { noise, precision } = batch.pass();
        let sequences = self.input.sequences(batch);
        let rows = self.encoder.forward(&sequences.packed, batch.pass());
        match (&self.classifier, &self.label_attention) {
            (Some(classifier), _) => {
                let pooled = self.encoder.pool(sequences.cls.apply(rows).squeeze_dim(1), precision);
                classifier.forward(dropout(noise, pooled, self.classifier_dropout), precision)
            }
            (None, Some(head)) => {
                let lengths = sequences.tokens.lengths();
                head.logits(sequences.tokens.apply(rows), &lengths, precision)
            }
            (None, None) => unreachable!("one of the two heads is present"),
        }
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let Some(head) = &self.label_attention else {
            return coding_model::backpropagated(self, batch, targets);
        };
        let (states, lengths) = self.token_states(batch);
        gradients_through(self, head, states, &lengths, &targets, batch.precision, None)
    }

    fn explains(config: &Config) -> bool {
        matches!(config.head, HeadConfig::LabelAttention { .. })
    }

    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let head = self.label_attention.as_ref()?;
        let (states, lengths) = self.token_states(batch);
        let of_code = |&code: &usize| {
            let attention = head.attention(states.clone(), &lengths, code);
            coding_model::widened(attention, batch.width())
        };
        Some(codes.iter().map(of_code).collect())
    }
}

impl BertTrun {
    /// States of each note's tokens `[note, token, hidden]` and how many they are.
    fn token_states(&self, batch: &Batch) -> (Tensor<3>, Vec<usize>) {
        let sequences = self.input.sequences(batch);
        let rows = self.encoder.forward(&sequences.packed, batch.pass());
        (sequences.tokens.apply(rows), sequences.tokens.lengths())
    }
}
