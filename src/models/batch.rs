//! The notes of one step: token ids without padding, and, while training, the noise. Models that read whole rectangles
//! get one on demand.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fmt;

use burn::tensor::{Device, Tensor, TensorData};

use super::dropout::Noise;
use super::evidence::EvidenceSpan;
use super::running::Seen;
use crate::device::Precision;

/// What every layer of a pass has to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass<'a> {
    /// The step's random numbers; `None` at inference.
    pub noise: Option<&'a Noise>,
    /// In which numbers matrices are multiplied.
    pub precision: Precision,
}

/// A batch of notes, one after another. In a rectangle of them, position `t` of row `i` is real when
/// `t < lengths()[i]`, padding otherwise.
pub struct Batch {
    /// Token ids of all notes.
    ids: Vec<i32>,
    /// Where each note starts among them.
    starts: Vec<usize>,
    lengths: Vec<usize>,
    padding: i32,
    width: usize,
    device: Device,
    /// The step's random numbers; present in training only, so that inference has no dropout.
    pub noise: Option<Noise>,
    /// What annotators marked in each note; present in training only, where the data set has marks.
    pub marks: Vec<Vec<EvidenceSpan>>,
    /// What the model computes in.
    pub precision: Precision,
    seen: RefCell<Vec<Seen>>,
}

impl Batch {
    /// A batch of the token ids of each note, for a model that computes in f32. `padding` is the id that fills rows up.
    pub fn new<N>(notes: impl IntoIterator<Item = N>, padding: u32, device: &Device) -> Self
    where
        N: IntoIterator<Item: Borrow<i32>>,
    {
        let (mut ids, mut starts, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for note in notes {
            let start = ids.len();
            ids.extend(note.into_iter().map(|id| *id.borrow()));
            starts.push(start);
            lengths.push(ids.len() - start);
        }
        Self {
            width: lengths.iter().copied().max().unwrap_or(0).max(1),
            ids,
            starts,
            lengths,
            padding: padding as i32,
            device: device.clone(),
            noise: None,
            marks: Vec::new(),
            precision: Precision::F32,
            seen: RefCell::default(),
        }
    }

    /// The same batch with rows of at least `width` positions, which changes no score.
    pub fn padded_to(mut self, width: usize) -> Self {
        self.width = self.width.max(width);
        self
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

    /// The same batch with what annotators marked in each of its notes.
    pub fn with_marks(mut self, marks: Vec<Vec<EvidenceSpan>>) -> Self {
        self.marks = marks;
        self
    }

    /// What every layer of a pass over this batch has to know.
    pub fn pass(&self) -> Pass<'_> {
        Pass {
            noise: self.noise.as_ref(),
            precision: self.precision,
        }
    }

    /// Remembers what running values are to follow.
    pub(super) fn see(&self, seen: Seen) {
        self.seen.borrow_mut().push(seen);
    }

    /// What the passes of training over this batch have seen so far, in order.
    pub fn take_seen(&self) -> Vec<Seen> {
        self.seen.take()
    }

    /// How many notes there are.
    pub fn notes(&self) -> usize {
        self.lengths.len()
    }

    /// Tokens of each note; 0 for an empty one, whose row is padding throughout.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Positions of a row: the tokens of the longest note, at least 1, or more where [`padded_to`](Self::padded_to)
    /// says so.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The token id that fills rows up.
    pub fn padding(&self) -> i32 {
        self.padding
    }

    /// The token ids of one note, as long as it is.
    pub fn note(&self, note: usize) -> &[i32] {
        &self.ids[self.starts[note]..][..self.lengths[note]]
    }

    /// The token ids of all notes padded to a rectangle, row by row.
    pub fn rectangle(&self) -> Vec<i32> {
        let mut ids = vec![self.padding; self.notes() * self.width];
        for (note, row) in ids.chunks_mut(self.width).enumerate() {
            row[..self.lengths[note]].copy_from_slice(self.note(note));
        }
        ids
    }

    /// Where tensors of the batch are made.
    pub fn device(&self) -> Device {
        self.device.clone()
    }

    /// 1 at real tokens and 0 at padding, `[note, token]`.
    pub fn mask(&self) -> Tensor<2> {
        mask(&self.lengths, self.width, &self.device)
    }
}

// By hand, so that no note reaches a log through `{:?}`.
impl fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Batch")
            .field("lengths", &self.lengths)
            .field("width", &self.width)
            .field("precision", &self.precision)
            .finish_non_exhaustive()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::parameters::host;

    fn batch(notes: &[&[i32]]) -> Batch {
        Batch::new(notes.iter().copied(), 7, &Device::flex())
    }

    /// The rows of the rectangle and of the mask.
    fn rows(batch: &Batch) -> (Vec<Vec<i32>>, Vec<Vec<f32>>) {
        let tokens = batch.rectangle();
        let (width, mask) = (batch.width(), host(batch.mask()));
        (
            tokens.chunks(width).map(<[i32]>::to_vec).collect(),
            mask.chunks(width).map(<[f32]>::to_vec).collect(),
        )
    }

    #[test]
    fn a_rectangle_is_as_wide_as_the_longest_note_and_padded_on_the_right() {
        let batch = batch(&[&[1, 2], &[], &[3, 4, 5]]);
        assert_eq!((batch.notes(), batch.width()), (3, 3));
        assert_eq!(batch.lengths(), [2, 0, 3]);
        assert_eq!([0, 1, 2].map(|note| batch.note(note)), [&[1, 2][..], &[], &[3, 4, 5]]);
        let (tokens, mask) = rows(&batch);
        assert_eq!(tokens, [[1, 2, 7], [7, 7, 7], [3, 4, 5]]);
        assert_eq!(mask, [[1.0, 1.0, 0.0], [0.0; 3], [1.0; 3]]);
    }

    #[test]
    fn rows_may_be_wider_but_never_narrower_than_the_longest_note_nor_empty() {
        let (tokens, mask) = rows(&batch(&[&[1], &[2, 3]]).padded_to(4));
        assert_eq!(
            (tokens[0].as_slice(), mask[1].as_slice()),
            (&[1, 7, 7, 7][..], &[1.0, 1.0, 0.0, 0.0][..])
        );
        assert_eq!(batch(&[&[1], &[2, 3]]).padded_to(1).width(), 2);
        assert_eq!(rows(&batch(&[&[], &[]])).0, [[7], [7]]);
    }

    #[test]
    fn a_rectangle_can_be_wider_than_the_longest_note() {
        let batch = batch(&[&[1], &[2, 3]]);
        assert_eq!(rows(&batch.padded_to(3)).0, [[1, 7, 7], [2, 3, 7]]);
    }

    #[test]
    fn a_note_is_not_shown_by_its_debug_form() {
        let shown = format!("{:?}", batch(&[&[31337]]));
        assert!(shown.contains("lengths: [1]") && !shown.contains("31337"), "{shown}");
    }
}
