//! Reports from fixed records: what stands in them, that it is what the records say, and that writing is all or nothing.

#[path = "report/by_code.rs"]
mod by_code;
#[path = "report/chapters.rs"]
mod chapters;
#[path = "report/figures.rs"]
mod figures;
#[path = "report/gains.rs"]
mod gains;
#[path = "report/glance.rs"]
mod glance;
#[path = "report/linked.rs"]
mod linked;
#[path = "report/plots.rs"]
mod plots;
#[path = "report/pretraining.rs"]
mod pretraining;
#[path = "report/printed.rs"]
mod printed;
#[path = "fixtures/report/records.rs"]
mod records;
#[path = "report/typeset.rs"]
mod typeset;
#[path = "report/versions.rs"]
mod versions;
#[path = "report/writing.rs"]
mod writing;

use icdbench::record::{CellDescription, Reported, Status};
use icdbench::report::page::{Body, Figure, Page, assemble};
use icdbench::report::table::{Cell, Table};
use icdbench::report::{MOST_SHEETS, SuiteText, csv, html, latex, markdown};
use records::{cell, ended, scored};

/// Two models at two lengths with two seeds: one cell failed, one was skipped, one has no record.
fn mixed() -> (Vec<Reported>, SuiteText) {
    let cells: Vec<_> = [("caml", 512), ("caml", 1024), ("long_bert", 512), ("long_bert", 1024)]
        .into_iter()
        .flat_map(|(run, length)| [cell(run, length, 1), cell(run, length, 2)])
        .collect();
    let records = vec![
        // Not in the suite's order: the report must not depend on the order of the records.
        ended(cells[7].clone(), Status::Skipped, Some("the test codes are not public")),
        scored(cells[0].clone(), 0.412),
        scored(cells[1].clone(), 0.428),
        scored(cells[4].clone(), 0.405),
        scored(cells[5].clone(), 0.425),
        scored(cells[3].clone(), 0.447),
        ended(cells[2].clone(), Status::Failed, Some("the loss became NaN at step 12")),
    ];
    (records, suite(cells))
}

fn suite(cells: Vec<CellDescription>) -> SuiteText {
    SuiteText {
        beside: Vec::new(),
        printed: Vec::new(),
        masked: Vec::new(),
        readings: Vec::new(),
        name: "lengths".to_owned(),
        description: "Longer inputs, better codes?\n\nInvented numbers.".to_owned(),
        cells,
        chosen: Vec::new(),
    }
}

fn page<'a>(records: &'a [Reported], suite: &'a SuiteText) -> Page<'a> {
    assemble(records, suite)
}

fn table<'p>(page: &'p Page<'_>, id: &str) -> &'p Table {
    let found = page.tables().find(|table| table.id == id);
    found.unwrap_or_else(|| panic!("no table {id}"))
}

fn figure<'p>(page: &'p Page<'_>, stem: &str) -> &'p Figure {
    let found = page.figures().find(|figure| figure.stem == stem);
    found.unwrap_or_else(|| panic!("no plot {stem}"))
}

fn row<'t>(table: &'t Table, labels: &[&str]) -> &'t [Cell] {
    let found = table.rows.iter().find(|row| row.labels == labels);
    &found
        .unwrap_or_else(|| panic!("no row {labels:?} in {}", table.id))
        .cells
}

#[test]
fn the_markdown_page_is_as_it_was() {
    let (records, suite) = mixed();
    insta::assert_snapshot!("markdown", markdown::page(&page(&records, &suite)));
}

#[test]
fn the_latex_tables_are_as_they_were() {
    let (records, suite) = mixed();
    insta::assert_snapshot!("latex", latex::page(&page(&records, &suite)));
}

#[test]
fn the_csv_files_are_as_they_were() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    insta::assert_snapshot!("table_csv", text(csv::score_tables(&page.summary).unwrap()));
    insta::assert_snapshot!("bins_csv", text(csv::frequency_bins(&page.summary).unwrap()));
    insta::assert_snapshot!("lengths_csv", text(csv::gains(&page.summary).unwrap()));
    insta::assert_snapshot!("speed_csv", text(csv::speed(&page.summary).unwrap()));
    let long = text(csv::scores(&page.summary).unwrap());
    let rows: Vec<&str> = long.lines().collect();
    // 5 scored cells with 15 metrics on three parts, two without scores, and the heading.
    assert_eq!(rows.len(), 1 + 5 * 3 * 15 + 2);
    insta::assert_snapshot!("scores_csv", [&rows[..8], &rows[rows.len() - 2..]].concat().join("\n"));
}

#[test]
fn the_numbers_of_the_table_are_those_of_the_records() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let table = table(&page, "scores");
    let score = |seed: u64, metric: &str| {
        let found = records
            .iter()
            .find(|found| found.record.cell == cell("caml", 512, seed));
        found.unwrap().record.outcome.as_ref().unwrap().scores[metric]
    };
    let cells = row(table, &["512", "caml"]);
    assert_eq!(cells.len(), table.columns.len());
    for (column, cell) in table.columns.iter().zip(cells) {
        let (first, second) = (score(1, &column.key), score(2, &column.key));
        let Cell::Number(number) = cell else {
            panic!("no number under {}", column.title)
        };
        let sd = (first - second).abs() / 2f64.sqrt();
        assert!(
            (number.value.mean - (first + second) / 2.0).abs() < 1e-12,
            "{}",
            column.key
        );
        assert!((number.value.sd.unwrap() - sd).abs() < 1e-12, "{}", column.key);
        assert_eq!(number.mean, format!("{:.1}", 50.0 * (first + second)));
        assert_eq!(number.sd, Some(format!("{:.1}", 100.0 * sd)));
    }
    let prior = row(table, &["any", "frequency prior"]);
    assert!(matches!(&prior[0], Cell::Number(number) if number.mean == "11.0" && number.sd.is_none()));
}

#[test]
fn the_best_of_each_length_is_bold_and_so_are_ties() {
    let best = |levels: [f64; 3]| {
        let runs = ["caml", "bert_xml", "long_bert"].iter().zip(levels);
        let records: Vec<Reported> = runs.map(|(run, level)| scored(cell(run, 512, 1), level)).collect();
        let suite = suite(Vec::new());
        let page = page(&records, &suite);
        let table = table(&page, "scores");
        ["caml", "bert_xml", "long_bert"].map(|run| match &row(table, &["512", run])[0] {
            Cell::Number(number) => number.best,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(best([0.41, 0.44, 0.43]), [false, true, false]);
    // Equal as printed is equal: nobody can see which of two 44.0 is the greater.
    assert_eq!(best([0.41, 0.44001, 0.43999]), [false, true, true]);
}

#[test]
fn a_single_run_is_not_called_the_best() {
    let records = [scored(cell("caml", 512, 1), 0.4)];
    let suite = suite(Vec::new());
    assert!(!markdown::table(table(&page(&records, &suite), "scores")).contains("**"));
}

#[test]
fn every_cell_without_scores_is_named_with_its_reason() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    assert_eq!(
        page.summary.coverage.sentence(),
        "5 of 8 cells ok, 1 failed, 1 missing, 1 skipped"
    );
    assert_eq!(page.summary.notes.len(), 3);
    let markdown = markdown::page(&page);
    for reason in [
        "the loss became NaN at step 12",
        "the test codes are not public",
        "no record yet",
    ] {
        assert!(markdown.contains(reason), "{reason}");
    }
    let state = &row(table(&page, "scores"), &["1,024", "long_bert"])[0];
    assert!(matches!(state, Cell::State { word, notes } if word == "missing, skipped" && notes.len() == 2));
}

#[test]
fn runs_that_hardly_beat_the_frequency_prior_are_named_at_the_top() {
    // The prior has 11.0.
    let records = [
        scored(cell("caml", 512, 1), 0.13),
        scored(cell("caml", 1024, 1), 0.135),
        scored(cell("long_bert", 512, 1), 0.15),
    ];
    let suite = suite(Vec::new());
    let remarks = page(&records, &suite).remarks.join(" ");
    assert!(
        remarks.contains("above the frequency prior, which reads no text: caml at 512 and 1,024. They"),
        "{remarks}"
    );
    let records = [scored(cell("caml", 512, 1), 0.145)];
    assert!(!page(&records, &suite).remarks.join(" ").contains("frequency prior"));
}

#[test]
fn names_are_escaped_in_every_format() {
    let name = "a_b&c<d>%|#{~}^\\$`\"";
    let records = [scored(cell(name, 512, 1), 0.4), scored(cell("caml", 512, 1), 0.5)];
    let suite = SuiteText {
        beside: Vec::new(),
        printed: Vec::new(),
        readings: Vec::new(),
        name: name.to_owned(),
        ..suite(Vec::new())
    };
    let page = page(&records, &suite);
    let table = table(&page, "scores");
    let markdown = markdown::table(table);
    assert!(
        markdown.contains(r#"a\_b&amp;c&lt;d&gt;%\|\#{\~}^\\\$\`""#),
        "{markdown}"
    );
    let columns = |line: &str| line.replace(r"\|", "").matches('|').count();
    let widths: Vec<usize> = markdown
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(columns)
        .collect();
    assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{widths:?}");
    let latex = latex::table(table, &[]);
    let spelled =
        r"a\_b\&c\textless{}d\textgreater{}\%\textbar{}\#\{\textasciitilde{}\}\textasciicircum{}\textbackslash{}\$";
    assert!(latex.contains(spelled), "{latex}");
    let html = html::page(&page).unwrap();
    assert!(html.contains("a_b&amp;c&lt;d&gt;%|#{~}^\\$`&quot;"));
    assert!(!html.contains("c<d>"));
}

#[test]
fn the_html_page_loads_nothing() {
    let (records, suite) = mixed();
    let html = html::page(&page(&records, &suite)).unwrap();
    for address in [
        "http://", "https://", " src=", "srcset=", "@import", "url(", "<link", "<iframe",
    ] {
        assert!(!html.contains(address), "{address}");
    }
    assert!(html.contains(
        "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:;"
    ));
    for part in html.split("href=\"").skip(1) {
        assert!(part.starts_with('#'), "{}", &part[..20.min(part.len())]);
    }
}

#[test]
fn anchors_lead_to_something_and_identifiers_are_unique() {
    let (records, suite) = mixed();
    let html = html::page(&page(&records, &suite)).unwrap();
    let values = |marker: &str| -> Vec<String> {
        let parts = html.split(marker).skip(1);
        parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let identifiers = values(" id=\"");
    for (index, identifier) in identifiers.iter().enumerate() {
        assert!(!identifiers[..index].contains(identifier), "{identifier}");
    }
    for target in values("href=\"#") {
        assert!(identifiers.contains(&target), "{target}");
    }
}

#[test]
fn markdown_and_html_have_the_blocks_of_the_page_in_its_order() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let html = html::page(&page).unwrap();
    let headings: Vec<&str> = html
        .split("<h2>")
        .skip(1)
        .map(|part| part.split('<').next().unwrap())
        .collect();
    assert!(
        headings.iter().eq(page.blocks.iter().map(|block| &block.heading)),
        "{headings:?}"
    );
    // Markdown heads a table by its caption and a plot not at all, and leaves codes and records to their files.
    let expected = page.blocks.iter().filter_map(|block| match &block.body {
        Body::Results { table, .. } => Some(format!("### {}", table.as_ref()?.caption)),
        Body::Codes(_) | Body::Records(_) => None,
        _ => Some(format!("## {}", block.heading)),
    });
    let markdown = markdown::page(&page);
    let found: Vec<&str> = markdown.lines().filter(|line| line.starts_with("##")).collect();
    assert!(found.iter().eq(&expected.collect::<Vec<_>>()), "{found:?}");
}
