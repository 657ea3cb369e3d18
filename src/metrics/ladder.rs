//! Counting against a few sorted values, which is all that exact ROC-AUC, average precision and a
//! threshold grid need. Gold pairs are rare (some 16 of 8,921 codes a note), so instead of sorting
//! every score, each score is placed among the sorted scores of the gold pairs.

/// Distinct keys in ascending order (the rungs), and where any other key lies among them.
pub(super) struct Ladder {
    rungs: Vec<u32>,
    // `starts[b]` is the first rung whose distance from the lowest rung, shifted, is b or more.
    starts: Vec<u32>,
    shift: u32,
}

impl Ladder {
    /// Builds a ladder on `rungs`, ascending and distinct, at least one. `buckets` (a power of
    /// two, at least 2) is the size of the look-up table: more buckets, fewer rungs to search in each.
    pub(super) fn new(rungs: Vec<u32>, buckets: usize) -> Self {
        let reach = rungs[rungs.len() - 1] - rungs[0];
        let shift = (u32::BITS - reach.leading_zeros()).saturating_sub(buckets.ilog2());
        let mut starts = Vec::with_capacity(buckets + 1);
        for (rung, key) in rungs.iter().enumerate() {
            let bucket = ((key - rungs[0]) >> shift) as usize;
            if starts.len() <= bucket {
                starts.resize(bucket + 1, rung as u32);
            }
        }
        starts.push(rungs.len() as u32);
        Ladder { rungs, starts, shift }
    }

    /// Number of places a key can take: on each rung, below, between and above.
    pub(super) fn places(&self) -> usize {
        2 * self.rungs.len() + 1
    }

    /// The place of `key`: `2r + 1` on rung r, `2r` just below rung r.
    pub(super) fn place(&self, key: u32) -> usize {
        if key < self.rungs[0] {
            return 0;
        }
        let bucket = ((key - self.rungs[0]) >> self.shift) as usize;
        if bucket + 1 >= self.starts.len() {
            return 2 * self.rungs.len();
        }
        let (from, to) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        let rung = from + self.rungs[from..to].partition_point(|&rung| rung < key);
        // Only a rung of the same bucket can equal the key.
        2 * rung + usize::from(rung < to && self.rungs[rung] == key)
    }
}

/// The gold pairs' scores as a ladder, with how many pairs stand on each rung.
pub(super) struct GoldLadder {
    ladder: Ladder,
    gold: Vec<u64>, // [rung]
}

impl GoldLadder {
    /// Takes the ascending order keys of the gold pairs, at least one.
    pub(super) fn new(sorted_keys: &[u32], buckets: usize) -> Self {
        let mut rungs = Vec::with_capacity(sorted_keys.len());
        let mut gold = Vec::with_capacity(sorted_keys.len());
        for same in sorted_keys.chunk_by(|a, b| a == b) {
            rungs.push(same[0]);
            gold.push(same.len() as u64);
        }
        GoldLadder {
            ladder: Ladder::new(rungs, buckets),
            gold,
        }
    }

    /// Number of places, as in [`Ladder::places`].
    pub(super) fn places(&self) -> usize {
        self.ladder.places()
    }

    /// Adds each key to the count of its place.
    pub(super) fn count(&self, keys: &[u32], cells: &mut [u64]) {
        for &key in keys {
            cells[self.ladder.place(key)] += 1;
        }
    }

    /// Both areas from the counts of all cells, gold pairs included.
    ///
    /// ROC-AUC is the share of (gold, other) pairs in the right order, ties counting half. PR-AUC
    /// is average precision, the sum over falling thresholds of (R_n - R_{n-1}) P_n, where equal
    /// scores share one threshold; only thresholds that add a gold pair contribute.
    pub(super) fn areas(&self, cells: &[u64]) -> Areas {
        let gold: u64 = self.gold.iter().sum();
        let others = cells.iter().sum::<u64>() - gold;
        let (mut gold_reached, mut others_reached) = (0, 0); // at or above the current rung
        let mut ordered_twice = 0u128; // (gold, other) pairs in order, twice, so that ties count 1
        let mut precision_sum = 0.0;
        for (rung, &gold_here) in self.gold.iter().enumerate().rev() {
            let others_here = cells[2 * rung + 1] - gold_here;
            others_reached += cells[2 * rung + 2] + others_here;
            gold_reached += gold_here;
            let below = others - others_reached;
            ordered_twice += u128::from(gold_here) * u128::from(2 * below + others_here);
            let precision = gold_reached as f64 / (gold_reached + others_reached) as f64;
            precision_sum += gold_here as f64 * precision;
        }
        Areas {
            roc: (others > 0).then(|| ordered_twice as f64 / (2 * u128::from(gold) * u128::from(others)) as f64),
            pr: precision_sum / gold as f64,
        }
    }
}

/// Areas under the two curves of one ranking with at least one gold pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Areas {
    /// Area under the ROC curve; absent when every cell is gold.
    pub(super) roc: Option<f64>,
    /// Average precision.
    pub(super) pr: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_placed_below_on_between_and_above_rungs() {
        for buckets in [2, 4, 8, 1 << 12] {
            let ladder = Ladder::new(vec![10, 11, 500, 70_000, u32::MAX - 1], buckets);
            let keys = [0, 10, 11, 12, 499, 500, 501, 69_999, 70_000, u32::MAX - 1, u32::MAX];
            let places = keys.map(|key| ladder.place(key));
            assert_eq!(places, [0, 1, 3, 4, 4, 5, 6, 6, 7, 9, 10], "{buckets} buckets");
        }
    }

    #[test]
    fn one_rung_makes_a_ladder() {
        let ladder = Ladder::new(vec![7], 4);
        assert_eq!([6, 7, 8].map(|key| ladder.place(key)), [0, 1, 2]);
    }

    #[test]
    fn tied_gold_and_other_count_half() {
        let gold = GoldLadder::new(&[5], 2);
        let mut cells = vec![0; gold.places()];
        gold.count(&[5, 5], &mut cells);
        assert_eq!(
            gold.areas(&cells),
            Areas {
                roc: Some(0.5),
                pr: 0.5
            }
        );
    }

    #[test]
    fn roc_is_absent_when_every_cell_is_gold() {
        let gold = GoldLadder::new(&[3, 5], 2);
        let mut cells = vec![0; gold.places()];
        gold.count(&[5, 3], &mut cells);
        assert_eq!(gold.areas(&cells), Areas { roc: None, pr: 1.0 });
    }
}
