//! The tree of hierarchical softmax: a word is reached by one decision after another, a frequent word by few.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A Huffman tree over words by how often they occur. Equal counts are joined in the order of words, then of inner nodes.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Where each word's path ends in `steps`.
    ends: Vec<usize>,
    /// Inner nodes from the root down, with the branch taken there.
    steps: Vec<(u32, bool)>,
}

impl Tree {
    /// The tree of at least two words that occur so often. It has one inner node less than words.
    pub fn new(counts: &[u64]) -> Self {
        let words = counts.len();
        let leaves = counts.iter().enumerate();
        let mut open: BinaryHeap<Reverse<(u64, usize)>> = leaves.map(|(word, &count)| Reverse((count, word))).collect();
        // Of each node but the root: the inner node above it, and whether it is the second below that.
        let mut above = vec![(0u32, false); (2 * words).saturating_sub(1)];
        let mut inner = 0;
        while let (Some(Reverse(first)), Some(Reverse(second))) = (open.pop(), open.pop()) {
            above[first.1] = (inner, false);
            above[second.1] = (inner, true);
            open.push(Reverse((first.0.saturating_add(second.0), words + inner as usize)));
            inner += 1;
            if inner as usize + 1 == words {
                break;
            }
        }
        let root = 2 * words - 2;
        let mut tree = Self {
            ends: Vec::with_capacity(words),
            steps: Vec::new(),
        };
        for word in 0..words {
            let start = tree.steps.len();
            let mut node = word;
            while node != root {
                tree.steps.push(above[node]);
                node = words + above[node].0 as usize;
            }
            tree.steps[start..].reverse();
            tree.ends.push(tree.steps.len());
        }
        tree
    }

    /// The inner nodes from the root to a word, each with the branch taken there: the first is `false`.
    #[inline]
    pub fn path(&self, word: u32) -> &[(u32, bool)] {
        let word = word as usize;
        let start = if word == 0 { 0 } else { self.ends[word - 1] };
        &self.steps[start..self.ends[word]]
    }
}
