//! Random choices for the synthetic data: ChaCha8 output with our own integer sampling on top, so that the bytes of
//! the data set depend on no library's sampling algorithm and on no floating-point arithmetic.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One independent sequence of random choices.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The sequence named by `(seed, stream)`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..24].copy_from_slice(b"icdbench-synthet");
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Self(generator)
    }

    /// A uniform integer in `0..n`, by multiplication with rejection of the biased low part; `n` must be positive.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "cannot draw from an empty range");
        let biased = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(n);
            if product as u32 >= biased {
                return (product >> 32) as u32;
            }
        }
    }

    /// A uniform integer in `low..=high`.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// True `percent` times in a hundred.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// True `rate` times in ten thousand.
    pub(super) fn per_ten_thousand(&mut self, rate: u32) -> bool {
        self.below(10_000) < rate
    }

    /// One of `choices`, each equally likely; `choices` must not be empty.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u32) as usize]
    }

    /// An index in `0..n`, early ones likelier (the smaller of two): a code's first wordings are the usual ones.
    pub(super) fn skewed(&mut self, n: usize) -> usize {
        self.below(n as u32).min(self.below(n as u32)) as usize
    }

    /// An index with probability proportional to its weight; `None` when all weights are zero.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> Option<usize> {
        let total: u32 = weights.iter().sum();
        if total == 0 {
            return None;
        }
        let mut ticket = self.below(total);
        weights.iter().position(|&weight| {
            let found = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            found
        })
    }

    /// A uniformly random order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_range_is_drawn_about_equally_often() {
        let mut draw = Draw::new(7, 0);
        let mut counts = [0u32; 6];
        for _ in 0..6_000 {
            counts[draw.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|&n| (850..1150).contains(&n)), "{counts:?}");
    }

    #[test]
    fn weights_of_zero_are_never_drawn() {
        let mut draw = Draw::new(7, 1);
        assert!((0..500).all(|_| draw.weighted(&[0, 3, 0, 1]).is_some_and(|i| i % 2 == 1)));
        assert_eq!(draw.weighted(&[0, 0]), None);
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let numbers = |stream| {
            let mut draw = Draw::new(3, stream);
            (0..8).map(|_| draw.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }
}
