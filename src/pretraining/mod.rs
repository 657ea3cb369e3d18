//! Pretraining a BERT encoder on notes: masked tokens and, where wanted, next sentences. Nothing here prints: it tells an
//! [`Observer`](crate::train::Observer).

mod settings;

pub use settings::{Development, DevelopmentNotes, Objective, Pretraining, Sentences, Start};
