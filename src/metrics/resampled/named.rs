//! Draws that follow from the names of the notes: two systems that were scored on the same notes are redrawn alike, wherever
//! and whenever that was.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Draws;

/// Redraws of an interval.
pub const REDRAWS: usize = 1_000;

/// Draws over patients, and what tells them from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedDraws {
    /// A row a note, in the order of the names.
    pub draws: Draws,
    /// Same fingerprint, same notes of the same patients and same redraws. Names that are salted by a secret cannot be found
    /// again by it, nor can the draws.
    pub fingerprint: String,
    /// How many patients there are.
    pub patients: usize,
}

impl NamedDraws {
    /// [`REDRAWS`] redraws of the patients of some notes, whose `names` are those of note and patient. In which order the
    /// notes are given changes the order of the rows only.
    pub fn new<'n>(names: impl Iterator<Item = [&'n str; 2]>) -> Self {
        let names: Vec<[&str; 2]> = names.collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        let mut clusters: BTreeMap<&str, usize> = BTreeMap::new();
        let mut digest = Sha256::new();
        digest.update(b"icdbench redraws 1");
        digest.update((REDRAWS as u64).to_le_bytes());
        for [note, patient] in sorted {
            for name in [note, patient] {
                digest.update((name.len() as u64).to_le_bytes());
                digest.update(name.as_bytes());
            }
            let next = clusters.len();
            clusters.entry(patient).or_insert(next);
        }
        let seed: [u8; 32] = digest.finalize().into();
        let of_notes: Vec<usize> = names.iter().map(|[_, patient]| clusters[patient]).collect();
        let fingerprint = Sha256::new().chain_update(b"fingerprint").chain_update(seed).finalize();
        Self {
            draws: Draws::bootstrap(&of_notes, REDRAWS, seed),
            fingerprint: fingerprint.iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
            patients: clusters.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_notes_changes_the_order_of_rows_only() {
        let names = [["n1", "p2"], ["n2", "p1"], ["n3", "p2"], ["n4", "p3"]];
        let forward = NamedDraws::new(names.into_iter());
        let backward = NamedDraws::new(names.into_iter().rev());
        assert_eq!((&forward.fingerprint, forward.patients), (&backward.fingerprint, 3));
        for note in 0..4 {
            assert_eq!(forward.draws.of(note), backward.draws.of(3 - note));
        }
        assert_eq!(forward.draws.of(0), forward.draws.of(2));
        for other in [
            [["n1", "p2"], ["n2", "p2"]],
            [["n1", "p2"], ["n3", "p1"]],
            [["n1p", "2"], ["n2", "p1"]],
        ] {
            let first = NamedDraws::new([["n1", "p2"], ["n2", "p1"]].into_iter());
            assert_ne!(NamedDraws::new(other.into_iter()).fingerprint, first.fingerprint);
        }
    }
}
