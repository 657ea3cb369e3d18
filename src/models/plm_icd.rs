//! PLM-ICD: a pretrained encoder on short chunks, and labels that attend to all of their tokens (Huang, Tsai and Chen 2022);
//! and PLM-CA, the same with cross-attention (Edin et al. 2024).
//!
//! As in the authors' code a note is `[CLS]`, its tokens and `[SEP]` once, and is then cut into chunks: a chunk in the middle
//! has no special token. The paper does not say it. Labels read the states of both special tokens too. The codes of both papers
//! let labels attend to the padding of the last chunk as well; here padding is never read.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::bert::{self, Encoder, EncoderConfig};
use super::blockwise::{CPU_BLOCK, gradients_through};
use super::coding_model::widened;
use super::cross_attention::CrossAttention;
use super::layers::{Gather, Packed};
use super::projected_attention::ProjectedAttention;
use super::settings::at_least_1;
use super::{Batch, CodingModel, Depth, Initialiser, NoteSize, Task, Tokens, Work};

/// `[CLS]` before a note's tokens and `[SEP]` behind them.
const SPECIALS: usize = 2;

/// Settings of PLM-ICD.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Reads each chunk alone.
    pub encoder: EncoderConfig,
    /// Tokens of a chunk; the note's special tokens are among them. The paper uses 128.
    pub chunk: usize,
    /// How labels read the states.
    pub head: HeadConfig,
}

/// How labels read the states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum HeadConfig {
    /// LAAT's label attention: PLM-ICD.
    LabelAttention {
        /// Length of the projected states that labels look at. PLM-ICD's is that of a state.
        projection: usize,
        /// Deviation of the normal distribution that its matrices start from. The authors' code has the encoder's 0.02,
        /// Edin et al.'s 0.03.
        initializer_range: f64,
        /// Labels computed at a time: memory grows with it, scores do not depend on it.
        label_block: usize,
    },
    /// Cross-attention: PLM-CA.
    CrossAttention {
        /// As above; the authors' code has 0.03.
        initializer_range: f64,
        /// As above.
        label_block: usize,
    },
}

/// An encoder over chunks under one of the two heads.
#[derive(Module, Debug)]
pub struct PlmIcd {
    encoder: Encoder,
    label_attention: Option<ProjectedAttention>,
    cross_attention: Option<CrossAttention>,
    #[module(skip)]
    chunk: usize,
    #[module(skip)]
    cls: i32,
    #[module(skip)]
    separator: i32,
    #[module(skip)]
    padding: i32,
}

impl CodingModel for PlmIcd {
    type Config = Config;

    const ABOUT: &'static str =
        "a pretrained encoder on chunks of 128, label attention over all tokens (Huang et al. 2022; Edin et al. 2024)";

    const TAKES_ENCODER: bool = true;

    const TOKENS: Tokens = Tokens::WordPieces;

    fn tiny() -> Config {
        Config {
            encoder: EncoderConfig::smallest(),
            chunk: 8,
            head: HeadConfig::LabelAttention {
                projection: 6,
                initializer_range: 0.03,
                label_block: 7,
            },
        }
    }

    fn published(_length: usize) -> Config {
        let encoder = EncoderConfig::small(512);
        Config {
            head: HeadConfig::LabelAttention {
                projection: encoder.hidden,
                initializer_range: encoder.initializer_range,
                label_block: CPU_BLOCK,
            },
            encoder,
            chunk: 128,
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        match &mut config.head {
            HeadConfig::LabelAttention { label_block, .. } | HeadConfig::CrossAttention { label_block, .. } => {
                Some(label_block)
            }
        }
    }

    fn segmented(config: Config, segment: usize, _overlap: usize) -> Config {
        Config {
            chunk: segment,
            ..config
        }
    }

    fn depth(path: &str) -> Depth {
        bert::depth("encoder", path)
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[("chunk", config.chunk)])?;
        config.head.check()?;
        config.encoder.check(task, ("chunk", config.chunk), true)
    }

    /// Linear in a note's length beyond one chunk.
    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        let states: Vec<usize> = notes.iter().map(|note| note.tokens + SPECIALS).collect();
        let hidden = config.encoder.hidden;
        let head = match config.head {
            HeadConfig::LabelAttention { projection, .. } => {
                ProjectedAttention::work(codes, [hidden, projection], &states)
            }
            HeadConfig::CrossAttention { .. } => CrossAttention::work(codes, hidden, &states),
        };
        let chunks = |&states: &usize| {
            let starts = (0..states).step_by(config.chunk);
            starts.map(move |start| (states - start).min(config.chunk))
        };
        let chunks: Vec<usize> = states.iter().flat_map(chunks).collect();
        Some(Encoder::work(&config.encoder, &chunks) + head)
    }

    /// # Panics
    /// Without `[CLS]` or `[SEP]` in the task, which `check` refuses.
    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let (codes, hidden) = (task.codes, config.encoder.hidden);
        let encoder = Encoder::init(&config.encoder, task, false, initialiser);
        let (label_attention, cross_attention) = match config.head {
            HeadConfig::LabelAttention {
                projection,
                initializer_range: range,
                label_block,
            } => {
                let sizes = [hidden, projection];
                let head = ProjectedAttention::with_deviation(codes, sizes, range, label_block, initialiser);
                (Some(head), None)
            }
            HeadConfig::CrossAttention {
                initializer_range: range,
                label_block,
            } => {
                let head = CrossAttention::init(codes, hidden, range, label_block, initialiser);
                (None, Some(head))
            }
        };
        Self {
            encoder,
            label_attention,
            cross_attention,
            chunk: config.chunk,
            cls: task.cls.expect("[CLS]") as i32,
            separator: task.separator.expect("[SEP]") as i32,
            padding: task.padding as i32,
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let (states, lengths) = self.states(batch, true);
        match (&self.label_attention, &self.cross_attention) {
            (Some(head), _) => head.logits(states, &lengths, batch.precision),
            (None, Some(head)) => head.logits(states, &lengths, batch.precision),
            (None, None) => unreachable!("one of the two heads is present"),
        }
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let (states, lengths) = self.states(batch, true);
        let precision = batch.precision;
        match (&self.label_attention, &self.cross_attention) {
            (Some(head), _) => gradients_through(self, head, states, &lengths, &targets, precision, None),
            (None, Some(head)) => gradients_through(self, head, states, &lengths, &targets, precision, None),
            (None, None) => unreachable!("one of the two heads is present"),
        }
    }

    fn explains(_config: &Config) -> bool {
        true
    }

    /// Of the attention the part on the note's own tokens, without the two special ones.
    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let (states, lengths) = self.states(batch, false);
        let weights = match (&self.label_attention, &self.cross_attention) {
            (Some(head), _) => head.attention(states, &lengths, codes),
            (None, Some(head)) => head.attention(states, &lengths, codes),
            (None, None) => unreachable!("one of the two heads is present"),
        };
        Some(
            weights
                .into_iter()
                .map(|weights| widened(weights, batch.width()))
                .collect(),
        )
    }
}

impl PlmIcd {
    /// States of each note's tokens `[note, token, hidden]`, with those of its special tokens where they are asked for, and
    /// how many they are.
    fn states(&self, batch: &Batch, specials: bool) -> (Tensor<3>, Vec<usize>) {
        let mut chunks: Vec<Vec<i32>> = Vec::new();
        let mut firsts = Vec::with_capacity(batch.notes()); // each note's first chunk
        for note in 0..batch.notes() {
            firsts.push(chunks.len());
            let tokens = batch.note(note).iter().copied();
            let whole: Vec<i32> = [self.cls].into_iter().chain(tokens).chain([self.separator]).collect();
            chunks.extend(whole.chunks(self.chunk).map(<[i32]>::to_vec));
        }
        let packed = Packed::new(&chunks, self.padding, &batch.device());
        let rows = packed.layout.starts();
        let of_note = |(note, first): (usize, &usize)| {
            let end = batch.note(note).len() + SPECIALS;
            // Of a note without a token the closing one stands in: no group is empty.
            let places = if specials { 0..end } else { 1..(end - 1).max(2) };
            places
                .map(|place| rows[first + place / self.chunk] + place % self.chunk)
                .collect()
        };
        let gather = Gather::new(firsts.iter().enumerate().map(of_note).collect());
        let states = self.encoder.forward(&packed, batch.pass());
        (gather.apply(states), gather.lengths())
    }
}

impl HeadConfig {
    fn check(&self) -> Result<(), String> {
        let (name, sizes, range) = match self {
            Self::LabelAttention {
                projection,
                initializer_range,
                label_block,
            } => (
                "label-attention",
                vec![
                    ("head.label-attention.projection", *projection),
                    ("head.label-attention.label-block", *label_block),
                ],
                *initializer_range,
            ),
            Self::CrossAttention {
                initializer_range,
                label_block,
            } => (
                "cross-attention",
                vec![("head.cross-attention.label-block", *label_block)],
                *initializer_range,
            ),
        };
        at_least_1(&sizes)?;
        if !(range > 0.0 && range.is_finite()) {
            return Err(format!(
                "head.{name}.initializer-range = {range}: expected a number above 0"
            ));
        }
        Ok(())
    }
}
