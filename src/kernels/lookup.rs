//! Rows of a table by number, and for each entry of the table the sum of its rows: an embedding and its gradient.

use pulp::{Simd, WithSimd};

use super::matrix::filled;
use super::vector;

/// The rows `ids` of a table `[entry, width]`, `[row, width]`.
///
/// # Panics
/// If the table has no such row.
pub fn rows(table: &[f32], width: usize, ids: &[i32]) -> Vec<f32> {
    filled(ids.len(), width, |first, rows| {
        for (row, &id) in rows.chunks_mut(width.max(1)).zip(&ids[first..]) {
            row.copy_from_slice(&table[id as usize * width..][..width]);
        }
    })
}

/// For each of `entries` the sum of its rows, in their order, `[entry, width]`, from `[row, width]`.
///
/// # Panics
/// If a row's entry is none.
pub fn sums(rows: &[f32], width: usize, ids: &[i32], entries: usize) -> Vec<f32> {
    let mut of_entries: Vec<(u32, u32)> = ids.iter().zip(0..).map(|(&id, row)| (id as u32, row)).collect();
    of_entries.sort_unstable();
    assert!(
        of_entries.last().is_none_or(|&(entry, _)| (entry as usize) < entries),
        "a row is of no entry"
    );
    filled(entries, width, |first, sums| {
        let start = of_entries.partition_point(|&(entry, _)| (entry as usize) < first);
        let last = first + sums.len() / width;
        for &(entry, row) in of_entries[start..].iter().take_while(|of| (of.0 as usize) < last) {
            let sum = &mut sums[(entry as usize - first) * width..][..width];
            let row = &rows[row as usize * width..][..width];
            vector::dispatch(Add { sum, row });
        }
    })
}

/// `sum += row`.
struct Add<'a> {
    sum: &'a mut [f32],
    row: &'a [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        vector::update(
            simd,
            self.sum,
            self.row,
            #[inline(always)]
            |sum, row| simd.add_f32s(sum, row),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{in_pool, noise};

    const ENTRIES: usize = 150;

    /// Entries with many rows, with one and with none.
    fn ids() -> Vec<i32> {
        let often = (0..300).map(|place| place % 7 * 20);
        often.chain([149, 0, 148]).collect()
    }

    #[test]
    fn rows_are_copied_and_summed_by_entry() {
        for width in [1, 5, 16] {
            let (table, ids) = (noise(1, ENTRIES * width), ids());
            let of_table = |&id: &i32| &table[id as usize * width..][..width];
            assert_eq!(
                rows(&table, width, &ids),
                ids.iter().flat_map(of_table).copied().collect::<Vec<_>>()
            );
            let given = noise(2, ids.len() * width);
            let mut expected = vec![0.0; ENTRIES * width];
            for (row, &id) in given.chunks(width).zip(&ids) {
                let sum = &mut expected[id as usize * width..][..width];
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            assert_eq!(sums(&given, width, &ids, ENTRIES), expected);
        }
        assert_eq!(sums(&[], 3, &[], 2), [0.0; 6]);
        assert!(rows(&[], 3, &[]).is_empty() && sums(&[], 0, &[1], 2).is_empty());
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let ids = ids();
        let given = noise(3, ids.len() * 40);
        let run = |threads| in_pool(threads, || sums(&given, 40, &ids, ENTRIES));
        assert_eq!(run(1), run(2));
    }

    #[test]
    #[should_panic(expected = "a row is of no entry")]
    fn a_row_of_no_entry_is_refused() {
        sums(&[0.0; 2], 1, &[0, 7], 7);
    }

    #[test]
    #[should_panic(expected = "a row is of no entry")]
    fn a_negative_entry_is_refused() {
        sums(&[0.0; 2], 1, &[0, -1], 7);
    }
}
