//! A training run, by the optimiser that its recipe names.

use super::fit::{End, Error, Fit};
use super::observer::Observer;
use super::optimiser::Stepper;
use super::recipe::Optimiser;
use super::{fitted, lbfgs, steps};

/// Trains a model, or goes on where an interrupted run left off.
///
/// # Errors
/// See [`Error`]; the last checkpoint stays on disk in every case.
pub fn train(fit: &Fit, observer: &dyn Observer) -> Result<End, Error> {
    match fit.recipe.optimiser {
        Optimiser::None => fitted::train(fit, observer),
        Optimiser::Lbfgs(settings) => lbfgs::train(fit, settings, observer),
        Optimiser::Adam(moments) => steps::train(fit, &Stepper::adam(moments, fit.recipe.clip_norm), observer),
        Optimiser::AdamW(moments) => steps::train(fit, &Stepper::adamw(moments, fit.recipe.clip_norm), observer),
    }
}
