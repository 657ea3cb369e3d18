//! What this machine computes with. The same source gives other bits with other vector instructions: sums are cut
//! into other parts. A key that stands for bytes has to name them.

use std::sync::LazyLock;

use super::matrix::{Matrix, MatrixMut, Threads, product};
use super::vector;

/// What [`instruction_set`] can say, the widest first.
pub const INSTRUCTION_SETS: &[&str] = &[
    "avx512",
    "avx512 without f16c",
    "avx2",
    "avx2 without f16c",
    "sse4.2",
    "neon with fp16",
    "neon",
    "none",
];

/// The vector instructions that computing on the CPU uses here: those that these kernels (pulp), matrix products
/// (gemm) and Burn's own operators (macerator) each find when they run. The word is the same on two machines exactly
/// where all three choose the same; a processor that has only a part of a set counts as one without it.
#[cfg(target_arch = "x86_64")]
pub fn instruction_set() -> &'static str {
    use pulp::Arch;
    // gemm asks for avx512f or fma alone, and stops the program where the rest of the set, as pulp lists it, is
    // missing. macerator also asks for f16c, and knows a set between none and AVX2.
    match (Arch::new(), std::is_x86_feature_detected!("f16c")) {
        (Arch::V4(_), true) => "avx512",
        (Arch::V4(_), false) => "avx512 without f16c",
        (Arch::V3(_), true) => "avx2",
        (Arch::V3(_), false) => "avx2 without f16c",
        _ if std::is_x86_feature_detected!("sse4.2") && std::is_x86_feature_detected!("popcnt") => "sse4.2",
        _ => "none",
    }
}

/// The vector instructions that computing on the CPU uses here: those that these kernels (pulp), matrix products
/// (gemm) and Burn's own operators (macerator) each find when they run.
#[cfg(target_arch = "aarch64")]
pub fn instruction_set() -> &'static str {
    match (
        std::arch::is_aarch64_feature_detected!("neon"),
        std::arch::is_aarch64_feature_detected!("fp16"),
    ) {
        (true, true) => "neon with fp16",
        (true, false) => "neon",
        (false, _) => "none",
    }
}

/// No vector instructions are used on this kind of processor.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn instruction_set() -> &'static str {
    "none"
}

/// 16 hexadecimal digits over the bits of a few sums, products and functions. Two machines with one
/// [`instruction_set`] differ in them where gemm cuts deep products at another depth (it goes by the size of the
/// first cache) or the C library's functions round otherwise.
pub fn arithmetic() -> &'static str {
    static FOUND: LazyLock<String> = LazyLock::new(|| format!("{:016x}", fold(&probe())));
    &FOUND
}

/// Results that depend on the order of sums, on fused multiplication and on the C library.
fn probe() -> Vec<u64> {
    // More than 64 rows, and deeper than any cut: gemm leaves smaller products whole.
    let (rows, columns, depth) = (65, 7, 16_384);
    let noise = |seed: u64, count: usize| -> Vec<f32> {
        let one = |place: u64| (fold(&[seed, place]) >> 40) as f32 / (1u32 << 24) as f32 - 0.5;
        (0..count as u64).map(one).collect()
    };
    let (left, right) = (noise(1, rows * depth), noise(2, depth * columns));
    let mut found = vec![0.0; rows * columns];
    let mut out = MatrixMut::new(&mut found, rows, columns, columns);
    let factors = (
        Matrix::new(&left, rows, depth, depth),
        Matrix::new(&right, depth, columns, columns),
    );
    product(&mut out, false, factors.0, factors.1, Threads::One);
    let mut waves = noise(3, 257);
    vector::exp_in_place(&mut waves);
    vector::tanh_in_place(&mut waves);
    found.append(&mut waves);
    let mut bits: Vec<u64> = found.iter().map(|value| value.to_bits().into()).collect();
    for &x in &noise(4, 64) {
        let single = [x.exp(), x.abs().ln(), x.tanh(), x.cos(), (x + 1.0).powf(2.7)];
        bits.extend(single.map(|value| u64::from(value.to_bits())));
        let x = f64::from(x);
        bits.extend([x.exp(), x.abs().ln(), x.tanh(), x.cos(), (x + 1.0).powf(2.7)].map(f64::to_bits));
    }
    bits
}

/// Fowler, Noll and Vo's hash (FNV-1a), word by word, its bits mixed at the end.
fn fold(words: &[u64]) -> u64 {
    let hash = words.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, word| {
        (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29)
    });
    (hash ^ (hash >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::in_pool;

    #[test]
    fn the_instruction_set_is_one_of_the_known_words() {
        assert!(INSTRUCTION_SETS.contains(&instruction_set()), "{}", instruction_set());
        // The width that the kernels are really compiled to.
        struct Lanes;
        impl pulp::WithSimd for Lanes {
            type Output = usize;
            fn with_simd<S: pulp::Simd>(self, _: S) -> usize {
                S::F32_LANES
            }
        }
        let expected = match instruction_set().split(' ').next().unwrap() {
            "avx512" => 16,
            "avx2" => 8,
            "neon" => 4,
            _ => 1,
        };
        assert_eq!(vector::dispatch(Lanes), expected, "{}", instruction_set());
    }

    #[test]
    fn the_probe_gives_the_same_bits_each_time_and_sees_each_of_them() {
        let bits = probe();
        assert!(in_pool(1, probe) == bits && in_pool(2, probe) == bits);
        assert_eq!(arithmetic(), format!("{:016x}", fold(&bits)));
        for at in 0..bits.len() {
            let mut other = bits.clone();
            other[at] ^= 1;
            assert_ne!(fold(&other), fold(&bits), "bit 0 of result {at}");
        }
    }
}
