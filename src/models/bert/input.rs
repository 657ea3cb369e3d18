//! A note's tokens as the encoder's input: `[CLS]`, tokens, `[SEP]`, in one sequence or several.

use crate::models::batch::Batch;
use crate::models::coding_model::Task;
use crate::models::layers::{Gather, Packed};

/// `[CLS]` and `[SEP]`, which every sequence has.
const SPECIALS: usize = 2;

/// How notes become sequences with `[CLS]` and `[SEP]` around at most so many tokens.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    cls: i32,
    separator: i32,
    padding: i32,
    /// Most tokens of a note in one sequence.
    tokens: usize,
    /// Whether the tokens that do not fit make further sequences, or are left out.
    split: bool,
}

/// The sequences of a batch, and where in their packed rows things are.
#[derive(Debug)]
pub struct Sequences {
    /// For the encoder.
    pub packed: Packed,
    /// Sequences of each note.
    pub of_note: Vec<std::ops::Range<usize>>,
    /// Row of each sequence's `[CLS]`, one entry a group.
    pub cls: Gather,
    /// Rows of each sequence's tokens, specials left out.
    pub tokens: Gather,
}

/// The tokens of each sequence of a note, at least one: at most `longest` in each. What does not fit the first makes
/// further ones where the note is `split`, and is left out elsewhere.
fn pieces(tokens: usize, longest: usize, split: bool) -> Vec<usize> {
    let kept = if split { tokens } else { tokens.min(longest) };
    let count = kept.div_ceil(longest).max(1);
    (0..count).map(|index| (kept - index * longest).min(longest)).collect()
}

/// The tokens of each sequence of a note of so many, `[CLS]` and `[SEP]` not counted, for sequences of `positions`
/// positions at most.
pub fn tokens_of_sequences(tokens: usize, positions: usize, split: bool) -> Vec<usize> {
    pieces(tokens, positions - SPECIALS, split)
}

/// Positions of sequences of so many tokens each.
pub fn with_specials(tokens: &[usize]) -> Vec<usize> {
    tokens.iter().map(|tokens| tokens + SPECIALS).collect()
}

impl Input {
    /// Sequences of `positions` positions at most.
    ///
    /// # Panics
    /// Without `[CLS]` or `[SEP]` in the task, which a model's `check` refuses.
    pub fn new(task: &Task, positions: usize, split: bool) -> Self {
        Self {
            cls: task.cls.expect("[CLS]") as i32,
            separator: task.separator.expect("[SEP]") as i32,
            padding: task.padding as i32,
            tokens: positions - SPECIALS,
            split,
        }
    }

    /// The sequences of a batch. A note has at least one.
    pub fn sequences(&self, batch: &Batch) -> Sequences {
        let notes: Vec<&[i32]> = (0..batch.notes()).map(|note| batch.note(note)).collect();
        self.pack(&notes, &batch.device())
    }

    /// The sequences of any token lists.
    pub fn pack(&self, notes: &[&[i32]], device: &burn::tensor::Device) -> Sequences {
        let mut sequences: Vec<Vec<i32>> = Vec::new();
        let mut of_note = Vec::with_capacity(notes.len());
        for tokens in notes {
            let first = sequences.len();
            let mut rest = *tokens;
            for length in pieces(tokens.len(), self.tokens, self.split) {
                let piece;
                (piece, rest) = rest.split_at(length);
                let inside = piece.iter().copied();
                sequences.push([self.cls].into_iter().chain(inside).chain([self.separator]).collect());
            }
            of_note.push(first..sequences.len());
        }
        let packed = Packed::new(&sequences, self.padding, device);
        let starts = packed.layout.starts();
        let cls = starts.iter().map(|&start| vec![start]).collect();
        let tokens = starts
            .iter()
            .zip(&sequences)
            .map(|(&start, sequence)| (start + 1..start + sequence.len() - 1).collect())
            .collect();
        Sequences {
            packed,
            of_note,
            cls: Gather::new(cls),
            tokens: Gather::new(tokens),
        }
    }
}
