//! Random notes and codes: the same for the same seed on every device.

use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::models::{Batch, Precision};

/// The seed of weights, notes, codes and dropout.
pub(super) const SEED: u64 = 1;

/// A note's codes, about as many as a MIMIC-III discharge summary has.
const GOLD_CODES: f64 = 16.0;

/// Token ids and codes of a batch, on the host.
pub(super) struct Inputs {
    notes: Vec<Vec<i32>>,
    targets: Vec<f32>,
    codes: usize,
    precision: Precision,
}

impl Inputs {
    /// Notes of the given lengths.
    pub(super) fn random(vocabulary: usize, lengths: Vec<usize>, codes: usize, precision: Precision) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        // The first thousand entries of BERT's vocabulary are specials and unused.
        let first = (vocabulary / 2).min(1000);
        let span = (vocabulary - first) as u64;
        let mut token = || (first as u64 + random.next_u64() % span) as i32;
        let notes: Vec<Vec<i32>> = lengths
            .iter()
            .map(|&length| (0..length).map(|_| token()).collect())
            .collect();
        let share = (GOLD_CODES / codes as f64).min(0.5);
        let below = (share * u32::MAX as f64) as u32;
        let targets = (0..notes.len() * codes)
            .map(|_| f32::from(random.next_u32() < below))
            .collect();
        Self {
            notes,
            targets,
            codes,
            precision,
        }
    }

    /// The notes on a device.
    pub(super) fn batch(&self, device: &Device) -> Batch {
        Batch::new(&self.notes, 0, device).with_precision(self.precision)
    }

    /// 1 where a note has the code, `[note, code]`.
    pub(super) fn targets(&self, device: &Device) -> Tensor<2> {
        let shape = [self.notes.len(), self.codes];
        Tensor::from_data(TensorData::new(self.targets.clone(), shape), device)
    }
}
