//! In which order the sides of a comparison run.

use super::draws::{below, shuffle, stream};

/// The order of the sides in each round, `[round, place]`: every side once a round. Over each block of as many rounds as
/// sides, every side is at every place once (a Latin square in shuffled order); a last block may be cut. So what drifts, and
/// what depends on the place in a round, meets all sides alike, and nobody can tell which comes next.
pub fn schedule(sides: usize, rounds: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut random = stream(seed, b"icdbench rounds ");
    let mut order = Vec::with_capacity(rounds);
    while order.len() < rounds {
        let mut names: Vec<usize> = (0..sides).collect();
        let mut shifts = names.clone();
        shuffle(&mut names, &mut random);
        shuffle(&mut shifts, &mut random);
        let round = |shift: usize| (0..sides).map(|place| names[(place + shift) % sides]).collect();
        let left = rounds - order.len();
        match sides {
            0 => order.resize(rounds, Vec::new()),
            _ => order.extend(shifts.into_iter().take(left).map(round)),
        }
    }
    order
}

/// Where each side of each round is placed, `[round, side]`: numbers below `kinds * of_each`. Over each block of `kinds` rounds
/// a side has every remainder by `kinds` once, in shuffled order; of the places with one remainder each is as likely as any
/// other. So what depends on the remainder meets all sides alike, and what depends on the place otherwise is no side's.
pub fn placed(sides: usize, rounds: usize, [kinds, of_each]: [u32; 2], seed: u64) -> Vec<Vec<usize>> {
    let mut random = stream(seed, b"icdbench places ");
    let mut of_side = || {
        let mut places = Vec::with_capacity(rounds);
        while places.len() < rounds {
            let mut block: Vec<u32> = (0..kinds.max(1)).collect();
            shuffle(&mut block, &mut random);
            block.truncate(rounds - places.len());
            places.extend(
                block
                    .into_iter()
                    .map(|kind| kind as usize + kinds as usize * below(of_each.into(), &mut random) as usize),
            );
        }
        places
    };
    let by_side: Vec<Vec<usize>> = (0..sides).map(|_| of_side()).collect();
    (0..rounds)
        .map(|round| by_side.iter().map(|side| side[round]).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_is_at_every_place_equally_often() {
        for (sides, rounds) in [(2, 40), (3, 30), (5, 25), (1, 4)] {
            let order = schedule(sides, rounds, 7);
            for block in order.chunks(sides) {
                for place in 0..sides {
                    let mut there: Vec<usize> = block.iter().map(|round| round[place]).collect();
                    there.sort();
                    assert_eq!(there, (0..sides).collect::<Vec<_>>());
                }
            }
        }
        assert_eq!(schedule(3, 7, 1).len(), 7);
        assert_eq!(schedule(0, 2, 1), [[0; 0]; 2]);
        assert_eq!(schedule(2, 0, 1), [[0; 0]; 0]);
    }

    #[test]
    fn every_remainder_meets_all_sides_equally_often_and_every_place_is_drawn() {
        for (rounds, seed) in [(12, 1), (24, 2), (24, 3)] {
            let drawn = placed(2, rounds, [4, 64], seed);
            assert_eq!(drawn, placed(2, rounds, [4, 64], seed));
            assert_ne!(drawn, placed(2, rounds, [4, 64], seed + 1));
            for (side, kind) in (0..2).flat_map(|side| (0..4).map(move |kind| (side, kind))) {
                let there = drawn.iter().filter(|round| round[side] % 4 == kind).count();
                assert_eq!(there, rounds / 4, "{side}, {kind}: {drawn:?}");
            }
        }
        // No side's place follows from the other's.
        let drawn = placed(2, 8000, [2, 2], 1);
        for (left, right) in (0..4).flat_map(|left| (0..4).map(move |right| (left, right))) {
            let there = drawn.iter().filter(|round| **round == [left, right]).count();
            assert!((380..=620).contains(&there), "{left}, {right}: {there} of 8000");
        }
        assert_eq!(placed(2, 3, [4, 64], 1).len(), 3);
    }

    #[test]
    fn the_order_is_the_seeds_and_no_pattern() {
        assert_eq!(schedule(2, 50, 1), schedule(2, 50, 1));
        assert_ne!(schedule(2, 50, 1), schedule(2, 50, 2));
        // Blocks of two start with either side, now the one and now the other.
        let first: Vec<usize> = schedule(2, 400, 3).chunks(2).map(|block| block[0][0]).collect();
        let ones = first.iter().sum::<usize>();
        assert!((70..=130).contains(&ones), "{ones} of 200");
        let changes = first.windows(2).filter(|two| two[0] != two[1]).count();
        assert!((70..=130).contains(&changes), "{changes} of 199");
    }
}
