//! Why two records cannot be compared.

/// Why two records cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The metric is no sum over notes.
    #[error(
        "{metric} has no interval over notes: it is not made of counts and ranks by note, as micro-f1, micro-precision, micro-recall, jaccard-micro, exact-match, map, r-precision and precision, recall and f1 at k are"
    )]
    NotByNote {
        /// Its name in the records.
        metric: String,
    },
    /// A record without scores.
    #[error("{cell} has no scores: run it to its end first")]
    NotScored {
        /// The record's cell, such as `caml at length 512 with seed 1`.
        cell: String,
    },
    /// A record without its rows by note.
    #[error(
        "the per-note rows of {cell} are not here, so that there is no interval: they are private and lie in the results directory in which the cell was run"
    )]
    NoRows {
        /// The record's cell, such as `caml at length 512 with seed 1`.
        cell: String,
    },
    /// A record names one note twice, so that its notes cannot be paired.
    #[error("{cell} has note {note} more than once: the record is damaged; delete it and run the cell again")]
    RepeatedNote {
        /// The record's cell, such as `caml at length 512 with seed 1`.
        cell: String,
        /// The note's salted hash.
        note: String,
    },
    /// The two were scored on different notes.
    #[error(
        "{first} ({first_notes} notes) and {second} ({second_notes} notes) were scored on different notes: {shared} are in both. Only records of the same evaluation notes can be paired; records of credentialed data must also come from one results directory, as its salt names the notes"
    )]
    DifferentNotes {
        /// The first record's cell, in words.
        first: String,
        /// Evaluation notes in the first record's rows.
        first_notes: usize,
        /// The second record's cell, in words.
        second: String,
        /// Evaluation notes in the second record's rows.
        second_notes: usize,
        /// Notes in both, by their salted hashes.
        shared: usize,
    },
    /// The two were scored against different codes.
    #[error(
        "{first} and {second} were scored against different codes: note {note} has {first_gold} gold codes in one and {second_gold} in the other. Compare records of one label set"
    )]
    DifferentCodes {
        /// The first record's cell, in words.
        first: String,
        /// The second record's cell, in words.
        second: String,
        /// The note's salted hash.
        note: String,
        /// How many gold codes the first record has for it.
        first_gold: u32,
        /// How many the second record has.
        second_gold: u32,
    },
}
