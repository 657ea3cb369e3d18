//! LongBERT: the states of all tokens from segments that fit a BERT, and label-wise attention over them
//! (Afkanpour, Adeel, Bassani et al. 2022, algorithm 1, figure 1).
//!
//! The note's tokens are cut into segments, optionally overlapping, without `[CLS]` and `[SEP]` (algorithm 1
//! has none: a segment is as long as the positions allow). Each token counts once: one that lies in two
//! segments takes the state of the segment in whose middle it is nearer.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::bert::{self, Encoder, EncoderConfig};
use super::blockwise::{CPU_BLOCK, gradients_through};
use super::evidence_loss::evidence_loss;
use super::label_attention::LabelAttention;
use super::layers::{Gather, Packed};
use super::settings::{at_least_1, evidence_weight, is_zero};
use super::{Batch, CodingModel, Depth, Initialiser, NoteSize, Task, Tokens, Work};

/// Settings of LongBERT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Reads each segment alone.
    pub encoder: EncoderConfig,
    /// Tokens of a segment. The paper uses 512.
    pub segment: usize,
    /// Tokens that two neighbouring segments share. The paper's tables do not say; 0 is algorithm 1.
    pub overlap: usize,
    /// Labels computed at a time: memory grows with it, scores do not depend on it.
    pub label_block: usize,
    /// Weight of the supervision by evidence: a label should read where annotators marked it (`models/evidence_loss.rs`). Left
    /// out: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub evidence_weight: f64,
}

/// An encoder over segments under label-wise attention over all tokens.
#[derive(Module, Debug)]
pub struct LongBert {
    encoder: Encoder,
    label_attention: LabelAttention,
    #[module(skip)]
    segment: usize,
    #[module(skip)]
    overlap: usize,
    #[module(skip)]
    padding: i32,
    #[module(skip)]
    evidence_weight: f64,
}

impl CodingModel for LongBert {
    type Config = Config;

    const ABOUT: &'static str =
        "token states of 512-token segments, label-wise attention over all (Afkanpour et al. 2022)";

    const TAKES_ENCODER: bool = true;

    const TOKENS: Tokens = Tokens::WordPieces;

    fn tiny() -> Config {
        Config {
            encoder: EncoderConfig::smallest(),
            segment: 8,
            overlap: 3,
            label_block: 7,
            evidence_weight: 0.0,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            encoder: EncoderConfig::small(512),
            segment: 512,
            overlap: 0,
            label_block: CPU_BLOCK,
            evidence_weight: 0.0,
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        Some(&mut config.label_block)
    }

    fn segmented(config: Config, segment: usize, overlap: usize) -> Config {
        Config {
            segment,
            overlap,
            ..config
        }
    }

    fn depth(path: &str) -> Depth {
        bert::depth("encoder", path)
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[("segment", config.segment), ("label-block", config.label_block)])?;
        evidence_weight(config.evidence_weight, task.evidence.is_some())?;
        if config.overlap >= config.segment {
            return Err(format!(
                "overlap = {} is not below segment = {}: segments would not advance",
                config.overlap, config.segment
            ));
        }
        config.encoder.check(task, ("segment", config.segment), false)
    }

    /// Linear in a note's length beyond one segment. Tokens that two segments share are encoded twice. Marks add to the
    /// loss what depends on the notes' codes: no work is said then.
    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        if config.evidence_weight > 0.0 {
            return None;
        }
        let lengths: Vec<usize> = notes.iter().map(|note| note.tokens).collect();
        let segments_of = |&tokens: &usize| {
            let starts = segment_starts(tokens, config.segment, config.overlap);
            starts
                .into_iter()
                .map(move |start| (tokens - start).min(config.segment))
        };
        let segments: Vec<usize> = lengths.iter().flat_map(segments_of).collect();
        let head = LabelAttention::work(codes, config.encoder.hidden, &lengths);
        Some(Encoder::work(&config.encoder, &segments) + head)
    }

    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let hidden = config.encoder.hidden;
        Self {
            encoder: Encoder::init(&config.encoder, task, false, initialiser),
            label_attention: LabelAttention::init(task.codes, hidden, config.label_block, initialiser),
            segment: config.segment,
            overlap: config.overlap,
            padding: task.padding as i32,
            evidence_weight: config.evidence_weight,
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let (states, lengths) = self.states(batch);
        self.label_attention.logits(states, lengths, batch.precision)
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let (states, lengths) = self.states(batch);
        let marked = match self.evidence_weight {
            0.0 => None,
            weight => {
                let loss = evidence_loss(&self.label_attention.queries(), &states, lengths, &batch.marks);
                loss.map(|loss| loss * weight)
            }
        };
        gradients_through(
            self,
            &self.label_attention,
            states,
            lengths,
            &targets,
            batch.precision,
            marked,
        )
    }

    fn explains(_config: &Config) -> bool {
        true
    }

    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let (states, lengths) = self.states(batch);
        let of_code = |&code: &usize| {
            let attention = self.label_attention.attention(states.clone(), lengths, code);
            super::coding_model::widened(attention, batch.width())
        };
        Some(codes.iter().map(of_code).collect())
    }
}

impl LongBert {
    /// States of all tokens `[note, token, hidden]`, and the tokens of each note.
    fn states<'a>(&self, batch: &'a Batch) -> (Tensor<3>, &'a [usize]) {
        let mut sequences: Vec<Vec<i32>> = Vec::new();
        let mut sources = Vec::with_capacity(batch.notes()); // (segment, place in it) of each token
        for note in 0..batch.notes() {
            let tokens = batch.note(note);
            let first = sequences.len();
            let starts = segment_starts(tokens.len(), self.segment, self.overlap);
            for &start in &starts {
                sequences.push(tokens[start..(start + self.segment).min(tokens.len())].to_vec());
            }
            sources.push(token_sources(tokens.len(), &starts, self.overlap, first));
        }
        let packed = Packed::new(&sequences, self.padding, &batch.device());
        let rows = packed.layout.starts();
        let groups = sources
            .into_iter()
            .map(|note| note.into_iter().map(|(segment, place)| rows[segment] + place).collect())
            .collect();
        let states = self.encoder.forward(&packed, batch.pass());
        (Gather::new(groups).apply(states), batch.lengths())
    }
}

/// Where the segments of a note start: as many as it takes to cover it.
fn segment_starts(tokens: usize, segment: usize, overlap: usize) -> Vec<usize> {
    let stride = segment - overlap;
    let segments = tokens.saturating_sub(overlap).div_ceil(stride).max(1);
    (0..segments).map(|index| index * stride).collect()
}

/// The segment, counted from `first`, and the place in it that each token takes its state from. Of the
/// tokens that two segments share, the first half (and the middle one) are the earlier segment's.
fn token_sources(tokens: usize, starts: &[usize], overlap: usize, first: usize) -> Vec<(usize, usize)> {
    let begins = |index: usize| match index {
        0 => 0,
        _ => starts[index] + overlap.div_ceil(2),
    };
    let mut sources = Vec::with_capacity(tokens);
    for (index, &start) in starts.iter().enumerate() {
        let end = if index + 1 < starts.len() {
            begins(index + 1)
        } else {
            tokens
        };
        sources.extend((begins(index)..end).map(|token| (first + index, token - start)));
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every token once, in order, from a segment that holds it, for all small sizes.
    #[test]
    fn each_token_counts_once_and_lies_in_its_segment() {
        for segment in 1..9 {
            for overlap in 0..segment {
                for tokens in 1..40 {
                    let starts = segment_starts(tokens, segment, overlap);
                    assert!(starts.last().unwrap() + segment >= tokens, "the end is covered");
                    if starts.len() > 1 {
                        let before = starts[starts.len() - 2] + segment;
                        assert!(before < tokens, "no segment is superfluous");
                    }
                    let sources = token_sources(tokens, &starts, overlap, 5);
                    assert_eq!(sources.len(), tokens);
                    for (token, (index, place)) in sources.into_iter().enumerate() {
                        assert!(place < segment, "{segment} {overlap} {tokens}");
                        assert_eq!(starts[index - 5] + place, token);
                    }
                }
            }
        }
    }

    #[test]
    fn shared_tokens_go_to_the_segment_in_which_they_are_further_from_the_edge() {
        let starts = segment_starts(13, 8, 3);
        assert_eq!(starts, [0, 5]);
        let sources = token_sources(13, &starts, 3, 0);
        // Tokens 5, 6 and 7 are in both: 5 and 6 stay with the first, 7 goes to the second.
        assert_eq!(&sources[4..8], [(0, 4), (0, 5), (0, 6), (1, 2)]);
    }
}
