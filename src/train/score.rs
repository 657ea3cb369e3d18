//! Probabilities of a model for many notes.

use burn::tensor::{Device, activation};

use super::Observer;
use crate::models::{Batch, Model, Precision, parameters};
use crate::text::{BatchSettings, TokenStore, evaluation_order};

/// How notes reach a model.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The model reads the first `length` tokens of a note.
    pub length: usize,
    /// Notes at a time.
    pub batch_size: usize,
    /// The token id that fills rows up.
    pub padding: u32,
    /// What the model computes in.
    pub precision: Precision,
}

impl Reading {
    /// A batch of the given notes on a device.
    pub fn batch(&self, store: &TokenStore, notes: &[usize], device: &Device) -> Batch {
        let note = |&note: &usize| store.note(note, self.length).iter().map(|&token| token as i32);
        Batch::new(notes.iter().map(note), self.padding, device).with_precision(self.precision)
    }

    /// How many tokens the model really reads of all notes together.
    pub fn tokens(&self, store: &TokenStore) -> u64 {
        let read = |length: usize| length.min(self.length) as u64;
        store.lengths().into_iter().map(read).sum()
    }
}

/// Probabilities, row-major `[note, code]`, in the store's order of notes. `None` when the
/// observer asked to stop.
pub fn probabilities(
    model: &Model,
    store: &TokenStore,
    reading: Reading,
    codes: usize,
    device: &Device,
    observer: &dyn Observer,
) -> Option<Vec<f32>> {
    let lengths = store.lengths();
    let settings = BatchSettings {
        batch_size: reading.batch_size,
        max_length: reading.length,
        bucket: 1,
    };
    let mut scores = vec![0f32; lengths.len() * codes];
    let mut done = 0;
    for notes in evaluation_order(&lengths, settings) {
        if observer.interrupted() {
            return None;
        }
        let logits = model.logits(&reading.batch(store, &notes, device));
        let batch = parameters::host(activation::sigmoid(logits));
        for (row, &note) in batch.chunks(codes).zip(&notes) {
            scores[note * codes..][..codes].copy_from_slice(row);
        }
        done += notes.len();
        observer.scored(done, lengths.len());
    }
    Some(scores)
}
