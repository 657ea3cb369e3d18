//! A model that is fitted as it is built, and takes no step: one look at the training notes for its loss, one at the
//! validation notes for its threshold.

use std::time::Instant;

use super::evaluation::fitted as known;
use super::fit::{End, Error, Fit};
use super::observer::Observer;
use super::score::probabilities;
use super::session::Session;
use crate::models::Initialiser;

/// Builds the model and looks at it.
pub(super) fn train(fit: &Fit, observer: &dyn Observer) -> Result<End, Error> {
    // Whatever a run that was interrupted had looked at is looked at again.
    let (mut session, _) = Session::open(fit, 1, observer)?;
    let started = Instant::now();
    let device = fit.device.clone().autodiff();
    let model = fit.model.init(fit.task, &mut Initialiser::new(fit.seed, &device));
    if !session.is_over() {
        session.built(
            started,
            fit.training.gold.len() as u64,
            fit.reading.tokens(fit.training.tokens),
        );
        let codes = fit.task.codes;
        let scored = probabilities(&model, fit.training.tokens, fit.reading, codes, fit.device, observer);
        let Some(scores) = scored else {
            return Ok(End::Interrupted);
        };
        session.looked(mean_cross_entropy(&scores, &known(fit.training.gold, codes), codes))?;
        if !session.validate(&model)? {
            return Ok(End::Interrupted);
        }
    }
    session.finish(&model).map(|trained| End::Finished(Box::new(trained)))
}

/// Binary cross-entropy of probabilities `[note, code]`, averaged over notes and codes.
fn mean_cross_entropy(scores: &[f32], gold: &[Vec<u32>], codes: usize) -> f64 {
    // A probability that single precision rounds to 0 or 1 is kept from an infinite loss.
    let log = |share: f64| share.max(1e-12).ln();
    let mut sum = 0.0;
    for (row, gold) in scores.chunks(codes).zip(gold) {
        for (code, &score) in row.iter().enumerate() {
            let score = f64::from(score);
            sum -= match gold.binary_search(&(code as u32)) {
                Ok(_) => log(score),
                Err(_) => log(1.0 - score),
            };
        }
    }
    sum / scores.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_the_mean_over_notes_and_codes() {
        let found = mean_cross_entropy(&[0.5, 0.25, 0.5, 1.0], &[vec![0], vec![1]], 2);
        let expected = -(0.5f64.ln() + 0.75f64.ln() + 0.5f64.ln()) / 4.0;
        assert!((found - expected).abs() < 1e-9);
    }
}
