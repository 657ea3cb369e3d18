//! One admission as an export has it: its rows, before they are written.

use super::super::bank::BANK;
use super::super::draw::Draw;
use super::super::generate;
use super::super::patient::{Part, Patient, Plan};
use super::codes;
use super::settings::{ExportSettings, Shape};

/// A patient with the numbers of the admissions.
pub(super) struct Laid {
    pub plan: Plan,
    pub numbers: Vec<u32>,
}

/// A hospital stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The patient.
    pub subject: u32,
    /// The stay.
    pub admission: u32,
    /// The part that the generator gave the patient to.
    pub part: Part,
    /// Discharge summaries and addenda in the order of the rows; none for a few.
    pub reports: Vec<Report>,
    /// Rows of the table of diagnoses, in their order there.
    pub diagnoses: Vec<ListedCode>,
    /// Rows of the table of procedures.
    pub procedures: Vec<ListedCode>,
    /// Notes of other categories.
    pub others: Vec<OtherNote>,
}

/// A row of notes that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `Report` or `Addendum`.
    pub description: &'static str,
    /// As the table has it.
    pub chart_date: String,
    /// As the table has it; mostly missing.
    pub chart_time: String,
    /// Whether a physician marked it as an error.
    pub is_error: bool,
    /// The whole of it.
    pub text: String,
}

/// A row of a table of codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCode {
    /// The place in the list; missing for a few.
    pub order: Option<u32>,
    /// Without a dot; missing for a few.
    pub code: Option<String>,
    /// Of which version of the ICD.
    pub version: u8,
}

/// A row of notes that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherNote {
    /// Its category.
    pub category: &'static str,
    /// What is in it.
    pub text: String,
    /// Whether the row names the admission.
    pub of_admission: bool,
}

/// Admissions of the published full list that have no code.
const CODELESS: [u32; 4] = [109_963, 110_220, 142_890, 182_252];
const OTHER_CATEGORIES: [&str; 5] = ["Nursing/other", "Radiology", "ECG", "Physician ", "Nursing"];

pub(super) fn of_patient(index: usize, laid: &Laid, settings: &ExportSettings) -> Vec<Admission> {
    let stream = index as u64 + 1;
    let mut draw = Draw::new(settings.notes.seed, stream);
    let patient = Patient::draw(&laid.plan, &mut draw);
    let subject = 10_000 + index as u32 * 3;
    let of = |(&number, codes): (&u32, &Vec<usize>)| {
        one((subject, number), laid.plan.part, &patient, codes, settings, &mut draw)
    };
    let mut admissions: Vec<Admission> = laid.numbers.iter().zip(&patient.admissions).map(of).collect();
    if settings.listed.is_empty() && index % 40 == 7 {
        // A stay without any document, whose codes nobody may count.
        let codes = vec![listed(1, "0999"), listed(2, "4019")];
        admissions.push(Admission {
            subject,
            admission: 900_000 + index as u32,
            part: laid.plan.part,
            reports: Vec::new(),
            diagnoses: codes,
            procedures: Vec::new(),
            others: Vec::new(),
        });
    }
    admissions
}

fn listed(order: u32, code: &str) -> ListedCode {
    ListedCode {
        order: Some(order),
        code: Some(code.into()),
        version: 9,
    }
}

fn one(
    (subject, number): (u32, u32),
    part: Part,
    patient: &Patient,
    chosen: &[usize],
    settings: &ExportSettings,
    draw: &mut Draw,
) -> Admission {
    let words = settings.notes.median_words;
    let note = generate::note(String::new(), String::new(), patient, chosen, words, draw);
    let version = match (settings.shape, settings.version) {
        (Shape::Mimic3, _) => 9,
        (Shape::Visits, _) => 10,
        (Shape::Mimic4, Some(version)) => version,
        (Shape::Mimic4, None) => *draw.pick(&[9, 9, 10]),
    };
    let codeless = match settings.listed.is_empty() {
        true => draw.percent(1),
        false => CODELESS.contains(&number),
    };
    let mut text = note.text;
    let mut diagnoses = Vec::new();
    let mut procedures = Vec::new();
    if !codeless {
        for (place, &code) in chosen.iter().enumerate() {
            let variant = variant(settings.variants, draw);
            if variant > 0 {
                text.push_str(&format!("\n{}: form {variant}.", BANK.entries[code].title));
            }
            diagnoses.push(ListedCode {
                order: Some(place as u32 + 1),
                code: Some(match version {
                    9 => codes::diagnosis_9(code, variant, settings.variants),
                    _ => codes::diagnosis_10(code, variant),
                }),
                version,
            });
        }
        text.push_str("\n\nMajor Surgical or Invasive Procedure:\n");
        for place in 0..draw.below(4) {
            let procedure = match draw.percent(50) {
                true => draw.below(codes::FREQUENT_PROCEDURES),
                false => draw.skewed(codes::PROCEDURES as usize) as u32,
            };
            text.push_str(&format!("{}\n", codes::procedure_title(procedure)));
            procedures.push(ListedCode {
                order: Some(place + 1),
                code: Some(match version {
                    9 => codes::procedure_9(procedure),
                    _ => codes::procedure_10(procedure),
                }),
                version,
            });
        }
    }
    blemish(&mut diagnoses, version, draw);
    let mut admission = Admission {
        subject,
        admission: number,
        part,
        reports: Vec::new(),
        diagnoses,
        procedures,
        others: Vec::new(),
    };
    admission.reports = match settings.shape {
        Shape::Mimic3 => reports(text, number, draw),
        Shape::Mimic4 | Shape::Visits => summaries(text, draw),
    };
    for _ in 0..settings.others {
        let other = other(&admission.reports[0].text, draw);
        admission.others.push(other);
    }
    admission
}

/// Which of the codes that one stands for; early ones are likelier.
fn variant(variants: u32, draw: &mut Draw) -> u32 {
    match variants {
        0 | 1 => 0,
        several => draw.skewed(several as usize) as u32,
    }
}

/// Rows that a table of codes has and should not.
fn blemish(list: &mut Vec<ListedCode>, version: u8, draw: &mut Draw) {
    if list.is_empty() {
        return;
    }
    if draw.percent(4) {
        // A code twice.
        let mut again = list[0].clone();
        again.order = Some(list.len() as u32 + 1);
        list.push(again);
    }
    if draw.percent(4) {
        list.push(ListedCode {
            order: None,
            code: None,
            version,
        });
    }
    if draw.percent(30) {
        // Rows out of the order of their numbers.
        list.reverse();
    }
}

/// A summary with what comes beside it in MIMIC-III.
fn reports(text: String, number: u32, draw: &mut Draw) -> Vec<Report> {
    let date = format!(
        "21{:02}-{:02}-{:02}",
        number % 90 + 10,
        number % 12 + 1,
        number % 28 + 1
    );
    let report = |description, text: String, date: &str, time: &str| Report {
        description,
        chart_date: date.into(),
        chart_time: time.into(),
        is_error: false,
        text,
    };
    let header = format!("Admission Date:  [**{date}**]              Discharge Date:   [**{date}**]\n\n");
    let mut text = header + &text;
    match draw.below(12) {
        0 => text = text.replace('\n', "\r\n"),
        1 => text.push('\r'),
        2 => text.push_str("\nFamily: \"he was fine\", they said; \"\" twice.\n"),
        3 => text.push_str(", trailing comma,\n\n\n"),
        4 => text.insert_str(0, "\n  \t"),
        5 => {
            text.push_str("\nTemp 38,5\u{b0}C, na\u{ef}ve to \u{3b2}-blockers \u{2014} r\u{e9}sum\u{e9}.\u{2028}\u{a0}")
        }
        _ => {}
    }
    let mut reports = vec![report("Report", text, &date, "")];
    match draw.below(10) {
        0 => {
            let time = format!("{date} 09:3{}:00", number % 10);
            reports.push(report(
                "Addendum",
                format!("Addendum:\nThe patient left at {}.\n", number % 24),
                &date,
                &time,
            ));
        }
        1 => {
            // The addendum's row comes first, and again.
            let addendum = report("Addendum", "Addendum:\nFollow-up as arranged.".into(), &date, "");
            reports.insert(0, addendum.clone());
            reports.push(addendum);
        }
        2 => {
            let later = format!("2199-01-0{}", number % 9 + 1);
            reports.insert(
                0,
                report(
                    "Report",
                    "Second summary after transfer.".into(),
                    &later,
                    &format!("{later} 10:00:00"),
                ),
            );
        }
        3 if number.is_multiple_of(3) => reports[0].is_error = true,
        _ => {}
    }
    reports
}

/// The same in MIMIC-IV, where an admission has one summary.
fn summaries(text: String, draw: &mut Draw) -> Vec<Report> {
    let report = |text: String| Report {
        description: "DS",
        chart_date: String::new(),
        chart_time: String::new(),
        is_error: false,
        text,
    };
    let text = format!(" \nName:  ___                    Unit No:   ___\n \n{text}");
    match draw.below(30) {
        0 => vec![report(text.clone()), report(text)],
        1 => {
            let other = format!("Another summary of the same stay, number {}.", draw.below(1_000_000));
            vec![report(text), report(other)]
        }
        _ => vec![report(text)],
    }
}

/// A note that does not count: a stretch of the summary.
fn other(text: &str, draw: &mut Draw) -> OtherNote {
    let start = draw.below(text.len() as u32) as usize;
    let at = |mut place: usize| {
        while !text.is_char_boundary(place) {
            place -= 1;
        }
        place
    };
    let (start, end) = (at(start), at((start + 2400).min(text.len())));
    OtherNote {
        category: OTHER_CATEGORIES[draw.below(OTHER_CATEGORIES.len() as u32) as usize],
        text: format!("NPN 7a-7p \"{}\"\n", &text[start..end]),
        of_admission: draw.percent(90),
    }
}
