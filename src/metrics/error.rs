//! What can be wrong with the input of a metric. Notes are named by their row, never by their text.

use super::Degenerate;

/// Why scores or targets could not be evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The slice of scores does not hold one value per (note, code).
    #[error(
        "{values} scores given for {notes} notes x {codes} codes; expected one probability per (note, code), row by row"
    )]
    ScoreLength {
        /// Values given.
        values: usize,
        /// Notes announced.
        notes: usize,
        /// Codes announced.
        codes: usize,
    },
    /// There is nothing to average over.
    #[error(
        "nothing to evaluate: {notes} notes x {codes} codes; at least one of each is needed, check the split and the label set"
    )]
    Empty {
        /// Notes given.
        notes: usize,
        /// Codes given.
        codes: usize,
    },
    /// The scores say nothing, see [`Degenerate`].
    #[error(transparent)]
    Degenerate(#[from] Degenerate),
    /// A gold code lies outside the label set.
    #[error(
        "gold codes of note row {note}: column {column} does not exist, there are {codes} codes; map gold codes to the label set of this task"
    )]
    TargetColumn {
        /// Row of the note, from 0.
        note: usize,
        /// The column found.
        column: u32,
        /// Number of codes.
        codes: usize,
    },
    /// The gold codes of a note are not strictly ascending.
    #[error(
        "gold codes of note row {note}: column {column} follows column {previous}; expected ascending columns without repeats, sort and deduplicate the row"
    )]
    TargetOrder {
        /// Row of the note, from 0.
        note: usize,
        /// The column before.
        previous: u32,
        /// The column found.
        column: u32,
    },
    /// Scores and targets are not of one shape.
    #[error(
        "scores are {score_notes} notes x {score_codes} codes but targets are {target_notes} x {target_codes}; pass the same notes and the same label set"
    )]
    Shape {
        /// Notes of the scores.
        score_notes: usize,
        /// Codes of the scores.
        score_codes: usize,
        /// Notes of the targets.
        target_notes: usize,
        /// Codes of the targets.
        target_codes: usize,
    },
    /// The decision threshold is not a number a score can be compared with.
    #[error("threshold is {0}; expected a finite number, usually between 0 and 1")]
    Threshold(f32),
    /// A k of precision-at-k and its like is 0.
    #[error("at_k holds 0; expected each k to be 1 or more, such as 5, 8 and 15")]
    AtK,
    /// A threshold grid is empty, descending, or finer than single precision.
    #[error(
        "threshold grid of {points} points from {start} to {end}; expected at least 1 point and strictly ascending single-precision thresholds"
    )]
    Grid {
        /// First threshold.
        start: f64,
        /// Last threshold.
        end: f64,
        /// Number of thresholds.
        points: usize,
    },
    /// The columns to restrict an evaluation to are not an ascending choice of the label set.
    #[error(
        "columns to keep: position {position} holds column {column}; expected strictly ascending columns below {codes}"
    )]
    Columns {
        /// Position in the list of columns, from 0.
        position: usize,
        /// The column found.
        column: u32,
        /// Number of codes.
        codes: usize,
    },
    /// Training frequencies and codes do not pair up.
    #[error("{frequencies} training frequencies given for {codes} codes; expected one per code, in column order")]
    Frequencies {
        /// Frequencies given.
        frequencies: usize,
        /// Codes given.
        codes: usize,
    },
    /// A resample names a note that does not exist.
    #[error("resample names note row {note}, there are {notes} notes; expected rows from 0")]
    Sample {
        /// The row named.
        note: usize,
        /// Number of notes.
        notes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::super::*;

    fn options() -> Options {
        Options {
            threshold: 0.5,
            at_k: vec![1],
            ties: TieOrder::HigherIndexFirst,
        }
    }

    #[test]
    fn wrong_input_is_refused_with_place_and_expectation() {
        let values = [0.1, 0.2, 0.3, 0.4];
        let scores = Scores::new(&values, 2, 2).unwrap();
        let targets = Targets::from_rows(&[vec![0], vec![]], 2).unwrap();
        let one_note = Targets::from_rows(&[vec![0]], 2).unwrap();
        let infinite = Options {
            threshold: f32::NAN,
            ..options()
        };
        let at_zero = Options {
            at_k: vec![5, 0],
            ..options()
        };
        let grid = |start, end, points| {
            tune_threshold(
                &scores,
                &targets,
                &ThresholdGrid { start, end, points },
                Objective::MicroF1,
            )
        };
        let errors = [
            Scores::new(&values, 2, 3).unwrap_err(),
            Scores::new(&[], 0, 3).unwrap_err(),
            Targets::from_rows(&[vec![], vec![1, 2]], 2).unwrap_err(),
            Targets::from_rows(&[vec![1, 1]], 2).unwrap_err(),
            evaluate(&scores, &one_note, &options()).unwrap_err(),
            evaluate(&scores, &targets, &infinite).unwrap_err(),
            evaluate(&scores, &targets, &at_zero).unwrap_err(),
            grid(0.0, 1.0, 0).unwrap_err(),
            grid(1.0, 0.0, 3).unwrap_err(),
            restrict(&scores, &targets, &[1, 0], false).unwrap_err(),
            restrict(&scores, &targets, &[0, 2], false).unwrap_err(),
            frequency_bins(&[], &[1]).unwrap_err(),
            from_notes(&[], &[0], &[], 2).unwrap_err(),
        ];
        let expected = [
            "4 scores given for 2 notes x 3 codes; expected one probability per (note, code), row by row",
            "nothing to evaluate: 0 notes x 3 codes; at least one of each is needed, check the split and the label set",
            "gold codes of note row 1: column 2 does not exist, there are 2 codes; map gold codes to the label set of this task",
            "gold codes of note row 0: column 1 follows column 1; expected ascending columns without repeats, sort and deduplicate the row",
            "scores are 2 notes x 2 codes but targets are 1 x 2; pass the same notes and the same label set",
            "threshold is NaN; expected a finite number, usually between 0 and 1",
            "at_k holds 0; expected each k to be 1 or more, such as 5, 8 and 15",
            "threshold grid of 0 points from 0 to 1; expected at least 1 point and strictly ascending single-precision thresholds",
            "threshold grid of 3 points from 1 to 0; expected at least 1 point and strictly ascending single-precision thresholds",
            "columns to keep: position 1 holds column 0; expected strictly ascending columns below 2",
            "columns to keep: position 1 holds column 2; expected strictly ascending columns below 2",
            "1 training frequencies given for 0 codes; expected one per code, in column order",
            "resample names note row 0, there are 0 notes; expected rows from 0",
        ];
        for (error, expected) in errors.iter().zip(expected) {
            assert_eq!(error.to_string(), expected);
        }
    }
}
