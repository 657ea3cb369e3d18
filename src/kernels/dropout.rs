//! Dropout masks that can be drawn anywhere: element `i` of a mask depends on (seed, stream, `i`)
//! only, so that an operator may draw the part it is working on, again if need be, and keep none.
//!
//! The numbers are those of ChaCha8 as the `rand_chacha` crate gives them, two bytes an element;
//! with AVX-512 sixteen blocks of the cipher are computed at a time.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

/// Elements drawn by one block of the cipher.
const BLOCK: u64 = 32;
/// Blocks computed side by side.
const LANES: usize = 16;
/// Elements of a piece of a mask drawn on many threads.
const PIECE: usize = 1 << 15;

/// One mask, of any length.
#[derive(Clone, Debug)]
pub struct Masks {
    generator: ChaCha8Rng,
    dropped: u16,
    kept: f32,
}

impl Masks {
    /// The mask of a stream: an element is 0 with the given probability (to 1 part in 65,536) and
    /// `1 / (1 - probability)` otherwise.
    pub fn new(seed: u64, stream: u64, probability: f64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self {
            generator,
            dropped: (probability * 65536.0).round() as u16,
            kept: (1.0 / (1.0 - probability)) as f32,
        }
    }

    /// The cipher's key, in its words.
    pub fn key(&self) -> [u32; 8] {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(self.generator.get_seed().as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        words
    }

    /// The number of the cipher's stream.
    pub fn stream(&self) -> u64 {
        self.generator.get_stream()
    }

    /// A draw of two bytes below it drops its element.
    pub fn dropped(&self) -> u16 {
        self.dropped
    }

    /// What a kept element is.
    pub fn kept(&self) -> f32 {
        self.kept
    }

    /// Elements `offset..offset + mask.len()`, on this thread.
    pub fn fill(&self, offset: u64, mask: &mut [f32]) {
        let mut tile = Tile::default();
        for (piece, mask) in mask.chunks_mut(PIECE).enumerate() {
            tile.draw(self, offset + (piece * PIECE) as u64, 0, 1, mask.len());
            tile.expand(0, mask);
        }
    }

    /// The first `mask.len()` elements, on all threads.
    pub fn fill_all(&self, mask: &mut [f32]) {
        mask.par_chunks_mut(PIECE)
            .enumerate()
            .for_each_init(Tile::default, |tile, (piece, mask)| {
                tile.draw(self, (piece * PIECE) as u64, 0, 1, mask.len());
                tile.expand(0, mask);
            });
    }

    /// Which elements of some blocks are kept, one bit an element, the first in the lowest bit.
    fn keep(&self, blocks: &[u64], kept: &mut [u32]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            let (stream, seed) = (self.generator.get_stream(), self.generator.get_seed());
            for (blocks, kept) in blocks.chunks(LANES).zip(kept.chunks_mut(LANES)) {
                let mut counters = [blocks[0]; LANES];
                counters[..blocks.len()].copy_from_slice(blocks);
                // SAFETY: the processor has the features, as just checked.
                let bits = unsafe { wide::keep(&seed, stream, &counters, self.dropped) };
                kept.copy_from_slice(&bits[..blocks.len()]);
            }
            return;
        }
        self.keep_one_by_one(blocks, kept);
    }

    fn keep_one_by_one(&self, blocks: &[u64], kept: &mut [u32]) {
        let mut generator = self.generator.clone();
        let mut next = None;
        let mut bytes = [0u8; 64];
        for (&block, kept) in blocks.iter().zip(kept) {
            if next != Some(block) {
                generator.set_word_pos(u128::from(block) * 16);
            }
            next = Some(block + 1);
            generator.fill_bytes(&mut bytes);
            let draws = bytes.as_chunks::<2>().0.iter().enumerate();
            *kept = draws.fold(0, |bits, (place, pair)| {
                bits | u32::from(u16::from_le_bytes(*pair) >= self.dropped) << place
            });
        }
    }
}

/// A rectangle cut from a mask, held as bits.
#[derive(Debug, Default)]
pub struct Tile {
    blocks: Vec<u64>,
    bits: Vec<u32>,
    /// Words of `bits` and first bit of each row.
    rows: Vec<(usize, usize)>,
    kept: f32,
}

impl Tile {
    /// Takes the elements `offset + r * stride + c` for r below `rows` and c below `columns`.
    pub fn draw(&mut self, masks: &Masks, offset: u64, stride: usize, rows: usize, columns: usize) {
        self.kept = masks.kept;
        self.blocks.clear();
        self.rows.clear();
        for row in 0..rows {
            let start = offset + (row * stride) as u64;
            let end = start + columns as u64;
            self.rows.push((self.blocks.len(), (start % BLOCK) as usize));
            self.blocks.extend(start / BLOCK..end.div_ceil(BLOCK));
        }
        // One word more than drawn: `expand` reads two at a time.
        self.bits.clear();
        self.bits.resize(self.blocks.len() + 1, 0);
        masks.keep(&self.blocks, &mut self.bits[..self.blocks.len()]);
    }

    /// Row `row` as factors: 0 or `1 / (1 - probability)`.
    pub fn expand(&self, row: usize, factors: &mut [f32]) {
        let (word, shift) = self.rows[row];
        let words = &self.bits[word..];
        assert!(shift + factors.len() <= (words.len() - 1) * BLOCK as usize);
        let window = |place: usize| {
            let bit = shift + place;
            let pair = u64::from(words[bit / 32]) | u64::from(words[bit / 32 + 1]) << 32;
            (pair >> (bit % 32)) as u16
        };
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature, as just checked.
            unsafe { wide::expand(window, self.kept, factors) };
            return;
        }
        for (group, factors) in factors.chunks_mut(16).enumerate() {
            let bits = window(group * 16);
            for (place, factor) in factors.iter_mut().enumerate() {
                *factor = if bits >> place & 1 == 1 { self.kept } else { 0.0 };
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    use super::LANES;

    /// `super::Masks::keep` for sixteen blocks: ChaCha (Bernstein 2008) with eight rounds, lane `i` of
    /// each vector belonging to block `counters[i]`.
    #[target_feature(enable = "avx512f,avx512bw")]
    pub fn keep(seed: &[u8; 32], stream: u64, counters: &[u64; LANES], dropped: u16) -> [u32; LANES] {
        let splat = |word: u32| _mm512_set1_epi32(word as i32);
        let mut start = [_mm512_setzero_si512(); 16];
        for (word, text) in start.iter_mut().zip(b"expand 32-byte k".as_chunks::<4>().0) {
            *word = splat(u32::from_le_bytes(*text));
        }
        for (word, key) in start[4..].iter_mut().zip(seed.as_chunks::<4>().0) {
            *word = splat(u32::from_le_bytes(*key));
        }
        let low = counters.map(|counter| counter as u32);
        let high = counters.map(|counter| (counter >> 32) as u32);
        // SAFETY: each array is 64 bytes long.
        unsafe {
            start[12] = _mm512_loadu_si512(low.as_ptr().cast());
            start[13] = _mm512_loadu_si512(high.as_ptr().cast());
        }
        start[14] = splat(stream as u32);
        start[15] = splat((stream >> 32) as u32);

        let mut state = start;
        for _ in 0..4 {
            for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
                quarter_round(&mut state, a, b, c, d);
            }
            for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
                quarter_round(&mut state, a, b, c, d);
            }
        }
        let limit = _mm512_set1_epi16(dropped as i16);
        let mut bits = [0; LANES];
        for word in 0..16 {
            let drawn = _mm512_add_epi32(state[word], start[word]);
            bits[word] = _mm512_cmpge_epu16_mask(drawn, limit);
        }
        transpose(&mut bits);
        bits
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn quarter_round(state: &mut [__m512i; 16], a: usize, b: usize, c: usize, d: usize) {
        state[a] = _mm512_add_epi32(state[a], state[b]);
        state[d] = _mm512_rol_epi32::<16>(_mm512_xor_si512(state[d], state[a]));
        state[c] = _mm512_add_epi32(state[c], state[d]);
        state[b] = _mm512_rol_epi32::<12>(_mm512_xor_si512(state[b], state[c]));
        state[a] = _mm512_add_epi32(state[a], state[b]);
        state[d] = _mm512_rol_epi32::<8>(_mm512_xor_si512(state[d], state[a]));
        state[c] = _mm512_add_epi32(state[c], state[d]);
        state[b] = _mm512_rol_epi32::<7>(_mm512_xor_si512(state[b], state[c]));
    }

    /// Pair `j` of bits of word `i` goes to pair `i` of word `j`.
    #[inline]
    fn transpose(words: &mut [u32; LANES]) {
        for (step, mask) in [(8, 0x0000_ffff), (4, 0x00ff_00ff), (2, 0x0f0f_0f0f), (1, 0x3333_3333)] {
            for word in (0..LANES).filter(|word| word & step == 0) {
                let exchanged = ((words[word] >> (2 * step)) ^ words[word + step]) & mask;
                words[word + step] ^= exchanged;
                words[word] ^= exchanged << (2 * step);
            }
        }
    }

    /// `super::Tile::expand`, sixteen factors at a time.
    #[target_feature(enable = "avx512f")]
    pub fn expand(window: impl Fn(usize) -> u16, kept: f32, factors: &mut [f32]) {
        let kept = _mm512_set1_ps(kept);
        for (group, factors) in factors.chunks_mut(16).enumerate() {
            let stored = u16::MAX >> (16 - factors.len());
            let values = _mm512_maskz_mov_ps(window(group * 16), kept);
            // SAFETY: the mask stores as many values as the slice has.
            unsafe { _mm512_mask_storeu_ps(factors.as_mut_ptr(), stored, values) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::in_pool;

    /// The stream read from its start, two bytes an element.
    fn plain(seed: u64, stream: u64, probability: f64, count: usize) -> Vec<f32> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        let mut bytes = vec![0; count * 2];
        generator.fill_bytes(&mut bytes);
        let dropped = (probability * 65536.0).round() as u16;
        let factor = |pair: &[u8; 2]| match u16::from_le_bytes(*pair) {
            draw if draw < dropped => 0.0,
            _ => (1.0 / (1.0 - probability)) as f32,
        };
        bytes.as_chunks::<2>().0.iter().map(factor).collect()
    }

    #[test]
    fn any_part_of_a_mask_is_that_part_of_the_stream() {
        let whole = plain(5, 1 << 40 | 77, 0.1, 70_000);
        let masks = Masks::new(5, 1 << 40 | 77, 0.1);
        for (start, count) in [
            (0, 70_000),
            (1, 31),
            (31, 2),
            (33, 1),
            (4_095, 1_000),
            (65_535, 33),
            (9, 0),
        ] {
            let mut part = vec![-1.0; count];
            masks.fill(start as u64, &mut part);
            assert_eq!(part, whole[start..start + count], "{start} {count}");
        }
    }

    #[test]
    fn a_rectangle_of_a_mask_holds_its_rows() {
        let whole = plain(6, 3, 0.5, 40 * 213 + 100);
        let mut tile = Tile::default();
        tile.draw(&Masks::new(6, 3, 0.5), 100, 213, 40, 57);
        for row in 0..40 {
            let mut factors = vec![-1.0; 57];
            tile.expand(row, &mut factors);
            assert_eq!(factors, whole[100 + row * 213..][..57]);
        }
    }

    #[test]
    fn the_portable_form_draws_the_same_also_far_out() {
        let masks = Masks::new(7, 9, 0.3);
        let blocks: Vec<u64> = (0..40).chain([1 << 33, (1 << 33) + 1, 3]).collect();
        let (mut fast, mut slow) = (vec![0; blocks.len()], vec![1; blocks.len()]);
        masks.keep(&blocks, &mut fast);
        masks.keep_one_by_one(&blocks, &mut slow);
        assert_eq!(fast, slow);
    }

    #[test]
    fn masks_do_not_depend_on_the_number_of_threads() {
        let run = |threads| {
            in_pool(threads, || {
                let mut mask = vec![-1.0; 100_001];
                Masks::new(1, 2, 0.2).fill_all(&mut mask);
                mask
            })
        };
        assert_eq!(run(1), plain(1, 2, 0.2, 100_001));
        assert_eq!(run(1), run(2));
    }
}
