//! BERT-hier (Ji et al. 2021): BERT on segments, a transformer layer over their `[CLS]` states.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use super::encoder::Encoder;
use super::head::Head;
use super::inputs::Notes;
use super::model::Model;
use super::pass::Pass;
use super::sequences::{Sequences, Specials, indices};
use super::settings::{self, Pooling, at_least_1, probabilities};
use super::transformer::{Activation, Layer, LayerSizes};
use super::weights::Weights;
use crate::bench::protocol::{Failure, Load};

/// PyTorch's default in its transformer layer.
const EPSILON: f32 = 1e-5;

/// An encoder over segments, a layer over their `[CLS]` states, and either head.
pub struct BertHier {
    encoder: Encoder,
    segment_layer: Layer,
    head: Head,
    pooling: Pooling,
    dropout: f64,
    /// Tokens of a segment, beside `[CLS]` and `[SEP]`.
    longest: usize,
    specials: Specials,
}

impl BertHier {
    /// The model of a job.
    ///
    /// # Errors
    /// Settings that are not computed here, weights that do not fit.
    pub fn take(load: &Load, weights: &mut Weights) -> std::result::Result<Self, Failure> {
        let settings: settings::BertHier = settings::read(load)?;
        let (encoder, layer) = (&settings.encoder, settings.segment_layer);
        if settings.segment < 3 {
            let words = "expected at least 3, for [CLS], a token and [SEP]";
            return Err(Failure::failed(format!("segment = {}: {words}", settings.segment)));
        }
        encoder.check("segment", settings.segment)?;
        at_least_1(&[
            ("segment-layer.heads", layer.heads),
            ("segment-layer.intermediate", layer.intermediate),
        ])?;
        probabilities(&[
            ("segment-layer.dropout", layer.dropout),
            ("classifier-dropout", settings.classifier_dropout),
        ])?;
        if !encoder.hidden.is_multiple_of(layer.heads) {
            let (hidden, heads) = (encoder.hidden, layer.heads);
            let words = format!("encoder.hidden = {hidden} is no multiple of segment-layer.heads = {heads}");
            return Err(Failure::failed(words));
        }
        let sizes = LayerSizes {
            hidden: encoder.hidden,
            heads: layer.heads,
            intermediate: layer.intermediate,
            epsilon: EPSILON,
            dropout: layer.dropout,
            attention_dropout: layer.dropout,
            inner_dropout: layer.dropout,
            activation: Activation::Relu,
        };
        Ok(Self {
            encoder: Encoder::take(weights, encoder, load.task.vocabulary, false)?,
            segment_layer: Layer::take(weights, "segment_layer", sizes)?,
            head: Head::take(weights, settings.head, load.codes, encoder.hidden)?,
            pooling: settings.pooling,
            dropout: settings.classifier_dropout,
            longest: settings.segment - 2,
            specials: Specials::of(load)?,
        })
    }

    /// `[CLS]` states after the layer over them, `[note, segment, hidden]`, and the segments of each note.
    fn segments(&self, notes: &Notes, pass: &Pass) -> Result<(Tensor, Arc<[usize]>)> {
        let mut runs = Vec::new();
        let mut first = Vec::new(); // number of each note's first segment
        for note in notes.iter() {
            first.push(runs.len());
            runs.extend(note.chunks(self.longest).map(|run| self.specials.enclose(run)));
        }
        let ends = first[1..].iter().copied().chain([runs.len()]);
        let counts: Arc<[usize]> = first.iter().zip(ends).map(|(first, end)| end - first).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        let sequences = Sequences::new(&runs)?;
        let states = sequences.first_states(&self.encoder.forward(&sequences, pass)?)?;
        // Past a note's end stands its last segment once more, which nothing reads.
        let row = |(first, count): (&usize, &usize)| {
            let (first, count) = (*first, *count);
            (0..most).map(move |segment| (first + segment.min(count - 1)) as u32)
        };
        let rows = first.iter().zip(counts.iter()).flat_map(row).collect();
        let states = self
            .segment_layer
            .forward(&states.index_select(&indices(rows)?, 0)?, &counts, pass)?;
        let (_, hidden) = states.dims2()?;
        Ok((states.reshape((notes.count(), most, hidden))?, counts))
    }
}

impl Model for BertHier {
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor> {
        let (states, counts) = self.segments(notes, pass)?;
        match &self.head {
            Head::FullyConnected(classifier) => {
                let pooled = pool(self.pooling, &states, &counts)?;
                classifier.forward(&pass.dropout(&pooled, self.dropout)?, pass)
            }
            Head::LabelAttention(head) => head.logits(&pass.dropout(&states, self.dropout)?, &counts, pass),
        }
    }
}

/// `[note, hidden]` of the first `counts` states of each note, of `[note, segment, hidden]`.
fn pool(pooling: Pooling, states: &Tensor, counts: &[usize]) -> Result<Tensor> {
    let (notes, most, hidden) = states.dims3()?;
    // By [note, segment]: what a segment adds to the mean, and to a greatest element.
    let cells = || {
        counts
            .iter()
            .flat_map(|&count| (0..most).map(move |segment| (segment < count, count)))
    };
    match pooling {
        Pooling::Mean => {
            let share = |(real, count): (bool, usize)| if real { 1.0 / count as f32 } else { 0.0 };
            let shares = Tensor::from_vec(cells().map(share).collect(), (notes, 1, most), &Device::Cpu)?;
            shares.matmul(states)?.reshape((notes, hidden))
        }
        Pooling::Max => {
            let least = |(real, _)| if real { 0.0 } else { f32::NEG_INFINITY };
            let least = Tensor::from_vec(cells().map(least).collect(), (notes, most, 1), &Device::Cpu)?;
            states.broadcast_add(&least)?.max(1)
        }
    }
}
