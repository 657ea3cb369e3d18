//! What is ordered for a patient: medications and laboratory tests. Both lean, weakly, on the patient's codes (metformin
//! with diabetes, a low sodium with hyponatraemia) and carry noise, as charts do.

use std::sync::LazyLock;

use super::bank::{BANK, number, rows, words};
use super::draw::Draw;

/// A medication of `drugs.tsv`.
pub(super) struct Drug {
    pub(super) name: &'static str,
    doses: Vec<&'static str>,
    /// Prefixes of codes that it is given for.
    used_for: Vec<&'static str>,
}

/// A medication with its dose.
pub(super) struct Medication {
    pub(super) name: &'static str,
    dose: &'static str,
}

/// Most lines of a medication list.
const MOST_MEDICATIONS: usize = 28;

/// A laboratory test of `labs.tsv`; values are integers scaled by `10^decimals`.
struct Analyte {
    panel: &'static str,
    name: &'static str,
    decimals: u32,
    normal: (u32, u32),
    raised: (u32, u32),
    raised_by: Vec<&'static str>,
    lowered: (u32, u32),
    lowered_by: Vec<&'static str>,
}

pub(super) static DRUGS: LazyLock<Vec<Drug>> = LazyLock::new(|| {
    let drug = |row: &Vec<&'static str>| Drug {
        name: row[0],
        doses: row[1].split('|').collect(),
        used_for: words(row[2]),
    };
    rows(include_str!("drugs.tsv"), 3).iter().map(drug).collect()
});

static ANALYTES: LazyLock<Vec<Analyte>> = LazyLock::new(|| {
    rows(include_str!("labs.tsv"), 11)
        .iter()
        .map(|row| analyte(row))
        .collect()
});

static PANELS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut panels: Vec<_> = ANALYTES.iter().map(|a| a.panel).collect();
    panels.dedup();
    panels
});

fn analyte(row: &[&'static str]) -> Analyte {
    let range = |from: usize| (number(row[from]), number(row[from + 1]));
    Analyte {
        panel: row[0],
        name: row[1],
        decimals: number(row[2]),
        normal: range(3),
        raised: range(5),
        raised_by: words(row[7]),
        lowered: range(8),
        lowered_by: words(row[10]),
    }
}

fn linked(prefixes: &[&str], codes: &[usize]) -> bool {
    codes.iter().any(|&code| {
        prefixes
            .iter()
            .any(|prefix| BANK.entries[code].code.starts_with(prefix))
    })
}

/// What the patient takes: drugs linked to the codes more often than not, others rarely.
pub(super) fn medications(codes: &[usize], draw: &mut Draw) -> Vec<Medication> {
    let mut order: Vec<&Drug> = DRUGS.iter().collect();
    draw.shuffle(&mut order);
    let mut medications = Vec::new();
    for drug in order {
        let chance = if linked(&drug.used_for, codes) { 55 } else { 4 };
        if draw.percent(chance) && medications.len() < MOST_MEDICATIONS {
            medications.push(Medication {
                name: drug.name,
                dose: draw.pick::<&str>(&drug.doses),
            });
        }
    }
    medications
}

impl Medication {
    /// Such as `Lisinopril 10 mg PO DAILY`.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.name, self.dose)
    }
}

/// One line of results, such as `___ 06:10AM BLOOD WBC-8.1 Hgb-11.2* Plt-210`.
pub(super) fn laboratory_line(codes: &[usize], draw: &mut Draw) -> String {
    let panel = *draw.pick(&PANELS);
    let mut line = format!("___ {:02}:{:02}AM BLOOD", draw.between(3, 11), draw.below(60));
    for analyte in ANALYTES.iter().filter(|a| a.panel == panel) {
        if draw.percent(88) {
            line.push_str(&analyte.result(codes, draw));
        }
    }
    line
}

impl Analyte {
    fn result(&self, codes: &[usize], draw: &mut Draw) -> String {
        let dice = draw.below(100);
        let range = if dice < 60 && linked(&self.raised_by, codes) {
            self.raised
        } else if dice < 60 && linked(&self.lowered_by, codes) {
            self.lowered
        } else {
            match dice {
                90..95 => self.raised,
                95.. => self.lowered,
                _ => self.normal,
            }
        };
        let value = draw.between(range.0, range.1);
        let flag = if (self.normal.0..=self.normal.1).contains(&value) {
            ""
        } else {
            "*"
        };
        format!(" {}-{}{flag}", self.name, scaled(value, self.decimals))
    }
}

fn scaled(value: u32, decimals: u32) -> String {
    let unit = 10u32.pow(decimals);
    match decimals {
        0 => value.to_string(),
        _ => format!("{}.{:0width$}", value / unit, value % unit, width = decimals as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order_and_links_name_codes_of_the_bank() {
        let known = |prefix: &&'static str| BANK.entries.iter().any(|e| e.code.starts_with(prefix));
        for a in ANALYTES.iter() {
            assert!(
                a.normal.0 <= a.normal.1 && a.raised.0 <= a.raised.1 && a.lowered.0 <= a.lowered.1,
                "{}",
                a.name
            );
            assert!(a.raised_by.iter().chain(&a.lowered_by).all(known), "{}", a.name);
        }
        assert!(
            DRUGS
                .iter()
                .all(|drug| drug.used_for.iter().all(known) && !drug.doses.is_empty())
        );
    }

    #[test]
    fn values_are_written_with_their_decimals() {
        assert_eq!(scaled(7, 2), "0.07");
        assert_eq!(scaled(123, 1), "12.3");
        assert_eq!(scaled(140, 0), "140");
    }
}
