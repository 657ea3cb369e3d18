//! `icdbench reproduce` and `icdbench claims`: on a clean machine, on records of other data, on records of the paper's own
//! cell, and when a digit changes.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Bench, assert_fails, assert_good, caml, logistic_regression, stderr, stdout, suite_text};
use icdbench::published::Published;
use icdbench::published::claims::{Verdict, in_print};
use icdbench::record::hex;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What `reproduce` says as JSON: one paper.
fn reproduced(bench: &Bench, arguments: &[&str]) -> Value {
    let output = bench.run(&[&["--json", "reproduce"], arguments].concat());
    assert_good(&output);
    let papers: Value = serde_json::from_str(&stdout(&output)).unwrap();
    papers[0].clone()
}

/// The cells of a paper as `(table, row, column, cell)`.
fn cells(paper: &Value) -> Vec<(String, String, String, Value)> {
    let mut found = Vec::new();
    for table in paper["tables"].as_array().unwrap() {
        for row in table["rows"].as_array().unwrap() {
            for (column, cell) in row["cells"].as_object().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                found.push((text(&table["table"]), text(&row["row"]), column.clone(), cell.clone()));
            }
        }
    }
    found
}

#[test]
fn without_data_sizes_are_reproduced_and_everything_else_says_what_it_needs() {
    let bench = Bench::new("");
    let published = Published::built_in().unwrap();
    for (name, computed) in [("longbert", 12), ("bert-xml", 16), ("magic-of-bert", 0)] {
        let paper = reproduced(&bench, &[name]);
        assert_eq!(paper["coverage"]["reproduced"], computed, "{name}");
        assert_eq!(paper["coverage"]["differs"], 0, "{name}");
        assert_eq!(
            paper["coverage"]["cells"],
            published.paper(name).unwrap().cells(),
            "{name}"
        );
        for (table, row, column, cell) in cells(&paper) {
            let verdict = cell["verdict"].as_str().unwrap();
            let place = format!("{name}, table {table}, {row}, {column}: {cell}");
            match verdict {
                "reproduced" => assert!(table == "1" && cell["ours-printed"].is_string(), "{place}"),
                "unreadable" => assert_eq!(cell["published"], "?", "{place}"),
                "not-attempted" => assert!(cell["why"].as_str().unwrap().len() > 10, "{place}"),
                other => panic!("{other}: {place}"),
            }
        }
    }
    // What a row needs is the data, where the suite has it.
    let needs = |paper: &str, table: &str| {
        let found = cells(&reproduced(&bench, &[paper, "--table", table]));
        found
            .into_iter()
            .map(|(_, _, _, cell)| cell["why"].to_string())
            .collect::<Vec<_>>()
    };
    assert!(needs("longbert", "2").iter().any(|why| why.contains("MIMIC-III v1.4")));
    assert!(needs("longbert", "3").iter().any(|why| why.contains("MIMIC-IV")));
    assert!(needs("bert-xml", "2").iter().any(|why| why.contains("NYU")));
}

#[test]
fn every_format_has_the_tables_and_an_unknown_paper_or_table_is_answered_with_the_known() {
    let bench = Bench::new("");
    let of = |format: &str| {
        let output = bench.run(&["reproduce", "longbert", "--table", "1", "--format", format]);
        assert_good(&output);
        stdout(&output)
    };
    for format in ["terminal", "markdown", "csv", "latex", "html", "json"] {
        let text = of(format);
        for part in ["9,591,040", "46,910,764"] {
            assert!(text.contains(part), "{format}: no {part} in {text}");
        }
    }
    assert!(of("latex").contains("\\toprule") && of("html").starts_with("<!DOCTYPE html>"));
    assert!(of("csv").starts_with("paper,table,row,column,published,ours,"));
    let listing = stdout(&bench.run(&["reproduce"]));
    for name in Published::built_in().unwrap().names() {
        assert!(listing.contains(name), "{name}");
    }
    assert_fails(
        &bench.run(&["reproduce", "longbart"]),
        2,
        &["longbart", "longbert", "expected one of"],
    );
    assert_fails(
        &bench.run(&["reproduce", "longbert", "--table", "9"]),
        2,
        &["\"9\"", "1, 2, 3, 4"],
    );
    assert_fails(&bench.run(&["claims", "longbart"]), 2, &["longbart", "expected one of"]);
}

/// CAML and LongBERT at the lengths of the paper's table, on a few short generated notes.
fn long_suite() -> String {
    let long_bert = r#"
[[run]]
text = "pieces"
[run.model.long_bert]
encoder = { layers = 1, hidden = 8, heads = 1, intermediate = 8, positions = 64, dropout = 0.0, attention-dropout = 0.0, initializer-range = 0.1 }
segment = 32
overlap = 0
label-block = 8
[run.training]
epochs = 8
batch-size = 8
accumulate = 1
bucket = 4
optimiser = { adamw = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = "matrices" } }
learning-rate = 0.03
schedule = "constant"
clip-norm = 1.0
select = "last"
"#;
    let pieces = "[text.pieces]\nnormalise = \"none\"\n\
                  tokenizer = { train-word-piece = { vocabulary = 300, min-frequency = 2, lowercase = true } }\n\n[evaluation]";
    suite_text(60, &(caml(4, 8) + long_bert))
        .replace("lengths = [48]", "lengths = [512, 1024, 2048, 2500, 4096, 8192]")
        .replace("[evaluation]", pieces)
}

#[test]
fn records_of_other_data_fill_the_tables_and_are_not_comparable() {
    let bench = Bench::new(&long_suite());
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let paper = reproduced(&bench, &["longbert"]);
    assert_eq!(paper["coverage"]["reproduced"], 12);
    assert_eq!(paper["coverage"]["differs"], 0);
    let mut filled = 0;
    for (table, row, column, cell) in cells(&paper).into_iter().filter(|(table, ..)| table != "1") {
        let place = format!("table {table}, {row}, {column}: {cell}");
        // The row that was taken from another paper is not a run of this one's suite.
        if row.contains("Ji et al.") {
            assert_eq!(cell["verdict"], "not-attempted", "{place}");
            continue;
        }
        assert_eq!(cell["verdict"], "not-comparable", "{place}");
        match column.as_str() {
            // Not said which one it is.
            "pr-auc" => assert!(cell["why"].to_string().contains("does not define"), "{place}"),
            _ => {
                assert!(
                    cell["why"][0].as_str().unwrap().starts_with("other data (synthetic"),
                    "{place}"
                );
                assert!(cell["ours"].is_number() && cell["difference"].is_number(), "{place}");
                filled += 1;
            }
        }
    }
    assert_eq!(filled, 3 * 6 * 4);
    // The claims are judged by them too: none of these numbers is the paper's, and some comparisons are decided or open.
    let output = bench.run(&["--json", "claims", "longbert"]);
    assert_good(&output);
    let claims: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let claims = claims[0]["claims"].as_array().unwrap();
    let judged = |claim: &&Value| {
        let findings = claim["ours"]["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding["verdict"].is_string())
    };
    assert!(claims.iter().filter(judged).count() >= 3);
}

/// A tiny BERT model with these settings of its own, at these lengths.
fn bert(name: &str, model: &str, own: &str, lengths: &str) -> String {
    format!(
        r#"
[[run]]
name = "{name}"
text = "pieces"
lengths = {lengths}
[run.model.{model}]
encoder = {{ layers = 1, hidden = 8, heads = 1, intermediate = 8, positions = 64, dropout = 0.0, attention-dropout = 0.0, initializer-range = 0.1 }}
{own}
[run.training]
epochs = 8
batch-size = 8
accumulate = 1
bucket = 4
optimiser = {{ adamw = {{ betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = "matrices" }} }}
learning-rate = 0.03
schedule = "constant"
clip-norm = 1.0
select = "last"
"#
    )
}

#[test]
fn the_tables_of_the_two_other_papers_are_filled_too() {
    let truncated = "pooler = false\nclassifier-dropout = 0.0\nhead = ";
    let hierarchical = "segment = 34\nsegment-layer = { heads = 1, intermediate = 8, dropout = 0.0 }\npooling = \"mean\"\n\
                        classifier-dropout = 0.0\nhead = ";
    let (connected, label_wise) = ("\"fully-connected\"", "{ label-attention = { label-block = 8 } }");
    let runs = [
        logistic_regression(20),
        bert("trun", "bert_trun", &format!("{truncated}{connected}"), "[512, 1024]"),
        bert(
            "trun, label attention",
            "bert_trun",
            &format!("{truncated}{label_wise}"),
            "[512]",
        ),
        bert("hier", "bert_hier", &format!("{hierarchical}{connected}"), "[2500]"),
        bert(
            "hier, label attention",
            "bert_hier",
            &format!("{hierarchical}{label_wise}"),
            "[2500]",
        ),
        bert(
            "xml",
            "bert_xml",
            "long-notes = \"split\"\nlabel-vectors = \"random\"\nhidden = 8\nlabel-block = 8",
            "[512, 1024]",
        ),
    ];
    let text = long_suite();
    let head = text.split("\n[[run]]").next().unwrap();
    let bench = Bench::new(&(head.to_owned() + &runs.concat()).replace("[512, 1024, 2048, 2500, 4096, 8192]", "[512]"));
    let ran = bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]);
    // A model as small as these may give every note the same codes, which is refused as a result.
    assert!([Some(0), Some(5)].contains(&ran.status.code()), "{}", stderr(&ran));
    let scored: Vec<String> = bench
        .records("results")
        .into_iter()
        .filter(|record| record.outcome.is_some())
        .map(|record| record.cell.run)
        .collect();
    assert!(scored.len() >= 5, "{scored:?}");
    for (name, computed, least) in [("bert-xml", 16, 8), ("magic-of-bert", 0, 60)] {
        let paper = reproduced(&bench, &[name]);
        assert_eq!(paper["coverage"]["reproduced"], computed, "{name}");
        assert_eq!(paper["coverage"]["differs"], 0, "{name}");
        let filled = cells(&paper)
            .into_iter()
            .filter(|(_, _, _, cell)| cell["verdict"] == "not-comparable");
        let filled: Vec<_> = filled.collect();
        assert!(filled.len() >= least, "{name}: {}", filled.len());
        for (table, row, column, cell) in filled {
            let why = cell["why"].to_string();
            let said =
                why.contains("other data (synthetic") || why.contains("does not define") || why.contains("have no");
            assert!(said, "{name}, table {table}, {row}, {column}: {why}");
        }
    }
}

/// A folder of published numbers with one paper, whose only table has two rows of the suite `tiny.toml`: what the suite
/// came to, `changed` as asked.
fn registry(bench: &Bench, changed: impl Fn(&str, String) -> String, sums: bool) {
    let score = |model: &str| {
        let records = bench.records("results");
        let record = records.iter().find(|record| record.cell.model == model).unwrap();
        let value = record.outcome.as_ref().unwrap().scores["micro-f1"];
        changed(model, format!("{:.1}", 100.0 * value))
    };
    let text = format!(
        r#"
[paper]
name = "own"
title = "Own numbers"
authors = "Nobody"
year = 2026
venue = "nowhere"

[[table]]
number = "1"
title = "Scores"
kind = "scores"
unit = "percent"
scored-on = "test"
threshold = "tuned"
suite = "tiny.toml"

[[table.column]]
name = "micro-f1"
printed = "F1"
definition = "micro-F1"

[[table.row]]
label = "CAML"
run = "caml"
cells = {{ micro-f1 = "{}" }}

[[table.row]]
label = "LR"
run = "logistic_regression"
cells = {{ micro-f1 = "{}" }}
"#,
        score("caml"),
        score("logistic_regression")
    );
    write_registry(bench, &text, sums);
}

/// A folder of published numbers that has this text alone; with its checksum, or with that of what was there before.
fn write_registry(bench: &Bench, text: &str, sums: bool) {
    let folder = bench.path("own/published");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("own.toml"), text).unwrap();
    if sums {
        let sum = hex(&Sha256::digest(text));
        std::fs::write(folder.join("SHA256SUMS"), format!("{sum}  own.toml\n")).unwrap();
    }
}

fn verdicts(bench: &Bench, arguments: &[&str]) -> BTreeMap<String, String> {
    let paper = reproduced(
        bench,
        &[&["own", "--published", "own", "--tolerance", "0"], arguments].concat(),
    );
    let found = cells(&paper).into_iter();
    found
        .map(|(_, row, _, cell)| (row, cell["verdict"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn a_digit_that_changes_changes_the_verdict_or_fails_the_checksum() {
    // Few notes and a strange recipe: what matters is that the records are of the suite's own cells. Scores over so few notes
    // have wide intervals, so rounding alone decides.
    let bench = Bench::new(&suite_text(60, &(caml(3, 8) + &logistic_regression(40))));
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let as_it_is = |_: &str, value: String| value;
    registry(&bench, as_it_is, true);
    let inside = verdicts(&bench, &[]);
    let finished = |verdict: &str| ["reproduced", "not-comparable"].contains(&verdict);
    assert!(inside.values().all(|verdict| finished(verdict)), "{inside:?}");
    let before = verdicts(&bench, &["--no-intervals"]);
    assert_eq!(before, inside);
    // A model that had not finished learning is not compared; at least one of the two had.
    let row = before
        .iter()
        .find(|(_, verdict)| *verdict == "reproduced")
        .map(|(row, _)| row.clone());
    let row = row.expect("a row that is reproduced");
    let model = if row == "CAML" { "caml" } else { "logistic_regression" };

    // In the registry: the last digit of one value.
    let last_digit = |of: &str, mut value: String| {
        if of == model {
            let digit = value.pop().unwrap();
            value.push(if digit == '5' { '7' } else { '5' });
        }
        value
    };
    registry(&bench, last_digit, false);
    let refused = bench.run(&["reproduce", "own", "--published", "own"]);
    assert_fails(
        &refused,
        2,
        &["published/own.toml", "SHA256SUMS", "a digit of it changed", "sha256sum"],
    );
    registry(&bench, last_digit, true);
    assert_eq!(verdicts(&bench, &["--no-intervals"])[&row], "differs");

    // In a record: it is no longer believed.
    registry(&bench, as_it_is, true);
    let record = bench
        .records("results")
        .into_iter()
        .find(|record| record.cell.model == model)
        .unwrap();
    let path = bench.path("results/records").join(format!("{}.json", record.key));
    let text = std::fs::read_to_string(&path).unwrap();
    let value = record.outcome.as_ref().unwrap().scores["micro-f1"].to_string();
    let (head, tail) = value.split_at(value.len() - 1);
    let other = format!("{head}{}", if tail == "5" { "7" } else { "5" });
    assert!(text.contains(&value));
    std::fs::write(&path, text.replace(&value, &other)).unwrap();
    let output = bench.run(&["--json", "reproduce", "own", "--published", "own"]);
    assert_good(&output);
    assert!(stderr(&output).contains("not used"), "{}", stderr(&output));
    let papers: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let changed = cells(&papers[0]).into_iter().find(|(_, of, ..)| *of == row).unwrap().3;
    assert_eq!(changed["verdict"], "not-attempted");
}

#[test]
fn an_interval_that_holds_the_published_value_reproduces_it() {
    let bench = Bench::new(&suite_text(60, &(caml(3, 8) + &logistic_regression(40))));
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    // Three points away: beyond rounding, within what other notes would do to so few.
    registry(
        &bench,
        |_, value| format!("{:.1}", value.parse::<f64>().unwrap() + 3.0),
        true,
    );
    let inside = verdicts(&bench, &[]);
    // The records say their intervals, so that a stranger who has no more than these finds the same.
    std::fs::remove_dir_all(bench.path("results/private")).unwrap();
    assert_eq!(verdicts(&bench, &[]), inside);
    let outside = verdicts(&bench, &["--no-intervals"]);
    let row = inside
        .iter()
        .find(|(_, verdict)| *verdict == "reproduced")
        .expect("a row that is reproduced")
        .0;
    assert_eq!(outside[row], "differs");
}

#[test]
fn a_table_of_rare_codes_is_filled_by_the_mean_over_these_codes_alone() {
    let bench = Bench::new(&suite_text(60, &logistic_regression(40)));
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let record = bench.records("results").remove(0);
    let codes = record.outcome.unwrap().codes;
    let mut frequencies: Vec<u32> = codes.iter().map(|code| code.training).collect();
    frequencies.sort_unstable();
    let most = frequencies[frequencies.len() / 2];
    let rare = codes.iter().filter(|code| code.training < most);
    let areas: Vec<f64> = rare.filter_map(|code| code.roc_auc).collect();
    assert!(
        !areas.is_empty() && areas.len() < codes.len(),
        "{} of {}",
        areas.len(),
        codes.len()
    );
    let table = |fewer_than: String, column: &str| {
        let text = format!(
            r#"
[paper]
name = "own"
title = "Own numbers"
authors = "Nobody"
year = 2026
venue = "nowhere"

[[table]]
number = "1"
title = "Scores of rare codes"
kind = "scores"
unit = "fraction"
scored-on = "test"
threshold = "none"
suite = "tiny.toml"
{fewer_than}

[[table.column]]
name = "{column}"
printed = "of rare codes"
definition = "as named"

[[table.row]]
label = "LR"
run = "logistic_regression"
cells = {{ {column} = "0.500" }}
"#
        );
        write_registry(&bench, &text, true);
        cells(&reproduced(&bench, &["own", "--published", "own"])).remove(0).3
    };
    let all = table(String::new(), "macro-roc-auc");
    let found = table(format!("fewer-than = {most}"), "macro-roc-auc");
    let ours = found["ours"].as_f64().unwrap();
    assert!(
        (ours - areas.iter().sum::<f64>() / areas.len() as f64).abs() < 1e-12,
        "{found}"
    );
    assert_ne!(all["ours"], found["ours"]);
    // The intervals of a record are of all its codes.
    assert!(
        all["interval"].is_array() && found["interval"].is_null(),
        "{all} {found}"
    );
    let other = table(format!("fewer-than = {most}"), "micro-f1");
    let why = format!("no micro-f1 of the codes with fewer than {most} training notes");
    assert!(other["why"][0].as_str().unwrap().ends_with(&why), "{other}");
}

#[test]
fn the_papers_contradictions_are_found_by_evaluating_what_they_say() {
    let published = Published::built_in().unwrap();
    let claims: usize = published.sources.iter().map(|source| source.claims.len()).sum();
    assert!(claims >= 40, "{claims}");
    let verdict = |paper: &str, claim: &str| {
        let source = published.paper(paper).unwrap();
        let found = source.claims.iter().find(|found| found.name == claim);
        in_print(source, found.unwrap_or_else(|| panic!("{paper} has no claim {claim}"))).verdict
    };
    for (paper, claim) in [
        ("bert-xml", "from-scratch-beats-off-the-shelf"),
        ("bert-xml", "bert-just-as-good-on-rare-codes"),
        ("bert-xml", "all-results-significant"),
        ("bert-xml", "one-factor-for-time"),
        ("bert-xml", "frequent-codes-in-order"),
        ("longbert", "long-inputs-beat-caml-in-roc-auc"),
        ("longbert", "long-inputs-beat-caml-in-pr-auc"),
        ("longbert", "every-score-grows-with-length"),
        ("longbert", "larger-gap-on-full-codes-in-every-metric"),
        ("longbert", "same-number-of-examples"),
        ("magic-of-bert", "tables-2-and-5-agree"),
        ("magic-of-bert", "tables-2-and-3-agree-on-top-50"),
        ("magic-of-bert", "tables-2-and-3-agree-on-full-codes"),
        ("magic-of-bert", "new-state-of-the-art"),
        ("magic-of-bert", "retrained-cnn-beats-recent-models"),
        ("magic-of-bert", "pretrained-worse-on-full-codes"),
        ("magic-of-bert", "codes-of-table-1-and-figure-3"),
        ("magic-of-bert", "pubmedbert-improves-on-bert-base"),
        ("magic-of-bert", "mixed-domains-help-on-full-codes"),
        ("magic-of-bert", "hypercore-above-multirescnn"),
        ("magic-of-bert", "two-models-two-rows"),
    ] {
        assert_eq!(verdict(paper, claim), Verdict::DoesNotHold, "{paper}: {claim}");
    }
    for (paper, claim) in [
        ("bert-xml", "longer-beats-shorter"),
        ("bert-xml", "gains-larger-on-rare-codes"),
        ("bert-xml", "big-beats-small"),
        ("longbert", "scores-grow-with-length"),
        ("longbert", "long-inputs-beat-caml"),
        ("longbert", "larger-gap-on-full-codes"),
        ("longbert", "totals-of-table-1"),
        ("longbert", "codes-add-up"),
        ("longbert", "f1-is-the-harmonic-mean"),
        ("magic-of-bert", "hierarchy-beats-truncation"),
    ] {
        assert_eq!(verdict(paper, claim), Verdict::Holds, "{paper}: {claim}");
    }
    // Cells that the print does not show decide nothing.
    assert_eq!(
        verdict("magic-of-bert", "more-data-helps-in-macro-auc-on-full-codes"),
        Verdict::NotDecided
    );
}

#[test]
fn a_sentence_of_a_claim_stands_in_its_paper() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/papers");
    let papers = std::env::var_os("ICDBENCH_PAPERS").map_or(beside, Into::into);
    let letters = |text: &str| -> String {
        let spelled = text
            .replace('ﬁ', "fi")
            .replace('ﬂ', "fl")
            .replace('ﬀ', "ff")
            .replace('ﬃ', "ffi");
        spelled
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    for (name, files) in [
        (
            "bert-xml",
            &["000_6f9e6c0db6bef8cd.txt", "001_058c103af87800e2.txt"][..],
        ),
        ("longbert", &["002_35977b4ae364e8ec.txt"]),
        ("magic-of-bert", &["004_5a9ba73d9ebeebca.txt"]),
    ] {
        let texts: Result<Vec<String>, _> = files
            .iter()
            .map(|file| std::fs::read_to_string(papers.join(file)))
            .collect();
        let Ok(texts) = texts else {
            println!("skipped: the text of {name} is not here; set ICDBENCH_PAPERS to the folder that has it");
            continue;
        };
        let text = letters(&texts.concat());
        let published = Published::built_in().unwrap();
        for claim in &published.paper(name).unwrap().claims {
            // What any reader expects of tables is in our own words.
            if claim.section == "tables" {
                continue;
            }
            for part in claim.text.split("...") {
                assert!(
                    text.contains(&letters(part)),
                    "{name}: {}: {part:?} is not in the paper",
                    claim.name
                );
            }
        }
    }
}

#[test]
fn the_index_of_reproduce_md_is_the_registrys() {
    let bench = Bench::new("");
    let output = bench.run(&["reproduce", "--index"]);
    assert_good(&output);
    let document = include_str!("../REPRODUCE.md");
    assert!(
        document.contains(stdout(&output).trim_end()),
        "REPRODUCE.md does not have what `icdbench reproduce --index` prints: put it there"
    );
}
