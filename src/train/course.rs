//! How far a training has come on its way to its end, which its learning rate follows.

use super::budget::Budget;
use super::fit::{Effort, Fit};
use super::recipe::{Optimiser, Schedule};

/// The way from a training's start to its end, in the unit in which it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Where it ends before the epochs do.
    budget: Option<Budget>,
    /// Optimiser steps of all epochs.
    steps: u64,
}

impl Course {
    /// The course of a training whose epochs have so many steps in all. A budget that the epochs cannot reach changes
    /// nothing.
    pub(super) fn of(fit: &Fit, steps: u64) -> Self {
        let epochs = u64::from(fit.recipe.epochs);
        // A line search goes over the notes as often as it needs to.
        let passes_are_known = !matches!(fit.recipe.optimiser, Optimiser::Lbfgs(_));
        let ends_it = |budget: &Budget| match *budget {
            Budget::Steps(most) => most < steps,
            Budget::Notes(most) => !passes_are_known || most < fit.training.gold.len() as u64 * epochs,
            Budget::Tokens(most) => !passes_are_known || most < fit.reading.tokens(fit.training.tokens) * epochs,
            Budget::Seconds(_) => true,
        };
        Self {
            budget: fit.recipe.budget.filter(ends_it),
            steps,
        }
    }

    /// Optimiser steps at most, as far as they are known beforehand.
    pub(super) fn steps(&self) -> u64 {
        match self.budget {
            Some(Budget::Steps(most)) => most,
            _ => self.steps,
        }
    }

    /// The schedule's factor after so many steps and so much effort.
    pub(super) fn factor(&self, schedule: &Schedule, steps: u64, effort: &Effort) -> f64 {
        match self.budget {
            None => schedule.factor(steps, self.steps),
            // Whether the epochs or the clock will end it is not known beforehand: what is further on leads.
            Some(budget @ Budget::Seconds(_)) => {
                let of_budget = spent(budget, steps, effort) as f64 / all(budget) as f64;
                let of_epochs = steps as f64 / self.steps as f64;
                schedule.factor((of_budget.max(of_epochs).min(1.0) * 1e6) as u64, 1_000_000)
            }
            Some(budget) => schedule.factor(spent(budget, steps, effort), all(budget)),
        }
    }

    /// The budget, when it is spent.
    pub(super) fn spent(&self, steps: u64, effort: &Effort) -> Option<Budget> {
        self.budget
            .filter(|&budget| spent(budget, steps, effort) >= all(budget))
    }
}

/// What is spent of a budget, in its unit; of seconds, millionths.
fn spent(budget: Budget, steps: u64, effort: &Effort) -> u64 {
    match budget {
        Budget::Steps(_) => steps,
        Budget::Notes(_) => effort.notes,
        Budget::Tokens(_) => effort.tokens,
        Budget::Seconds(_) => (effort.training_seconds * 1e6) as u64,
    }
}

/// All of a budget, in the same unit.
fn all(budget: Budget) -> u64 {
    match budget {
        Budget::Steps(most) | Budget::Notes(most) | Budget::Tokens(most) => most,
        Budget::Seconds(most) => (most * 1e6).ceil() as u64,
    }
}
