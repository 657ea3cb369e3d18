//! Mentions that are not coded: conditions denied, excluded, suspected for a while, long past, or of the family. They are
//! what a model that only matches words falls for.

use super::bank::{BANK, Course};
use super::draw::Draw;
use super::phrases::{Person, pool};

/// A sentence whose conditions are not coded.
pub(super) struct Distractor {
    pub(super) text: String,
    /// The sections that may hold it.
    pub(super) sections: &'static [&'static str],
}

/// Words of text for each mention that is not coded.
const WORDS_PER_DISTRACTOR: u32 = 230;
/// Most mentions that are not coded in a note.
const MOST_DISTRACTORS: u32 = 24;
/// Ways to mention a condition that is not coded: pool, weight, sections that may hold it.
const KINDS: [(&str, u32, &[&str]); 5] = [
    ("denied", 20, &["hpi", "progress", "consult", "nursing"]),
    (
        "negated",
        30,
        &["hpi", "exam", "imaging", "course", "progress", "consult"],
    ),
    ("family-history", 18, &["family"]),
    ("resolved", 15, &["pmh", "hpi", "consult"]),
    ("differential", 17, &["course", "hpi", "consult", "progress"]),
];

/// The sentences, more or less one in every [`WORDS_PER_DISTRACTOR`] words, for a note with these codes.
pub(super) fn draw_for(words: u32, person: Person, codes: &[usize], draw: &mut Draw) -> Vec<Distractor> {
    let count = (draw.below(2) + words / WORDS_PER_DISTRACTOR).min(MOST_DISTRACTORS);
    let candidates: Vec<usize> = (0..BANK.entries.len())
        .filter(|&code| may_distract(code, person, codes))
        .collect();
    let weights = KINDS.map(|(_, weight, _)| weight);
    let mut used: Vec<usize> = Vec::new();
    let mut distractors = Vec::new();
    for _ in 0..count {
        let (kind, _, sections) = KINDS[draw.weighted(&weights).unwrap_or(0)];
        let template = draw.pick(pool(kind));
        let wordings: Vec<&str> = (0..template.slots())
            .filter_map(|_| wording(kind, &candidates, codes, &mut used, draw))
            .collect();
        if wordings.len() == template.slots() {
            distractors.push(Distractor {
                text: template.render(person, &wordings, draw).text,
                sections,
            });
        }
    }
    distractors
}

/// A condition may be mentioned without being coded when neither it nor a relative of it is coded.
fn may_distract(code: usize, person: Person, codes: &[usize]) -> bool {
    let entry = &BANK.entries[code];
    let related =
        |&gold: &usize| BANK.conflict(code, gold) || code == gold || BANK.entries[gold].category() == entry.category();
    matches!(entry.course, Course::Chronic | Course::Acute)
        && !entry.unseen
        && !entry.code.starts_with(['O', 'P', 'Q'])
        && entry.fits_sex(person.female)
        && !codes.iter().any(related)
}

/// Draws a condition, common ones more often, and a wording of it in which no gold code's wording is contained.
fn wording(
    kind: &str,
    candidates: &[usize],
    codes: &[usize],
    used: &mut Vec<usize>,
    draw: &mut Draw,
) -> Option<&'static str> {
    let weight = |&code: &usize| {
        let entry = &BANK.entries[code];
        let fits = match kind {
            "denied" => entry.code.starts_with('R'),
            "family-history" => entry.course == Course::Chronic,
            "resolved" => entry.course == Course::Acute && !entry.never_past,
            _ => true,
        };
        if fits && !used.contains(&code) {
            60 + entry.rate.min(1_500)
        } else {
            0
        }
    };
    let weights: Vec<u32> = candidates.iter().map(weight).collect();
    let code = candidates[draw.weighted(&weights)?];
    used.push(code);
    let names_gold = |wording: &str| {
        let wording = wording.to_lowercase();
        codes
            .iter()
            .flat_map(|&gold| &BANK.entries[gold].wordings)
            .any(|w| wording.contains(&w.to_lowercase()))
    };
    let free: Vec<&str> = BANK.entries[code]
        .wordings
        .iter()
        .copied()
        .filter(|w| !names_gold(w))
        .collect();
    if free.is_empty() {
        None
    } else {
        Some(free[draw.skewed(free.len())])
    }
}
