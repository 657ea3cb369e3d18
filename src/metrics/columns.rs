//! Reading row-major scores column by column, as integers that keep their order.

use super::input::Scores;

/// Columns read at once: one cache line of each row.
pub(super) const BLOCK: usize = 16;

/// An integer that orders as the (finite) float does; both zeros share one.
pub(super) fn order_key(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits(); // -0.0 + 0.0 is 0.0
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// Fills `keys` with the order keys of `width` columns from `first` on, `[code, note]`.
pub(super) fn read_columns(scores: &Scores, first: usize, width: usize, keys: &mut Vec<u32>) {
    let notes = scores.notes();
    keys.resize(width * notes, 0);
    for (note, row) in scores.rows().enumerate() {
        for (column, &score) in row[first..first + width].iter().enumerate() {
            keys[column * notes + note] = order_key(score);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_of_scores() {
        let ascending = [f32::MIN, -1.5, -1e-40, 0.0, 1e-40, 0.25, 0.5, 1.0, f32::MAX];
        assert!(ascending.windows(2).all(|pair| order_key(pair[0]) < order_key(pair[1])));
        assert_eq!(order_key(-0.0), order_key(0.0));
    }

    #[test]
    fn columns_are_read_in_note_order() {
        let values: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let scores = Scores::new(&values, 3, 4).unwrap();
        let mut keys = Vec::new();
        read_columns(&scores, 1, 2, &mut keys);
        assert_eq!(keys, [1.0, 5.0, 9.0, 2.0, 6.0, 10.0].map(order_key));
    }
}
