//! The HTML report as a reader has it: loaded in headless Chromium, sorted, filtered, pointed at, followed, copied, printed, by
//! mouse and by keyboard, in light, in dark and at 400 px, and checked for accessibility by axe-core.
//!
//! Needs Chromium, Node.js and the npm packages playwright-core and axe-core (`.ci/run` installs them into `target/ci-node`);
//! says that it skipped where one of them is missing.

#[path = "fixtures/report/records.rs"]
mod records;

use std::path::{Path, PathBuf};
use std::process::Command;

use icdbench::record::{CodeRow, Reported, Status};
use icdbench::report::page::{Body, Page, assemble};
use icdbench::report::table::{Cell, Table};
use icdbench::report::{SuiteText, html, latex};
use records::{cell, ended, scored};
use serde_json::json;

/// Most bytes of a report of 35 cells on 8,921 codes, with its plots, one of which has a mark for most codes.
const LARGEST: usize = 2_000_000;
const HOSTILE_RUN: &str = "</script><img src=x onerror=x()>\"'`&lt;";
const HOSTILE_CODE: &str = "</td></script><script>alert(2)</script>\"'";

/// The programs that the test is made with, or which is missing.
fn browser() -> Result<(PathBuf, PathBuf), String> {
    let there = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !there("node") {
        return Err("there is no node".into());
    }
    let named = std::env::var("ICDBENCH_CHROMIUM").into_iter();
    let usual = ["chromium", "chromium-browser", "google-chrome"].map(|name| format!("/usr/bin/{name}"));
    let chromium = named.chain(usual).find(|path| Path::new(path).is_file());
    let chromium = chromium.ok_or("there is no Chromium (name one in ICDBENCH_CHROMIUM)")?;
    let named = std::env::var_os("ICDBENCH_BROWSER_MODULES").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci-node/node_modules");
    let has_both = |folder: &PathBuf| {
        ["playwright-core", "axe-core"]
            .iter()
            .all(|package| folder.join(package).is_dir())
    };
    let modules = named.into_iter().chain([usual]).find(has_both).ok_or(
        "playwright-core and axe-core are not there (`npm install --prefix target/ci-node playwright-core axe-core`, or name a folder in ICDBENCH_BROWSER_MODULES)",
    )?;
    Ok((chromium.into(), modules))
}

fn suite() -> SuiteText {
    SuiteText {
        name: "lengths".to_owned(),
        description: "Longer inputs, better codes?\n\nInvented numbers.".to_owned(),
        ..SuiteText::default()
    }
}

/// Three runs at two lengths with two seeds, one of which failed.
fn small() -> Vec<Reported> {
    let mut found = vec![ended(
        cell("bert_xml", 1024, 2),
        Status::Failed,
        Some("the loss became NaN at step 12"),
    )];
    let levels = [
        ("caml", 512, 0.412),
        ("caml", 1024, 0.447),
        ("long_bert", 512, 0.405),
        ("long_bert", 1024, 0.471),
        ("bert_xml", 512, 0.433),
        ("bert_xml", 1024, 0.439),
    ];
    for (run, length, level) in levels {
        found.push(scored(cell(run, length, 1), level));
        if (run, length) != ("bert_xml", 1024) {
            found.push(scored(cell(run, length, 2), level + 0.01));
        }
    }
    found
}

/// Seven runs at five lengths on as many codes as MIMIC-III has.
fn large() -> Vec<Reported> {
    let mut found = Vec::new();
    for run in 0..7u32 {
        for length in 0..5u32 {
            let level = 0.35 + 0.02 * f64::from(run) + 0.01 * f64::from(length);
            let mut reported = scored(cell(&format!("model_{run}"), 512 << length, 1), level);
            let outcome = reported.record.outcome.as_mut().unwrap();
            outcome.codes = (0..8921).map(|index| code_row(index, run)).collect();
            found.push(reported);
        }
    }
    found
}

fn code_row(index: u32, run: u32) -> CodeRow {
    let gold = 1 + index * 7919 % 90;
    let tp = (index * 31 + run * 17) % (gold + 1);
    CodeRow {
        code: format!("{:03}.{:02}", 1 + index / 9, index % 9 * 11),
        training: 20_000 / (index + 1),
        tp,
        fp: (index * 13 + run) % 23,
        fn_: gold - tp,
        roc_auc: None,
        pr_auc: None,
    }
}

fn hostile() -> Vec<Reported> {
    let mut found = scored(cell(HOSTILE_RUN, 512, 1), 0.4);
    found.record.outcome.as_mut().unwrap().codes[0].code = HOSTILE_CODE.to_owned();
    vec![found, scored(cell("caml", 512, 1), 0.42)]
}

fn table<'p>(page: &'p Page<'_>, id: &str) -> &'p Table {
    page.tables().find(|table| table.id == id).unwrap()
}

/// The rows of a table as its headings and numbers are read.
fn as_csv(table: &Table) -> String {
    let headings = (0..table.columns.len()).map(|column| table.heading(column));
    let headings: Vec<String> = table.stub.iter().cloned().chain(headings).map(quoted).collect();
    let mut text = headings.join(",") + "\n";
    for row in &table.rows {
        let mut label = row.labels[0].clone();
        if let Some((n, _)) = row.fewer_seeds {
            label += &format!(" ({n})");
        }
        let cells = row.cells.iter().map(|cell| match cell {
            Cell::Number(number) => {
                let mut text = number.mean.clone();
                text += &number.sd.as_ref().map_or(String::new(), |sd| format!(" ± {sd}"));
                text += &number
                    .interval
                    .as_ref()
                    .map_or(String::new(), |ends| format!(" [{ends}]"));
                text += if number.unfinished { "†" } else { "" };
                text + &if number.show_n {
                    format!(" ({})", number.value.n)
                } else {
                    String::new()
                }
            }
            other => panic!("{other:?}"),
        });
        let line: Vec<String> = std::iter::once(label).chain(cells).map(quoted).collect();
        text += &(line.join(",") + "\n");
    }
    text
}

fn quoted(field: String) -> String {
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

/// What is asked of the table of all codes: the first of them by the last run, and how many have some digits.
fn asked_of_codes(page: &Page<'_>) -> serde_json::Value {
    let codes = page.blocks.iter().find_map(|block| match &block.body {
        Body::Codes(codes) => Some(codes),
        _ => None,
    });
    let all = &codes.unwrap().all;
    let run = all.runs.len() - 1;
    let tenths = |row: usize| all.rows[row].f1[run].map(|f1| (1000.0 * f1.mean).round() as i64);
    let mut order: Vec<usize> = (0..all.rows.len()).filter(|row| tenths(*row).is_some()).collect();
    let first = |order: &[usize]| {
        order[..20]
            .iter()
            .map(|row| all.rows[*row].code.clone())
            .collect::<Vec<_>>()
    };
    order.sort_by_key(|row| (-tenths(*row).unwrap(), *row));
    let greatest = first(&order);
    order.sort_by_key(|row| (tenths(*row).unwrap(), *row));
    let least = first(&order);
    let matching = all.rows.iter().filter(|row| row.code.contains("25")).count();
    assert!(matching > 100 && matching < 1000, "{matching}");
    json!({
        "runs": all.runs.len(),
        "greatest": greatest,
        "least": least,
        "filter": "25",
        "matching": matching.to_string(),
        "count": "8,921",
    })
}

#[test]
fn a_reader_can_sort_filter_point_follow_copy_print_and_use_the_keyboard() {
    let (chromium, modules) = match browser() {
        Ok(found) => found,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return;
        }
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    let suite = suite();
    let write = |name: &str, page: &Page<'_>| {
        let text = html::page(page).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, &text).unwrap();
        (path, text)
    };
    let (records, many, odd) = (small(), large(), hostile());
    let page = assemble(&records, &suite);
    let of_many = assemble(&many, &suite);
    let (small, text) = write("small.html", &page);
    let (large, large_text) = write("large.html", &of_many);
    let (hostile, _) = write("hostile.html", &assemble(&odd, &suite));
    assert!(large_text.len() < LARGEST, "{} bytes", large_text.len());
    let headline = table(&page, "headline");
    // By micro-F1 at the longer length.
    let mut rows: Vec<(f64, &str)> = headline
        .rows
        .iter()
        .filter(|row| !row.reference)
        .map(|row| match &row.cells[1] {
            Cell::Number(number) => (number.value.mean, row.labels[0].as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let anchor = text
        .split("id=\"record-")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    let asked = json!({
        "chromium": chromium,
        "modules": modules,
        "small": small,
        "large": large,
        "hostile": hostile,
        "shots": folder,
        "sort": {
            "table": "headline",
            "index": 2,
            "descending": rows.iter().map(|(_, label)| label).collect::<Vec<_>>(),
        },
        "blocks": [
            ["512", "bert_xml", "caml †", "long_bert"],
            ["1,024", "long_bert", "caml †", "bert_xml (1)1"],
        ],
        "hover": { "label": "long_bert at length 1,024", "value": "47.6" },
        "link": { "label": "bert_xml", "key": "bert_xml-1024-1", "group": "bert_xml at length 512" },
        "glance": ["long_bert at length 1,024: Micro-F1 47.6 %.",
            "2.4 points over the second, caml † at length 1,024",
            "The two can be told apart.",
            "caml † had not finished learning",
            "4.27 min of training a seed, 1.78 GiB of memory",
            "icdbench run suites/lengths.toml",
        ],
        "csv": as_csv(headline),
        "latex": latex::table(headline, &notes_in(&page, headline)),
        "anchor": format!("record-{anchor}"),
        "hostile_code": HOSTILE_CODE,
        "hostile_run": HOSTILE_RUN,
        "codes": asked_of_codes(&of_many),
    });
    let file = folder.join("asked.json");
    std::fs::write(&file, asked.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/report.mjs");
    let output = Command::new("node").arg(script).arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(
        output.status.success(),
        "{}\nscreenshots: {}",
        said.concat(),
        folder.display()
    );
}

/// The notes that a table refers to, with their numbers.
fn notes_in<'p>(page: &'p Page<'_>, table: &Table) -> Vec<(usize, &'p str)> {
    let mut used: Vec<usize> = table.rows.iter().flat_map(|row| row.notes()).collect();
    used.sort_unstable();
    used.dedup();
    used.into_iter()
        .map(|note| (note, page.summary.notes[note - 1].as_str()))
        .collect()
}
