//! How far timings of this machine can be trusted now.

use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use serde::Serialize;

/// How much the same work varies on this machine now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Noise {
    /// Seconds of each of 31 times the same matrix product, ascending.
    pub seconds: Vec<f64>,
    /// (third quartile - first quartile) / median.
    pub spread: f64,
    /// What that means for timings, in words.
    pub verdict: &'static str,
}

impl Noise {
    /// Times the product of two 384 x 384 matrices on a device, 5 times to warm up and 31 times more.
    pub fn measure(device: &Device) -> Self {
        let matrix = Tensor::<2>::random([384, 384], Distribution::Default, device);
        let mut seconds: Vec<f64> = (0..36)
            .map(|_| {
                let started = Instant::now();
                let _ = matrix.clone().matmul(matrix.clone()).into_data();
                started.elapsed().as_secs_f64()
            })
            .skip(5) // warm-up
            .collect();
        seconds.sort_by(f64::total_cmp);
        let spread = (seconds[23] - seconds[7]) / seconds[15];
        Self {
            spread,
            verdict: match spread {
                s if s < 0.05 => "quiet enough to compare timings",
                s if s < 0.2 => "compare timings only side by side, in pairs",
                _ => "busy: timings of this machine say little now",
            },
            seconds,
        }
    }
}
