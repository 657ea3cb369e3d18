//! Which notes go together, and in which order. Notes of similar length share a batch, which saves padding; the order
//! depends on lengths, settings, seed and epoch alone.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How notes are grouped into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// Notes per batch, at least 1.
    pub batch_size: usize,
    /// Tokens a model reads of a note; longer notes count as this long. At least 1.
    pub max_length: usize,
    /// Training notes are sorted by length within windows of `bucket * batch_size` shuffled notes. 1 sorts
    /// nothing across batches; a larger bucket pads less and shuffles less. At least 1.
    pub bucket: usize,
}

/// The batches of one training epoch, as note indices: every note exactly once, all batches full but one that
/// takes the rest.
///
/// Notes are shuffled, cut into windows, sorted by (truncated) length within a window and cut into batches;
/// then the batches are shuffled.
///
/// # Panics
/// When a setting is 0.
pub fn training_order(lengths: &[usize], settings: BatchSettings, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    check(settings);
    let mut random = generator(seed, epoch);
    let mut notes: Vec<usize> = (0..lengths.len()).collect();
    shuffle(&mut notes, &mut random);
    for window in notes.chunks_mut(settings.bucket.saturating_mul(settings.batch_size)) {
        // Stable: notes of equal length stay shuffled.
        window.sort_by_key(|note| lengths[*note].min(settings.max_length));
    }
    let mut batches: Vec<Vec<usize>> = notes.chunks(settings.batch_size).map(<[usize]>::to_vec).collect();
    shuffle(&mut batches, &mut random);
    batches
}

/// The batches of an evaluation, as note indices: every note exactly once, longest first, notes of equal
/// (truncated) length in their own order. The longest batch comes first so that a device that cannot hold it
/// says so at once.
///
/// # Panics
/// When a setting is 0.
pub fn evaluation_order(lengths: &[usize], settings: BatchSettings) -> Vec<Vec<usize>> {
    check(settings);
    let mut notes: Vec<usize> = (0..lengths.len()).collect();
    notes.sort_by_key(|note| std::cmp::Reverse(lengths[*note].min(settings.max_length)));
    notes.chunks(settings.batch_size).map(<[usize]>::to_vec).collect()
}

fn check(settings: BatchSettings) {
    let BatchSettings {
        batch_size,
        max_length,
        bucket,
    } = settings;
    assert!(
        batch_size > 0 && max_length > 0 && bucket > 0,
        "batch_size, max_length and bucket must be 1 or more, found {settings:?}"
    );
}

/// One stream per (seed, epoch), the same on every machine.
fn generator(seed: u64, epoch: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&epoch.to_le_bytes());
    // Keeps this stream apart from others that are seeded with the same numbers.
    bytes[16..].copy_from_slice(b"icdbench batches");
    ChaCha8Rng::from_seed(bytes)
}

/// Fisher-Yates, here rather than from a library whose next version may shuffle otherwise.
fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last as u64 + 1, random) as usize);
    }
}

/// A number in `0..bound`, each equally likely: draws beyond the last whole multiple of `bound` are repeated.
fn below(bound: u64, random: &mut ChaCha8Rng) -> u64 {
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let draw = random.next_u64();
        if draw < limit {
            return draw % bound;
        }
    }
}
