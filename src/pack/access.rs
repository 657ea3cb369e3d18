//! What of a data set may be in an archive.

use crate::data::Dataset;
use crate::record::{Record, SmallCounts};

/// Whether rows by note go into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// They do: nothing says that the data are credentialed.
    Public,
    /// They do not: they are derived patient-level data under the data's own terms.
    Credentialed,
    /// They do, as the user asserts that they may be shared: why, in the user's words.
    Asserted(String),
}

impl Access {
    /// What the entries of the data set, its records and the user's assertion come to. One entry or one record that says
    /// that the data are credentialed is enough, so that no edited registry lets rows out.
    pub fn of<'a>(
        mut entries: impl Iterator<Item = &'a Dataset>,
        mut records: impl Iterator<Item = &'a Record>,
        asserted: Option<&str>,
    ) -> Self {
        let withholds = |record: &Record| {
            let outcome = record.outcome.as_ref();
            outcome.is_some_and(|outcome| outcome.small_counts == SmallCounts::BelowElevenWithheld)
        };
        match (
            entries.any(|entry| entry.credentialed) || records.any(withholds),
            asserted,
        ) {
            (false, _) => Self::Public,
            (true, None) => Self::Credentialed,
            (true, Some(reason)) => Self::Asserted(reason.to_owned()),
        }
    }

    /// Cells whose records show counts of few notes that this access withholds: they were run when nobody called the data
    /// credentialed.
    pub fn small_counts<'a>(&self, records: impl Iterator<Item = &'a Record>) -> Vec<String> {
        let shows = |record: &&Record| {
            let outcome = record.outcome.as_ref();
            outcome.is_some_and(|outcome| outcome.small_counts == SmallCounts::Shown)
        };
        match self {
            Self::Credentialed => records.filter(shows).map(|record| record.cell.title()).collect(),
            Self::Public | Self::Asserted(_) => Vec::new(),
        }
    }

    /// Whether rows by note go in.
    pub fn shows_rows(&self) -> bool {
        !matches!(self, Self::Credentialed)
    }

    /// As programs read it: `public`, `credentialed` or `asserted`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Credentialed => "credentialed",
            Self::Asserted(_) => "asserted",
        }
    }

    /// For people: what became of the rows by note of this data set.
    pub fn sentence(&self, dataset: &Dataset) -> String {
        let (name, licence) = (&dataset.name, &dataset.licence);
        match self {
            Self::Public => format!(
                "The data set {name} ({licence}) is public: rows by note (ranks of the gold codes, gold and predicted codes) \
                 are packed where they were at hand, notes by the hashes of their names."
            ),
            Self::Credentialed => format!(
                "The data set {name} ({licence}) is credentialed. Rows by note (ranks, gold and predicted codes) and metrics in \
                 redraws of the notes are derived patient-level data: they are left out. Scores, intervals and standard errors \
                 stay; rows of codes that fewer than 11 notes have are not in the records."
            ),
            Self::Asserted(reason) => format!(
                "The data set {name} ({licence}) is credentialed. Rows by note (ranks, gold and predicted codes) and metrics in \
                 redraws of the notes are packed all the same, as whoever packed asserts that they may be shared: {reason:?}."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::registry;

    #[test]
    fn one_entry_that_says_credentialed_is_enough_and_an_assertion_is_kept() {
        let built_in = registry().unwrap();
        let public = built_in.find("codiesp").unwrap();
        let credentialed = built_in.find("mimic3-full").unwrap();
        let of = |entries: &[&Dataset], asserted| Access::of(entries.iter().copied(), [].into_iter(), asserted);
        assert_eq!(of(&[public, public], None), Access::Public);
        assert_eq!(of(&[public], Some("agreed")), Access::Public);
        assert_eq!(of(&[public, credentialed], None), Access::Credentialed);
        let asserted = of(&[credentialed, public], Some("agreed"));
        assert_eq!(asserted, Access::Asserted("agreed".into()));
        assert!(asserted.shows_rows() && asserted.sentence(credentialed).contains("\"agreed\""));
        assert!(!Access::Credentialed.shows_rows());
    }
}
