//! Training and scoring a model. Nothing here prints: it tells an [`Observer`].
//!
//! An interrupted run that is started again ends in the same bytes as an undisturbed one: the order
//! of the notes depends on (seed, epoch), the noise of a step on (seed, step), and everything else
//! that moves is in the checkpoint.

mod budget;
pub mod checkpoint;
mod course;
mod ended;
mod evaluation;
mod fit;
mod fitted;
mod lbfgs;
mod learner;
mod observer;
mod optimiser;
mod others;
mod recipe;
mod replicas;
mod run;
mod score;
mod session;
mod share;
mod steps;

pub use budget::Budget;
pub use evaluation::{EvaluationSettings, Selection, ThresholdRule, Verdict, fitted};
pub use fit::{Effort, End, Error, Examples, Fit, Trained, TrainedFacts};
pub use learner::{Learner, MeanGradients, Part, mean_gradients, targets};
pub use observer::{Observer, StepReport};
pub use optimiser::Stepper;
pub use others::{Collective, Others};
pub use recipe::{Decay, EncoderRates, Lbfgs, Moments, Optimiser, Recipe, Schedule, Select};
pub use run::train;
pub use score::{Reading, probabilities};
