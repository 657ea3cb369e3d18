//! Random numbers that are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stream per seed and use.
pub(super) fn stream(seed: u64, used_for: &[u8; 16]) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    // Keeps this stream apart from others that are seeded with the same number.
    bytes[16..].copy_from_slice(used_for);
    ChaCha8Rng::from_seed(bytes)
}

/// Fisher-Yates, here rather than from a library whose next version may shuffle otherwise.
pub(super) fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last as u64 + 1, random) as usize);
    }
}

/// A number in `0..bound`, each equally likely to one part in 2^32 / `bound`.
pub(super) fn below(bound: u64, random: &mut ChaCha8Rng) -> u64 {
    (u64::from(random.next_u32()) * bound) >> 32
}
