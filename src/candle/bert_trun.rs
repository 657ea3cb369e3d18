//! BERT-trun (Ji et al. 2021): one BERT on the beginning of the note.

use candle_core::{Result, Tensor};

use super::encoder::Encoder;
use super::head::Head;
use super::inputs::Notes;
use super::model::Model;
use super::pass::Pass;
use super::sequences::{Sequences, Specials};
use super::settings::{self, only, probabilities};
use super::weights::Weights;
use crate::bench::protocol::{Failure, Load};

/// An encoder over a note's first tokens under either head.
pub struct BertTrun {
    encoder: Encoder,
    head: Head,
    dropout: f64,
    /// Tokens that fit beside `[CLS]` and `[SEP]`.
    longest: usize,
    specials: Specials,
}

impl BertTrun {
    /// The model of a job.
    ///
    /// # Errors
    /// Settings that are not computed here, weights that do not fit.
    pub fn take(load: &Load, weights: &mut Weights) -> std::result::Result<Self, Failure> {
        let settings: settings::BertTrun = settings::read(load)?;
        let encoder = &settings.encoder;
        encoder.check("[CLS], a token and [SEP]", 3)?;
        probabilities(&[("classifier-dropout", settings.classifier_dropout)])?;
        let pooled = settings.head == settings::Head::FullyConnected;
        only(
            pooled || !settings.pooler,
            "pooler",
            settings.pooler,
            "false under label attention",
        )?;
        Ok(Self {
            encoder: Encoder::take(weights, encoder, load.task.vocabulary, settings.pooler)?,
            head: Head::take(weights, settings.head, load.codes, encoder.hidden)?,
            dropout: settings.classifier_dropout,
            longest: encoder.positions - 2,
            specials: Specials::of(load)?,
        })
    }
}

impl Model for BertTrun {
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor> {
        let first = |note: &[u32]| self.specials.enclose(&note[..note.len().min(self.longest)]);
        let sequences = Sequences::new(&notes.iter().map(first).collect::<Vec<_>>())?;
        let states = self.encoder.forward(&sequences, pass)?;
        match &self.head {
            Head::FullyConnected(classifier) => {
                let pooled = self.encoder.pool(sequences.first_states(&states)?, pass)?;
                classifier.forward(&pass.dropout(&pooled, self.dropout)?, pass)
            }
            Head::LabelAttention(head) => {
                let (states, lengths) = sequences.inner_states(&states)?;
                head.logits(&pass.dropout(&states, self.dropout)?, &lengths, pass)
            }
        }
    }
}
