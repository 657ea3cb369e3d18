//! The loop of L-BFGS: each epoch is a fresh start of so many iterations over all training notes, without dropout, as a
//! line search needs one function.

use std::time::Instant;

use burn::optim::{LBFGSConfig, LineSearchFn};

use super::fit::{End, Error, Fit, LBFGS_PARAMETERS};
use super::learner::{Part, mean_gradients, targets};
use super::observer::Observer;
use super::optimiser::scaled;
use super::recipe::Lbfgs;
use super::session::Session;
use crate::models::parameters::{self, Parameters};
use crate::models::{Initialiser, Model};
use crate::text::{BatchSettings, evaluation_order};

/// Iterations between two looks at whether to stop.
const SITTING: usize = 20;

/// Trains by L-BFGS, or goes on where an interrupted run left off: after its last whole epoch.
pub(super) fn train(fit: &Fit, settings: Lbfgs, observer: &dyn Observer) -> Result<End, Error> {
    let (mut session, resumed) = Session::open(fit, u64::from(fit.recipe.epochs), observer)?;
    let device = fit.device.clone().autodiff();
    let mut model = fit.model.init(fit.task, &mut Initialiser::new(fit.seed, &device));
    if let Some(resumed) = resumed {
        model = parameters::write(model, resumed.weights).map_err(|problem| session.mismatch(problem))?;
    }
    while !session.is_over() {
        // An epoch whose iterations are done and whose validation is not has its batches booked.
        if session.progress.batches == 0 {
            match iterate(&mut session, &model, settings)? {
                Some(moved) => model = moved,
                None => {
                    session.save(&model, Parameters::new())?;
                    return Ok(End::Interrupted);
                }
            }
        }
        let going_on = session.validate(&model)?;
        if !going_on || session.is_over() || session.is_checkpoint_due() {
            session.save(&model, Parameters::new())?;
        }
        if !going_on {
            return Ok(End::Interrupted);
        }
    }
    session.finish(&model).map(|trained| End::Finished(Box::new(trained)))
}

/// The model after one epoch of iterations; `None` when the observer asked to stop.
fn iterate(session: &mut Session, model: &Model, settings: Lbfgs) -> Result<Option<Model>, Error> {
    let fit = session.fit;
    let count = parameters::count(model);
    if count > LBFGS_PARAMETERS {
        return Err(Error::TooLarge { parameters: count });
    }
    let started = Instant::now();
    let notes = fit.training.gold.len();
    let order = evaluation_order(
        &fit.training.tokens.lengths(),
        BatchSettings {
            batch_size: fit.recipe.batch_size,
            max_length: fit.reading.length,
            bucket: 1,
        },
    );
    let device = fit.device.clone().autodiff();
    let all = |model: &Model| {
        let parts = order.iter().map(|notes| Part {
            batch: fit.reading.batch(fit.training.tokens, notes, &device),
            targets: targets(fit.training.gold, notes, fit.task.codes, &device),
        });
        mean_gradients(model, notes, parts)
    };
    let sitting = |iterations: usize| {
        LBFGSConfig::new()
            .with_history_size(settings.history)
            .with_max_iter(iterations)
            .with_line_search_fn(LineSearchFn::StrongWolfe)
            .with_tolerance_grad(settings.gradient_tolerance)
            .with_tolerance_change(settings.change_tolerance)
            .init()
    };
    // Summed over notes and codes, not averaged: the optimiser drops gradient pairs whose product is
    // below an absolute 1e-10, which those of a mean soon are.
    let cells = (notes * fit.task.codes) as f64;
    let mut passes = 0;
    let mut model = model.clone();
    let mut left = settings.iterations;
    let mut optimiser = sitting(left.min(SITTING));
    while left > 0 {
        if left < SITTING && left < settings.iterations {
            optimiser = sitting(left).load_record(optimiser.to_record());
        }
        left -= left.min(SITTING);
        if session.observer.interrupted() {
            return Ok(None);
        }
        (model, _) = optimiser.step(fit.recipe.learning_rate, model, |model: Model| {
            passes += 1;
            let found = all(&model);
            (found.loss * cells, scaled(&model, found.gradients, cells))
        });
    }
    // Each iteration looks at one point at least, so that fewer points are fewer iterations: its tolerances are met.
    session.progress.converged = passes < settings.iterations as u64;
    // The loss at the start of the step is what L-BFGS gives back; the epoch's is the one at its end.
    let loss = all(&model).loss;
    passes += 1;
    let tokens = fit.reading.tokens(fit.training.tokens);
    session.stepped(loss, started, (notes as u64 * passes, tokens * passes), notes)?;
    session.progress.batches = order.len();
    Ok(Some(model))
}
