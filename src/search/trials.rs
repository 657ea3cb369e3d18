//! The trials of a search: which settings are tried, and the suite that tries them.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

use crate::data::VALIDATION_NOTES;
use crate::suite::{Draw, MOST_LETTERS, Range, Run, Search, Suite, Values};

/// More trials than anybody has the time for: a grid of a few settings too many.
const MOST: usize = 10_000;

/// Why a search cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The suite has no table `[search]`.
    #[error("{suite} searches nothing: expected a table [search]; `icdbench run` runs its runs as they are")]
    NoSearch {
        /// The suite's name.
        suite: String,
    },
    /// A setting that a run does not have, or that cannot have the value.
    #[error("search.settings.{run}.{path}: {problem}")]
    Setting {
        /// The run's name.
        run: String,
        /// The setting's path in it.
        path: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A trial whose settings do not go together.
    #[error("trial {trial:?} of the search cannot be: {problem}")]
    Trial {
        /// The trial's name.
        trial: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// Trials that do not go together.
    #[error("the trials of {suite} cannot be one suite: {problem}")]
    Suite {
        /// The suite's name.
        suite: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// Fewer than are to be drawn.
    #[error(
        "search.settings.{run}: {found} different combinations were found in its values, {trials} trials are asked for"
    )]
    TooFew {
        /// The run's name.
        run: String,
        /// How many there are, as far as drawing shows.
        found: usize,
        /// How many are to be drawn.
        trials: usize,
    },
    /// Too many.
    #[error(
        "search.settings.{run}: {trials} combinations; expected at most {MOST} trials: try fewer values, or draw = {{ random = .. }}"
    )]
    TooMany {
        /// The run's name.
        run: String,
        /// How many.
        trials: String,
    },
}

/// The trials of a suite's search.
#[derive(Clone, Debug)]
pub struct Trials {
    /// What is searched for.
    pub search: Search,
    /// In the order of the runs of [`suite`](Self::suite).
    pub trials: Vec<Trial>,
    /// A run for each trial, scored on the validation notes.
    pub suite: Suite,
}

/// One trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Index of its run in the suite that searches.
    pub run: usize,
    /// What is tried: values by the path of the setting.
    pub settings: BTreeMap<String, Value>,
}

impl Trials {
    /// Lays out the trials of a suite. Runs that the search does not name have one trial: themselves.
    ///
    /// # Errors
    /// There is no search, or a trial cannot be.
    pub fn of(suite: &Suite) -> Result<Self, Error> {
        let Some(search) = suite.search.clone() else {
            return Err(Error::NoSearch {
                suite: suite.name.clone(),
            });
        };
        let mut trials = Vec::new();
        let mut runs = Vec::new();
        for (index, run) in suite.runs.iter().enumerate() {
            for settings in combinations(run.title(), &search)? {
                let mut changed = with(run, &settings, trials.len())?;
                if let Some(budget) = search.budget {
                    changed.training.budget = Some(budget);
                }
                changed.chosen = None;
                runs.push(changed);
                trials.push(Trial { run: index, settings });
            }
        }
        let mut of_trials = Suite {
            runs,
            search: None,
            // They are made of the chosen runs, which are not known yet.
            ensembles: Vec::new(),
            ..suite.clone()
        };
        of_trials.division.evaluation = VALIDATION_NOTES.into();
        let bare = Suite {
            runs: Vec::new(),
            ..of_trials.clone()
        };
        for run in &of_trials.runs {
            let one = Suite {
                runs: vec![run.clone()],
                ..bare.clone()
            };
            if let Some(problem) = one.problem() {
                let trial = run.title().to_owned();
                return Err(Error::Trial { trial, problem });
            }
        }
        let whole = [
            &of_trials,
            &Suite {
                name: chosen_name(suite),
                ..of_trials.clone()
            },
        ]
        .map(Suite::problem);
        if let Some(problem) = whole.into_iter().flatten().next() {
            let suite = suite.name.clone();
            return Err(Error::Suite { suite, problem });
        }
        Ok(Self {
            search,
            trials,
            suite: of_trials,
        })
    }
}

/// What the suite of the chosen settings is called.
pub(super) fn chosen_name(searched: &Suite) -> String {
    format!("{}-chosen", searched.name)
}

/// The run with other settings, named by them, or where that is too long by its place among all trials.
fn with(run: &Run, settings: &BTreeMap<String, Value>, place: usize) -> Result<Run, Error> {
    let mut written = serde_json::to_value(run).unwrap_or_default();
    for (path, value) in settings {
        let wrong = |problem: String| Error::Setting {
            run: run.title().into(),
            path: path.clone(),
            problem,
        };
        let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
        let mut place = &mut written;
        for step in parent.split('.').filter(|step| !step.is_empty()) {
            let known = keys(place);
            place = place
                .get_mut(step)
                .ok_or_else(|| wrong(format!("{step:?} is not in the run; expected one of {known}")))?;
        }
        let known = keys(place);
        let Some(table) = place.as_object_mut() else {
            return Err(wrong(format!("{last:?} is below a single value; expected a table")));
        };
        table.insert(last.to_owned(), value.clone());
        let fits = serde_json::from_value::<Run>(written.clone());
        fits.map_err(|error| wrong(format!("{value}: {error}; the keys there are {known}")))?;
    }
    if !settings.is_empty() {
        let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
        let shorts: BTreeSet<String> = settings.keys().map(|path| last(path)).collect();
        let unique = shorts.len() == settings.len();
        let named = settings.iter().map(|(path, value)| match unique {
            true => format!("{} {value}", last(path)),
            false => format!("{path} {value}"),
        });
        let name = format!("{}, {}", run.title(), named.collect::<Vec<_>>().join(", "));
        written["name"] = match name.chars().count() > MOST_LETTERS {
            true => format!("{}, trial {}", run.title(), place + 1).into(),
            false => name.into(),
        };
    }
    // OK because each setting alone was read back above.
    Ok(serde_json::from_value(written).expect("a run"))
}

fn keys(place: &Value) -> String {
    let keys: Vec<&str> = place
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    keys.join(", ")
}

/// The combinations of values to try for a run; one of none where the search does not name it.
fn combinations(run: &str, search: &Search) -> Result<Vec<BTreeMap<String, Value>>, Error> {
    let Some(settings) = search.settings.get(run) else {
        return Ok(vec![BTreeMap::new()]);
    };
    let size = |values: &Values| match values {
        Values::Listed(values) => values.len(),
        Values::Range(_) => usize::MAX,
    };
    let all = settings.values().map(size).fold(1usize, usize::saturating_mul);
    let too_many = |trials: usize| Error::TooMany {
        run: run.into(),
        trials: match trials {
            usize::MAX => "countless".into(),
            trials => trials.to_string(),
        },
    };
    match search.draw {
        Draw::Grid if all > MOST => Err(too_many(all)),
        Draw::Random { trials, .. } if trials > MOST => Err(too_many(trials)),
        Draw::Random { trials, seed } if trials < all => drawn(run, settings, trials, seed),
        // A draw of as many as there are is the grid.
        Draw::Grid | Draw::Random { .. } => Ok(grid(settings)),
    }
}

fn grid(settings: &BTreeMap<String, Values>) -> Vec<BTreeMap<String, Value>> {
    let mut found = vec![BTreeMap::new()];
    for (path, values) in settings {
        let Values::Listed(values) = values else { continue };
        found = found
            .into_iter()
            .flat_map(|chosen| {
                values.iter().map(move |value| {
                    let mut chosen = chosen.clone();
                    chosen.insert(path.clone(), value.clone());
                    chosen
                })
            })
            .collect();
    }
    found
}

/// Distinct combinations, fewer than there are.
fn drawn(
    run: &str,
    settings: &BTreeMap<String, Values>,
    trials: usize,
    seed: u64,
) -> Result<Vec<BTreeMap<String, Value>>, Error> {
    // Another stream for each run, so that adding one leaves the others' draws as they are.
    let of_run = run.bytes().fold(seed, |seed, byte| {
        (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = ChaCha8Rng::seed_from_u64(of_run);
    let mut found = Vec::new();
    // Ranges are drawn to three digits, so that a narrow one has few values.
    let mut misses = 0;
    while found.len() < trials {
        let chosen: BTreeMap<String, Value> = settings
            .iter()
            .map(|(path, values)| (path.clone(), draw(values, &mut random)))
            .collect();
        if !found.contains(&chosen) {
            found.push(chosen);
            continue;
        }
        misses += 1;
        if misses > MOST {
            return Err(Error::TooFew {
                run: run.into(),
                found: found.len(),
                trials,
            });
        }
    }
    Ok(found)
}

fn draw(values: &Values, random: &mut ChaCha8Rng) -> Value {
    match values {
        Values::Listed(values) => values[(random.next_u64() % values.len() as u64) as usize].clone(),
        Values::Range(range) => between(*range, (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64).into(),
    }
}

/// The number at a share of a range, to three digits: what is printed is what is trained.
fn between(range: Range, share: f64) -> f64 {
    let value = match range.logarithmic {
        true => (range.from.ln() + share * (range.to.ln() - range.from.ln())).exp(),
        false => range.from + share * (range.to - range.from),
    };
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    rounded.clamp(range.from, range.to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_gives_numbers_of_three_digits_in_it() {
        let range = Range {
            from: 1e-4,
            to: 1e-2,
            logarithmic: true,
        };
        assert_eq!(between(range, 0.5), 0.001);
        assert_eq!(between(range, 0.0), 1e-4);
        let plain = Range {
            logarithmic: false,
            ..range
        };
        assert_eq!(between(plain, 0.5), 0.00505);
    }
}
