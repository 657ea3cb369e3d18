//! Why two records cannot be compared.

/// Why two records cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The metric cannot be redrawn from what is here.
    #[error(
        "{metric} has no interval over notes: the record has no such score, or its values in redraws of the notes are not here (areas cannot be made again from rows by note; `icdbench run` keeps both beside the record)"
    )]
    NotByNote {
        /// Its name in the records.
        metric: String,
    },
    /// A metric that most redraws leave undefined.
    #[error("{metric} has no interval over notes: more than one in twenty redraws of the notes leave it undefined")]
    MostlyUndefined {
        /// Its name in the records.
        metric: String,
    },
    /// Two records whose notes were redrawn in other ways.
    #[error(
        "{first} and {second} were scored on different notes, as the draws of their intervals differ. Only records of the same evaluation notes can be paired; records of credentialed data must also come from one results directory, as its salt names the notes"
    )]
    OtherDraws {
        /// The first record's cell, in words.
        first: String,
        /// The second record's cell, in words.
        second: String,
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
