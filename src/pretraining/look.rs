//! How far learning has come: losses and accuracies on development sequences, whose pairs and masks never change.

use burn::module::Module;

use super::epoch::Epoch;
use super::fit::{Fit, Look};
use super::model::{PretrainingModel, Sequences};
use super::sequence::{Maker, Sequence};
use crate::models::parameters::host;
use crate::train::Observer;

/// The number of the epoch that development sequences are drawn as: none that is trained on.
const LOOKED_AT: u32 = 0;

/// The development sequences of a pretraining.
pub(super) fn development(fit: &Fit) -> Vec<Sequence> {
    let maker = Maker {
        documents: fit.development,
        pieces: fit.pieces,
        settings: fit.settings,
    };
    let epoch = Epoch::new(fit.development, fit.settings, LOOKED_AT);
    let count = epoch.spans.len().min(fit.settings.development.sequences);
    (0..count).map(|place| maker.sequence(&epoch, place)).collect()
}

/// What the model makes of the sequences; epoch, step and training loss are the caller's to say. `None` when the observer
/// asked to stop.
pub(super) fn look(
    model: &PretrainingModel,
    sequences: &[Sequence],
    fit: &Fit,
    observer: &dyn Observer,
) -> Option<Look> {
    let model = model.valid();
    let (mut masked, mut pairs, mut done) = (0, 0, 0);
    let (mut masked_loss, mut next_loss) = (0.0, None);
    let (mut masked_right, mut next_right) = (0, 0);
    for part in sequences.chunks(fit.settings.batch_size) {
        let batch = Sequences::new(part, fit.pieces.padding, fit.device);
        let (losses, right) = model.judged(&batch, fit.precision);
        masked += batch.targets.len();
        masked_loss += f64::from(host(losses.masked)[0]);
        masked_right += right.masked;
        if let Some(loss) = losses.next {
            *next_loss.get_or_insert(0.0) += f64::from(host(loss)[0]);
        }
        pairs += batch.pairs();
        next_right += right.next;
        done += part.len();
        observer.scored(done, sequences.len());
        if observer.interrupted() {
            return None;
        }
    }
    let mlm_loss = masked_loss / masked as f64;
    Some(Look {
        epoch: 0,
        step: 0,
        training_loss: None,
        mlm_loss,
        perplexity: mlm_loss.exp(),
        mlm_accuracy: masked_right as f64 / masked as f64,
        nsp_loss: next_loss.map(|loss: f64| loss / pairs as f64),
        nsp_accuracy: next_loss.map(|_| next_right as f64 / pairs as f64),
        masked: masked as u64,
        sequences: done as u64,
    })
}
