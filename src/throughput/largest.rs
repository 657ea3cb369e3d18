//! The largest batch that fits into memory.

use super::record::Largest;

/// The search ends when what fits and what does not are so near: an eighth of what fits.
const NEAR: usize = 8;

/// Looks for the most notes that fit, of which `(notes, fitted)` is known: by doubling up to `most`, then by halves of
/// what is between.
///
/// # Errors
/// That of a try.
pub(super) fn largest<E>(
    (notes, fitted): (usize, bool),
    most: usize,
    mut fits: impl FnMut(usize) -> Result<bool, E>,
) -> Result<Largest, E> {
    let (mut good, mut bad) = match fitted {
        true => (notes, None),
        false => (0, Some(notes)),
    };
    while bad.is_none() && good < most {
        let next = (2 * good).min(most);
        match fits(next)? {
            true => good = next,
            false => bad = Some(next),
        }
    }
    while let Some(above) = bad
        && above - good > 1 + good / NEAR
    {
        let next = good + (above - good) / 2;
        match fits(next)? {
            true => good = next,
            false => bad = Some(next),
        }
    }
    Ok(Largest {
        notes: good,
        too_many: bad,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The search when so many notes fit, and how many were tried.
    fn search(start: usize, most: usize, room: usize) -> (Largest, usize) {
        let mut tries = 0;
        let found = largest((start, start <= room), most, |notes| {
            tries += 1;
            Ok::<_, ()>(notes <= room)
        });
        (found.unwrap(), tries)
    }

    #[test]
    fn what_fits_is_found_between_what_ran_and_what_did_not() {
        for start in [1, 4, 32, 100] {
            for room in [0, 1, 2, 3, 5, 31, 32, 33, 100, 1000, 5000] {
                let (found, tries) = search(start, 1024, room);
                let too_many = found.too_many.unwrap_or(usize::MAX);
                assert!(
                    found.notes <= room && room < too_many.max(1025),
                    "{start} {room}: {found:?}"
                );
                match found.too_many {
                    None => assert_eq!(found.notes, 1024),
                    Some(above) => assert!(above - found.notes <= 1 + found.notes / 8, "{start} {room}: {found:?}"),
                }
                assert!(tries <= 16, "{tries}");
            }
        }
    }

    #[test]
    fn nothing_is_tried_beyond_the_most() {
        assert_eq!(search(8, 8, 100).1, 0);
        let found = search(8, 20, 100).0;
        assert_eq!((found.notes, found.too_many), (20, None));
        assert_eq!(
            search(1, 1, 0).0,
            Largest {
                notes: 0,
                too_many: Some(1)
            }
        );
    }
}
