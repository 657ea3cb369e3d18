//! Numbers lead to the records they were made from, points of plots say their values, and tables keep their columns.

use super::*;

/// The elements between two texts, each from its start to its end.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Vec<&'t str> {
    let parts = text.split(start).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

#[test]
fn every_score_leads_to_the_records_that_it_is_the_mean_of() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let html = html::page(&page).unwrap();
    let of_id = |id: &str| {
        let rest = html.split(&format!(" id=\"{id}\"")).nth(1);
        rest.unwrap_or_else(|| panic!("nothing is {id}"))
    };
    let table = of_id("scores").split("</table>").next().unwrap();
    let rows: Vec<&str> = between(table, "<tr>", "</tr>");
    let of_run = |name: &str, block: usize| {
        let found = rows
            .iter()
            .filter(|row| row.contains(&format!("<th scope=\"row\">{name}")));
        *found.collect::<Vec<_>>()[block]
    };
    // Two seeds: to the run and length, whose records are those of both seeds.
    let both = between(of_run("caml", 0), "<a class=\"to\" href=\"#", "\"");
    assert_eq!(both.len(), 14);
    let group = of_id(both[0]).split("<h3>").nth(1).unwrap();
    assert!(group.starts_with("caml at length 512</h3>"), "{}", &group[..60]);
    assert!(group.contains("<dd>caml-512-1</dd>") && group.contains("<dd>caml-512-2</dd>"));
    assert!(!group.contains("<dd>caml-1024-2</dd>"));
    // One seed: to its record.
    let one = between(of_run("caml", 1), "<a class=\"to\" href=\"#", "\"");
    let sheet = of_id(one[0]).split("</details>").next().unwrap();
    for fact in [
        "<dd>caml-1024-2</dd>",
        "<dd>2</dd>",
        "length = 1024",
        "44.7 [42.7–46.7]",
        "0.3100",
        "0123456789abcdef",
    ] {
        assert!(sheet.contains(fact), "{fact}");
    }
}

#[test]
fn keys_that_begin_alike_do_not_lead_to_one_record() {
    // The first twelve letters of both are the same.
    let records = [
        scored(cell("long_bert", 512, 1), 0.4),
        scored(cell("long_bert", 1024, 1), 0.5),
    ];
    let suite = suite(Vec::new());
    let html = html::page(&page(&records, &suite)).unwrap();
    let anchors = between(&html, " id=\"record-", "\"");
    assert_eq!(anchors.len(), 2);
    assert_ne!(anchors[0], anchors[1]);
}

#[test]
fn every_row_of_a_table_has_the_columns_of_its_heading() {
    let (mut records, _) = mixed();
    let described = CellDescription {
        model: "long_bert".to_owned(),
        ..cell("pretrained", 512, 1)
    };
    records.push(super::pretraining::from_an_encoder(scored(described, 0.5)));
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    assert!(page.tables().any(|table| table.id == "pretraining"));
    let html = html::page(&page).unwrap();
    let width = |row: &str| -> usize {
        let cells = row
            .split(['<'])
            .filter(|tag| tag.starts_with("td") || tag.starts_with("th ") || tag.starts_with("th>"));
        let of = |tag: &str| {
            let span = tag.split("colspan=\"").nth(1).and_then(|rest| rest.split('"').next());
            span.map_or(1, |span| span.parse().unwrap())
        };
        cells.map(of).sum()
    };
    for table in between(&html, "<table id=\"", "</table>") {
        let widths: Vec<usize> = table.split("<tr").skip(1).map(width).collect();
        assert!(
            widths.windows(2).all(|pair| pair[0] == pair[1]),
            "{}: {widths:?}",
            &table[..20]
        );
    }
}

#[test]
fn every_scored_point_says_its_run_and_value() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let tips = |stem: &str| -> Vec<&str> {
        let scene = &figure(&page, stem).scene;
        scene.tips.iter().map(|tip| tip.text.as_str()).collect()
    };
    let lengths = tips("lengths");
    // Two metrics of three scored cells.
    assert_eq!(lengths.len(), 6);
    assert_eq!(
        lengths[0],
        "caml † at length 512: Micro-F1 (%) 42.0; ± 1.1 over 2 seeds; 95 % interval 40.0 to 44.0"
    );
    assert_eq!(
        lengths[1],
        "caml † at length 1,024: Micro-F1 (%) 44.7; 95 % interval 42.7 to 46.7"
    );
    assert!(tips("speed").contains(&"long_bert at length 512: Training notes a second 39.1; ± 0 over 2 seeds"));
    assert!(tips("memory")[0].starts_with("caml † at length 512: Peak memory (GiB) 1.59"));
    assert!(
        tips("bins")
            .iter()
            .any(|tip| tip.starts_with("caml †, 1,024, codes in no training note: macro-F1 (%) 0.0"))
    );
    let training = tips("training");
    assert!(
        training
            .iter()
            .any(|tip| tip.contains("caml † at length 512, seed 2: Validation Micro-F1 (%)")),
        "{training:?}"
    );
    assert!(
        training
            .iter()
            .any(|tip| tip.ends_with("epoch 7, the epoch that was scored"))
    );
    // In the picture file too, and where the point is.
    let svg = icdbench::report::plots::paint::svg(&figure(&page, "lengths").scene).unwrap();
    assert!(svg.contains("<title>caml † at length 512: Micro-F1 (%) 42.0; ± 1.1"));
}

#[test]
fn a_page_of_tables_can_be_copied_as_latex() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let table = table(&page, "scores");
    let html = html::tables(
        "Scores </script>",
        &["One line".to_owned()],
        std::slice::from_ref(table),
    );
    let data = between(&html, "class=\"latex-data\">", "</script>")[0];
    let found: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(found["scores"], latex::table(table, &[]));
    assert!(html.contains("<h1>Scores &lt;/script&gt;</h1>") && !html.contains("class=\"to\""));
}

#[test]
fn a_page_has_room_for_so_many_records_and_says_how_many_more_there_are() {
    let seeds = MOST_SHEETS as u64 + 3;
    let records: Vec<Reported> = (1..=seeds).map(|seed| scored(cell("caml", 512, seed), 0.4)).collect();
    let suite = suite(Vec::new());
    let html = html::page(&page(&records, &suite)).unwrap();
    assert_eq!(between(&html, " id=\"record-", "\"").len(), MOST_SHEETS);
    assert!(html.contains("<p>3 more have no room on this page"));
    assert!(html.contains("Of more than 200 seeds the first 200 are drawn one by one."));
}
