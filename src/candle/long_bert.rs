//! LongBERT (Afkanpour et al. 2022, algorithm 1): token states of all segments side by side under label attention.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::encoder::Encoder;
use super::inputs::Notes;
use super::label_attention::LabelAttention;
use super::model::Model;
use super::pass::Pass;
use super::sequences::{Sequences, indices};
use super::settings::{self, at_least_1, no_evidence};
use super::weights::Weights;
use crate::bench::protocol::{Failure, Load};

/// An encoder over segments under label-wise attention over all tokens.
pub struct LongBert {
    encoder: Encoder,
    label_attention: LabelAttention,
    segment: usize,
    overlap: usize,
}

impl LongBert {
    /// The model of a job.
    ///
    /// # Errors
    /// Settings that are not computed here, weights that do not fit.
    pub fn take(load: &Load, weights: &mut Weights) -> std::result::Result<Self, Failure> {
        let settings: settings::LongBert = settings::read(load)?;
        let (encoder, segment, overlap) = (&settings.encoder, settings.segment, settings.overlap);
        no_evidence(settings.evidence_weight)?;
        at_least_1(&[("segment", segment)])?;
        if overlap >= segment {
            return Err(Failure::failed(format!(
                "overlap = {overlap}: expected less than segment = {segment}"
            )));
        }
        encoder.check("segment", segment)?;
        Ok(Self {
            encoder: Encoder::take(weights, encoder, load.task.vocabulary, false)?,
            label_attention: LabelAttention::take(weights, "label_attention", load.codes, encoder.hidden)?,
            segment,
            overlap,
        })
    }
}

impl Model for LongBert {
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor> {
        let stride = self.segment - self.overlap;
        let mut segments = Vec::new();
        let mut sources = Vec::new(); // (segment, place in it) of each token, note by note
        for note in notes.iter() {
            let first = segments.len();
            let count = note.len().saturating_sub(self.overlap).div_ceil(stride).max(1);
            let cut = |start: usize| note[start..note.len().min(start + self.segment)].to_vec();
            segments.extend((0..count).map(|segment| cut(segment * stride)));
            // The first half of what two segments share is the earlier one's, the rest the later one's.
            let owner = |place: usize| (place.saturating_sub(self.overlap.div_ceil(2)) / stride).min(count - 1);
            let source = |place: usize| (first + owner(place), place - owner(place) * stride);
            sources.push((0..note.len()).map(source).collect::<Vec<_>>());
        }
        let sequences = Sequences::new(&segments)?;
        let states = self.encoder.forward(&sequences, pass)?;
        let (lengths, longest): (Arc<[usize]>, _) = (notes.lengths().into(), notes.longest());
        // Past a note's end stands its first token once more, which nothing reads.
        let row = |(segment, place): (usize, usize)| (segment * sequences.width + place) as u32;
        let rows = sources.iter().flat_map(|note| {
            let filled = note.iter().copied().chain(std::iter::repeat(note[0]));
            filled.take(longest).map(row)
        });
        let states = states.index_select(&indices(rows.collect())?, 0)?;
        let (_, hidden) = states.dims2()?;
        self.label_attention
            .logits(&states.reshape((notes.count(), longest, hidden))?, &lengths, pass)
    }
}
