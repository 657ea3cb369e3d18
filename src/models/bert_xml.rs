//! BERT-XML: a BERT with positions for long notes and AttentionXML's multi-label attention (Zhang, Liu,
//! Razavian 2020, section 3.3.2, equations 2-4).
//!
//! The input is `[CLS]`, tokens, `[SEP]`; labels attend to the states of the note's tokens (the h_0 .. h_N of
//! equation 2, which `[CLS]` is not among). Label vectors start from the mean of the encoder's states over
//! each code's description, the paper's semantic label embedding, or at random.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::bert::{self, Encoder, EncoderConfig, Input, Sequences, with_specials};
use super::blockwise::{CPU_BLOCK, gradients_through};
use super::evidence::EvidenceSpan;
use super::evidence_loss::evidence_loss;
use super::settings::{at_least_1, evidence_weight, is_zero};
use super::shared_attention::SharedAttention;
use super::{Batch, CodingModel, Depth, Initialiser, NoteSize, Pass, Task, Tokens, Work, parameters};

/// Descriptions encoded at a time.
const DESCRIPTIONS: usize = 64;

/// Settings of BERT-XML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The encoder. The paper's have 1,024 positions.
    pub encoder: EncoderConfig,
    /// What becomes of a note that does not fit the positions.
    pub long_notes: LongNotes,
    /// Where the label vectors start.
    pub label_vectors: LabelVectors,
    /// Output length of W_b. The paper does not say it.
    pub hidden: usize,
    /// Labels computed at a time: memory grows with it, scores do not depend on it.
    pub label_block: usize,
    /// Weight of the supervision by evidence: a label should read where annotators marked it (`models/evidence_loss.rs`). Left
    /// out: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub evidence_weight: f64,
}

/// What becomes of a note that is longer than the positions, less two for `[CLS]` and `[SEP]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LongNotes {
    /// There is none: the sequence length has to fit.
    Whole,
    /// It is split into chunks, each trained on as a note with the note's codes; the highest
    /// probability of a code over the chunks is the note's (the paper's section 4.1).
    Split,
    /// It is cut off.
    Truncate,
}

/// Where the label vectors start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelVectors {
    /// The mean of the encoder's states over the tokens of each code's description.
    Descriptions,
    /// Xavier uniform: what the paper compares with.
    Random,
}

/// An encoder over whole notes under multi-label attention.
#[derive(Module, Debug)]
pub struct BertXml {
    encoder: Encoder,
    head: SharedAttention,
    #[module(skip)]
    input: Input,
    #[module(skip)]
    evidence_weight: f64,
}

impl CodingModel for BertXml {
    type Config = Config;

    const ABOUT: &'static str =
        "BERT with long positions, multi-label attention from code descriptions (Zhang et al. 2020)";

    const TAKES_ENCODER: bool = true;

    const TOKENS: Tokens = Tokens::WordPieces;

    fn tiny() -> Config {
        Config {
            encoder: EncoderConfig {
                positions: 16,
                ..EncoderConfig::smallest()
            },
            long_notes: LongNotes::Split,
            label_vectors: LabelVectors::Descriptions,
            hidden: 6,
            label_block: 7,
            evidence_weight: 0.0,
        }
    }

    /// As many positions as the note needs: the paper's point is to read it whole. A task that is timed has no
    /// descriptions.
    fn published(length: usize) -> Config {
        Config {
            encoder: EncoderConfig::small(length + 2),
            long_notes: LongNotes::Whole,
            label_vectors: LabelVectors::Random,
            hidden: 256,
            label_block: CPU_BLOCK,
            evidence_weight: 0.0,
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        Some(&mut config.label_block)
    }

    fn depth(path: &str) -> Depth {
        bert::depth("encoder", path)
    }

    fn check(config: &Config, task: &Task, length: usize) -> Result<(), String> {
        at_least_1(&[("hidden", config.hidden), ("label-block", config.label_block)])?;
        evidence_weight(config.evidence_weight, task.evidence.is_some())?;
        let longest = match config.long_notes {
            LongNotes::Whole => ("the sequence length with [CLS] and [SEP]", length + 2),
            LongNotes::Split | LongNotes::Truncate => ("", 0),
        };
        config.encoder.check(task, longest, true)?;
        if config.label_vectors == LabelVectors::Random {
            return Ok(());
        }
        match task.descriptions.iter().filter(|tokens| tokens.is_empty()).count() {
            0 => Ok(()),
            missing => Err(format!(
                "label-vectors = \"descriptions\": {missing} of {} codes have no description; add them to the data \
                 set's code titles, or write label-vectors = \"random\"",
                task.codes
            )),
        }
    }

    fn reads(config: &Config, length: usize) -> usize {
        match config.long_notes {
            LongNotes::Truncate => length.min(config.encoder.positions.saturating_sub(2)),
            LongNotes::Whole | LongNotes::Split => length,
        }
    }

    /// Marks add to the loss what depends on the notes' codes: no work is said then.
    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        if config.evidence_weight > 0.0 {
            return None;
        }
        let split = config.long_notes == LongNotes::Split;
        let positions = config.encoder.positions;
        let sequences = |note: &NoteSize| bert::tokens_of_sequences(note.tokens, positions, split);
        let tokens: Vec<usize> = notes.iter().flat_map(sequences).collect();
        let head = SharedAttention::work(codes, [config.encoder.hidden, config.hidden], &tokens);
        Some(Encoder::work(&config.encoder, &with_specials(&tokens)) + head)
    }

    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let dimension = config.encoder.hidden;
        let encoder = Encoder::init(&config.encoder, task, false, initialiser);
        let labels = match config.label_vectors {
            LabelVectors::Random => initialiser.xavier_uniform([task.codes, dimension], dimension, task.codes),
            LabelVectors::Descriptions => description_vectors(&encoder, config, task, initialiser),
        };
        Self {
            encoder,
            head: SharedAttention::init(labels, config.hidden, config.label_block, initialiser),
            input: Input::new(task, config.encoder.positions, config.long_notes == LongNotes::Split),
            evidence_weight: config.evidence_weight,
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let (sequences, states, lengths) = self.states(batch);
        let logits = self.head.logits(states, &lengths, batch.precision);
        if sequences.of_note.iter().all(|chunks| chunks.len() == 1) {
            return logits;
        }
        // The highest logit is the highest probability.
        let codes = logits.dims()[1];
        let highest = |chunks: std::ops::Range<usize>| logits.clone().slice([chunks, 0..codes]).max_dim(0);
        Tensor::cat(sequences.of_note.into_iter().map(highest).collect(), 0)
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let (sequences, states, lengths) = self.states(batch);
        let chunks = sequences.of_note.iter().enumerate();
        let codes_of = chunks.flat_map(|(note, chunks)| chunks.clone().map(move |_| note as i32));
        let codes_of = super::ops::ids(codes_of.collect(), &batch.device());
        let targets = targets.select(0, codes_of);
        let marked = match self.evidence_weight {
            0.0 => None,
            weight => {
                let marks = in_chunks(&batch.marks, &sequences, &lengths);
                evidence_loss(&self.head.queries(), &states, &lengths, &marks).map(|loss| loss * weight)
            }
        };
        gradients_through(self, &self.head, states, &lengths, &targets, batch.precision, marked)
    }

    fn explains(_config: &Config) -> bool {
        true
    }

    /// Of the chunk that decides each code.
    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let (sequences, states, lengths) = self.states(batch);
        let logits = self.head.logits(states.clone(), &lengths, batch.precision);
        let of_chunk = logits.dims()[1];
        let logits = parameters::host(logits);
        let tokens = states.dims()[1];
        let of_code = |&code: &usize| {
            let weights = parameters::host(self.head.attention(states.clone(), &lengths, code));
            let mut explained = vec![0f32; batch.notes() * batch.width()];
            for (row, chunks) in explained.chunks_mut(batch.width()).zip(&sequences.of_note) {
                let first = chunks.start;
                let logit = |chunk: &usize| logits[chunk * of_chunk + code];
                let Some(decides) = chunks.clone().max_by(|a, b| logit(a).total_cmp(&logit(b))) else {
                    continue;
                };
                let start: usize = lengths[first..decides].iter().sum();
                row[start..start + lengths[decides]].copy_from_slice(&weights[decides * tokens..][..lengths[decides]]);
            }
            let data = burn::tensor::TensorData::new(explained, [batch.notes(), batch.width()]);
            Tensor::from_data(data, &batch.device())
        };
        Some(codes.iter().map(of_code).collect())
    }
}

impl BertXml {
    /// The batch's sequences, and the states of their tokens `[sequence, token, hidden]` with their number.
    fn states(&self, batch: &Batch) -> (Sequences, Tensor<3>, Vec<usize>) {
        let sequences = self.input.sequences(batch);
        let rows = self.encoder.forward(&sequences.packed, batch.pass());
        let (states, lengths) = (sequences.tokens.apply(rows), sequences.tokens.lengths());
        (sequences, states, lengths)
    }
}

/// The marks of each note by the chunks that its tokens lie in, each chunk's places counted from its own first token.
fn in_chunks(marks: &[Vec<EvidenceSpan>], sequences: &Sequences, lengths: &[usize]) -> Vec<Vec<EvidenceSpan>> {
    let mut all = vec![Vec::new(); lengths.len()];
    for (marks, chunks) in marks.iter().zip(&sequences.of_note) {
        let mut first = 0;
        for chunk in chunks.clone() {
            let inside = first..first + lengths[chunk] as u32;
            for mark in marks {
                let places = mark.places.iter().filter(|&place| inside.contains(place));
                let places: Vec<u32> = places.map(|place| place - first).collect();
                if !places.is_empty() {
                    all[chunk].push(EvidenceSpan {
                        code: mark.code,
                        places,
                    });
                }
            }
            first = inside.end;
        }
    }
    all
}

/// The mean of the encoder's states over each description's tokens, `[code, hidden]`; a description longer
/// than the positions is cut off.
fn description_vectors(
    encoder: &Encoder,
    config: &Config,
    task: &Task,
    initialiser: &mut Initialiser,
) -> Param<Tensor<2>> {
    let device = initialiser.device().clone().inner();
    let encoder = encoder.valid();
    let input = Input::new(task, config.encoder.positions, false);
    let descriptions: Vec<Vec<i32>> = task
        .descriptions
        .iter()
        .map(|tokens| tokens.iter().map(|&token| token as i32).collect())
        .collect();
    let mut vectors = Vec::with_capacity(task.codes * config.encoder.hidden);
    for block in descriptions.chunks(DESCRIPTIONS) {
        let notes: Vec<&[i32]> = block.iter().map(Vec::as_slice).collect();
        let sequences = input.pack(&notes, &device);
        let rows = encoder.forward(&sequences.packed, Pass::default());
        let (states, mask) = (sequences.tokens.apply(rows), sequences.tokens.mask(&device));
        let sum: Tensor<2> = (states * mask.clone().unsqueeze_dim(2)).sum_dim(1).squeeze_dim(1);
        vectors.extend(parameters::host(sum / mask.sum_dim(1)));
    }
    initialiser.values([task.codes, config.encoder.hidden], vectors)
}
