//! One pass through a model: with gradients and dropout, or with neither.

use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{Result, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::rows::{RowFunction, by_row};

/// Whether a pass trains, and the random numbers of its dropout.
pub struct Pass {
    /// The seed of the next mask; none where nothing is trained.
    seed: Option<AtomicU64>,
}

impl Pass {
    /// A pass that keeps nothing for gradients.
    pub fn inference() -> Self {
        Self { seed: None }
    }

    /// A pass for a training step; steps with different numbers have different masks.
    pub fn training(step: u64) -> Self {
        Self {
            seed: Some(AtomicU64::new(step << 16)),
        }
    }

    /// Whether gradients are wanted.
    pub fn trains(&self) -> bool {
        self.seed.is_some()
    }

    /// Sets elements to 0 with that probability and scales up the rest, in training.
    pub fn dropout(&self, tensor: &Tensor, probability: f64) -> Result<Tensor> {
        match &self.seed {
            Some(seed) if probability > 0.0 => {
                let seed = seed.fetch_add(1, Ordering::Relaxed);
                by_row(Dropout::new(seed, probability), tensor)
            }
            _ => Ok(tensor.clone()),
        }
    }
}

/// A mask is drawn again for the gradient: each row has a stream of its own.
struct Dropout {
    generator: ChaCha8Rng,
    /// Draws below this are dropped.
    below: u32,
    scale: f32,
}

impl Dropout {
    fn new(seed: u64, probability: f64) -> Self {
        Self {
            generator: ChaCha8Rng::seed_from_u64(seed),
            below: (probability * f64::from(u32::MAX)) as u32,
            scale: (1.0 / (1.0 - probability)) as f32,
        }
    }

    fn apply(&self, row: usize, from: &[f32], to: &mut [f32]) {
        let mut generator = self.generator.clone();
        generator.set_stream(row as u64);
        for (to, from) in to.iter_mut().zip(from) {
            let kept = generator.next_u32() >= self.below;
            *to = if kept { from * self.scale } else { 0.0 };
        }
    }
}

impl RowFunction for Dropout {
    const NAME: &'static str = "dropout";

    fn forward(&self, row: usize, x: &[f32], y: &mut [f32]) {
        self.apply(row, x, y);
    }

    fn backward(&self, row: usize, _x: &[f32], _y: &[f32], dy: &[f32], dx: &mut [f32]) {
        self.apply(row, dy, dx);
    }
}
