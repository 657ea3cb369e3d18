//! The loop of Adam and AdamW: batches in their order, a step for each group of them, validation after each epoch.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;

use super::fit::{End, Error, Fit};
use super::learner::Learner;
use super::observer::Observer;
use super::optimiser::Stepper;
use super::replicas::Team;
use super::session::Session;
use super::share::Order;
use crate::models::parameters::{self, Parameters};
use crate::models::{Initialiser, Model};
use crate::text::{BatchSettings, training_order};

/// Trains step by step, or goes on where an interrupted run left off.
pub(super) fn train(fit: &Fit, stepper: &Stepper, observer: &dyn Observer) -> Result<End, Error> {
    assert_eq!(
        fit.recipe.replicas,
        1 + fit.others.devices.len(),
        "a device for each replica"
    );
    let batches = fit.training.gold.len().div_ceil(fit.recipe.batch_size);
    let steps = batches.div_ceil(fit.recipe.accumulate) as u64 * u64::from(fit.recipe.epochs);
    let (mut session, resumed) = Session::open(fit, steps, observer)?;
    let device = fit.device.clone().autodiff();
    let mut model = fit.model.init(fit.task, &mut Initialiser::new(fit.seed, &device));
    let mut moments = None;
    if let Some(resumed) = resumed {
        model = parameters::write(model, resumed.weights).map_err(|problem| session.mismatch(problem))?;
        moments = Some(resumed.moments);
    }
    let times = session.progress.times.clone();
    let begin = |model: Model, moments: Option<Parameters>, device: &Device| {
        let mut stepper = stepper.clone();
        if let Some(rates) = &fit.recipe.encoder {
            stepper = stepper.with_encoder_rates(rates, fit.recipe.learning_rate, &model);
        }
        if let Some(moments) = moments {
            stepper.load(&model, moments, &times, device)?;
        }
        Ok::<_, String>(Learner::new(model, stepper))
    };
    let begin = &begin;
    let follower = |device: &Device| {
        let (device, moments) = (device.clone(), moments.clone());
        move |model: Model| {
            let model = model.fork(&device.clone().autodiff());
            // OK because the first replica has read the same moments.
            begin(model, moments, &device).expect("moments of the same model")
        }
    };
    let followers: Vec<_> = fit.others.devices.iter().map(follower).collect();
    let first = begin(model, moments, fit.device).map_err(|problem| session.mismatch(problem))?;
    std::thread::scope(|scope| {
        let mut team = Team::new(scope, fit, first, followers);
        let going_on = epochs(&mut session, &mut team);
        team.end();
        match going_on? {
            false => Ok(End::Interrupted),
            true => session
                .finish(team.first().model())
                .map(|trained| End::Finished(Box::new(trained))),
        }
    })
}

/// All epochs, or what is left of them. `false` when the observer asked to stop.
fn epochs(session: &mut Session, team: &mut Team) -> Result<bool, Error> {
    while !session.is_over() {
        let going_on = epoch(session, team)?;
        if !going_on || session.is_over() || session.is_checkpoint_due() {
            save(session, team.first())?;
        }
        if !going_on {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One epoch, or what is left of it. `false` when the observer asked to stop: then the model is between two steps, or
/// the epoch's steps are done and its validation is not.
fn epoch(session: &mut Session, team: &mut Team) -> Result<bool, Error> {
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
        step(session, team, &order[session.progress.batches..end])?;
        session.progress.batches = end;
        if session.observer.interrupted() {
            return Ok(false);
        }
        if session.is_checkpoint_due() {
            save(session, team.first())?;
        }
    }
    session.validate(team.first().model())
}

/// One optimiser step over the batches of `group`.
fn step(session: &mut Session, team: &mut Team, group: &[Vec<usize>]) -> Result<(), Error> {
    let started = Instant::now();
    let fit = session.fit;
    let order = Order {
        rate: session.rate(),
        batches: group.to_vec(),
        noise: session.progress.steps << 12,
    };
    let notes = order.notes();
    let loss = team.step(order);
    let read = |&note: &usize| fit.training.tokens.note(note, fit.reading.length).len() as u64;
    let tokens = group.iter().flatten().map(read).sum();
    session.stepped(loss, started, (notes as u64, tokens), notes)
}

fn save(session: &mut Session, learner: &Learner) -> Result<(), Error> {
    let (moments, times) = learner.stepper().save(learner.model());
    session.progress.times = times;
    session.save(learner.model(), moments)
}
