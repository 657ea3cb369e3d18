//! What a task asks a scheduler for.

use serde::{Deserialize, Serialize};

use crate::stages::estimate::Estimate;
use crate::suite::Resources;

/// What a task asks for. Tasks that ask for the same are one array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// Processors.
    pub cpus: u32,
    /// GPUs.
    pub gpus: u32,
    /// GiB of memory; what the scheduler gives where absent.
    pub memory_gib: Option<u32>,
    /// Minutes until the scheduler ends it; what the scheduler gives where absent.
    pub minutes: Option<u32>,
}

/// Times the estimate: other machines are slower, and share their disks.
const TIME_MARGIN: f64 = 2.0;
/// For what a task needs beside computing: the start, reading the notes.
const TIME_FLOOR_MINUTES: f64 = 5.0;
/// Times the estimate: batches of other notes are larger.
const MEMORY_MARGIN: f64 = 1.5;
/// For what is not the model's.
const MEMORY_FLOOR_GIB: f64 = 1.0;

impl Request {
    /// What the suite says, and where it says nothing what an estimate says, with a margin; `gpus` where it says nothing of
    /// them. Estimated times and memory are rounded up to few steps, so that many cells are few arrays.
    pub fn new(said: Resources, estimate: Option<Estimate>, gpus: u32) -> Self {
        let minutes = estimate.map(|estimate| {
            let minutes = TIME_FLOOR_MINUTES + TIME_MARGIN * estimate.seconds / 60.0;
            // 10, 20, 40, ... minutes.
            step(minutes / 10.0).saturating_mul(10)
        });
        let memory = estimate.and_then(|estimate| estimate.memory_bytes).map(|bytes| {
            let gib = MEMORY_FLOOR_GIB + MEMORY_MARGIN * bytes as f64 / f64::from(1 << 30);
            step(gib)
        });
        Self {
            // A thread leads each GPU.
            cpus: said.cpus.unwrap_or(gpus.max(1)),
            gpus: said.gpus.unwrap_or(gpus),
            memory_gib: said.memory_gib.or(memory),
            minutes: said.minutes.or(minutes),
        }
    }
}

/// The least power of two from `least` on, 1 at least.
fn step(least: f64) -> u32 {
    (0..31)
        .map(|power| 1_u32 << power)
        .find(|&step| f64::from(step) >= least)
        .unwrap_or(1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Estimate = Estimate {
        seconds: 3600.0,
        memory_bytes: Some(2 << 30),
    };

    #[test]
    fn what_is_estimated_has_a_margin_and_what_the_suite_says_is_taken_as_it_is() {
        let nothing = Resources::default();
        let estimated = Request::new(nothing, Some(HOUR), 1);
        // 5 + 2 * 60 minutes, and 1 + 1.5 * 2 GiB.
        let expected = Request {
            cpus: 1,
            gpus: 1,
            memory_gib: Some(4),
            minutes: Some(160),
        };
        assert_eq!(estimated, expected);
        let said = Resources {
            cpus: Some(8),
            memory_gib: Some(3),
            minutes: Some(7),
            gpus: Some(0),
        };
        let expected = Request {
            cpus: 8,
            gpus: 0,
            memory_gib: Some(3),
            minutes: Some(7),
        };
        assert_eq!(Request::new(said, Some(HOUR), 4), expected);
        let unknown = Request {
            cpus: 1,
            gpus: 0,
            memory_gib: None,
            minutes: None,
        };
        assert_eq!(Request::new(nothing, None, 0), unknown);
        let on_four = Request::new(nothing, None, 4);
        assert_eq!((on_four.gpus, on_four.cpus), (4, 4));
    }
}
