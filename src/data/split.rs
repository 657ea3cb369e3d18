//! A seeded split of notes in two, by patient. The draw is written out here in full, so that no
//! dependency's change of algorithm can move a note from one side to the other.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::error::Error;
use super::note::Note;
use super::recipe::Shares;

/// The notes of one part in two, each in the order of the part.
pub(super) struct Split {
    /// The notes that stay to be fitted on.
    pub fit: Vec<Arc<Note>>,
    /// The notes of the drawn patients.
    pub drawn: Vec<Arc<Note>>,
}

/// Splits off the notes of round(`fraction` x patients) patients, at least one and not all.
///
/// # Errors
/// [`Error::Setting`] when the fraction is not between 0 and 1, or there are fewer than two
/// patients.
pub(super) fn split_by_patient(notes: &[Arc<Note>], fraction: f64, seed: u64) -> Result<Split, Error> {
    let patients: BTreeSet<&str> = notes.iter().map(|note| note.patient.as_str()).collect();
    let mut patients: Vec<&str> = patients.into_iter().collect();
    let wrong = |found: String, expected: &str| Error::Setting {
        key: "fraction-of-train",
        found,
        expected: expected.into(),
    };
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(wrong(fraction.to_string(), "a number between 0 and 1, both excluded"));
    }
    if patients.len() < 2 {
        let found = format!("a training part of {} patients", patients.len());
        return Err(wrong(found, "at least 2 patients to split"));
    }
    let share = (fraction * patients.len() as f64).round() as usize;
    let drawn = share.clamp(1, patients.len() - 1);
    shuffle(&mut patients, seed);
    let validation: BTreeSet<&str> = patients[..drawn].iter().copied().collect();
    let (drawn, fit) = notes
        .iter()
        .cloned()
        .partition(|note| validation.contains(note.patient.as_str()));
    Ok(Split { fit, drawn })
}

/// Draws the part of each patient, as its place in [`PARTS`](super::published_split::PARTS): patients in a random order, the
/// first for the test, the next for dev, each round(share x patients).
pub fn draw_parts<'p>(patients: impl Iterator<Item = &'p str>, shares: &Shares) -> HashMap<String, usize> {
    let patients: BTreeSet<&str> = patients.collect();
    let mut patients: Vec<&str> = patients.into_iter().collect();
    shuffle(&mut patients, shares.seed);
    let share = |share: f64| (share * patients.len() as f64).round() as usize;
    let (test, dev) = (share(shares.test), share(shares.dev));
    let part = |place: usize| match place {
        place if place < test => 2,
        place if place < test + dev => 1,
        _ => 0,
    };
    let drawn = patients.iter().enumerate();
    drawn
        .map(|(place, patient)| ((*patient).to_owned(), part(place)))
        .collect()
}

/// Puts items in an order that follows from the seed alone: Fisher-Yates, from the last place to the first.
pub fn shuffle(items: &mut [&str], seed: u64) {
    let mut digest = Sha256::new();
    digest.update(b"icdbench split by patient 1");
    digest.update(seed.to_le_bytes());
    let mut stream = ChaCha8Rng::from_seed(digest.finalize().into());
    for last in (1..items.len()).rev() {
        let other = below(last as u64 + 1, &mut stream);
        items.swap(last, other as usize);
    }
}

/// A number in 0..bound, each equally likely: draws from the incomplete last round are repeated.
fn below(bound: u64, stream: &mut ChaCha8Rng) -> u64 {
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let draw = stream.next_u64();
        if draw < limit {
            return draw % bound;
        }
    }
}
