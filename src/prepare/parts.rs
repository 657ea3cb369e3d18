//! Which document is in which part: as a published list says, or drawn by patient.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::draft::Draft;
use super::error::Error;
use super::export::{Export, changed};
use super::request::Request;
use super::stratify;
use crate::data::prepared::Input;
use crate::data::synthetic::exports::OWN_SPLIT;
use crate::data::{
    CodesOf, Mimic3Recipe, Mimic4Recipe, PARTS, Recipe, Shares, SplitList, SplitRule, WithoutCodes, draw_parts,
};

/// Gives every document its part; those that have none are left out, and so are those without codes where the recipe says.
pub(super) fn assign(draft: &mut Draft, request: &Request<'_>, recipe: &Recipe, export: &Export) -> Result<(), Error> {
    match recipe.split() {
        SplitRule::Published(name) => published(draft, request, (recipe, export), name)?,
        SplitRule::ByPatient(shares) => by_patient(draft, shares)?,
        SplitRule::Stratified(shares) => stratify::assign(draft, check(shares)?),
    }
    if let Recipe::Visits(rules) = recipe {
        keep_in_scope(draft, rules.more_than);
    }
    let without = match recipe {
        Recipe::Mimic3(rules) => rules.without_codes,
        Recipe::Mimic4(rules) => rules.without_codes,
        Recipe::Visits(rules) => rules.without_codes,
    };
    match without {
        WithoutCodes::Drop => draft.retain("documents without a code, left out", |note| !note.codes.is_empty()),
        WithoutCodes::Keep => {
            let count = draft.notes.iter().filter(|note| note.codes.is_empty()).count();
            draft.step("documents without a code, kept", count as u64);
        }
    }
    if draft.notes.iter().all(|note| note.codes.is_empty()) {
        return Err(Error::Nothing {
            reason: "none of them has a code; see the tables of codes, and the rules that remove codes".into(),
        });
    }
    for (place, name) in PARTS.iter().enumerate() {
        let count = draft.notes.iter().filter(|note| note.part == Some(place as u8)).count();
        draft.step(format!("documents for {name}"), count as u64);
        if count == 0 {
            return Err(Error::Nothing {
                reason: format!("the part {name} is empty; see what the steps before left, or give other shares"),
            });
        }
    }
    Ok(())
}

/// A published list and the directory that it lies in; of a generated export the generator's own.
pub(super) fn list<'a>(
    request: &Request<'a>,
    export: &'a Export,
    name: &str,
) -> Result<(SplitList, Option<&'a Path>), Error> {
    // Its name is looked up in any case.
    let entry = request.registry.split(name)?;
    if has_own(export) {
        let list = SplitList::read_columns(&export.from.join(OWN_SPLIT), OWN_SPLIT)?;
        return Ok((list, Some(&export.from)));
    }
    Ok((SplitList::read(name, entry, request.data)?, request.data))
}

fn has_own(export: &Export) -> bool {
    export.generated && export.from.join(OWN_SPLIT).exists()
}

fn published(
    draft: &mut Draft,
    request: &Request<'_>,
    (recipe, export): (&Recipe, &Export),
    name: &str,
) -> Result<(), Error> {
    let (list, at) = list(request, export, name)?;
    for (path, facts, rows) in &list.files {
        draft.inputs.push(Input {
            path: path.clone(),
            bytes: facts.bytes,
            sha256: facts.sha256.clone(),
            rows: *rows,
            changed: at.map_or(0, |at| changed(&at.join(path))),
        });
    }
    draft.step(format!("admissions of the split {name}"), list.len() as u64);
    let present: HashSet<&str> = draft.notes.iter().map(|note| note.admission.as_str()).collect();
    let missing = list.iter().filter(|(id, _)| !present.contains(id)).count() as u64;
    match has_own(export) {
        // A generator's list is of all that it made, whatever the recipe then leaves.
        true => draft.step("of these, without a document", missing),
        false if missing > 0 => {
            return Err(Error::SplitMissing {
                name: name.into(),
                missing,
                total: list.len() as u64,
            });
        }
        false => {}
    }
    for note in &mut draft.notes {
        note.part = list.part(&note.admission);
    }
    draft.retain(
        format!("documents that the split {name} does not have, left out"),
        |note| note.part.is_some(),
    );
    check_codeless(draft, request, (recipe, export), name)
}

/// How many admissions of a published list have no code is known: another number is another export.
fn check_codeless(
    draft: &Draft,
    request: &Request<'_>,
    (recipe, export): (&Recipe, &Export),
    name: &str,
) -> Result<(), Error> {
    let (Recipe::Mimic3(Mimic3Recipe { codes, .. }) | Recipe::Mimic4(Mimic4Recipe { codes, .. })) = recipe else {
        return Ok(());
    };
    let known = request
        .registry
        .split(name)?
        .without_codes
        .filter(|_| *codes == CodesOf::Both && !has_own(export));
    let found = draft.notes.iter().filter(|note| !note.had_codes).count() as u64;
    match known {
        Some(expected) if expected != found => Err(Error::Content {
            file: "the tables of codes".into(),
            found: format!("{found} admissions of the split {name} without any code"),
            expected: format!("{expected}, as the published data have"),
            next: "see that the tables are whole and of the version that the list is of".into(),
        }),
        _ => Ok(()),
    }
}

/// Removes the codes that no more than so many training notes have.
fn keep_in_scope(draft: &mut Draft, more_than: u32) {
    let mut counts: HashMap<u32, u32> = HashMap::new();
    for code in draft
        .notes
        .iter()
        .filter(|note| note.part == Some(0))
        .flat_map(|note| &note.codes)
    {
        *counts.entry(code.code).or_default() += 1;
    }
    counts.retain(|_, count| *count > more_than);
    for note in &mut draft.notes {
        note.codes.retain(|code| counts.contains_key(&code.code));
    }
    draft.step(
        format!("codes in scope: in more than {more_than} training notes"),
        counts.len() as u64,
    );
}

/// Patients in a random order: the first for the test, the next for dev.
fn by_patient(draft: &mut Draft, shares: &Shares) -> Result<(), Error> {
    check(shares)?;
    let parts = draw_parts(draft.notes.iter().map(|note| note.subject.as_str()), shares);
    for note in &mut draft.notes {
        note.part = parts.get(&note.subject).map(|&place| place as u8);
    }
    draft.step("patients, drawn into parts", parts.len() as u64);
    Ok(())
}

fn check(shares: &Shares) -> Result<&Shares, Error> {
    let problem = |(found, expected): (String, String)| Error::Rule {
        problem: format!("split: found {found}, expected {expected}"),
    };
    shares.check().map(|()| shares).map_err(problem)
}

/// Patients who have documents in several parts.
pub(super) fn patients_in_several(draft: &Draft) -> u64 {
    let mut parts: BTreeMap<&str, BTreeSet<Option<u8>>> = BTreeMap::new();
    for note in &draft.notes {
        parts.entry(&note.subject).or_default().insert(note.part);
    }
    parts.values().filter(|parts| parts.len() > 1).count() as u64
}
