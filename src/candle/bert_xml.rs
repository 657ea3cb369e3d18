//! BERT-XML (Zhang et al. 2020, equations 2 to 4): label attention, then two layers that all labels share.

use candle_core::{Result, Tensor};

use super::encoder::Encoder;
use super::inputs::Notes;
use super::label_attention::read;
use super::linear::Linear;
use super::model::{Model, cross_entropy};
use super::pass::Pass;
use super::sequences::{Sequences, Specials, indices};
use super::settings::{self, LongNotes, at_least_1, no_evidence};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::{Failure, Load};

/// An encoder under multi-label attention.
pub struct BertXml {
    encoder: Encoder,
    /// `[code, hidden]`.
    labels: Parameter,
    shared: Linear,
    output: Linear,
    long_notes: LongNotes,
    /// Tokens that fit beside `[CLS]` and `[SEP]`.
    longest: usize,
    specials: Specials,
}

impl BertXml {
    /// The model of a job.
    ///
    /// # Errors
    /// Settings that are not computed here, weights that do not fit.
    pub fn take(load: &Load, weights: &mut Weights) -> std::result::Result<Self, Failure> {
        let settings: settings::BertXml = settings::read(load)?;
        let (encoder, hidden) = (&settings.encoder, settings.encoder.hidden);
        no_evidence(settings.evidence_weight)?;
        at_least_1(&[("hidden", settings.hidden)])?;
        match settings.long_notes {
            LongNotes::Whole => encoder.check("the sequence length with [CLS] and [SEP]", load.length + 2)?,
            LongNotes::Split | LongNotes::Truncate => encoder.check("[CLS], a token and [SEP]", 3)?,
        }
        let start = Start::Uniform((6.0 / (load.codes + hidden) as f64).sqrt());
        Ok(Self {
            encoder: Encoder::take(weights, encoder, load.task.vocabulary, false)?,
            labels: weights.take("head.labels", &[load.codes, hidden], start)?,
            shared: Linear::take(weights, "head.shared", hidden, settings.hidden)?,
            output: Linear::take(weights, "head.output", settings.hidden, 1)?,
            long_notes: settings.long_notes,
            longest: encoder.positions - 2,
            specials: Specials::of(load)?,
        })
    }

    /// The chunks of all notes, and how many each note has.
    fn chunks(&self, notes: &Notes) -> (Vec<Vec<u32>>, Vec<usize>) {
        let mut chunks = Vec::new();
        let mut counts = Vec::new();
        for note in notes.iter() {
            let before = chunks.len();
            let own = note.chunks(self.longest).map(|chunk| self.specials.enclose(chunk));
            match self.long_notes {
                LongNotes::Truncate => chunks.extend(own.take(1)),
                LongNotes::Whole | LongNotes::Split => chunks.extend(own),
            }
            counts.push(chunks.len() - before);
        }
        (chunks, counts)
    }

    /// Logits `[chunk, code]`.
    fn of_chunks(&self, chunks: &[Vec<u32>], pass: &Pass) -> Result<Tensor> {
        let sequences = Sequences::new(chunks)?;
        let (states, lengths) = sequences.inner_states(&self.encoder.forward(&sequences, pass)?)?;
        let documents = read(&self.labels.on(pass), &states, &lengths)?;
        let (count, codes, hidden) = documents.dims3()?;
        let inner = self
            .shared
            .forward(&documents.reshape((count * codes, hidden))?, pass)?;
        self.output.forward(&inner.relu()?, pass)?.reshape((count, codes))
    }
}

impl Model for BertXml {
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor> {
        let (chunks, counts) = self.chunks(notes);
        let logits = self.of_chunks(&chunks, pass)?;
        if self.long_notes != LongNotes::Split {
            return Ok(logits);
        }
        let mut first = 0;
        let highest = counts.into_iter().map(|count| {
            first += count;
            logits.narrow(0, first - count, count)?.max_keepdim(0)
        });
        Tensor::cat(&highest.collect::<Result<Vec<_>>>()?, 0)
    }

    /// Chunks are trained on one by one, each with all codes of its note.
    fn loss(&self, notes: &Notes, targets: &Tensor, pass: &Pass) -> Result<Tensor> {
        let (chunks, counts) = self.chunks(notes);
        let of_note = counts
            .into_iter()
            .enumerate()
            .flat_map(|(note, count)| std::iter::repeat_n(note as u32, count));
        let targets = targets.index_select(&indices(of_note.collect())?, 0)?;
        cross_entropy(&self.of_chunks(&chunks, pass)?, &targets)
    }
}
