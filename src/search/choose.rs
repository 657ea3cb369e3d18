//! Which trial of each run is the best, by the trials' records.

use super::trials::{Trials, chosen_name};
use crate::record::{CellDescription, Record, Status};
use crate::suite::{Chosen, Suite};

/// What the trials of one run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Index of the run in the suite that searched.
    pub run: usize,
    /// Each trial of the run: its index among all trials, and the mean of the deciding metric over lengths and seeds;
    /// `None` where a cell of it has no score.
    pub values: Vec<(usize, Option<f64>)>,
    /// The trial of the greatest value, the first of equals; `None` where no trial has one, or one of them was skipped: the
    /// best of the others is not the best of all that were to be tried.
    pub best: Option<(usize, f64)>,
}

/// Chooses a trial for each run. `records` are those of the trials' suite; a trial without all of its records has no value.
pub fn choose(trials: &Trials, records: &[Record]) -> Vec<Choice> {
    let suite = &trials.suite;
    let value = |trial: usize| -> Option<f64> {
        let run = suite.runs[trial].title();
        let mut sum = 0.0;
        for &length in &suite.lengths {
            for &seed in &suite.seeds {
                let of_cell = |cell: &CellDescription| cell.run == run && cell.length == length && cell.seed == seed;
                let record = records.iter().find(|record| of_cell(&record.cell))?;
                let outcome = record.outcome.as_ref().filter(|_| record.status == Status::Ok)?;
                sum += outcome.validation_scores.get(&trials.search.metric)?;
            }
        }
        Some(sum / (suite.lengths.len() * suite.seeds.len()) as f64)
    };
    let skipped = |run: usize| {
        let titles = trials
            .trials
            .iter()
            .zip(&suite.runs)
            .filter(|(trial, _)| trial.run == run);
        let mut titles = titles.map(|(_, trial)| trial.title());
        titles.any(|title| {
            let mut of_trial = records.iter().filter(|record| record.cell.run == title);
            of_trial.any(|record| record.status == Status::Skipped)
        })
    };
    let mut choices: Vec<Choice> = Vec::new();
    for (index, trial) in trials.trials.iter().enumerate() {
        let found = value(index);
        if choices.last().is_none_or(|choice| choice.run != trial.run) {
            choices.push(Choice {
                run: trial.run,
                values: Vec::new(),
                best: None,
            });
        }
        let Some(choice) = choices.last_mut() else { continue };
        choice.values.push((index, found));
        if let Some(value) = found
            && choice.best.is_none_or(|(_, best)| value > best)
        {
            choice.best = Some((index, value));
        }
    }
    for choice in &mut choices {
        choice.best = choice.best.filter(|_| !skipped(choice.run));
    }
    choices
}

impl Trials {
    /// The suite that searched with the chosen settings in place of its own, to be run. Runs without a choice are left out.
    pub fn chosen(&self, searched: &Suite, choices: &[Choice]) -> Suite {
        let run = |choice: &Choice| {
            let (trial, value) = choice.best?;
            let searched = &searched.runs[choice.run];
            let mut run = self.suite.runs[trial].clone();
            run.name = searched.name.clone();
            if self.search.budget.is_some() {
                run.training.budget = searched.training.budget;
            }
            run.chosen = Some(Chosen {
                trials: choice.values.len(),
                metric: self.search.metric.clone(),
                value,
                search: self.suite.name.clone(),
            });
            Some(run)
        };
        Suite {
            name: chosen_name(searched),
            search: None,
            runs: choices.iter().filter_map(run).collect(),
            ..searched.clone()
        }
    }
}
