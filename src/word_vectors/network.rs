//! The vectors that word2vec learns, and what is drawn before a step of it.

use super::error::Error;
use super::huffman::Tree;
use super::settings::{Architecture, Sigmoid, Word2Vec};
use super::sigmoid::sigmoids;
use super::table::Table;

/// What is drawn for some texts, so that nothing is left to chance in learning from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// The words of the texts that are not passed over.
    pub words: Vec<u32>,
    /// Where each text ends in `words`.
    pub ends: Vec<usize>,
    /// By how much each word's window is narrower than the widest.
    pub narrower: Vec<u32>,
    /// With negative sampling: so many for each word that has one around it (CBOW), or for each word around each word
    /// (skip-gram), in the order in which they are learnt from. One that is the predicted word itself is passed over.
    pub negatives: Vec<u32>,
}

impl Drawn {
    /// No text.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.ends.clear();
        self.narrower.clear();
        self.negatives.clear();
    }
}

/// The words around one, as places: from `start` on, before `end`, itself among them.
#[inline(always)]
pub(super) fn around(place: usize, text: (usize, usize), reach: usize) -> (usize, usize) {
    let (start, end) = text;
    (place.saturating_sub(reach).max(start), (place + reach + 1).min(end))
}

/// What word2vec learns.
#[derive(Debug)]
pub struct Network {
    pub(super) architecture: Architecture,
    pub(super) window: usize,
    pub(super) mean: bool,
    /// With a table of sigmoids, that.
    pub(super) sigmoids: Option<Vec<f32>>,
    /// Of each word.
    pub(super) input: Table,
    /// With negative sampling: of each word where it is predicted or drawn.
    pub(super) negative: Option<(usize, Table)>,
    /// With hierarchical softmax: of each inner node.
    pub(super) nodes: Option<(Tree, Table)>,
    /// The words around a word together, and what they are to be changed by.
    pub(super) scratch: Table,
}

impl Network {
    /// A network with vectors to start from, row-major `[word, dimension]`, for words that occur so often. What they are
    /// compared with starts at 0.
    pub fn new(settings: &Word2Vec, counts: &[u64], start: &[f32]) -> Self {
        let (words, dimension) = (counts.len(), settings.dimension);
        let negative = settings.negative as usize;
        Self {
            architecture: settings.architecture,
            window: settings.window as usize,
            mean: settings.cbow_mean,
            sigmoids: match settings.sigmoid {
                Sigmoid::Exact => None,
                Sigmoid::Table => Some(sigmoids()),
            },
            input: Table::of(start, dimension),
            negative: (negative > 0).then(|| (negative, Table::new(words, dimension))),
            nodes: settings
                .hierarchical_softmax
                .then(|| (Tree::new(counts), Table::new(words - 1, dimension))),
            scratch: Table::new(2, dimension),
        }
    }

    /// The vectors, row-major `[word, dimension]`.
    pub fn vectors(&self, words: usize) -> Vec<f32> {
        self.input.first(words)
    }

    /// What words are compared with, row-major: `[word, dimension]` of negative sampling, then `[node, dimension]` of the tree.
    pub fn outputs(&self, words: usize) -> [Vec<f32>; 2] {
        let negative = self
            .negative
            .as_ref()
            .map_or_else(Vec::new, |(_, table)| table.first(words));
        let nodes = self
            .nodes
            .as_ref()
            .map_or_else(Vec::new, |(_, table)| table.first(words - 1));
        [negative, nodes]
    }
}

/// Refuses vectors that are not finite.
pub(super) fn finite(vectors: Vec<f32>, epochs: u32, setting: &'static str) -> Result<Vec<f32>, Error> {
    match vectors.iter().all(|value| value.is_finite()) {
        true => Ok(vectors),
        false => Err(Error::Diverged { epochs, setting }),
    }
}
