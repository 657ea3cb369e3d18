//! A training run, by the optimiser that its recipe names.

use super::job::{End, Error, Job};
use super::observer::Observer;
use super::optimiser::Stepper;
use super::recipe::Optimiser;
use super::{lbfgs, steps};

/// Trains a model, or goes on where an interrupted run left off.
///
/// # Errors
/// See [`Error`]; the last checkpoint stays on disk in every case.
pub fn train(job: &Job, observer: &dyn Observer) -> Result<End, Error> {
    match job.recipe.optimiser {
        Optimiser::Lbfgs(settings) => lbfgs::train(job, settings, observer),
        Optimiser::Adam(moments) => steps::train(job, Stepper::adam(moments, job.recipe.clip_norm), observer),
        Optimiser::AdamW(moments) => steps::train(job, Stepper::adamw(moments, job.recipe.clip_norm), observer),
    }
}
