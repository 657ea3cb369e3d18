//! Writes one note: places the sentences that name its codes over the sections, adds mentions that are not coded, fills
//! up with text that names no condition, and records where each code's wording stands.

use std::ops::Range;

use super::bank::{BANK, Course};
use super::distractor::{self, Distractor};
use super::draw::Draw;
use super::filler::{Filler, count_words};
use super::orders;
use super::patient::Patient;
use super::phrases::{Person, Rendered, Template, pool};
use super::section::{self, Layout, Section};
use crate::data::{CodeKind, Evidence, Note};

/// A sentence or line, with the codes it supports.
struct Unit {
    text: String,
    /// (byte range in the text, index into the bank).
    gold: Vec<(Range<usize>, usize)>,
}

impl Unit {
    /// A sentence that supports no code.
    fn filler(text: String) -> Self {
        Self { text, gold: Vec::new() }
    }
}

/// A section under construction.
struct Draft {
    section: &'static Section,
    /// Sentences that must be in it.
    placed: Vec<Unit>,
    /// The whole of it, in order.
    units: Vec<Unit>,
}

/// Percent of codes mentioned twice.
const SECOND_MENTION: u32 = 50;
/// Percent of second mentions that use another wording.
const OTHER_WORDING: u32 = 60;
/// Percent of notes whose chief complaint is one of the coded conditions.
const CODED_COMPLAINT: u32 = 40;
/// Notes of nurses, doctors and consultants on one day of the stay.
const WARD_NOTES_PER_DAY: u32 = 3;

/// Writes the note of one admission; `codes` are sorted indices into the bank.
pub(super) fn note(
    id: String,
    patient_id: String,
    patient: &Patient,
    codes: &[usize],
    median_words: u32,
    draw: &mut Draw,
) -> Note {
    let words = section::length(median_words, draw);
    let medications = orders::medications(codes, draw);
    let person = Person {
        female: patient.female,
        age: patient.age,
        medications: &medications,
    };
    let draft = |section| Draft {
        section,
        placed: Vec::new(),
        units: Vec::new(),
    };
    let mut drafts: Vec<Draft> = section::layout(words, draw).into_iter().map(draft).collect();
    place_codes(&mut drafts, person, codes, draw);
    for Distractor { text, sections } in distractor::draw_for(words, person, codes, draw) {
        let places: Vec<usize> = (0..drafts.len())
            .filter(|&at| sections.contains(&drafts[at].section.pool))
            .collect();
        if !places.is_empty() {
            drafts[*draw.pick(&places)].placed.push(Unit::filler(text));
        }
    }
    let head = head(person, codes, words, draw);
    fill(
        &mut drafts,
        person,
        codes,
        words.saturating_sub(count_words(&head)),
        draw,
    );
    let (text, gold) = assemble(head, &drafts, draw);
    let evidence = evidence(&text, gold);
    let codes = codes.iter().map(|&code| BANK.entries[code].code.to_owned()).collect();
    Note {
        id,
        patient: patient_id,
        text,
        codes,
        evidence,
    }
}

/// Names every code once or twice, in sections drawn by their weights.
fn place_codes(drafts: &mut [Draft], person: Person, codes: &[usize], draw: &mut Draw) {
    let acute: Vec<usize> = codes
        .iter()
        .copied()
        .filter(|&code| BANK.entries[code].course == Course::Acute)
        .collect();
    let complaint = match drafts.iter().position(|draft| draft.section.pool == "complaint") {
        Some(at) if !acute.is_empty() && draw.percent(CODED_COMPLAINT) => Some((at, *draw.pick(&acute))),
        _ => None,
    };
    for &code in codes {
        let entry = &BANK.entries[code];
        let first = draw.skewed(entry.wordings.len());
        let step = if draw.percent(OTHER_WORDING) {
            1 + draw.below(entry.wordings.len() as u32 - 1) as usize
        } else {
            0
        };
        let mentions = if draw.percent(SECOND_MENTION) { 2 } else { 1 };
        for turn in 0..mentions {
            let wording = entry.wordings[(first + turn * step) % entry.wordings.len()];
            if let Some((at, _)) = complaint.filter(|&(_, chief)| turn == 0 && chief == code) {
                drafts[at].placed.push(Unit {
                    text: wording.to_owned(),
                    gold: vec![(0..wording.len(), code)],
                });
                continue;
            }
            let weights: Vec<u32> = drafts.iter().map(|d| d.section.mention_weight(entry.course)).collect();
            // OK because history and hospital course are always there and may name every code.
            let draft = &mut drafts[draw.weighted(&weights).unwrap()];
            let template = draw.pick(mention_pool(draft.section));
            let Rendered { text, mentions } = template.render(person, &[wording], draw);
            draft.placed.push(Unit {
                text,
                gold: mentions.into_iter().map(|span| (span, code)).collect(),
            });
        }
    }
}

fn mention_pool(section: &Section) -> &'static [Template] {
    if section.pool.starts_with("meds-") {
        pool("meds-mention")
    } else {
        pool(&format!("{}-mention", section.pool))
    }
}

/// Brings the note to `words` words with text that names no condition, then puts the placed sentences anywhere among it.
fn fill(drafts: &mut [Draft], person: Person, codes: &[usize], words: u32, draw: &mut Draw) {
    let placed: u32 = drafts
        .iter()
        .flat_map(|d| &d.placed)
        .map(|unit| count_words(&unit.text))
        .sum();
    let shares: u32 = drafts.iter().map(|draft| draft.section.filler).sum();
    let mut filler = Filler::new(person, codes, words.saturating_sub(placed), shares);
    for draft in drafts {
        let texts = filler.section(draft.section, !draft.placed.is_empty(), draw);
        draft.units.extend(texts.into_iter().map(Unit::filler));
        for unit in draft.placed.drain(..) {
            let at = draw.below(draft.units.len() as u32 + 1) as usize;
            draft.units.insert(at, unit);
        }
        if draft.section.pool == "hpi" {
            let opening = draw.pick(pool("hpi-opening")).render(person, &[], draw).text;
            draft.units.insert(0, Unit::filler(opening));
        }
    }
}

/// The administrative lines at the top.
fn head(person: Person, codes: &[usize], words: u32, draw: &mut Draw) -> String {
    let sex = if person.female { "F" } else { "M" };
    let obstetric = codes.iter().any(|&code| BANK.entries[code].code.starts_with('O'));
    let services = pool(if obstetric { "service-obstetric" } else { "service" });
    let service = draw.pick(services).render(person, &[], draw).text;
    if words < 200 {
        return format!("Sex: {sex}  Service: {service}\n");
    }
    format!(
        "Name: ___  Unit No: ___\n\nAdmission Date: ___  Discharge Date: ___\n\nDate of Birth: ___  Sex: {sex}\n\n\
         Service: {service}\n\nAttending: ___\n\nAllergies: ___\n"
    )
}

/// Joins the sections; returns the text and where (in bytes) each code is named, in order.
fn assemble(head: String, drafts: &[Draft], draw: &mut Draw) -> (String, Vec<(Range<usize>, usize)>) {
    let mut text = head;
    let mut gold = Vec::new();
    let capitals = draw.percent(40);
    let mut ward_notes = 0;
    for Draft { section, units, .. } in drafts {
        let heading = *draw.pick(section.headings);
        if units.is_empty() {
            continue;
        }
        let mut heading = if capitals {
            heading.to_uppercase()
        } else {
            heading.to_owned()
        };
        if section.repeated() {
            ward_notes += 1;
            heading.push_str(&format!(" (HD {})", 1 + ward_notes / WARD_NOTES_PER_DAY));
        }
        text.push_str(&format!("\n{heading}:\n"));
        for (i, unit) in units.iter().enumerate() {
            match section.layout {
                Layout::Numbered => text.push_str(&format!("{}. ", i + 1)),
                Layout::Prose if i > 0 => text.push_str(separator(unit, draw)),
                _ => {}
            }
            gold.extend(
                unit.gold
                    .iter()
                    .map(|(span, code)| (text.len() + span.start..text.len() + span.end, *code)),
            );
            text.push_str(&unit.text);
            if section.layout != Layout::Prose {
                text.push('\n');
            }
        }
        if section.layout == Layout::Prose {
            text.push('\n');
        }
    }
    (text, gold)
}

/// Problems (`# ...`) open a paragraph; other sentences mostly go on.
fn separator(unit: &Unit, draw: &mut Draw) -> &'static str {
    if unit.text.starts_with('#') {
        "\n\n"
    } else if draw.percent(18) {
        "\n"
    } else {
        " "
    }
}

/// Turns ordered byte ranges into character ranges, one piece of evidence for each mention.
fn evidence(text: &str, gold: Vec<(Range<usize>, usize)>) -> Vec<Evidence> {
    let (mut byte, mut character) = (0, 0);
    let mut position = |to: usize| {
        character += text[byte..to].chars().count();
        byte = to;
        character
    };
    let one = |(span, code): (Range<usize>, usize)| {
        let start = position(span.start);
        let end = position(span.end);
        let spans = std::iter::once(start..end).collect();
        Evidence {
            code: BANK.entries[code].code.to_owned(),
            kind: CodeKind::Diagnosis,
            spans,
        }
    };
    gold.into_iter().map(one).collect()
}
