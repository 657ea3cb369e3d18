//! The rows of a batch's notes, one after another.

/// Notes one after another, the longest first; a row a token.
#[derive(Debug)]
pub struct Rows {
    /// The notes, as positions in the batch.
    pub notes: Vec<usize>,
    /// Their tokens, descending.
    pub lengths: Vec<usize>,
}

impl Rows {
    /// Rows for notes of the given lengths. Equal lengths keep their order.
    pub fn new(lengths: &[usize]) -> Self {
        let mut notes: Vec<usize> = (0..lengths.len()).collect();
        notes.sort_by_key(|&note| std::cmp::Reverse(lengths[note]));
        let lengths = notes.iter().map(|&note| lengths[note]).collect();
        Self { notes, lengths }
    }

    /// Rows of all notes.
    pub fn count(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Each note's position in the batch and its rows.
    pub fn ranges(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        let mut start = 0;
        self.notes.iter().zip(&self.lengths).map(move |(&note, &length)| {
            start += length;
            (note, start - length..start)
        })
    }
}
