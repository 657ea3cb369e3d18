//! What the operators' tests share.

/// Repeatable values between -1 and 1.
pub fn noise(seed: u64, count: usize) -> Vec<f32> {
    let value = |index: u64| {
        let mixed = (seed * 1_000_003 + index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed >> 40) as f32 / (1u64 << 23) as f32) - 1.0
    };
    (0..count as u64).map(value).collect()
}

/// Fails unless each value is within `tolerance`, relative to the largest wanted one.
pub fn close(found: &[f32], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    let scale = wanted.iter().fold(1e-30, |most: f64, value| most.max(value.abs()));
    for (index, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        let error = (f64::from(found) - wanted).abs() / scale;
        assert!(
            error <= tolerance,
            "at {index}: found {found}, wanted {wanted}, scale {scale}"
        );
    }
}

/// The result of work done in a thread pool of the given size.
pub fn in_pool<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a thread pool").install(work)
}
