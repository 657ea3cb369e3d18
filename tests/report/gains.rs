//! What length gives: which cells are compared, and when there is no interval.

use super::*;

#[test]
fn what_length_gives_pairs_the_lengths_of_one_seed() {
    let records = [
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("caml", 1024, 1), 0.4),
        scored(cell("caml", 2048, 1), 0.5),
        scored(cell("caml", 2048, 2), 0.9),
    ];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let table = table(&page, "gains");
    let printed = |length: &str| -> Vec<String> {
        let cells = row(table, &["caml", length]).iter();
        let spelled = cells.map(|cell| match cell {
            Cell::Number(number) => number.mean.clone(),
            Cell::Text(text) => text.clone(),
            _ => "-".to_owned(),
        });
        spelled.collect()
    };
    assert_eq!(printed("512, seed 1"), ["40.0", "-", "-", "-", "+29.0"]);
    assert_eq!(printed("1,024, seed 1"), ["40.0", "0.0", "0.0 to 0.0", "no", "+29.0"]);
    let longest = printed("2,048, seed 1");
    assert_eq!((&*longest[1], &*longest[3], &*longest[4]), ("+10.0", "yes", "+39.0"));
    // The seed that has one length has nothing to be compared with, least of all another seed.
    assert_eq!(printed("2,048, seed 2"), ["90.0", "-", "-", "-", "+79.0"]);
}

#[test]
fn lengths_scored_on_other_notes_are_not_compared_and_the_table_says_why() {
    let mut records = [scored(cell("caml", 512, 1), 0.4), scored(cell("caml", 1024, 1), 0.5)];
    records[1].notes.as_mut().unwrap().truncate(200);
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let table = table(&page, "gains");
    assert_eq!(
        row(table, &["caml", "1,024"])[1],
        Cell::Text("not comparable".to_owned())
    );
    assert!(
        table
            .foot
            .iter()
            .any(|line| line.contains("different notes: 200 are in both")),
        "{:?}",
        table.foot
    );
    let rows = String::from_utf8(csv::gains(&page.summary).unwrap()).unwrap();
    assert!(rows.lines().last().unwrap().contains(",0.5,512,,,,,,0.39"), "{rows}");
}

#[test]
fn without_rows_by_note_a_change_has_no_interval_and_the_report_says_why() {
    let mut records = [scored(cell("caml", 512, 1), 0.4), scored(cell("caml", 1024, 1), 0.5)];
    for found in &mut records {
        found.notes = None;
    }
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let table = table(&page, "gains");
    let cells = row(table, &["caml", "1,024"]);
    assert!(
        matches!(&cells[1], Cell::Number(number) if number.mean == "+10.0"),
        "{cells:?}"
    );
    assert_eq!(cells[2..4], [Cell::Empty, Cell::Empty]);
    let markdown = markdown::page(&page);
    assert!(
        markdown.contains("has no interval, the per-note rows of its cells are not here"),
        "{markdown}"
    );
    assert!(!markdown.contains("paired bootstrap"), "{markdown}");
    let rows = String::from_utf8(csv::gains(&page.summary).unwrap()).unwrap();
    assert!(
        rows.lines()
            .last()
            .unwrap()
            .contains(",0.5,512,0.09999999999999998,,,,,0.39"),
        "{rows}"
    );
}
