//! Pretraining a BERT encoder on notes: masked tokens and, where wanted, next sentences. Nothing here prints: it tells an
//! [`Observer`](crate::train::Observer).
//!
//! An interrupted run that is started again ends in the same bytes as an undisturbed one: the sequences of an epoch, their
//! order and their masks depend on (seed, epoch, place), the noise of a step on (seed, step), and everything else that moves
//! is in the checkpoint.

mod documents;
mod epoch;
mod export;
mod fit;
mod look;
mod model;
mod pieces;
mod random;
mod sentences;
mod sequence;
mod session;
mod settings;
mod step;
#[cfg(test)]
mod tests;

pub use documents::{Documents, FitDocuments};
pub use export::ExportError;
pub use fit::{End, Error, Facts, Fit, Look, Pretrained};
pub use model::{Guess, PretrainedStart, PretrainingModel};
pub use pieces::Pieces;
pub use sequence::{Sequence, choose_masks};
pub use session::pretrain;
pub use settings::{Development, DevelopmentNotes, FirstEpochs, Objective, Pretraining, Sentences, Start};
pub use step::{Batches, Found, gradients};
