//! What was decided, by code: the notes that are right, wrong and missed.

use std::ops::Range;

/// For each code the notes with a true positive, a false positive and a false negative.
#[derive(Clone, Debug)]
pub struct Decisions {
    lists: [ByCode; 3],
    codes: usize,
}

#[derive(Clone, Debug)]
struct ByCode {
    offsets: Vec<usize>, // [code + 1]
    notes: Vec<u32>,     // [pair]
}

impl Decisions {
    /// Of the gold and the predicted columns of each note, both ascending and below `codes`.
    pub fn new<'a>(rows: impl Iterator<Item = (&'a [u32], &'a [u32])> + Clone, codes: usize) -> Self {
        let lists = [0, 1, 2].map(|which| {
            let pairs = rows.clone().enumerate().flat_map(move |(note, (gold, predicted))| {
                let (among, other, wanted) = match which {
                    0 => (gold, predicted, true),
                    1 => (predicted, gold, false),
                    _ => (gold, predicted, false),
                };
                let chosen = among
                    .iter()
                    .filter(move |code| other.binary_search(code).is_ok() == wanted);
                chosen.map(move |&code| (code as usize, note as u32))
            });
            ByCode::new(pairs, codes)
        });
        Self { lists, codes }
    }

    /// Number of codes.
    pub fn codes(&self) -> usize {
        self.codes
    }

    /// The notes of a code: right, wrong, missed.
    pub(super) fn of(&self, code: usize) -> [&[u32]; 3] {
        [0, 1, 2].map(|list| {
            let list = &self.lists[list];
            &list.notes[list.range(code)]
        })
    }

    /// Whether nothing is gold and nothing predicted.
    pub(super) fn is_empty(&self, code: usize) -> bool {
        self.lists.iter().all(|list| list.range(code).is_empty())
    }
}

impl ByCode {
    fn new(pairs: impl Iterator<Item = (usize, u32)> + Clone, codes: usize) -> Self {
        let mut offsets = vec![0; codes + 1];
        for (code, _) in pairs.clone() {
            offsets[code + 1] += 1;
        }
        for code in 0..codes {
            offsets[code + 1] += offsets[code];
        }
        let mut next = offsets.clone();
        let mut notes = vec![0; offsets[codes]];
        for (code, note) in pairs {
            notes[next[code]] = note;
            next[code] += 1;
        }
        Self { offsets, notes }
    }

    fn range(&self, code: usize) -> Range<usize> {
        self.offsets[code]..self.offsets[code + 1]
    }
}
