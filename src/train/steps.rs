//! The loop of Adam and AdamW: batches in their order, a step for each group of them, validation after each epoch.

use std::time::Instant;

use super::fit::{End, Error, Fit};
use super::learner::{Learner, Part, targets};
use super::observer::Observer;
use super::optimiser::Stepper;
use super::session::Session;
use crate::models::Initialiser;
use crate::models::dropout::Noise;
use crate::models::evidence::{Evidence, EvidenceSpan};
use crate::models::parameters;
use crate::text::{BatchSettings, training_order};

/// Trains step by step, or goes on where an interrupted run left off.
pub(super) fn train(fit: &Fit, mut stepper: Stepper, observer: &dyn Observer) -> Result<End, Error> {
    let batches = fit.training.gold.len().div_ceil(fit.recipe.batch_size);
    let steps = batches.div_ceil(fit.recipe.accumulate) as u64 * u64::from(fit.recipe.epochs);
    let (mut session, resumed) = Session::open(fit, steps, observer)?;
    let device = fit.device.clone().autodiff();
    let mut model = fit.model.init(fit.task, &mut Initialiser::new(fit.seed, &device));
    if let Some(rates) = &fit.recipe.encoder {
        stepper = stepper.with_encoder_rates(rates, fit.recipe.learning_rate, &model);
    }
    if let Some(resumed) = resumed {
        let mismatch = |problem| session.mismatch(problem);
        model = parameters::write(model, resumed.weights).map_err(mismatch)?;
        stepper
            .load(&model, resumed.moments, &session.progress.times, fit.device)
            .map_err(mismatch)?;
    }
    let mut learner = Learner::new(model, stepper);
    while !session.is_over() {
        let going_on = epoch(&mut session, &mut learner)?;
        if !going_on || session.is_over() || session.is_checkpoint_due() {
            save(&mut session, &learner)?;
        }
        if !going_on {
            return Ok(End::Interrupted);
        }
    }
    session
        .finish(learner.model())
        .map(|trained| End::Finished(Box::new(trained)))
}

/// One epoch, or what is left of it. `false` when the observer asked to stop: then the model is between two steps, or
/// the epoch's steps are done and its validation is not.
fn epoch(session: &mut Session, learner: &mut Learner) -> Result<bool, Error> {
    let fit = session.fit;
    let recipe = fit.recipe;
    let settings = BatchSettings {
        batch_size: recipe.batch_size,
        max_length: fit.reading.length,
        bucket: recipe.bucket,
    };
    let epoch = u64::from(session.progress.epoch + 1);
    let order = training_order(&fit.training.tokens.lengths(), settings, fit.seed, epoch);
    while session.progress.batches < order.len() && !session.is_spent() {
        let end = (session.progress.batches + recipe.accumulate).min(order.len());
        step(session, learner, &order[session.progress.batches..end])?;
        session.progress.batches = end;
        if session.observer.interrupted() {
            return Ok(false);
        }
        if session.is_checkpoint_due() {
            save(session, learner)?;
        }
    }
    session.validate(learner.model())
}

/// One optimiser step over the batches of `group`.
fn step(session: &mut Session, learner: &mut Learner, group: &[Vec<usize>]) -> Result<(), Error> {
    let started = Instant::now();
    let fit = session.fit;
    let device = fit.device.clone().autodiff();
    let notes: usize = group.iter().map(Vec::len).sum();
    // Each batch of a step has noise of its own; a resumed run draws what the undisturbed one drew.
    let first = session.progress.steps << 12;
    let parts = group.iter().enumerate().map(|(micro, notes)| Part {
        batch: fit
            .reading
            .batch(fit.training.tokens, notes, &device)
            .with_noise(Noise::new(fit.seed, first + micro as u64))
            .with_marks(marks(fit, notes)),
        targets: targets(fit.training.gold, notes, fit.task.codes, &device),
    });
    let loss = learner.step(session.rate(), notes, parts);
    let read = |&note: &usize| fit.training.tokens.note(note, fit.reading.length).len() as u64;
    let tokens = group.iter().flatten().map(read).sum();
    session.stepped(loss, started, (notes as u64, tokens), notes)
}

/// What annotators marked in some training notes; nothing where the data set has no marks.
fn marks(fit: &Fit, notes: &[usize]) -> Vec<Vec<EvidenceSpan>> {
    let of_note = |evidence: &Evidence| notes.iter().map(|&note| evidence.notes[note].spans.clone()).collect();
    fit.task.evidence.as_deref().map_or_else(Vec::new, of_note)
}

fn save(session: &mut Session, learner: &Learner) -> Result<(), Error> {
    let (moments, times) = learner.stepper().save(learner.model());
    session.progress.times = times;
    session.save(learner.model(), moments)
}
