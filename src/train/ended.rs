//! Why a training ended, and whether the model had finished learning by then.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::recipe::Select;
use crate::record::{EpochRow, Unfinished};

/// Why a training ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Ended {
    /// All epochs are done.
    Epochs,
    /// Validation was not better for so many epochs.
    Patience { metric: String, patience: u32 },
    /// It has taken what it may.
    Budget(Budget),
    /// The optimiser's own tolerances are met.
    Converged,
    /// The model was fitted as it was built.
    Fitted,
}

/// What counts as the last epochs: the last of every four, and the very last in any case.
const LAST_SHARE: u32 = 4;

impl Ended {
    /// Why the model had not finished learning, if it had not: another budget might have given another model. The best
    /// epoch of a run that keeps its last weights is the best by MAP.
    pub(super) fn unfinished(&self, rows: &[EpochRow], best_epoch: u32, select: &Select) -> Option<Unfinished> {
        match self {
            Self::Patience { .. } | Self::Converged | Self::Fitted => None,
            Self::Budget(_) => Some(Unfinished::BudgetSpent),
            Self::Epochs => {
                let epochs = rows.len() as u32;
                let best = match select {
                    Select::Best { .. } => best_epoch,
                    Select::Last => best_by_map(rows),
                };
                (best > epochs - epochs.div_ceil(LAST_SHARE)).then_some(Unfinished::BestAmongLast)
            }
        }
    }
}

/// The first epoch of the greatest MAP.
fn best_by_map(rows: &[EpochRow]) -> u32 {
    let value = |row: &EpochRow| row.validation.get("map").copied().unwrap_or(f64::NEG_INFINITY);
    let best = rows
        .iter()
        .reduce(|best, row| if value(row) > value(best) { row } else { best });
    best.map_or(0, |row| row.epoch)
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Epochs => write!(formatter, "all epochs done"),
            Self::Patience { metric, patience } => {
                write!(formatter, "no better validation {metric} in {patience} epochs")
            }
            Self::Budget(budget @ Budget::Seconds(_)) => write!(
                formatter,
                "its budget of {budget} is spent: how far it came depends on the machine"
            ),
            Self::Budget(budget) => write!(formatter, "its budget of {budget} is spent"),
            Self::Converged => write!(formatter, "the optimiser's tolerances are met"),
            Self::Fitted => write!(formatter, "fitted in one pass, without steps"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(map: &[f64]) -> Vec<EpochRow> {
        let row = |(place, &map): (usize, &f64)| EpochRow {
            epoch: place as u32 + 1,
            steps: 0,
            training_loss: 0.0,
            validation: [("map".to_owned(), map)].into(),
        };
        map.iter().enumerate().map(row).collect()
    }

    fn best() -> Select {
        Select::Best {
            metric: "map".into(),
            patience: 9,
        }
    }

    #[test]
    fn a_model_whose_best_epoch_is_among_the_last_had_not_finished() {
        let eight = rows(&[0.0; 8]);
        for best_epoch in 1..=8 {
            let found = Ended::Epochs.unfinished(&eight, best_epoch, &best());
            assert_eq!(found.is_some(), best_epoch > 6, "{best_epoch}");
        }
        for epochs in 1..=3 {
            let rows = rows(&vec![0.0; epochs]);
            let epochs = epochs as u32;
            let found = |best_epoch| Ended::Epochs.unfinished(&rows, best_epoch, &best());
            assert_eq!(found(epochs), Some(Unfinished::BestAmongLast));
            assert!(epochs == 1 || found(epochs - 1).is_none());
        }
    }

    #[test]
    fn who_keeps_the_last_weights_is_judged_by_map() {
        let fell = rows(&[0.1, 0.4, 0.3, 0.2]);
        let rose = rows(&[0.1, 0.2, 0.3, 0.4]);
        assert_eq!(Ended::Epochs.unfinished(&fell, 4, &Select::Last), None);
        assert!(Ended::Epochs.unfinished(&rose, 4, &Select::Last).is_some());
    }

    #[test]
    fn a_spent_budget_had_not_finished_and_patience_and_tolerances_had() {
        let rows = rows(&[0.4, 0.1, 0.1, 0.1]);
        let spent = Ended::Budget(Budget::Steps(7));
        assert_eq!(spent.unfinished(&rows, 1, &best()), Some(Unfinished::BudgetSpent));
        let patience = Ended::Patience {
            metric: "map".into(),
            patience: 3,
        };
        assert_eq!(patience.unfinished(&rows, 4, &best()), None);
        assert_eq!(Ended::Converged.unfinished(&rows, 4, &best()), None);
        assert_eq!(Ended::Fitted.unfinished(&rows[..1], 1, &Select::Last), None);
    }
}
