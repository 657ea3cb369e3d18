//! The time that a suite has, and whether what comes next would end in it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// In the last share of the time nothing begins that would not end in it.
const LAST: f64 = 0.25;

/// The time that a suite has, and what its models took of it.
pub(super) struct Clock {
    began: Instant,
    time: Duration,
    /// Seconds of the groups of each model so far, shortest length first.
    took: BTreeMap<String, Vec<f64>>,
}

impl Clock {
    pub(super) fn new(minutes: f64) -> Self {
        Self {
            began: Instant::now(),
            time: Duration::from_secs_f64(60.0 * minutes),
            took: BTreeMap::new(),
        }
    }

    /// Notes what a group of a model took.
    pub(super) fn took(&mut self, model: &str, time: Duration) {
        self.took.entry(model.into()).or_default().push(time.as_secs_f64());
    }

    /// Whether the time is up, or would be before the next group of a model has ended.
    pub(super) fn is_up(&self, model: &str) -> bool {
        self.is_up_after(self.began.elapsed(), model)
    }

    /// The same when so much of it is spent. A group is expected to take as much longer than the model's last one as that took
    /// longer than the one before; nothing is expected of fewer than two.
    fn is_up_after(&self, spent: Duration, model: &str) -> bool {
        let (spent, all) = (spent.as_secs_f64(), self.time.as_secs_f64());
        let took = self.took.get(model).map_or(&[][..], Vec::as_slice);
        let expected = match took {
            [.., before, last] if spent >= (1.0 - LAST) * all => last * (last / before).max(1.0),
            _ => 0.0,
        };
        spent + expected > all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_late_that_would_not_end_in_the_time() {
        let mut clock = Clock::new(10.0);
        for (model, seconds) in [
            ("caml", 30),
            ("caml", 20),
            ("bert_xml", 40),
            ("bert_xml", 80),
            ("long_bert", 500),
        ] {
            clock.took(model, Duration::from_secs(seconds));
        }
        let last_start = |model: &str| {
            let starts = (0..=700).take_while(|&spent| !clock.is_up_after(Duration::from_secs(spent), model));
            starts.last().unwrap()
        };
        // One that became shorter may take as long as the last.
        assert_eq!(last_start("caml"), 600 - 20);
        // One that doubled doubles again: 160 s, which is more than the last quarter, before which nothing is foretold.
        assert_eq!(last_start("bert_xml"), 449);
        // Of a single group, and of none, nothing is known.
        assert_eq!((last_start("long_bert"), last_start("bert_trun")), (600, 600));
    }
}
