//! Dropout whose masks depend on (seed, step, place) only: not on a global generator, not on the
//! thread, not on what ran before. An interrupted run that resumes at a step draws what the
//! undisturbed run drew there, and so do two devices.

use std::cell::Cell;

use burn::tensor::{Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Keeps these numbers apart from those of the initial weights, which are drawn from the same seed.
const DOMAIN: u64 = 0x6472_6f70_6f75_7421;

/// The random numbers of one training step.
#[derive(Debug)]
pub struct Noise {
    seed: u64,
    step: u64,
    place: Cell<u64>,
}

impl Noise {
    /// The noise of one step (micro-batches of an accumulated step count as steps of their own).
    pub fn new(seed: u64, step: u64) -> Self {
        Self {
            seed,
            step,
            place: Cell::new(0),
        }
    }

    /// Zeroes each element with probability `probability` and scales the others by
    /// `1 / (1 - probability)`. Each call within a step has a mask of its own.
    pub fn dropout<const D: usize>(&self, input: Tensor<D>, probability: f64) -> Tensor<D> {
        let place = self.place.replace(self.place.get() + 1);
        if probability == 0.0 {
            return input;
        }
        let shape = input.dims();
        let mask = self.mask(place, shape.iter().product(), probability);
        let mask = Tensor::from_data(TensorData::new(mask, shape), &input.device());
        input * mask
    }

    /// `count` values, each 0 with the given probability (to 1 part in 65,536) or `1 / (1 - probability)`.
    fn mask(&self, place: u64, count: usize, probability: f64) -> Vec<f32> {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed ^ DOMAIN);
        generator.set_stream(self.step.wrapping_mul(1 << 16).wrapping_add(place));
        let dropped = (probability * 65536.0).round() as u16;
        let kept = (1.0 / (1.0 - probability)) as f32;
        let mut bytes = vec![0u8; 1 << 15];
        let mut mask = Vec::with_capacity(count);
        while mask.len() < count {
            generator.fill_bytes(&mut bytes);
            let draws = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            mask.extend(
                draws
                    .take(count - mask.len())
                    .map(|draw| if draw < dropped { 0.0 } else { kept }),
            );
        }
        mask
    }
}

/// Dropout where the batch is a training batch, the input unchanged otherwise.
pub fn dropout<const D: usize>(noise: Option<&Noise>, input: Tensor<D>, probability: f64) -> Tensor<D> {
    match noise {
        Some(noise) => noise.dropout(input, probability),
        None => input,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_drops_its_share_and_keeps_the_mean() {
        let mask = Noise::new(1, 2).mask(0, 100_000, 0.2);
        let dropped = mask.iter().filter(|&&value| value == 0.0).count();
        assert!((19_500..20_500).contains(&dropped), "{dropped}");
        let mean = mask.iter().sum::<f32>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
    }

    #[test]
    fn masks_differ_by_place_and_step_and_repeat_for_the_same() {
        let at = |step, place| Noise::new(7, step).mask(place, 64, 0.5);
        assert_eq!(at(3, 0), at(3, 0));
        assert_ne!(at(3, 0), at(3, 1));
        assert_ne!(at(3, 0), at(4, 0));
    }
}
