//! The phrase bank: ICD-10-CM codes with our own wordings of each, and the clusters of conditions that come together.
//! Read once from `bank.tsv` and `clusters.tsv`, which are part of the program; a slip in them is a panic in every test.

use std::collections::HashMap;
use std::sync::LazyLock;

/// How a code behaves over a patient's admissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// A lasting condition: coded in (nearly) every admission.
    Chronic,
    /// A condition of one admission.
    Acute,
    /// A lasting circumstance (implant, allergy, medication); never a distractor.
    Status,
    /// A circumstance of one admission (fall, vaccination); never a distractor.
    Event,
}

/// One code of the bank.
pub(super) struct Entry {
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) course: Course,
    /// How often it occurs apart from clusters: patients (lasting) or admissions per ten thousand.
    pub(super) rate: u32,
    pub(super) male_only: bool,
    pub(super) female_only: bool,
    /// Only in patients under 50.
    pub(super) young_only: bool,
    /// Only in patients of 50 and more.
    pub(super) old_only: bool,
    /// Kept out of the training part: a zero-shot code.
    pub(super) unseen: bool,
    /// Its past has a code of its own, so it is never mentioned as resolved.
    pub(super) never_past: bool,
    /// Four to six ways to write it.
    pub(super) wordings: Vec<&'static str>,
}

impl Entry {
    /// The three-character category.
    pub(super) fn category(&self) -> &'static str {
        &self.code[..3]
    }

    /// Whether a woman (or else a man) can have it.
    pub(super) fn fits_sex(&self, female: bool) -> bool {
        if female { !self.male_only } else { !self.female_only }
    }

    /// Whether the code stays with the patient.
    pub(super) fn lasting(&self) -> bool {
        matches!(self.course, Course::Chronic | Course::Status)
    }
}

/// Conditions that come together.
pub(super) struct Cluster {
    pub(super) name: &'static str,
    pub(super) weight: u32,
    /// Chronic clusters that make this episode likelier.
    pub(super) after: Vec<&'static str>,
    /// (index into [`Bank::entries`], percent).
    pub(super) members: Vec<(usize, u32)>,
}

/// Everything the generator knows about codes.
pub(super) struct Bank {
    /// Sorted by code.
    pub(super) entries: Vec<Entry>,
    /// Lasting patterns, drawn per patient.
    pub(super) chronic: Vec<Cluster>,
    /// Reasons for one admission.
    pub(super) episodes: Vec<Cluster>,
    /// `conflicts[a][b]`: the two are not coded together.
    conflicts: Vec<Vec<bool>>,
}

/// The bank of the program.
pub(super) static BANK: LazyLock<Bank> =
    LazyLock::new(|| Bank::read(include_str!("bank.tsv"), include_str!("clusters.tsv")));

impl Bank {
    /// Whether the two codes are never given to the same admission (I10 with I12.9, E11.9 with E11.22).
    pub(super) fn conflict(&self, a: usize, b: usize) -> bool {
        self.conflicts[a][b]
    }

    fn read(codes: &'static str, clusters: &'static str) -> Self {
        let rows: Vec<Vec<&str>> = rows(codes, 7);
        let entries: Vec<Entry> = rows.iter().map(|row| entry(row)).collect();
        let excludes = |a: usize, b: usize| {
            let (own, other) = (entries[a].code, entries[b].code);
            own != other && rows[a][5].split(' ').any(|prefix| other.starts_with(prefix))
        };
        let conflicts = (0..entries.len())
            .map(|a| (0..entries.len()).map(|b| excludes(a, b) || excludes(b, a)).collect())
            .collect();
        let index: HashMap<&str, usize> = entries.iter().enumerate().map(|(i, e)| (e.code, i)).collect();
        let of_kind = |kind: &str| {
            self::rows(clusters, 5)
                .iter()
                .filter(|row| row[1] == kind)
                .map(|row| cluster(row, &index))
                .collect()
        };
        Self {
            chronic: of_kind("chronic"),
            episodes: of_kind("episode"),
            entries,
            conflicts,
        }
    }
}

/// The rows under the header, each with `columns` columns.
pub(super) fn rows(table: &'static str, columns: usize) -> Vec<Vec<&'static str>> {
    let split = |line: &'static str| -> Vec<&'static str> { line.split('\t').collect() };
    let rows: Vec<_> = table.lines().skip(1).map(split).collect();
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(
            row.len(),
            columns,
            "embedded table headed {:?}, line {}: wrong number of columns",
            &table[..12],
            i + 2
        );
    }
    rows
}

/// A number of an embedded table.
pub(super) fn number(cell: &str) -> u32 {
    cell.parse()
        .unwrap_or_else(|_| panic!("embedded table: expected a number, found {cell:?}"))
}

/// The items of a space-separated cell; `-` stands for none.
pub(super) fn words(cell: &'static str) -> Vec<&'static str> {
    cell.split(' ').filter(|&word| word != "-").collect()
}

fn entry(row: &[&'static str]) -> Entry {
    let flag = |name: &str| row[4].split(',').any(|flag| flag == name);
    let course = match row[2] {
        "chronic" => Course::Chronic,
        "acute" => Course::Acute,
        "status" => Course::Status,
        "event" => Course::Event,
        other => panic!("bank.tsv, code {}: unknown course {other:?}", row[0]),
    };
    Entry {
        code: row[0],
        title: row[1],
        course,
        rate: number(row[3]),
        male_only: flag("male"),
        female_only: flag("female"),
        young_only: flag("young"),
        old_only: flag("old"),
        unseen: flag("unseen"),
        never_past: flag("never-past"),
        wordings: row[6].split('|').collect(),
    }
}

fn cluster(row: &[&'static str], index: &HashMap<&str, usize>) -> Cluster {
    let member = |cell: &'static str| {
        let (code, percent) = cell
            .split_once(':')
            .unwrap_or_else(|| panic!("clusters.tsv, {}: {cell:?}", row[0]));
        let code = *index
            .get(code)
            .unwrap_or_else(|| panic!("clusters.tsv, {}: {code} is not in bank.tsv", row[0]));
        (code, number(percent))
    };
    Cluster {
        name: row[0],
        weight: number(row[2]),
        after: words(row[3]),
        members: words(row[4]).into_iter().map(member).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episodes_follow_clusters_that_exist() {
        let names: Vec<_> = BANK.chronic.iter().map(|c| c.name).collect();
        for episode in &BANK.episodes {
            assert!(
                episode.after.iter().all(|name| names.contains(name)),
                "{}",
                episode.name
            );
        }
    }

    #[test]
    fn held_out_codes_come_from_nowhere_but_the_holdout() {
        let held = |i: usize| BANK.entries[i].unseen;
        assert!(BANK.entries.iter().filter(|e| e.unseen).count() >= 10);
        assert!(BANK.entries.iter().filter(|e| e.unseen).all(|e| e.rate == 0));
        let clusters = BANK.chronic.iter().chain(&BANK.episodes);
        assert!(
            clusters
                .flat_map(|c| &c.members)
                .all(|&(code, percent)| !held(code) && percent <= 100)
        );
    }

    #[test]
    fn conflicts_are_symmetric_and_know_the_coding_rules() {
        let at = |code: &str| BANK.entries.iter().position(|e| e.code == code).unwrap();
        for (a, b) in [
            ("I10", "I12.9"),
            ("E11.9", "E11.22"),
            ("E10.9", "E11.65"),
            ("I50.22", "I50.32"),
        ] {
            assert!(BANK.conflict(at(a), at(b)) && BANK.conflict(at(b), at(a)), "{a} {b}");
        }
        assert!(!BANK.conflict(at("E11.22"), at("E11.65")));
        assert!(!BANK.conflict(at("I10"), at("I10")));
    }
}
