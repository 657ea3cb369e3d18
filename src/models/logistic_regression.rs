//! Logistic regression over a bag of words, one classifier a code: the baseline of every paper.
//!
//! Trained by the same loop as the other models, so that it has the same early stopping,
//! checkpoints and devices. The loop must be given enough steps: the published logistic regression of
//! CAML stopped after 20 solver iterations, and with 200 its micro-F1 on MIMIC-III full is 0.37 and not 0.27.

use std::mem::take;
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::coding_model::ordered_sum;
use super::{Batch, CodingModel, Initialiser, NoteSize, Task, Tokens, Work, ops};
use crate::kernels::bag::Bags;

/// Settings of logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// What a word's count becomes.
    pub features: Features,
    /// Whether each note's features are scaled to Euclidean length 1.
    pub unit_length: bool,
    /// What is added to the loss to keep the weights small. The bias is never penalised.
    pub penalty: Penalty,
}

/// What a word's count in a note becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Features {
    /// The count as it is: frequent words weigh most.
    Counts,
    /// 1 where the word occurs.
    Binary,
    /// `ln(1 + count)`.
    LogCounts,
    /// Count times `ln((1 + N) / (1 + df)) + 1`, scikit-learn's smoothed inverse document frequency.
    TfIdf,
}

/// What keeps weights small: scikit-learn's regulariser over training notes times codes, as our loss is a mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Penalty {
    /// Nothing is added to the loss.
    None,
    /// Half the squared weights over `inverse-strength`, scikit-learn's `C`.
    L2 {
        /// scikit-learn's `C`: the larger, the weaker.
        #[serde(rename = "inverse-strength")]
        inverse_strength: f64,
    },
    /// The absolute weights over `inverse-strength`. Followed by its subgradient: weights come
    /// close to 0, not to exactly 0.
    L1 {
        /// scikit-learn's `C`: the larger, the weaker.
        #[serde(rename = "inverse-strength")]
        inverse_strength: f64,
    },
}

/// One linear classifier a code.
#[derive(Module, Debug)]
pub struct LogisticRegression {
    /// `[word, code]`: each word's weight times the word's `scale`.
    weight: Param<Tensor<2>>,
    /// `[code]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    features: Features,
    #[module(skip)]
    unit_length: bool,
    #[module(skip)]
    penalty: Penalty,
    /// By word. Raw counts differ by orders of magnitude between words, and so do the curvatures of
    /// the loss along their weights; with each weight stored times the root of its curvature, solvers
    /// converge in hundreds of steps and not in tens of thousands. The optimum is the same.
    #[module(skip)]
    scale: Vec<f32>,
    /// Inverse document frequencies, `[word]`, for tf-idf.
    #[module(skip)]
    idf: Option<Vec<f32>>,
    /// Training notes times codes: what turns scikit-learn's summed loss into our mean.
    #[module(skip)]
    cells: f64,
}

impl CodingModel for LogisticRegression {
    type Config = Config;

    const ABOUT: &'static str = "bag of words over the first N words, one classifier a code";

    const TOKENS: Tokens = Tokens::Words;

    fn tiny() -> Config {
        Config {
            features: Features::Counts,
            unit_length: false,
            penalty: Penalty::L2 { inverse_strength: 1.0 },
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            features: Features::Counts,
            unit_length: false,
            penalty: Penalty::None,
        }
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        if config.features == Features::TfIdf && task.document_frequency.is_none() {
            return Err(
                "features = \"tf-idf\" needs document frequencies, which only a `words` \
                        tokenizer counts; use another tokenizer or other features"
                    .into(),
            );
        }
        match config.penalty {
            Penalty::L1 { inverse_strength } | Penalty::L2 { inverse_strength }
                if !(inverse_strength > 0.0 && inverse_strength.is_finite()) =>
            {
                Err(format!(
                    "penalty inverse-strength = {inverse_strength}: expected a number above 0"
                ))
            }
            _ => Ok(()),
        }
    }

    /// A note's features are those of its different words.
    fn work(_config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        let words = notes.iter().map(|note| note.distinct).sum();
        Some(Work::product_of_given([1, words, codes]))
    }

    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        Self {
            // The loss is convex, so the start needs no seed: no word counts, and each code has the
            // log-odds of its training frequency.
            weight: initialiser.constant([task.vocabulary, task.codes], 0.0),
            bias: initialiser.values([task.codes], log_odds(task)),
            scale: scale(config, task),
            features: config.features,
            unit_length: config.unit_length,
            penalty: config.penalty,
            idf: (config.features == Features::TfIdf).then(|| inverse_document_frequency(task)),
            cells: (task.training_notes * task.codes) as f64,
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let bags = Arc::new(self.bags(batch));
        ops::bag_linear(bags, self.weight.val(), self.bias.val(), batch.precision)
    }

    fn penalty(&self, _targets: &Tensor<2>) -> Option<Tensor<1>> {
        // Not before it is known that there is one: this is as long as all weights.
        let weight = || self.weight.val() / self.scale(&self.weight.device()).swap_dims(0, 1);
        match self.penalty {
            Penalty::None => None,
            Penalty::L2 { inverse_strength } => {
                Some(ordered_sum(weight().square()) * (0.5 / (inverse_strength * self.cells)))
            }
            Penalty::L1 { inverse_strength } => Some(ordered_sum(weight().abs()) / (inverse_strength * self.cells)),
        }
    }
}

impl LogisticRegression {
    fn scale(&self, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.scale.clone(), [1, self.scale.len()]), device)
    }

    /// The notes' features, each over the scale of its word; padding counts for nothing.
    fn bags(&self, batch: &Batch) -> Bags {
        let (features, idf, scale) = (self.features, self.idf.as_deref(), &self.scale);
        let unit_length = self.unit_length;
        let notes: Vec<&[i32]> = (0..batch.notes()).map(|note| batch.note(note)).collect();
        let bag = |counts: &mut Vec<u32>, note: &[i32]| {
            let mut words = Vec::new();
            for &word in note {
                let count = &mut counts[word as usize];
                if *count == 0 {
                    words.push(word as u32);
                }
                *count += 1;
            }
            words.sort_unstable();
            let counted = words.into_iter().map(|word| (word, take(&mut counts[word as usize])));
            let mut bag: Vec<(u32, f32)> = counted
                .map(|(word, count)| (word, feature(features, idf, word as usize, count as f32)))
                .collect();
            if unit_length {
                let squares: f32 = bag.iter().map(|(_, value)| value * value).sum();
                let length = squares.sqrt().max(1e-12);
                bag.iter_mut().for_each(|(_, value)| *value /= length);
            }
            bag.iter_mut().for_each(|(word, value)| *value /= scale[*word as usize]);
            bag
        };
        let found: Vec<Vec<(u32, f32)>> = notes.into_par_iter().map_init(|| vec![0; scale.len()], bag).collect();
        let mut bags = Bags::default();
        found.into_iter().for_each(|bag| bags.push(bag));
        bags
    }
}

/// What a word counts for that a note has `count` times.
fn feature(features: Features, idf: Option<&[f32]>, word: usize, count: f32) -> f32 {
    match (features, idf) {
        (Features::Counts, _) => count,
        (Features::Binary, _) => 1.0,
        (Features::LogCounts, _) => count.ln_1p(),
        (Features::TfIdf, Some(idf)) => count * idf[word],
        (Features::TfIdf, None) => unreachable!("`init` fills them in for these features"),
    }
}

fn log_odds(task: &Task) -> Vec<f32> {
    let notes = task.training_notes as f64;
    // Half a note more on both sides: finite for a code that all notes have.
    let of = |&count: &u32| ((f64::from(count) + 0.5) / (notes - f64::from(count) + 0.5)).ln() as f32;
    task.code_frequency.iter().map(of).collect()
}

/// The root of each weight's curvature, up to a factor: that of the data (the mean square count times
/// a typical p (1 - p) of a code) and that of the penalty. 1 for features that are on one scale anyway.
fn scale(config: &Config, task: &Task) -> Vec<f32> {
    const TYPICAL: f64 = 0.05;
    if config.features != Features::Counts || config.unit_length || task.count_scale.is_empty() {
        return vec![1.0; task.vocabulary];
    }
    let penalty = match config.penalty {
        Penalty::L2 { inverse_strength } => 1.0 / (inverse_strength * task.training_notes as f64),
        // Keeps the scale of a word that no training note has away from 0.
        Penalty::None | Penalty::L1 { .. } => 1e-3,
    };
    let of = |&scale: &f32| (TYPICAL * f64::from(scale).powi(2) + penalty).sqrt() as f32;
    task.count_scale.iter().map(of).collect()
}

fn inverse_document_frequency(task: &Task) -> Vec<f32> {
    let notes = task.training_notes as f64;
    let frequencies = task.document_frequency.as_deref().unwrap_or_default();
    frequencies
        .iter()
        .map(|&frequency| (((1.0 + notes) / (1.0 + f64::from(frequency))).ln() + 1.0) as f32)
        .collect()
}
