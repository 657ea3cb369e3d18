//! CAML (Mullenbach et al. 2018, equations 1 to 4), without DR-CAML's term.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};

use super::inputs::Notes;
use super::label_attention::LabelAttention;
use super::model::Model;
use super::pass::Pass;
use super::rows::add_row;
use super::sequences::indices;
use super::settings::{self, at_least_1, no_evidence, only, probabilities};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::{Failure, Load};

/// A convolution over word vectors under label-wise attention.
pub struct Caml {
    /// `[word, dimension]`.
    embedding: Parameter,
    /// `[filter, dimension, width]`.
    weight: Parameter,
    /// `[filter]`.
    bias: Parameter,
    head: LabelAttention,
    dropout: f64,
    width: usize,
}

impl Caml {
    /// The model of a job.
    ///
    /// # Errors
    /// Settings that are not computed here, weights that do not fit.
    pub fn take(load: &Load, weights: &mut Weights) -> std::result::Result<Self, Failure> {
        let settings: settings::Caml = settings::read(load)?;
        only(
            !settings.attend_to_padding,
            "attend-to-padding",
            settings.attend_to_padding,
            "false",
        )?;
        let lambda = settings.description_weight;
        only(lambda == 0.0, "description-weight", lambda, "0")?;
        no_evidence(settings.evidence_weight)?;
        probabilities(&[("dropout", settings.dropout)])?;
        let (dimension, filters, width) = (settings.embedding, settings.filters, settings.width);
        at_least_1(&[("embedding", dimension), ("filters", filters), ("width", width)])?;
        let start = Start::Uniform(1.0 / ((dimension * width) as f64).sqrt());
        let embedding = Start::Uniform(1.0 / (dimension as f64).sqrt());
        Ok(Self {
            embedding: weights.take("embedding", &[load.task.vocabulary, dimension], embedding)?,
            weight: weights.take("convolution.weight", &[filters, dimension, width], start)?,
            bias: weights.take("convolution.bias", &[filters], start)?,
            head: LabelAttention::take(weights, "head", load.codes, filters)?,
            dropout: settings.dropout,
            width,
        })
    }
}

impl Model for Caml {
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor> {
        let embedded = self.embedding.on(pass).index_select(&indices(notes.rectangle())?, 0)?;
        let embedded = pass.dropout(&embedded, self.dropout)?;
        let windows = Windows::new(notes, self.width);
        let (_, dimension) = embedded.dims2()?;
        let zeros = Tensor::zeros((1, dimension), DType::F32, &Device::Cpu)?;
        let words = Tensor::cat(&[&embedded, &zeros], 0)?.index_select(&indices(windows.rows)?, 0)?;
        // A row a position: the vectors of its words side by side.
        let words = words.reshape((notes.count() * windows.positions, self.width * dimension))?;
        let weight = self.weight.on(pass);
        let (filters, _, _) = weight.dims3()?;
        let weight = weight
            .permute((2, 1, 0))?
            .contiguous()?
            .reshape((self.width * dimension, filters))?;
        let states = add_row(&words.matmul(&weight)?, &self.bias.on(pass))?.tanh()?;
        let states = states.reshape((notes.count(), windows.positions, filters))?;
        self.head.logits(&states, &windows.counts, pass)
    }
}

/// Which words each position of a convolution reads, half its width of padding on both sides of a note.
struct Windows {
    /// `[note * position * width]`: rows of the words `[note * longest]`; the row after the last for what is no word.
    rows: Vec<u32>,
    /// Positions of the longest note. An even width gives one more than there are words.
    positions: usize,
    /// Positions of each note.
    counts: Arc<[usize]>,
}

impl Windows {
    fn new(notes: &Notes, width: usize) -> Self {
        let (longest, extra) = (notes.longest(), usize::from(width.is_multiple_of(2)));
        let (positions, none) = (longest + extra, (notes.count() * longest) as u32);
        let mut rows = Vec::with_capacity(notes.count() * positions * width);
        for (note, length) in notes.lengths().into_iter().enumerate() {
            for place in (0..positions).flat_map(|position| position..position + width) {
                // Places count from the padding before the note.
                let word = place.checked_sub(width / 2).filter(|&word| word < length);
                rows.push(word.map_or(none, |word| (note * longest + word) as u32));
            }
        }
        let counts = notes.lengths().into_iter().map(|length| length + extra).collect();
        Self {
            rows,
            positions,
            counts,
        }
    }
}
