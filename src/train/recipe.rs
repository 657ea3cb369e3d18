//! The training recipe of a run, as a suite writes it. Nothing in it has a default.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::budget::Budget;
use crate::models::Depth;

/// How a model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// Passes over the training notes, at most.
    pub epochs: u32,
    /// What training may take at most, beside `epochs`: whichever ends first. Early stopping goes on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Notes computed at a time.
    pub batch_size: usize,
    /// Batches per optimiser step: gradients are averaged over all their notes.
    pub accumulate: usize,
    /// Devices that train together: each has an equal share of every batch, and all take the step of all its notes. 1
    /// where left out.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub replicas: usize,
    /// Notes are sorted by length within windows of this many batches, which saves padding.
    pub bucket: usize,
    /// What makes a step of the gradients.
    pub optimiser: Optimiser,
    /// The rate that the schedule's factor multiplies.
    pub learning_rate: f64,
    /// Rates of the encoder's own, for models that have one; left out, it has that of the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderRates>,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// Greatest Euclidean norm of all gradients together; 0 for no clipping.
    pub clip_norm: f64,
    /// Which epoch's weights are scored, and when to stop early.
    pub select: Select,
}

/// Learning rates of an encoder beside those of the head (Ji et al. 2021 train with layer-wise rates).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EncoderRates {
    /// The peak rate of the encoder's last layer.
    pub learning_rate: f64,
    /// Each layer below has that of the one above times this; the embeddings come below the first. 1 for the
    /// same rate everywhere.
    pub layer_decay: f64,
}

impl EncoderRates {
    /// The factor of each parameter's rate to the recipe's, `rate`, from how deep all of them lie.
    pub fn factors(&self, depths: &[Depth], rate: f64) -> Vec<f64> {
        let layer = |depth: &Depth| match *depth {
            Depth::Layer(layer) => Some(layer),
            _ => None,
        };
        let layers = depths.iter().filter_map(layer).max().map_or(0, |last| last + 1);
        let own = self.learning_rate / rate;
        let factor = |depth: &Depth| {
            let below_the_top = match *depth {
                Depth::Head => return 1.0,
                Depth::Top => 0,
                Depth::Layer(layer) => layers - 1 - layer,
                Depth::Embeddings => layers,
            };
            own * self.layer_decay.powi(below_the_top as i32)
        };
        depths.iter().map(factor).collect()
    }
}

/// What makes a step of the gradients, and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimiser {
    /// Adam (Kingma and Ba 2015), as PyTorch's: weight decay is added to the gradient.
    Adam(Moments),
    /// AdamW (Loshchilov and Hutter 2019), as PyTorch's: weight decay is decoupled from the gradient.
    #[serde(rename = "adamw")]
    AdamW(Moments),
    /// L-BFGS with a strong Wolfe line search (Burn's), for convex models on data that a pass can go
    /// over often: each epoch is a fresh start of so many iterations over all training notes. There is
    /// no dropout (a line search needs one function), and batches only bound the memory.
    Lbfgs(Lbfgs),
    /// None: the model stays as it starts. For models that are fitted as they are built, such as the dictionary of evidence.
    None,
}

/// Settings of L-BFGS.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lbfgs {
    /// Gradient pairs remembered.
    pub history: usize,
    /// Iterations an epoch.
    pub iterations: usize,
    /// An epoch's iterations end when no gradient is larger; PyTorch's default is 1e-7.
    pub gradient_tolerance: f64,
    /// Or when loss or parameters change by less; PyTorch's default is 1e-9.
    pub change_tolerance: f64,
}

/// Settings that Adam and AdamW share. The papers use PyTorch's defaults: betas 0.9 and 0.999, epsilon 1e-8 (Burn's own
/// default differs).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Moments {
    /// Decay of the first and second moment.
    #[serde(deserialize_with = "two")]
    pub betas: [f32; 2],
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Share of a parameter that AdamW takes off it, times the rate, and that Adam adds to its gradient; 0 for none.
    pub weight_decay: f32,
    /// Which parameters it applies to.
    pub decay: Decay,
}

/// Which parameters weight decay applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// All, as PyTorch does by default.
    All,
    /// Matrices only: no decay on biases and layer norms, as BERT is trained.
    Matrices,
}

/// How the learning rate moves over the optimiser steps, or over what is spent of a [`Budget`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// It does not.
    Constant,
    /// From 0 to the peak over the first `warmup` share of the steps, then linearly to 0: the factor
    /// of Hugging Face's `get_linear_schedule_with_warmup`, whose first step has a rate of 0 when there is a warm-up.
    Linear {
        /// Share of all steps, 0 to 1.
        warmup: f64,
    },
}

/// Which epoch's weights are scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Select {
    /// The last, whatever validation says.
    Last,
    /// The best by a validation metric; the earlier of equals.
    Best {
        /// Metric name, such as `map` or `micro-f1`.
        metric: String,
        /// Stop after this many epochs without a better value.
        patience: u32,
    },
}

impl Recipe {
    /// What is wrong with the recipe, if anything: the setting, what was found, what was expected.
    pub fn check(&self, known_metric: impl Fn(&str) -> bool) -> Result<(), (String, String)> {
        let at_least_1 = [
            ("epochs", self.epochs as usize),
            ("batch-size", self.batch_size),
            ("accumulate", self.accumulate),
            ("replicas", self.replicas),
            ("bucket", self.bucket),
        ];
        if let Some(budget) = self.budget {
            require(budget.is_possible(), "budget", || {
                format!("{budget}: expected a number above 0")
            })?;
        }
        for (name, value) in at_least_1 {
            require(value >= 1, name, || format!("{value}: expected at least 1"))?;
        }
        require(self.replicas <= 4096, "replicas", || {
            format!("{}: expected at most 4096", self.replicas)
        })?;
        // Above that the noise of one step's shares would be that of the next step's.
        let most = 4096 / self.replicas;
        require(self.accumulate <= most, "accumulate", || match self.replicas {
            1 => format!("{}: expected at most {most}", self.accumulate),
            replicas => format!("{}: expected at most {most} with {replicas} replicas", self.accumulate),
        })?;
        require(self.batch_size.is_multiple_of(self.replicas), "replicas", || {
            format!(
                "{}: expected a divisor of batch-size, {}, so that all have equal shares",
                self.replicas, self.batch_size
            )
        })?;
        require(
            self.learning_rate > 0.0 && self.learning_rate.is_finite(),
            "learning-rate",
            || format!("{}: expected a number above 0", self.learning_rate),
        )?;
        if let Some(encoder) = &self.encoder {
            let problem = if !(encoder.learning_rate > 0.0 && encoder.learning_rate.is_finite()) {
                Some(format!(
                    "learning-rate {}: expected a number above 0",
                    encoder.learning_rate
                ))
            } else if !(encoder.layer_decay > 0.0 && encoder.layer_decay <= 1.0) {
                Some(format!(
                    "layer-decay {}: expected above 0, at most 1",
                    encoder.layer_decay
                ))
            } else if matches!(self.optimiser, Optimiser::Lbfgs(_) | Optimiser::None) {
                Some("this optimiser has no rates by layer".into())
            } else {
                None
            };
            require(problem.is_none(), "encoder", || problem.clone().unwrap_or_default())?;
        }
        require(self.clip_norm >= 0.0 && self.clip_norm.is_finite(), "clip-norm", || {
            format!("{}: expected 0 (no clipping) or a positive number", self.clip_norm)
        })?;
        if let Schedule::Linear { warmup } = self.schedule {
            require((0.0..=1.0).contains(&warmup), "schedule", || {
                format!("warmup {warmup}: expected a share of the steps, 0 to 1")
            })?;
        }
        self.optimiser.check(self)?;
        match &self.select {
            Select::Best { metric, patience } => {
                require(*patience >= 1, "select", || {
                    "patience 0: expected at least 1 epoch".into()
                })?;
                require(known_metric(metric), "select", || {
                    format!("metric {metric:?} is not one this suite computes; `icdbench list` names them")
                })
            }
            Select::Last => Ok(()),
        }
    }
}

impl Recipe {
    /// Why a model trained so is likely not to have finished learning, where the recipe alone says it.
    pub fn likely_unfinished(&self) -> Option<String> {
        if let Some(budget) = self.budget {
            return Some(format!("its budget of {budget} may end it before anything else does"));
        }
        if matches!(self.optimiser, Optimiser::Lbfgs(_) | Optimiser::None) {
            return None; // it ends when its tolerances are met, or takes no step
        }
        match self.select {
            Select::Last => Some(format!("nothing ends it but its {} epochs", self.epochs)),
            Select::Best { patience, .. } if patience >= self.epochs => Some(format!(
                "early stopping never ends it: its patience is {patience} epochs of {}",
                self.epochs
            )),
            Select::Best { patience, .. } if patience * 2 > self.epochs => Some(format!(
                "early stopping ends it only where one of the first {} of its {} epochs is the best",
                self.epochs - patience,
                self.epochs
            )),
            _ => None,
        }
    }
}

impl Optimiser {
    fn check(&self, recipe: &Recipe) -> Result<(), (String, String)> {
        let steps = matches!(self, Self::Adam(_) | Self::AdamW(_));
        require(steps || recipe.replicas == 1, "replicas", || {
            format!(
                "{}: expected 1, only adam and adamw train on several devices",
                recipe.replicas
            )
        })?;
        let moments = match self {
            Self::Adam(moments) | Self::AdamW(moments) => moments,
            Self::None => {
                return require(recipe.epochs == 1 && recipe.select == Select::Last, "optimiser", || {
                    "\"none\" takes no step: expected epochs = 1 and select = \"last\"".into()
                });
            }
            Self::Lbfgs(settings) => {
                require(settings.history >= 1 && settings.iterations >= 1, "optimiser", || {
                    "expected history and iterations of at least 1".into()
                })?;
                let tolerances = [settings.gradient_tolerance, settings.change_tolerance];
                require(
                    tolerances.iter().all(|value| *value >= 0.0 && value.is_finite()),
                    "optimiser",
                    || format!("tolerances {tolerances:?}: expected numbers of at least 0"),
                )?;
                require(recipe.accumulate == 1 && recipe.bucket == 1, "accumulate", || {
                    "expected accumulate and bucket 1: lbfgs goes over all notes at each point".into()
                })?;
                require(recipe.clip_norm == 0.0, "clip-norm", || {
                    format!("{}: expected 0, lbfgs does not clip gradients", recipe.clip_norm)
                })?;
                return require(recipe.schedule == Schedule::Constant, "schedule", || {
                    "expected \"constant\": lbfgs searches the length of each step itself".into()
                });
            }
        };
        require(
            moments.betas.iter().all(|beta| (0.0..1.0).contains(beta)),
            "optimiser",
            || format!("betas {:?}: expected two numbers from 0 to below 1", moments.betas),
        )?;
        require(
            moments.epsilon > 0.0
                && moments.epsilon.is_finite()
                && moments.weight_decay >= 0.0
                && moments.weight_decay.is_finite(),
            "optimiser",
            || {
                format!(
                    "epsilon {} and weight-decay {}: expected numbers that single precision has, epsilon above 0 and \
                     weight-decay not below 0",
                    moments.epsilon, moments.weight_decay
                )
            },
        )
    }
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_one(number: &usize) -> bool {
    *number == 1
}

/// Two numbers and no more: what reads a list into an array passes over what is too much.
fn two<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f32; 2], D::Error> {
    let numbers = Vec::<f32>::deserialize(deserializer)?;
    let count = numbers.len();
    numbers
        .try_into()
        .map_err(|_| D::Error::invalid_length(count, &"two numbers"))
}

fn require(good: bool, name: &str, problem: impl Fn() -> String) -> Result<(), (String, String)> {
    if good {
        Ok(())
    } else {
        Err((name.to_owned(), problem()))
    }
}

impl Schedule {
    /// The factor on the peak learning rate at optimiser step `step` (from 0) of `steps`; or after so many notes,
    /// tokens or milliseconds of a budget, where that is what ends training.
    pub fn factor(&self, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Linear { warmup } => {
                let warmup_steps = (warmup * steps as f64).round() as u64;
                if step < warmup_steps {
                    step as f64 / warmup_steps as f64
                } else {
                    let left = steps.saturating_sub(step) as f64;
                    left / (steps - warmup_steps).max(1) as f64
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_below_the_top_move_slower_and_the_head_at_the_recipes_rate() {
        let rates = EncoderRates {
            learning_rate: 0.001,
            layer_decay: 0.5,
        };
        let depths = [
            Depth::Embeddings,
            Depth::Layer(0),
            Depth::Layer(1),
            Depth::Top,
            Depth::Head,
        ];
        let factors = rates.factors(&depths, 0.01);
        assert_eq!(factors, [0.025, 0.05, 0.1, 0.1, 1.0]);
    }

    #[test]
    fn the_linear_schedule_is_hugging_faces() {
        // get_linear_schedule_with_warmup(num_warmup_steps=4, num_training_steps=10), lambda at 0..10
        let expected = [
            0.0,
            0.25,
            0.5,
            0.75,
            1.0,
            5.0 / 6.0,
            4.0 / 6.0,
            0.5,
            2.0 / 6.0,
            1.0 / 6.0,
            0.0,
        ];
        let schedule = Schedule::Linear { warmup: 0.4 };
        for (step, expected) in expected.into_iter().enumerate() {
            assert!((schedule.factor(step as u64, 10) - expected).abs() < 1e-12, "{step}");
        }
    }
}
