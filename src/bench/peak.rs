//! What a device can do at most, measured: the rate of matrix products and that of memory. Below both no model's time
//! can fall (the roofline of Williams, Waterman and Patterson 2009).

use std::hint::black_box;
use std::time::Instant;

use burn::tensor::{DType, Device, Tensor, TensorData};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::models::{Precision, ops};

/// Sides `[rows, inner, columns]` of the products that are tried: squares, and the feed-forward networks of small BERT and
/// BERT-base on four notes of 512 tokens.
const PRODUCTS: &[[usize; 3]] = &[
    [512, 512, 512],
    [1024, 1024, 1024],
    [2048, 2048, 2048],
    [2048, 256, 1024],
    [2048, 768, 3072],
];

/// More of them on other devices than the CPU, which smaller ones do not fill.
const LARGE_PRODUCTS: &[[usize; 3]] = &[[4096, 4096, 4096], [8192, 8192, 8192]];

/// Numbers in each array: 256 MiB, beyond the caches.
const ARRAY: usize = 1 << 26;

/// Numbers that a thread takes at a time.
const CHUNK: usize = 1 << 16;

/// How often each rate is measured; the greatest counts, as what else runs can only lower it.
const ROUNDS: usize = 2;

/// The greatest rates of a device, with this build and these threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Operations a second of the fastest product, two for each multiply-add.
    pub flops_per_second: f64,
    /// The sides of that product, `[rows, inner, columns]`.
    pub product: [usize; 3],
    /// What its factors were in.
    pub precision: Precision,
    /// Bytes a second, read and written together, of a pass over arrays that no cache holds.
    pub bytes_per_second: f64,
    /// Computing threads, where it was the CPU's.
    pub threads: Option<usize>,
}

impl Peak {
    /// Measures a device, each rate for `seconds` or somewhat more: in all some 12 times as long on the CPU, 16 times on
    /// others. What is measured is Burn's product of matrices, the one that models run on; on the CPU memory is measured
    /// by an update in place in all threads, as an optimiser's is, elsewhere by a sum of two tensors.
    ///
    /// # Errors
    /// The device's own, in words.
    ///
    /// # Panics
    /// As Burn does, where memory or the precision are lacking.
    pub fn measure(device: &Device, precision: Precision, seconds: f64) -> Result<Self, String> {
        let on_cpu = ops::has_kernels(device);
        let products = match on_cpu {
            true => PRODUCTS.to_vec(),
            false => [PRODUCTS, LARGE_PRODUCTS].concat(),
        };
        Self::of(device, precision, seconds, &products, ARRAY)
    }

    fn of(
        device: &Device,
        precision: Precision,
        seconds: f64,
        products: &[[usize; 3]],
        array: usize,
    ) -> Result<Self, String> {
        let (mut flops_per_second, mut fastest) = (0.0, [0; 3]);
        for &sides in products {
            let found = product_rate(device, precision, seconds, sides)?;
            if found > flops_per_second {
                (flops_per_second, fastest) = (found, sides);
            }
        }
        let on_cpu = ops::has_kernels(device);
        let bytes_per_second = match on_cpu {
            true => update_rate(seconds, array)?,
            false => sum_rate(device, seconds, array)?,
        };
        Ok(Self {
            flops_per_second,
            product: fastest,
            precision,
            bytes_per_second,
            threads: on_cpu.then(rayon::current_num_threads),
        })
    }

    /// The share of the peak of its products that a work of so many operations had which took so long; 1 is all of it.
    pub fn share(&self, flops: u64, seconds: f64) -> f64 {
        flops as f64 / seconds / self.flops_per_second
    }

    /// Seconds that so many operations on so many bytes, each moved once, take at the least: whichever of the two takes
    /// longer.
    pub fn floor(&self, flops: u64, bytes: u64) -> f64 {
        let computing = flops as f64 / self.flops_per_second;
        let moving = bytes as f64 / self.bytes_per_second;
        computing.max(moving)
    }
}

/// Operations a second of one product after another.
fn product_rate(device: &Device, precision: Precision, seconds: f64, sides: [usize; 3]) -> Result<f64, String> {
    let [rows, inner, columns] = sides;
    let factor = |shape: [usize; 2]| {
        let tensor = Tensor::<2>::from_data(TensorData::new(numbers(shape[0] * shape[1]), shape), device);
        match precision {
            Precision::F32 => tensor,
            Precision::Bf16 => tensor.cast(DType::BF16),
        }
    };
    let (left, right) = (factor([rows, inner]), factor([inner, columns]));
    let operations = 2.0 * rows as f64 * inner as f64 * columns as f64;
    let runs = runs_per_second(seconds, || {
        // Kept until the device is done: a result that nobody waits for may not be computed.
        let product = left.clone().matmul(right.clone());
        synchronise(device)?;
        drop(black_box(product));
        Ok(())
    })?;
    Ok(operations * runs)
}

/// Bytes a second of `a = s a + b` over two arrays, one read and one read and written. (STREAM's triad writes to a third, which
/// the caches read all the same: counted as STREAM does, it says less than memory can do.)
fn update_rate(seconds: f64, array: usize) -> Result<f64, String> {
    let mut a = vec![0.0; array];
    let b = numbers(array);
    let runs = runs_per_second(seconds, || {
        update(black_box(&mut a), black_box(&b));
        Ok(())
    })?;
    Ok(bytes(3 * array) * runs)
}

fn update(a: &mut [f32], b: &[f32]) {
    // Below 1, so that the sums stay finite.
    const SCALE: f32 = 0.5;
    a.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK)).for_each(|(a, b)| {
        for (a, b) in a.iter_mut().zip(b) {
            *a = SCALE * *a + b;
        }
    });
}

/// Bytes a second of the sum of two tensors.
fn sum_rate(device: &Device, seconds: f64, array: usize) -> Result<f64, String> {
    let tensor = || Tensor::<1>::from_data(TensorData::new(numbers(array), [array]), device);
    let (left, right) = (tensor(), tensor());
    let runs = runs_per_second(seconds, || {
        let sum = left.clone() + right.clone();
        synchronise(device)?;
        drop(black_box(sum));
        Ok(())
    })?;
    Ok(bytes(3 * array) * runs)
}

fn bytes(numbers: usize) -> f64 {
    (numbers * size_of::<f32>()) as f64
}

fn synchronise(device: &Device) -> Result<(), String> {
    device.sync().map_err(|error| format!("{error:?}"))
}

/// The best of some rounds of `seconds` at least, each of as many runs as that takes. The first runs, which touch pages
/// and compile kernels, are too few to be a round.
fn runs_per_second(seconds: f64, mut run: impl FnMut() -> Result<(), String>) -> Result<f64, String> {
    run()?;
    let mut best = 0.0;
    let mut runs = 1.0;
    let mut rounds = 0;
    while rounds < ROUNDS {
        let start = Instant::now();
        for _ in 0..runs as u64 {
            run()?;
        }
        // A clock may stand still for what is short.
        let took = start.elapsed().as_secs_f64().max(1e-9);
        if took >= seconds {
            best = f64::max(best, runs / took);
            rounds += 1;
        } else {
            // A tenth more than it should take, and not too many after a guess from few.
            runs = (runs * (1.1 * seconds / took).min(20.0)).ceil();
        }
    }
    Ok(best)
}

/// Numbers in [-0.5, 0.5): fractional parts of multiples of the golden ratio.
fn numbers(count: usize) -> Vec<f32> {
    let spread = |index: usize| (index as f64 * 0.618_033_988_749_894_9).fract() as f32 - 0.5;
    (0..count).into_par_iter().map(spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peak() -> Peak {
        Peak {
            flops_per_second: 100e9,
            product: [1, 1, 1],
            precision: Precision::F32,
            bytes_per_second: 20e9,
            threads: Some(2),
        }
    }

    #[test]
    fn the_share_is_the_rate_over_the_peak() {
        assert_eq!(peak().share(50_000_000_000, 1.0), 0.5);
        assert_eq!(peak().share(50_000_000_000, 2.0), 0.25);
    }

    #[test]
    fn the_floor_is_what_takes_longer_of_computing_and_moving() {
        // 0.5 s of products, 0.1 s or 2 s of memory.
        assert_eq!(peak().floor(50_000_000_000, 2_000_000_000), 0.5);
        assert_eq!(peak().floor(50_000_000_000, 40_000_000_000), 2.0);
    }

    #[test]
    fn a_peak_is_measured_and_written() {
        let products = [[2, 3, 4], [64, 64, 64]];
        let found = Peak::of(&Device::flex(), Precision::F32, 1e-4, &products, 1000).unwrap();
        assert!(products.contains(&found.product), "{found:?}");
        for rate in [found.flops_per_second, found.bytes_per_second] {
            assert!(rate.is_finite() && rate > 0.0, "{found:?}");
        }
        let written = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Peak>(&written).unwrap(), found);
        // What other devices are measured by.
        assert!(sum_rate(&Device::flex(), 1e-4, 1000).unwrap() > 0.0);
    }

    #[test]
    fn the_update_reads_and_writes_every_number() {
        let (before, b) = (numbers(2 * CHUNK + 5), numbers(2 * CHUNK + 5));
        let mut a = before.clone();
        update(&mut a, &b);
        assert!((0..a.len()).all(|i| a[i] == 0.5 * before[i] + b[i]));
    }

    #[test]
    fn runs_are_repeated_until_they_fill_the_time_and_errors_end_them() {
        let mut runs = 0;
        let rate = runs_per_second(2e-3, || {
            runs += 1;
            Ok(())
        });
        assert!(rate.unwrap() > 0.0 && runs > 2 * ROUNDS, "{runs}");
        assert_eq!(runs_per_second(1.0, || Err("no".into())), Err("no".into()));
    }
}
