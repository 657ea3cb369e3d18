//! What can be wrong with the input of a metric. Notes are named by their row, never by their text.

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
        /// The column found, from 0: not below `codes`.
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
        /// The column found: not above `previous`.
        column: u32,
    },
    /// Scores and targets are not of one shape.
    #[error(
        "scores are {score_notes} notes x {score_codes} codes but targets are {target_notes} x {target_codes}; pass the same notes and the same label set"
    )]
    Shape {
        /// Rows of the scores.
        score_notes: usize,
        /// Columns of the scores.
        score_codes: usize,
        /// Rows of the targets.
        target_notes: usize,
        /// Columns of the targets.
        target_codes: usize,
    },
    /// The decision threshold is not a number a score can be compared with.
    #[error("threshold is {0}; expected a finite number, usually between 0 and 1")]
    Threshold(f32),
    /// A k of precision-at-k and its like is 0.
    #[error("at_k holds 0; expected each k to be 1 or more, such as 5, 8 and 15")]
    AtK,
    /// A threshold grid is empty, larger than [`MOST_POINTS`](super::MOST_POINTS), descending, or finer than single precision.
    #[error(
        "threshold grid of {points} points from {start} to {end}; expected 1 to 10000 points and strictly ascending single-precision thresholds"
    )]
    Grid {
        /// First threshold.
        start: f64,
        /// Last threshold.
        end: f64,
        /// Number of thresholds.
        points: usize,
    },
    /// Training frequencies and codes do not pair up.
    #[error("{frequencies} training frequencies given for {codes} codes; expected one per code, in column order")]
    Frequencies {
        /// Frequencies given.
        frequencies: usize,
        /// Codes given.
        codes: usize,
    },
}

/// How scores say nothing about the notes.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Degenerate {
    /// Some score is NaN or infinite; [`super::Scores::new`] refuses these.
    #[error(
        "score of note row {note}, code column {code} is {value} ({cells} of {all} scores are not finite); training probably diverged, lower the learning rate or clip gradients"
    )]
    NotFinite {
        /// Row of the first such note, from 0.
        note: usize,
        /// Column of the first such code, from 0.
        code: usize,
        /// The value found: infinite, or not a number.
        value: f32,
        /// How many scores are not finite.
        cells: usize,
        /// How many scores there are.
        all: usize,
    },
    /// Every (note, code) has the same score.
    #[error(
        "all {cells} scores are {value}; the model ignores both note and code, check that its weights were loaded and trained"
    )]
    Constant {
        /// The score that all have.
        value: f32,
        /// How many scores there are.
        cells: usize,
    },
    /// Two or more notes, and all have the same row of scores.
    #[error(
        "all {notes} notes have the same scores; the model ignores the note, check that text reaches it and that training moved its weights"
    )]
    SameForAllNotes {
        /// Number of notes.
        notes: usize,
    },
    /// No (note, code) is above the threshold.
    #[error(
        "none of {cells} scores is above the threshold {threshold} (highest score {highest}); train longer or tune the threshold"
    )]
    NonePredicted {
        /// What a score must be above for its code to be predicted.
        threshold: f32,
        /// The highest score: not above the threshold.
        highest: f32,
        /// How many scores there are.
        cells: usize,
    },
    /// Every (note, code) is above the threshold.
    #[error(
        "all {cells} scores are above the threshold {threshold} (lowest score {lowest}); check that the model was trained and that its scores are probabilities"
    )]
    AllPredicted {
        /// What a score must be above for its code to be predicted.
        threshold: f32,
        /// The lowest score: above the threshold.
        lowest: f32,
        /// How many scores there are.
        cells: usize,
    },
}
