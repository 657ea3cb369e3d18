//! Whether the roles of a division speak of the same things: codes spelt in one way, codes that training knows, notes
//! that are others'. Two tables that spell a code differently give a plausible score that is wrong.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::division::{Division, Dropped};
use super::error::Error;
use super::note::Note;
use super::role::Role;

/// Shares, 0 to 1, beyond which a division is refused. None of them moves a result: they only say no.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataLimits {
    /// Notes of one role that may be left out because they have no code, at all or in the label set.
    pub left_out_notes: f64,
    /// (Note, code) pairs of the validation or evaluation notes whose code no training note has.
    pub unknown_codes: f64,
    /// (Note, code) pairs of one role whose code most notes spell otherwise.
    pub respelt_codes: f64,
    /// Validation or evaluation notes with the text of a training note.
    pub repeated_texts: f64,
}

impl Default for DataLimits {
    /// What holds where a suite's `[limits]` says nothing.
    fn default() -> Self {
        Self {
            left_out_notes: 0.5,
            unknown_codes: 0.5,
            respelt_codes: 0.01,
            repeated_texts: 0.01,
        }
    }
}

/// With fewer pairs than this, half of a part's codes can be new to training by chance.
const FEW_PAIRS: u64 = 100;

/// How the roles of a division go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agreement {
    /// Of the training notes.
    pub fit: RoleAgreement,
    /// Of the validation notes.
    pub validation: RoleAgreement,
    /// Of the evaluation notes.
    pub evaluation: RoleAgreement,
}

/// How the notes of one role go with the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RoleAgreement {
    /// Notes of the role.
    pub notes: u64,
    /// (Note, code) pairs.
    pub pairs: u64,
    /// Pairs whose code no training note has; 0 for the training notes.
    pub unknown: u64,
    /// Pairs whose code is spelt otherwise in more of the division's notes.
    pub respelt: u64,
    /// Notes with the text of a training note; 0 for the training notes.
    pub repeated: u64,
}

impl Division {
    /// Counts what the roles have in common, before a label set is chosen.
    pub fn agreement(&self) -> Agreement {
        let roles = [self.fit.notes(), &self.validation, &self.evaluation];
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for code in roles.into_iter().flatten().flat_map(|note| &note.codes) {
            *counts.entry(code).or_default() += 1;
        }
        let respelt = respelt(&counts);
        let known: HashSet<&str> = codes(self.fit.notes()).collect();
        let texts: HashSet<&str> = self.fit.notes().iter().map(|note| note.text.trim()).collect();
        let count = |notes: &[Arc<Note>], held_out: bool| RoleAgreement {
            notes: notes.len() as u64,
            pairs: codes(notes).count() as u64,
            unknown: codes(notes).filter(|code| held_out && !known.contains(code)).count() as u64,
            respelt: codes(notes).filter(|code| respelt.contains(code)).count() as u64,
            repeated: notes
                .iter()
                .filter(|note| held_out && texts.contains(note.text.trim()))
                .count() as u64,
        };
        Agreement {
            fit: count(roles[0], false),
            validation: count(roles[1], true),
            evaluation: count(roles[2], true),
        }
    }
}

fn codes(notes: &[Arc<Note>]) -> impl Iterator<Item = &str> {
    notes.iter().flat_map(|note| &note.codes).map(String::as_str)
}

/// The codes that more notes spell otherwise.
fn respelt<'c>(counts: &BTreeMap<&'c str, u64>) -> HashSet<&'c str> {
    let mut groups: HashMap<String, Vec<(&'c str, u64)>> = HashMap::new();
    for (&code, &count) in counts {
        groups.entry(bare(code)).or_default().push((code, count));
    }
    let several = groups.into_values().filter(|group| group.len() > 1);
    several
        .flat_map(|group| {
            let minor = |&(code, count): &(&str, u64)| {
                let mut others = group.iter().filter(|(other, _)| *other != code && is_same(code, other));
                others.any(|&(other, of_other)| (of_other, code) > (count, other))
            };
            let minor: Vec<&str> = group
                .iter()
                .filter(|spelling| minor(spelling))
                .map(|(code, _)| *code)
                .collect();
            minor
        })
        .collect()
}

/// Letters and digits alone, in upper case.
fn bare(code: &str) -> String {
    let kept = code.chars().filter(|c| c.is_alphanumeric());
    kept.flat_map(char::to_uppercase).collect()
}

/// Whether two codes of equal letters and digits are one code: where both have a dot, at the same place. ICD-9's
/// diagnosis 038.9 and its procedure 03.89 are two, and so are its diagnosis 311, which has no dot, and its procedure 31.1.
fn is_same(left: &str, right: &str) -> bool {
    let dot = |code: &str| {
        let (before, _) = code.split_once('.')?;
        Some(bare(before).chars().count())
    };
    match (dot(left), dot(right)) {
        (Some(left), Some(right)) => left == right,
        (None, Some(2)) => !is_short_diagnosis(left),
        (Some(2), None) => !is_short_diagnosis(right),
        _ => true,
    }
}

/// Three digits: whole in ICD-9, and a procedure would have its dot.
fn is_short_diagnosis(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit())
}

impl Agreement {
    fn roles(&self) -> [(Role, &RoleAgreement); 3] {
        [
            (Role::Fit, &self.fit),
            (Role::Validation, &self.validation),
            (Role::Evaluation, &self.evaluation),
        ]
    }

    /// Refuses what would make scores wrong though nothing looks amiss.
    ///
    /// # Errors
    /// [`Error::TooMany`] of a role's pairs or notes.
    pub fn check(&self, limits: &DataLimits) -> Result<(), Error> {
        for (role, of_role) in self.roles() {
            let pairs = format!("(note, code) pairs for {role}");
            refuse_above(limits.respelt_codes, (of_role.respelt, of_role.pairs), || TooMany {
                what: format!("{pairs} spell a code otherwise than most notes do (its dot, its case)"),
                next: "codes that are spelt differently count as different codes: spell the codes of all parts one way",
                key: "respelt-codes",
            })?;
            if of_role.pairs >= FEW_PAIRS {
                refuse_above(limits.unknown_codes, (of_role.unknown, of_role.pairs), || TooMany {
                    what: format!("{pairs} have a code that no training note has"),
                    next: "see whether the tables of all parts are of one coding system and one release",
                    key: "unknown-codes",
                })?;
            }
            refuse_above(limits.repeated_texts, (of_role.repeated, of_role.notes), || TooMany {
                what: format!("notes for {role} have the text of a training note"),
                next: "what was trained on must not be tuned or scored on: take the copies out of one part",
                key: "repeated-texts",
            })?;
        }
        Ok(())
    }

    /// What was found and let through, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        for (role, of_role) in self.roles() {
            let RoleAgreement {
                notes,
                pairs,
                respelt,
                repeated,
                unknown,
            } = *of_role;
            if respelt > 0 {
                sentences.push(format!(
                    "{respelt} of {pairs} (note, code) pairs for {role} spell a code otherwise than most notes do (its \
                     dot, its case): they count as different codes"
                ));
            }
            if repeated > 0 {
                sentences.push(format!(
                    "{repeated} of {notes} notes for {role} have the text of a training note"
                ));
            }
            if unknown > 0 {
                sentences.push(format!(
                    "{unknown} of {pairs} (note, code) pairs for {role} have a code that no training note has"
                ));
            }
        }
        sentences
    }
}

/// Refuses a division that has lost too many of the notes of a role.
///
/// # Errors
/// [`Error::TooMany`].
pub fn check_left_out(dropped: [Dropped; 2], kept: [usize; 3], limits: &DataLimits) -> Result<(), Error> {
    let of = |role: fn(&Dropped) -> usize| dropped.iter().map(role).sum::<usize>() as u64;
    let left_out = [of(|d| d.fit), of(|d| d.validation), of(|d| d.evaluation)];
    let roles = [Role::Fit, Role::Validation, Role::Evaluation];
    for ((role, left_out), kept) in roles.into_iter().zip(left_out).zip(kept) {
        refuse_above(limits.left_out_notes, (left_out, left_out + kept as u64), || TooMany {
            what: format!("notes for {role} are left out, as they have no code, at all or in the label set"),
            next: "scores would be those of the others: see whether the codes of all parts are spelt one way, or choose a \
                   wider label rule or notes-without-codes = \"keep\"",
            key: "left-out-notes",
        })?;
    }
    Ok(())
}

struct TooMany {
    what: String,
    next: &'static str,
    key: &'static str,
}

fn refuse_above(limit: f64, (found, total): (u64, u64), words: impl FnOnce() -> TooMany) -> Result<(), Error> {
    let share = found as f64 / total.max(1) as f64;
    if share <= limit {
        return Ok(());
    }
    let TooMany { what, next, key } = words();
    Err(Error::TooMany {
        found,
        total,
        what,
        limit,
        next,
        key,
        // Rounded up, so that it can be written as it stands.
        needed: (share * 100.0).ceil() / 100.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarer_of_two_spellings_of_one_code_is_found() {
        let found = |counts: &[(&str, u64)]| {
            let counts: BTreeMap<&str, u64> = counts.iter().copied().collect();
            let mut found: Vec<String> = respelt(&counts).into_iter().map(str::to_owned).collect();
            found.sort();
            found.join(" ")
        };
        assert_eq!(found(&[("J18.9", 5), ("J189", 2), ("I10", 9)]), "J189");
        assert_eq!(found(&[("J18.9", 2), ("j18.9", 5)]), "J18.9");
        assert_eq!(found(&[("J18.9", 5), ("J18.9 ", 5)]), "J18.9 ");
        // A diagnosis and a procedure of ICD-9.
        assert_eq!(found(&[("038.9", 5), ("03.89", 2)]), "");
        assert_eq!(found(&[("038.9", 5), ("03.89", 2), ("0389", 1)]), "0389");
        assert_eq!(found(&[("311", 5), ("31.1", 2)]), "");
        assert_eq!(found(&[("31.10", 5), ("3110", 2)]), "3110");
        assert_eq!(found(&[("A00", 1), ("A01", 2)]), "");
    }
}
