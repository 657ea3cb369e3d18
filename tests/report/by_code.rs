//! Codes one by one and in groups, and seeds one by one: that what is drawn and tabled is what the records say.

use icdbench::record::CodeRow;
use icdbench::report::plots::marks::Mark;
use icdbench::report::plots::scene::Scene;

use super::figures::{fields, sheet, texts, tips};
use super::*;

fn code(code: &str, training: u32, tp: u32, fp: u32, missed: u32) -> CodeRow {
    CodeRow {
        code: code.to_owned(),
        training,
        tp,
        fp,
        fn_: missed,
        roc_auc: Some(f64::from(tp + 1) / 20.0),
        pr_auc: None,
    }
}

/// Eleven codes: one never seen, ten of 1 to 10 training notes; all but the unseen one are right `tp` times of 4.
fn with_codes(run: &str, seed: u64, level: f64, tp: u32) -> Reported {
    let mut found = scored(cell(run, 512, seed), level);
    let outcome = found.record.outcome.as_mut().unwrap();
    outcome.codes = (0..=10)
        .map(|training| match training {
            0 => code("c00", 0, 0, 0, 3),
            // No note has it.
            1 => code("c01", 1, 0, 0, 0),
            _ => code(&format!("c{training:02}"), training, tp, 0, 4 - tp),
        })
        .collect();
    found
}

#[test]
fn equal_groups_are_made_of_codes_sorted_by_frequency() {
    let records = [
        with_codes("caml", 1, 0.4, 2),
        with_codes("caml", 2, 0.4, 4),
        with_codes("bert_xml", 1, 0.5, 1),
    ];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let found = sheet(&page, "groups.csv");
    let headings = [
        "run",
        "group",
        "lower",
        "upper",
        "codes",
        "codes-present",
        "macro-f1-present",
        "seeds",
    ];
    let rows: Vec<Vec<&str>> = (1..found.len()).map(|row| fields(&found, row, &headings)).collect();
    let of_caml: Vec<&Vec<&str>> = rows.iter().filter(|row| row[0] == "caml").collect();
    assert_eq!(rows.len(), 6);
    assert_eq!(of_caml[0], &["caml", "1", "0", "0", "1", "1", "0", "0 0"]);
    // F1 of the codes present: 2 x 2 / (4 + 2) with the first seed, 1 with the second.
    let mean = of_caml[1][6].parse::<f64>().unwrap();
    assert!((mean - (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-12);
    assert_eq!(of_caml[1][..6], ["caml", "2", "1", "5", "5", "4"]);
    assert_eq!(of_caml[1][7], "0.6666666666666666 1");
    assert_eq!(of_caml[2][..6], ["caml", "3", "6", "10", "5", "5"]);
    let scene = &figure(&page, "groups").scene;
    assert!(
        ["never", "1–5", "6–10", "4 of 5"]
            .iter()
            .all(|words| texts(scene).contains(words))
    );
}

#[test]
fn two_models_are_set_side_by_side_code_by_code() {
    let mut records = vec![
        with_codes("caml", 1, 0.4, 2),
        with_codes("bert_xml", 1, 0.5, 3),
        with_codes("long_bert", 1, 0.3, 4),
    ];
    // The best run of all and the second best, though a third has better codes; one code is the other's.
    let outcome = records[0].record.outcome.as_mut().unwrap();
    outcome.codes[9] = code("c09", 9, 4, 0, 0);
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let scene = &figure(&page, "scatter").scene;
    assert!(
        scene.title.starts_with("F1 of each code, bert_xml and caml †"),
        "{}",
        scene.title
    );
    let found = texts(scene);
    // Nine codes have an F1 in both and a note; the unseen one is 0 in both.
    for words in [
        "better on 1 code, above the line",
        "better on 8 codes, below it",
        "as good on 1 code, on the line",
    ] {
        assert!(found.contains(&words), "{words}: {found:?}");
    }
    assert!(
        tips(scene).contains(&"c09: bert_xml 85.7, caml † 100.0"),
        "{:?}",
        tips(scene)
    );
    assert!(
        tips(scene).contains(&"c08, c07, c06 and 4 more: bert_xml 85.7, caml † 66.7"),
        "{:?}",
        tips(scene)
    );
    // One run has nobody to be compared with.
    let alone = [with_codes("caml", 1, 0.4, 2)];
    assert!(
        assemble(&alone, &suite)
            .figures()
            .all(|figure| figure.stem != "scatter")
    );
}

#[test]
fn rare_codes_are_set_beside_all_and_the_most_frequent_are_named() {
    let mut records = [with_codes("caml", 1, 0.4, 2), with_codes("bert_xml", 1, 0.5, 3)];
    let suite = suite(Vec::new());
    // No code has 2,000 training notes: the table would say the same twice.
    assert!(page(&records, &suite).tables().all(|table| table.id != "rare"));
    for record in &mut records {
        let codes = &mut record.record.outcome.as_mut().unwrap().codes;
        codes[9].training = 1999;
        codes[10].training = 2000;
        codes[10].roc_auc = Some(0.95);
    }
    let page = page(&records, &suite);
    let printed = |cells: &[Cell]| -> Vec<String> {
        let number = |cell: &Cell| match cell {
            Cell::Number(number) => number.mean.clone(),
            Cell::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        cells.iter().map(number).collect()
    };
    let rare = table(&page, "rare");
    assert_eq!(rare.heading(0), "Macro-ROC-AUC (%), 10 rare codes");
    // Two areas of 1/20 and eight of 3/20; the frequent code has 19/20.
    assert_eq!(printed(row(rare, &["caml", "512"])), ["13.0", "20.5"]);
    let frequent = table(&page, "frequent");
    assert_eq!(frequent.rows[0].labels, ["c10"]);
    assert_eq!(printed(&frequent.rows[0].cells), ["2,000", "4", "95.0", "95.0"]);
    assert_eq!(printed(&frequent.rows[1].cells), ["1,999", "4", "20.0", "15.0"]);
}

/// Discs of the size that a seed's dot has.
fn seeds(scene: &Scene) -> usize {
    let is = |mark: &&Mark| matches!(mark, Mark::Disc { radius, .. } if *radius == 1.8);
    scene.marks.iter().filter(is).count()
}

#[test]
fn seeds_are_dots_where_there_are_several() {
    let one = [scored(cell("caml", 512, 1), 0.4), scored(cell("caml", 1024, 1), 0.42)];
    let two = [
        one.to_vec(),
        vec![scored(cell("caml", 512, 2), 0.41), scored(cell("caml", 1024, 2), 0.44)],
    ]
    .concat();
    let suite = suite(Vec::new());
    let of = |records: &[Reported], stem: &str| {
        let page = assemble(records, &suite);
        let found = figure(&page, stem);
        (seeds(&found.scene), found.caption.contains("small dots single seeds"))
    };
    assert_eq!(of(&one, "lengths"), (0, false));
    // Two metrics, two lengths, two seeds.
    assert_eq!(of(&two, "lengths"), (8, true));
    // Six bins at the longest length.
    assert_eq!((of(&one, "bins"), of(&two, "bins")), ((0, false), (12, true)));
    let short = [two[0].clone(), two[2].clone()];
    assert_eq!(of(&short, "lengths"), (4, true));
    let page = assemble(&two, &suite);
    let found = sheet(&page, "bins-by-seed.csv");
    assert_eq!(found.len(), 1 + 4 * 6);
    assert_eq!(
        fields(&found, 1, &["length", "seed", "lower", "upper", "micro-f1"]),
        ["512", "1", "0", "0", "0"]
    );
}
