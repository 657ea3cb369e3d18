//! Redraws of the evaluation notes.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How often each note counts in each of many redraws of the notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draws {
    weights: Vec<u16>, // [note, redraw]
    redraws: usize,
}

impl Draws {
    /// The bootstrap over clusters: each redraw takes as many of the clusters as there are, with replacement, and all notes of
    /// each. `clusters[note]` is the cluster of a note (a patient), numbered from 0 without gaps; with a cluster a note it is
    /// the bootstrap over notes.
    ///
    /// # Panics
    /// When a note has no cluster of those below the greatest number.
    pub fn bootstrap(clusters: &[usize], redraws: usize, seed: [u8; 32]) -> Self {
        let count = clusters.iter().max().map_or(0, |&last| last + 1);
        let mut stream = ChaCha8Rng::from_seed(seed);
        let mut drawn = vec![0u16; count];
        let mut weights = vec![0; clusters.len() * redraws];
        for redraw in 0..redraws {
            drawn.fill(0);
            for _ in 0..count {
                let cluster = &mut drawn[below(&mut stream, count)];
                *cluster = cluster.saturating_add(1);
            }
            for (note, &cluster) in clusters.iter().enumerate() {
                weights[note * redraws + redraw] = drawn[cluster];
            }
        }
        Self { weights, redraws }
    }

    /// Of two systems over the same notes, each redraw puts some clusters of notes to the other's: the first half of the
    /// rows are the notes as the first system has them, the second half as the second has them. [`Draws::swapped`] is the
    /// other system.
    pub fn exchange(clusters: &[usize], redraws: usize, seed: [u8; 32]) -> Self {
        let count = clusters.iter().max().map_or(0, |&last| last + 1);
        let mut stream = ChaCha8Rng::from_seed(seed);
        let mut stays = vec![0u16; count];
        let notes = clusters.len();
        let mut weights = vec![0; 2 * notes * redraws];
        for redraw in 0..redraws {
            stays.fill_with(|| (stream.next_u32() & 1) as u16);
            for (note, &cluster) in clusters.iter().enumerate() {
                weights[note * redraws + redraw] = stays[cluster];
                weights[(notes + note) * redraws + redraw] = 1 - stays[cluster];
            }
        }
        Self { weights, redraws }
    }

    /// Each note where it is not in these; for weights of 0 and 1.
    pub fn swapped(&self) -> Self {
        Self {
            weights: self.weights.iter().map(|weight| 1 - weight).collect(),
            redraws: self.redraws,
        }
    }

    /// What [`Draws::exchange`] gives without any exchange: the first half of the rows once, the second half not.
    pub fn first_of(notes: usize) -> Self {
        let mut weights = vec![1; notes];
        weights.resize(2 * notes, 0);
        Self { weights, redraws: 1 }
    }

    /// Each note once, in a single redraw.
    pub fn once(notes: usize) -> Self {
        Self {
            weights: vec![1; notes],
            redraws: 1,
        }
    }

    /// How many redraws there are.
    pub fn redraws(&self) -> usize {
        self.redraws
    }

    /// How many notes are drawn from.
    pub fn notes(&self) -> usize {
        self.weights.len() / self.redraws.max(1)
    }

    /// How often a note is in each redraw.
    pub fn of(&self, note: usize) -> &[u16] {
        &self.weights[note * self.redraws..(note + 1) * self.redraws]
    }

    /// How often a note is in each of some redraws.
    pub(super) fn part(&self, note: usize, redraws: &std::ops::Range<usize>) -> &[u16] {
        &self.weights[note * self.redraws + redraws.start..note * self.redraws + redraws.end]
    }

    /// In each redraw the sum of something over the notes.
    pub(super) fn sum(&self, of_note: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.redraws];
        for note in 0..self.notes() {
            let value = of_note(note);
            if value != 0.0 {
                for (sum, &weight) in sums.iter_mut().zip(self.of(note)) {
                    *sum += f64::from(weight) * value;
                }
            }
        }
        sums
    }

    /// In each redraw the sum of a count over the notes.
    pub(super) fn count(&self, of_note: impl Fn(usize) -> u64) -> Vec<u64> {
        let mut sums = vec![0; self.redraws];
        for note in 0..self.notes() {
            let value = of_note(note);
            for (sum, &weight) in sums.iter_mut().zip(self.of(note)) {
                *sum += u64::from(weight) * value;
            }
        }
        sums
    }

    /// Adds the notes to what each redraw has.
    pub(super) fn add(&self, notes: &[u32], sums: &mut [u32]) {
        for &note in notes {
            for (sum, &weight) in sums.iter_mut().zip(self.of(note as usize)) {
                *sum += u32::from(weight);
            }
        }
    }
}

/// A place below `n`, each as likely as any other to one part in 2^32 / n.
fn below(stream: &mut ChaCha8Rng, n: usize) -> usize {
    ((u64::from(stream.next_u32()) * n as u64) >> 32) as usize
}
