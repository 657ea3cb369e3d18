//! Reports from fixed records: what stands in them, that it is what the records say, and that writing is all or nothing.

#[path = "fixtures/report/records.rs"]
mod records;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use icdbench::record::{Reported, Status};
use icdbench::report::page::{Body, Figure, Page, assemble};
use icdbench::report::plots::marks::{Anchor, Mark};
use icdbench::report::plots::paint;
use icdbench::report::plots::scene::Scene;
use icdbench::report::table::{Cell, Table};
use icdbench::report::{SuiteText, Written, csv, html, latex, markdown, write_report};
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

fn suite(cells: Vec<icdbench::record::CellDescription>) -> SuiteText {
    SuiteText {
        name: "lengths".to_owned(),
        description: "Longer inputs, better codes?\n\nInvented numbers.".to_owned(),
        cells,
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

fn write(records: &[Reported], suite: &SuiteText, directory: &Path) -> Written {
    write_report(records, suite, directory)
        .unwrap()
        .expect("records of the suite's cells")
}

fn row<'t>(table: &'t Table, labels: &[&str]) -> &'t [Cell] {
    let found = table.rows.iter().find(|row| row.labels == labels);
    &found
        .unwrap_or_else(|| panic!("no row {labels:?} in {}", table.id))
        .cells
}

fn files_of(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    files
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
        let (before, after) = text.split_once("Not shown: made by another version").unwrap();
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
    again.record.provenance.ended = "2026-02-01T00:00:00Z".to_owned();
    records.push(again);
    assert!(left_out(&records).is_empty());
    records[3].record.provenance.ended = "2026-03-01T00:00:00Z".to_owned();
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

#[test]
fn names_are_escaped_in_every_format() {
    let name = "a_b&c<d>%|#{~}^\\$`\"";
    let records = [scored(cell(name, 512, 1), 0.4), scored(cell("caml", 512, 1), 0.5)];
    let suite = SuiteText {
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

/// Whether every element is closed in the order it was opened.
fn well_formed(xml: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in xml.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else {
            return false;
        };
        if tag.matches('"').count() % 2 != 0 {
            return false;
        }
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    open.is_empty()
}

fn scenes<'p>(page: &'p Page<'_>) -> Vec<&'p Scene> {
    page.figures().map(|figure| &figure.scene).collect()
}

#[test]
fn every_svg_is_well_formed_follows_the_theme_and_names_itself() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let scenes = scenes(&page);
    assert_eq!(scenes.len(), 6);
    for scene in scenes {
        let svg = paint::svg(scene).unwrap();
        assert!(well_formed(&svg), "{}", scene.id);
        assert!(svg.contains("@media screen and (prefers-color-scheme: dark)"));
        assert!(svg.contains("fill=\"#FFFFFF\"") && svg.contains("{fill:#16181D}"));
        assert!(svg.contains("role=\"img\" aria-label=\"") && svg.contains("<title>"));
        assert!(!svg.contains("#FE0"), "a stand-in colour is left in {}", scene.id);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn no_label_of_a_plot_is_cut_off_at_the_edge() {
    let long = "a_model_with_a_rather_long_name_and_a_setting";
    let suites = [
        mixed().0,
        vec![scored(cell("caml", 512, 1), 0.4), scored(cell(long, 512, 1), 0.99)],
        (0..12)
            .map(|run| scored(cell(&format!("{long}_{run}"), 512 << (run % 3), 1), 0.08 * run as f64))
            .collect(),
    ];
    for records in suites {
        let suite = suite(Vec::new());
        for scene in scenes(&page(&records, &suite)) {
            for mark in &scene.marks {
                let Mark::Text {
                    at,
                    text,
                    size,
                    anchor,
                    bold,
                    ..
                } = mark
                else {
                    continue;
                };
                let width = paint::text_width(text, *size, *bold);
                let left = at.0
                    - match anchor {
                        Anchor::Start => 0.0,
                        Anchor::Middle => width / 2.0,
                        Anchor::End => width,
                    };
                assert!(*size >= 12.0, "{text}");
                assert!(
                    left >= 0.0 && left + width <= f64::from(scene.width),
                    "{}: {text}",
                    scene.id
                );
                assert!(
                    at.1 - size >= 0.0 && at.1 + 0.3 * size <= f64::from(scene.height),
                    "{}: {text}",
                    scene.id
                );
            }
        }
    }
}

#[test]
fn one_length_gives_a_dot_per_run_and_no_headline_table() {
    let records = [
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("long_bert", 512, 1), 0.5),
    ];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    assert!(page.tables().all(|table| table.id != "headline"));
    let scene = &figure(&page, "lengths").scene;
    assert!(scene.title.contains("at length 512"));
    assert!(["caml", "40.0", "50.0"].iter().all(|words| scene_has(scene, words)));
}

#[test]
fn a_suite_without_any_score_is_a_valid_report_that_says_so() {
    let failed = [ended(
        cell("caml", 512, 1),
        Status::OutOfMemory,
        Some("needs 90 GiB, the device has 64"),
    )];
    let suite = suite(Vec::new());
    let page = page(&failed, &suite);
    assert!(page.remarks[0].starts_with("No cell was scored"));
    assert!(scenes(&page).is_empty());
    for text in [markdown::page(&page), html::page(&page).unwrap()] {
        assert!(text.contains("out of memory") && !text.contains("NaN"), "{text}");
    }
    let target = tempfile::tempdir().unwrap();
    let written = write(&failed, &suite, target.path());
    assert!(written.files.iter().all(|file| file.exists()));
}

#[test]
fn without_a_record_of_any_cell_nothing_is_written_and_an_older_report_stays() {
    let (records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let report = target.path().join("report");
    let of_another_suite = [scored(cell("caml", 4096, 1), 0.6)];
    for none in [&of_another_suite[..], &[]] {
        assert_eq!(write_report(none, &suite, &report).unwrap(), None);
        assert!(!report.exists());
    }
    write(&records, &suite, &report);
    let before = files_of(&report);
    for none in [&of_another_suite[..], &[]] {
        assert_eq!(write_report(none, &suite, &report).unwrap(), None);
        assert!(before == files_of(&report));
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
    // Markdown heads a table by its caption and a plot not at all, and leaves the codes to the CSV.
    let expected = page.blocks.iter().filter_map(|block| match &block.body {
        Body::Results { table, .. } => Some(format!("### {}", table.as_ref()?.caption)),
        Body::Codes(_) => None,
        _ => Some(format!("## {}", block.heading)),
    });
    let markdown = markdown::page(&page);
    let found: Vec<&str> = markdown.lines().filter(|line| line.starts_with("##")).collect();
    assert!(found.iter().eq(&expected.collect::<Vec<_>>()), "{found:?}");
}

#[test]
fn every_csv_file_of_the_page_is_written_beside_it() {
    let (records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let written = write(&records, &suite, target.path());
    let html = fs::read_to_string(target.path().join("index.html")).unwrap();
    let csv = |file: &&std::path::PathBuf| file.extension().is_some_and(|extension| extension == "csv");
    let files: Vec<_> = written.files.iter().filter(csv).collect();
    assert_eq!(files.len(), csv::SHEETS.len());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy();
        assert!(html.contains(&format!("<code>{name}</code>")), "{name}");
    }
}

#[test]
fn the_same_records_give_the_same_bytes_in_any_order_and_old_plots_go() {
    let (mut records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let report = target.path().join("reports").join("lengths");
    let written = write(&records, &suite, &report);
    let first = files_of(&report);
    assert_eq!(first.len(), written.files.len());
    assert_eq!(written.files.last().unwrap(), &report.join("index.html"));
    fs::write(report.join("plots/lengths-of-an-earlier-task.svg"), "old").unwrap();
    records.reverse();
    write(&records, &suite, &report);
    let second = files_of(&report);
    assert!(
        first == second,
        "{:?}",
        first.keys().zip(second.keys()).find(|(a, b)| first[*a] != second[*b])
    );
}

#[test]
fn a_report_that_cannot_be_written_leaves_the_old_one_and_names_the_place() {
    let (records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let report = target.path().join("report");
    write(&records[..2], &suite, &report);
    // A directory stands where a plot belongs, so that replacing fails before the page is reached.
    fs::remove_file(report.join("plots/bins.svg")).unwrap();
    fs::create_dir_all(report.join("plots/bins.svg/occupied")).unwrap();
    let pages = ["index.html", "report.md"].map(|file| fs::read(report.join(file)).unwrap());
    let error = write_report(&records, &suite, &report).unwrap_err();
    assert!(error.to_string().contains("bins.svg"), "{error}");
    assert_eq!(
        pages,
        ["index.html", "report.md"].map(|file| fs::read(report.join(file)).unwrap())
    );
    assert!(
        fs::read_dir(&report)
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with('.') })
    );

    let file = target.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let error = write_report(&records, &suite, &file.join("report")).unwrap_err();
    assert!(error.to_string().contains("cannot create the report"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a directory");
}

#[test]
fn several_tasks_have_their_own_sections_and_plot_files() {
    let mut other = cell("caml", 512, 1);
    other.labels = "top 50".to_owned();
    let records = [scored(cell("caml", 512, 1), 0.4), scored(other, 0.6)];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let stems: Vec<&str> = page.figures().map(|figure| figure.stem.as_str()).collect();
    let tasks = page.blocks.iter().filter(|block| matches!(block.body, Body::Task));
    assert!(
        tasks
            .map(|block| &block.heading)
            .eq(["codiesp, all codes, test", "codiesp, top 50, test"])
    );
    assert!(stems.contains(&"lengths-codiesp-all-codes-test") && stems.contains(&"lengths-codiesp-top-50-test"));
}

fn scene_has(scene: &Scene, words: &str) -> bool {
    let is = |mark: &Mark| matches!(mark, Mark::Text { text, .. } if text == words);
    scene.marks.iter().any(is)
}

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

#[test]
fn speed_and_memory_are_drawn_from_two_lengths_on_and_name_the_machine() {
    let mut records = vec![
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("long_bert", 512, 1), 0.5),
    ];
    let suite = suite(Vec::new());
    let one_length = page(&records, &suite);
    let of_lengths = ["speed", "memory"];
    assert!(
        one_length
            .figures()
            .all(|figure| !of_lengths.contains(&figure.stem.as_str()))
    );
    assert!(one_length.tables().all(|table| table.id != "gains"));
    records.push(scored(cell("caml", 8192, 1), 0.45));
    let page = page(&records, &suite);
    let figures = of_lengths.map(|stem| figure(&page, stem));
    for figure in &figures {
        let caption = &figure.caption;
        assert!(
            caption.starts_with("Measured on Example CPU 3.0 GHz, 8 threads, device flex."),
            "{caption}"
        );
    }
    // 39.1 and 2.44 notes a second, 2.0 and 4.5 GiB.
    assert!(
        ["2", "5", "10", "20", "50"]
            .iter()
            .all(|tick| scene_has(&figures[0].scene, tick))
    );
    assert!(scene_has(&figures[1].scene, "0") && scene_has(&figures[1].scene, "5"));
}
