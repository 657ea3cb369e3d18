//! Scores that say nothing about the notes. A cell that ends in one of these has failed, whatever
//! its micro-F1 (a peer's untrained model "scored" recall 1.0 and F1 .009 and nobody was told).

use super::error::Degenerate;
use super::input::Scores;

/// Says how `scores` are degenerate, if they are; the most telling reason first.
pub fn degenerate(scores: &Scores, threshold: f32) -> Option<Degenerate> {
    let values = scores.values();
    let cells = values.len();
    let lowest = values.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // A single cell is constant by nature.
    if cells > 1 && lowest == highest {
        return Some(Degenerate::Constant { value: lowest, cells });
    }
    let first = scores.row(0);
    if scores.notes() > 1 && scores.rows().all(|row| row == first) {
        return Some(Degenerate::SameForAllNotes { notes: scores.notes() });
    }
    if highest <= threshold {
        return Some(Degenerate::NonePredicted {
            threshold,
            highest,
            cells,
        });
    }
    if lowest > threshold {
        return Some(Degenerate::AllPredicted {
            threshold,
            lowest,
            cells,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::error::Error;
    use super::*;

    #[test]
    fn degenerate_scores_are_named() {
        let find = |rows: &[&[f32]], threshold| {
            let values = rows.concat();
            degenerate(&Scores::new(&values, rows.len(), rows[0].len()).unwrap(), threshold)
        };
        let constant = find(&[&[0.3, 0.3], &[0.3, 0.3]], 0.5);
        assert_eq!(constant, Some(Degenerate::Constant { value: 0.3, cells: 4 }));
        let same = find(&[&[0.3, 0.7], &[0.3, 0.7]], 0.5);
        assert_eq!(same, Some(Degenerate::SameForAllNotes { notes: 2 }));
        let none = find(&[&[0.3, 0.5], &[0.1, 0.2]], 0.5);
        assert_eq!(
            none,
            Some(Degenerate::NonePredicted {
                threshold: 0.5,
                highest: 0.5,
                cells: 4
            })
        );
        let all = find(&[&[0.9, 0.7], &[0.6, 0.8]], 0.5);
        assert_eq!(
            all,
            Some(Degenerate::AllPredicted {
                threshold: 0.5,
                lowest: 0.6,
                cells: 4
            })
        );
        assert_eq!(find(&[&[0.9, 0.7], &[0.6, 0.2]], 0.5), None);
        assert_eq!(find(&[&[0.9, 0.2]], 0.5), None, "one note cannot differ from others");
        assert!(
            same.unwrap()
                .to_string()
                .starts_with("all 2 notes have the same scores")
        );
    }

    #[test]
    fn scores_that_are_not_finite_are_refused_with_row_and_column() {
        let error = Scores::new(&[0.1, 0.2, 0.3, f32::NAN, 0.5, f32::INFINITY], 2, 3).unwrap_err();
        assert!(matches!(
            error,
            Error::Degenerate(Degenerate::NotFinite { note: 1, code: 0, .. })
        ));
        assert!(
            error
                .to_string()
                .starts_with("score of note row 1, code column 0 is NaN (2 of 6 scores are not finite)"),
            "{error}"
        );
    }
}
