//! Logistic regression on bags of words.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor};

use super::inputs::Notes;
use super::model::Model;
use super::pass::Pass;
use super::rows::add_row;
use super::sequences::indices;
use super::settings::{self, only};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::{Failure, Load};

/// One linear classifier a code.
pub struct LogisticRegression {
    /// `[word, code]`.
    weight: Parameter,
    /// `[code]`.
    bias: Parameter,
    feature: fn(f32) -> f32,
}

impl LogisticRegression {
    /// The model of a job. Weights are those of unscaled features.
    ///
    /// # Errors
    /// Settings that are not computed here, weights that do not fit.
    pub fn take(load: &Load, weights: &mut Weights) -> std::result::Result<Self, Failure> {
        let settings: settings::LogisticRegression = settings::read(load)?;
        only(!settings.unit_length, "unit-length", settings.unit_length, "false")?;
        only(settings.penalty == "none", "penalty", &settings.penalty, "\"none\"")?;
        let feature: fn(f32) -> f32 = match settings.features.as_str() {
            "counts" => |count| count,
            "binary" => |_| 1.0,
            "log-counts" => f32::ln_1p,
            other => return Err(only(false, "features", other, "counts, binary, log-counts").unwrap_err()),
        };
        Ok(Self {
            weight: weights.take("weight", &[load.task.vocabulary, load.codes], Start::Uniform(0.01))?,
            bias: weights.take("bias", &[load.codes], Start::Constant(0.0))?,
            feature,
        })
    }
}

impl Model for LogisticRegression {
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor> {
        // The words of all notes with their columns in the bags: only their weights are looked at.
        let mut columns: BTreeMap<u32, usize> = notes.iter().flatten().map(|&word| (word, 0)).collect();
        columns.values_mut().enumerate().for_each(|(at, column)| *column = at);
        let mut bags = vec![0f32; notes.count() * columns.len()];
        for (bag, note) in bags.chunks_mut(columns.len()).zip(notes.iter()) {
            note.iter().for_each(|word| bag[columns[word]] += 1.0);
            for value in bag.iter_mut().filter(|value| **value > 0.0) {
                *value = (self.feature)(*value);
            }
        }
        let bags = Tensor::from_vec(bags, (notes.count(), columns.len()), &Device::Cpu)?;
        let words = indices(columns.into_keys().collect())?;
        let weight = self.weight.on(pass).index_select(&words, 0)?;
        add_row(&bags.matmul(&weight)?, &self.bias.on(pass))
    }
}
