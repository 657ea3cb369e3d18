//! Which occurrences of frequent words are passed over, and which words are drawn as negatives.

use super::draws::Draws;

/// Of each word, the greatest draw of 32 bits at which an occurrence is kept: with `t` the share `sample` of all words, an
/// occurrence of a word that occurs `n` times is kept with probability `(sqrt(n / t) + 1) t / n`, at most 1 (word2vec's own
/// program and gensim; the formula of Mikolov et al. 2013 differs).
pub fn kept_up_to(counts: &[u64], sample: f64) -> Vec<u32> {
    let all: u64 = counts.iter().sum();
    let threshold = sample * all as f64;
    let of_word = |&count: &u64| {
        let count = count as f64;
        let probability = ((count / threshold).sqrt() + 1.0) * (threshold / count);
        (probability.min(1.0) * f64::from(u32::MAX)) as u32
    };
    match sample > 0.0 {
        true => counts.iter().map(of_word).collect(),
        false => vec![u32::MAX; counts.len()],
    }
}

/// Draws words with probabilities proportional to `count ^ exponent`, each in the same time: Walker's alias method, the table
/// made as Vose (1991) does. word2vec and gensim look the same distribution up in a table of sums.
#[derive(Clone, Debug)]
pub struct Negatives {
    /// Of each slot: the draw of 32 bits from which on the other word is meant, and that word.
    slots: Vec<(u32, u32)>,
}

impl Negatives {
    /// The table for words that occur so often.
    pub fn new(counts: &[u64], exponent: f64) -> Self {
        let weights: Vec<f64> = counts.iter().map(|&count| (count as f64).powf(exponent)).collect();
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        // What is left of each word's own slot, 1 being a full one.
        let mut left: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..counts.len() as u32).partition(|&word| left[word as usize] < 1.0);
        // A full slot is its word's alone, whatever is drawn.
        let mut slots: Vec<(u32, u32)> = (0..counts.len() as u32).map(|word| (u32::MAX, word)).collect();
        while let (Some(&giver), Some(taker)) = (large.last(), small.pop()) {
            let own = left[taker as usize];
            slots[taker as usize] = ((own * 4_294_967_296.0) as u32, giver);
            let rest = &mut left[giver as usize];
            *rest -= 1.0 - own;
            if *rest < 1.0 {
                small.extend(large.pop());
            }
        }
        Self { slots }
    }

    /// A word.
    #[inline]
    pub fn draw(&self, draws: &mut Draws) -> u32 {
        let bits = draws.bits();
        let slot = ((bits >> 32) * self.slots.len() as u64) >> 32;
        let (from, other) = self.slots[slot as usize];
        if (bits as u32) < from { slot as u32 } else { other }
    }

    /// The probability of each word, as the table has it.
    pub fn probabilities(&self) -> Vec<f64> {
        let mut probabilities = vec![0.0; self.slots.len()];
        for (slot, &(from, other)) in self.slots.iter().enumerate() {
            let own = f64::from(from) / 4_294_967_296.0;
            probabilities[slot] += own;
            probabilities[other as usize] += 1.0 - own;
        }
        for probability in &mut probabilities {
            *probability /= self.slots.len() as f64;
        }
        probabilities
    }
}
