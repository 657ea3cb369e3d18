//! Dropout whose masks depend on (seed, step, place) only: not on a global generator, not on the
//! thread, not on what ran before. An interrupted run that resumes at a step draws what the
//! undisturbed run drew there, and so do two devices.

use std::cell::Cell;

use burn::tensor::{Tensor, TensorData};

use crate::kernels::dropout::Masks;

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
        let Some(masks) = self.masks(probability) else {
            return input;
        };
        let mask = mask(&masks, &input);
        input * mask
    }

    /// The next mask, for an operator that draws it part by part; `None` where nothing is dropped. It
    /// counts as a call of [`dropout`](Self::dropout) all the same.
    pub fn masks(&self, probability: f64) -> Option<Masks> {
        let place = self.place.replace(self.place.get() + 1);
        (probability != 0.0).then(|| self.masks_at(place, probability))
    }

    fn masks_at(&self, place: u64, probability: f64) -> Masks {
        let stream = self.step.wrapping_mul(1 << 16).wrapping_add(place);
        Masks::new(self.seed ^ DOMAIN, stream, probability)
    }
}

/// A mask of the shape of `like`, untracked: drawn on the GPU where the program has a kernel for it, else on the host.
fn mask<const D: usize>(masks: &Masks, like: &Tensor<D>) -> Tensor<D> {
    let device = like.device();
    #[cfg(feature = "gpu")]
    if super::gpu::has_kernels(&device) {
        let mask = super::gpu::mask(masks, like);
        return match device.is_autodiff() {
            true => Tensor::from_inner(mask),
            false => mask,
        };
    }
    let shape = like.dims();
    let mut mask = vec![0.0; shape.iter().product()];
    masks.fill_all(&mut mask);
    Tensor::from_data(TensorData::new(mask, shape), &device)
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

    fn mask(noise: &Noise, place: u64, count: usize, probability: f64) -> Vec<f32> {
        let mut mask = vec![-1.0; count];
        noise.masks_at(place, probability).fill(0, &mut mask);
        mask
    }

    #[test]
    fn a_mask_drops_its_share_and_keeps_the_mean() {
        let mask = mask(&Noise::new(1, 2), 0, 100_000, 0.2);
        let dropped = mask.iter().filter(|&&value| value == 0.0).count();
        assert!((19_500..20_500).contains(&dropped), "{dropped}");
        let mean = mask.iter().sum::<f32>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
    }

    #[test]
    fn each_call_has_a_place_even_where_nothing_is_dropped() {
        let noise = Noise::new(7, 3);
        assert!(noise.masks(0.0).is_none());
        let mut second = vec![-1.0; 64];
        noise.masks(0.5).expect("a mask").fill(0, &mut second);
        assert_eq!(second, mask(&noise, 1, 64, 0.5));
    }

    #[test]
    fn masks_differ_by_place_and_step_and_repeat_for_the_same() {
        let at = |step, place| mask(&Noise::new(7, step), place, 64, 0.5);
        assert_eq!(at(3, 0), at(3, 0));
        assert_ne!(at(3, 0), at(3, 1));
        assert_ne!(at(3, 0), at(4, 0));
    }
}
