//! The notes of one step as tensors: token ids, real lengths, and, while training, the noise.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::dropout::Noise;
use crate::device::Precision;

/// What every layer of a pass has to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass<'a> {
    /// The step's random numbers; `None` at inference.
    pub noise: Option<&'a Noise>,
    /// In which numbers matrices are multiplied.
    pub precision: Precision,
}

/// A batch of notes. Position `t` of row `i` is real when `t < lengths[i]`, padding otherwise.
#[derive(Debug)]
pub struct Batch {
    /// Token ids on the host, row-major `[note, width]`.
    ids: Vec<i32>,
    /// Tokens of each note, at most the width.
    pub lengths: Vec<usize>,
    width: usize,
    device: Device,
    /// The step's random numbers; present in training only, so that inference has no dropout.
    pub noise: Option<Noise>,
    /// What the model computes in.
    pub precision: Precision,
}

impl Batch {
    /// A batch from row-major token ids `[note, width]`, for a model that computes in f32.
    ///
    /// # Panics
    /// When `tokens` does not hold `lengths.len() * width` ids.
    pub fn new(tokens: Vec<i32>, lengths: Vec<usize>, width: usize, device: &Device) -> Self {
        let notes = lengths.len();
        assert_eq!(tokens.len(), notes * width, "tokens do not fill [note, token]");
        Self {
            ids: tokens,
            lengths,
            width,
            device: device.clone(),
            noise: None,
            precision: Precision::F32,
        }
    }

    /// The same batch for a model that computes in `precision`.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The same batch with the noise of a training step.
    pub fn with_noise(mut self, noise: Noise) -> Self {
        self.noise = Some(noise);
        self
    }

    /// What every layer of a pass over this batch has to know.
    pub fn pass(&self) -> Pass<'_> {
        Pass {
            noise: self.noise.as_ref(),
            precision: self.precision,
        }
    }

    /// Notes in the batch.
    pub fn notes(&self) -> usize {
        self.lengths.len()
    }

    /// Token positions of a row, padding included.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Token ids on the device, `[note, token]`.
    pub fn tokens(&self) -> Tensor<2, Int> {
        let data = TensorData::new(self.ids.clone(), [self.notes(), self.width]);
        Tensor::from_data(data, &self.device)
    }

    /// The token ids of one note, without padding.
    pub fn note(&self, note: usize) -> &[i32] {
        &self.ids[note * self.width..][..self.lengths[note]]
    }

    /// Where the batch lies.
    pub fn device(&self) -> Device {
        self.device.clone()
    }

    /// 1 at real tokens and 0 at padding, `[note, token]`.
    pub fn mask(&self) -> Tensor<2> {
        mask(&self.lengths, self.width, &self.device)
    }
}

/// 1 at the first `counts[note]` positions of each note and 0 at the others, `[note, position]`.
pub fn mask(counts: &[usize], width: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0f32; counts.len() * width];
    for (row, &count) in values.chunks_mut(width.max(1)).zip(counts) {
        row[..count.min(width)].fill(1.0);
    }
    Tensor::from_data(TensorData::new(values, [counts.len(), width]), device)
}
