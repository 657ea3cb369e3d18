//! Which records stand in a report: the latest, of cells that the suite names, of one version.

use super::*;

#[test]
fn a_later_record_of_a_cell_replaces_an_earlier_one_and_foreign_records_are_left_out() {
    let mut later = scored(cell("caml", 512, 1), 0.5);
    later.record.provenance.ended = "2026-02-01T00:00:00Z".to_owned();
    later.record.cell.suite = "another suite with the same cell".to_owned();
    let records = [
        later,
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("caml", 4096, 1), 0.6),
    ];
    let suite = suite(vec![cell("caml", 512, 1)]);
    let page = page(&records, &suite);
    assert_eq!((page.summary.superseded, page.summary.foreign), (1, 1));
    assert_eq!(page.remarks.len(), 2);
    let Cell::Number(number) = &row(table(&page, "scores"), &["512", "caml"])[0] else {
        panic!()
    };
    assert_eq!(number.mean, "50.0");
}

/// Caml and long_bert at two lengths; the last cell was made by another version.
fn of_two_versions() -> Vec<Reported> {
    let mut records = vec![
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("caml", 1024, 1), 0.42),
        scored(cell("long_bert", 512, 1), 0.43),
        scored(cell("long_bert", 1024, 1), 0.987),
    ];
    records[3].made_by = "icdbench 0.0.9, data aa11bb".to_owned();
    records
}

#[test]
fn a_cell_of_another_version_is_shown_apart_with_the_reason() {
    let records = of_two_versions();
    let suite = suite(records.iter().map(|found| found.record.cell.clone()).collect());
    let page = page(&records, &suite);
    assert_eq!(page.summary.coverage.sentence(), "3 of 4 cells ok, 1 another version");
    let state = &row(table(&page, "scores"), &["1,024", "long_bert"])[0];
    assert!(
        matches!(state, Cell::State { word, .. } if word == "another version"),
        "{state:?}"
    );
    let expected = "Made by icdbench 0.0.9, data aa11bb, where the tables hold what was made by icdbench 0.1.0, data 9f86d0: long_bert at length 1024 with seed 1.";
    let last = |text: &str| {
        let (before, after) = text.rsplit_once("Not shown: made by another version").unwrap();
        assert!(after.replace('\\', "").contains(expected), "{after}");
        before.to_owned()
    };
    for before in [last(&markdown::page(&page)), last(&html::page(&page).unwrap())] {
        assert!(before.contains("1 scored cell was made by another"), "{before}");
        assert!(!before.contains("98.7"), "{before}");
    }
    for (file, sheet) in csv::SHEETS {
        let text = String::from_utf8(sheet(&page.summary).unwrap()).unwrap();
        assert!(
            !text.contains("0.987") && !text.contains("long_bert-1024-1"),
            "{file}: {text}"
        );
    }
    assert!(
        table(&page, "gains")
            .rows
            .iter()
            .all(|row| row.labels != ["long_bert", "1,024"])
    );
}

#[test]
fn the_version_of_most_cells_is_shown_and_each_task_has_its_own() {
    let mut records = of_two_versions();
    let mut other_task = scored(cell("caml", 512, 1), 0.6);
    other_task.record.cell.labels = "top 50".to_owned();
    other_task.made_by = "icdbench 0.0.9, data aa11bb".to_owned();
    records.push(other_task);
    let no_cells = suite(Vec::new());
    let left_out = |records: &[Reported]| -> Vec<String> {
        let page = assemble(records, &no_cells);
        let of_page = page.summary.other_versions.iter();
        of_page
            .map(|other| format!("{} by {}", other.cell.title(), other.made_by))
            .collect()
    };
    let one = ["long_bert at length 1024 with seed 1 by icdbench 0.0.9, data aa11bb"];
    assert_eq!(left_out(&records), one);
    // Cells that failed hold no numbers: they stand in the table whatever made them.
    let mut failed = ended(cell("caml", 2048, 1), Status::Failed, Some("out of luck"));
    failed.made_by = "icdbench 0.0.8, data aa11bb".to_owned();
    records.push(failed);
    assert_eq!(left_out(&records), one);
    // An older record of a cell that was run again is not worth a word, a later one is.
    let mut again = records[3].clone();
    again.made_by = records[0].made_by.clone();
    again.record.provenance.ended = "2026-02-01T00:00:00.250Z".to_owned();
    records.push(again);
    assert!(left_out(&records).is_empty());
    records[3].record.provenance.ended = "2026-02-01T00:00:00.750Z".to_owned();
    assert_eq!(left_out(&records), one);
    // Cells that the suite does not name have no say in which version is shown.
    let mut foreign: Vec<Reported> = (1..9).map(|seed| scored(cell("bert_xml", 512, seed), 0.5)).collect();
    for found in &mut foreign {
        found.made_by = "icdbench 0.0.7, data cc22dd".to_owned();
    }
    let cells = of_two_versions();
    let suite = suite(cells.iter().map(|found| found.record.cell.clone()).collect());
    let all: Vec<Reported> = foreign.into_iter().chain(cells).collect();
    let page = page(&all, &suite);
    assert_eq!((page.summary.coverage.ok, page.summary.foreign), (3, 8));
}
