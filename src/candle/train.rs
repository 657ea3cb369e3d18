//! AdamW (Loshchilov and Hutter 2019) over a model's parameters, with PyTorch's formula.

use std::sync::Mutex;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Var, bail};
use rayon::prelude::*;

use super::rows::elements;

/// What a step does beside following the gradients.
#[derive(Clone, Copy)]
pub struct Rates {
    /// Learning rate.
    pub rate: f64,
    /// Share of the averages that stays, of gradients and of their squares.
    pub betas: [f64; 2],
    /// Added to the root of the squares.
    pub epsilon: f64,
    /// What parameters shrink by, times the rate.
    pub decay: f64,
}

/// Elements that are worth handing to a thread.
const GRAIN: usize = 1 << 14;

/// The averages of all parameters.
pub struct AdamW {
    /// In the order of their names.
    pub(super) parameters: Vec<(String, Var, Mutex<Averages>)>,
    steps: i32,
}

/// Running averages of a parameter's gradients and of their squares.
pub struct Averages {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl AdamW {
    /// Averages of 0.
    pub fn new(parameters: Vec<(String, Var)>) -> Self {
        let averages = |count| Averages {
            first: vec![0.0; count],
            second: vec![0.0; count],
        };
        let parameters = parameters.into_iter().map(|(name, variable)| {
            let count = variable.elem_count();
            (name, variable, Mutex::new(averages(count)))
        });
        Self {
            parameters: parameters.collect(),
            steps: 0,
        }
    }

    /// Moves every parameter along its gradient, which is taken out of the store.
    pub fn step(&mut self, gradients: &mut GradStore, rates: Rates) -> Result<()> {
        self.steps += 1;
        for (name, variable, averages) in &self.parameters {
            let Some(gradient) = gradients.remove(variable) else {
                bail!("{name} has no gradient: expected one of every parameter that is trained");
            };
            let step = Step {
                averages,
                rates,
                number: self.steps,
            };
            variable.inplace_op2(&gradient.contiguous()?, &step)?;
        }
        Ok(())
    }
}

struct Step<'a> {
    averages: &'a Mutex<Averages>,
    rates: Rates,
    /// Counts from 1.
    number: i32,
}

impl InplaceOp2 for Step<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, values: &mut CpuStorage, at: &Layout, gradient: &CpuStorage, gradient_at: &Layout) -> Result<()> {
        let gradient = elements(gradient, gradient_at)?;
        let (CpuStorage::F32(values), Some((start, end))) = (values, at.contiguous_offsets()) else {
            bail!("expected a parameter of f32 whose elements lie one after another");
        };
        let Ok(mut averages) = self.averages.lock() else {
            bail!("a step before this one did not end");
        };
        let Averages { first, second } = &mut *averages;
        let Rates {
            rate,
            betas: [beta1, beta2],
            epsilon,
            decay,
        } = self.rates;
        let correction = 1.0 - beta1.powi(self.number);
        let (rate1, root) = (
            (rate / correction) as f32,
            (1.0 - beta2.powi(self.number)).sqrt() as f32,
        );
        let (kept, epsilon) = ((1.0 - rate * decay) as f32, epsilon as f32);
        let (beta1, beta2) = (beta1 as f32, beta2 as f32);
        let values = values[start..end].par_iter_mut().zip(gradient.par_iter());
        let averages = first.par_iter_mut().zip(second.par_iter_mut());
        values
            .zip(averages)
            .with_min_len(GRAIN)
            .for_each(|((value, gradient), (first, second))| {
                *first += (gradient - *first) * (1.0 - beta1);
                *second = *second * beta2 + gradient * gradient * (1.0 - beta2);
                *value = *value * kept - rate1 * *first / (second.sqrt() / root + epsilon);
            });
        Ok(())
    }
}
