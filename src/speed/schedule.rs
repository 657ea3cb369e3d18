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

/// Where each side of each round is placed, `[round, side]`: numbers below `places`, each as likely as any other. What depends
/// on the place is then no side's.
pub fn placed(sides: usize, rounds: usize, places: u32, seed: u64) -> Vec<Vec<usize>> {
    let mut random = stream(seed, b"icdbench places ");
    let mut round = || (0..sides).map(|_| below(places.into(), &mut random) as usize).collect();
    (0..rounds).map(|_| round()).collect()
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
    fn every_place_is_drawn_for_each_side() {
        let drawn = placed(2, 4000, 4, 1);
        assert_eq!(drawn, placed(2, 4000, 4, 1));
        assert_ne!(drawn, placed(2, 4000, 4, 2));
        for (left, right) in (0..4).flat_map(|left| (0..4).map(move |right| (left, right))) {
            let there = drawn.iter().filter(|round| **round == [left, right]).count();
            assert!((190..=310).contains(&there), "{left}, {right}: {there} of 4000");
        }
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
