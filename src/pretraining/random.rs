//! The random numbers of pretraining: a stream for each thing that is drawn, by (seed, what, epoch, number) alone.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Which notes are left out of training to look at.
    Development,
    /// Where the sequences of a note end, and what follows in them.
    Pairs,
    /// In which order an epoch goes through its sequences.
    Order,
    /// What is cut off a sequence that is too long, and what of it is to be predicted.
    Masks,
}

/// A stream of random numbers, the same on every machine.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// The stream of one thing: of a note, a sequence or, with number 0, an epoch.
    pub(super) fn new(seed: u64, what: What, epoch: u32, number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        bytes[16..20].copy_from_slice(&epoch.to_le_bytes());
        bytes[20] = what as u8;
        // Keeps these streams apart from others that are seeded with the same numbers.
        bytes[21..].copy_from_slice(b"pretraining");
        Self(ChaCha8Rng::from_seed(bytes))
    }

    /// Uniform in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of that probability happens.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number in `0..bound`, each equally likely: draws beyond the last whole multiple of `bound` are repeated.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.0.next_u64();
            if draw < limit {
                return (draw % bound) as usize;
            }
        }
    }

    /// A number in `first..=last`.
    pub(super) fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// Fisher-Yates.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_four_makes_another_stream_and_the_same_four_the_same() {
        let first = |seed, what, epoch, number| Random::new(seed, what, epoch, number).unit();
        let one = first(1, What::Pairs, 1, 1);
        assert_eq!(one, first(1, What::Pairs, 1, 1));
        for other in [
            first(2, What::Pairs, 1, 1),
            first(1, What::Masks, 1, 1),
            first(1, What::Pairs, 2, 1),
            first(1, What::Pairs, 1, 2),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_shuffle_keeps_all_and_a_bound_is_never_reached() {
        let mut random = Random::new(7, What::Order, 0, 0);
        let mut items: Vec<usize> = (0..50).collect();
        random.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
        let drawn: Vec<usize> = (0..400).map(|_| random.between(3, 5)).collect();
        assert!((3..=5).all(|value| drawn.contains(&value)) && drawn.iter().all(|value| (3..=5).contains(value)));
    }
}
