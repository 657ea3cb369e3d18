//! Tables in LaTeX compile as they are written, whatever names stand in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use icdbench::record::{PretrainingFacts, Stage, StageName};
use serde_json::json;

use super::*;

/// Names that LaTeX, Markdown, HTML or a spreadsheet would take for something of its own.
pub const NAMES: [&str; 18] = [
    "[CLS] head",
    "[1pt]",
    "*starred*",
    "a & b",
    "50 % off",
    "under_score",
    "#1 {best} $5$",
    "tilde~ hat^ back\\slash",
    "αβγδε ΓΔΘΛΞΠΣΥΦΨΩ ΑΒο",
    "Müller–Straße, naïve façade, Łódź, Þór, ąę",
    "模型 한국어 モデル",
    "\\input{none} \\end{tabular}",
    "a<b>|c|`d`'e'\"f\"",
    "−0.5 ± 1.2 ≥ ≤ × … “quoted” ‘so’ — ½ €",
    "-- --- ''",
    "=1+1",
    "x\u{8}y\u{1b}[31m",
    "👍 e\u{301}",
];

fn records() -> Vec<Reported> {
    let cells = NAMES.iter().flat_map(|name| [cell(name, 512, 1), cell(name, 1024, 1)]);
    let from_nothing = cells.map(|cell| scored(cell, 0.4));
    let pretrained = NAMES.iter().map(|name| {
        let described = cell(&format!("{name} (pretrained)"), 512, 1);
        let described = CellDescription {
            model: (*name).to_owned(),
            ..described
        };
        super::pretraining::from_an_encoder(scored(described, 0.5))
    });
    from_nothing.chain(pretrained).collect()
}

/// The first TeX engine that is at hand.
fn engine() -> Option<&'static str> {
    let is_there = |name: &&str| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    ["pdflatex", "lualatex", "xelatex", "tectonic"]
        .into_iter()
        .find(is_there)
}

/// The pages of a document with these tables, or what the engine says.
fn compiled(engine: &str, tables: &str, folder: &Path) -> Result<PathBuf, String> {
    std::fs::write(folder.join("table.tex"), tables).unwrap();
    let document = "\\documentclass{article}\n\\usepackage{booktabs}\n\\usepackage{graphicx}\n\\begin{document}\n\
                    \\input{table}\n\\end{document}\n";
    std::fs::write(folder.join("document.tex"), document).unwrap();
    let mut command = Command::new(engine);
    if engine != "tectonic" {
        command.args(["-interaction=nonstopmode", "-halt-on-error"]);
    }
    let output = command.current_dir(folder).arg("document.tex").output().unwrap();
    match output.status.success() {
        true => Ok(folder.join("document.pdf")),
        false => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
    }
}

#[test]
fn every_name_compiles_as_it_is_written() {
    let records = records();
    let suite = suite(Vec::new());
    let tex = latex::page(&page(&records, &suite));
    assert!(!tex.chars().any(|letter| letter.is_control() && letter != '\n'));
    for row in tex.lines() {
        assert!(
            !row.starts_with(['[', '*']),
            "taken for an argument of the line before: {row}"
        );
    }
    for spelled in [
        "{[}CLS] head &",
        "{*}starred* &",
        "50 \\% off &",
        "$\\alpha$$\\beta$",
        "\\icdbenchchar{6A21}{模}",
    ] {
        assert!(tex.contains(spelled), "{spelled}");
    }
    let Some(engine) = engine() else {
        eprintln!("skipped: no TeX engine at hand, only the escaping was looked at");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let compiled = compiled(engine, &tex, folder.path()).unwrap_or_else(|said| panic!("{engine}: {said}"));
    assert!(std::fs::metadata(compiled).unwrap().len() > 1000);
    // What the escaping is for.
    let spoilt = tex.replace("{[}CLS]", "[CLS]");
    assert!(
        self::compiled(engine, &spoilt, folder.path()).is_err(),
        "{engine} bears it"
    );
}

#[test]
fn a_table_without_such_letters_needs_no_macro_for_them() {
    let (records, suite) = mixed();
    assert!(!latex::page(&page(&records, &suite)).contains("icdbenchchar"));
}

#[test]
fn no_field_of_a_csv_file_is_a_formula() {
    let mut records = records();
    for record in &mut records {
        let outcome = record.record.outcome.as_mut().unwrap();
        outcome.curves = Some(figures::curves(figures::two_bins()));
        let looks = [0, 10].map(|step| {
            let look = json!({"epoch": 1, "step": step, "mlm-loss": 2.5, "mlm-accuracy": 0.5});
            serde_json::from_value(look).unwrap()
        });
        outcome.pretraining = Some(PretrainingFacts {
            parameters: 10,
            training_notes: 4,
            unlabelled_notes: 0,
            left_out_notes: 0,
            notes: 3,
            tokens: 60,
            steps: 10,
            stopped: "all epochs done".to_owned(),
            development_sequences: 2,
            looks: looks.into(),
        });
        record
            .record
            .stages
            .insert(StageName::Pretraining, Stage::default().into());
    }
    let mut suite = suite(Vec::new());
    suite.printed = NAMES
        .iter()
        .map(|name| printed::printed(name, name, 512, "micro-f1", 0.5))
        .collect();
    let page = page(&records, &suite);
    for (name, sheet) in csv::SHEETS {
        let bytes = sheet(&page.summary).unwrap();
        let mut rows = ::csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
        let mut fields = 0;
        for row in rows.records() {
            for field in &row.unwrap() {
                let formula = field.starts_with(['=', '+', '-', '@']) && field.parse::<f64>().is_err();
                assert!(!formula, "{name}: {field}");
                fields += 1;
            }
        }
        assert!(fields > 10, "{name}");
    }
}

#[test]
fn the_page_says_that_png_pictures_lack_letters() {
    let records = records();
    let suite = suite(Vec::new());
    let remarks = page(&records, &suite).remarks.join("\n");
    assert!(remarks.contains("The PNG plots show boxes"), "{remarks}");
    let (records, suite) = mixed();
    assert!(!page(&records, &suite).remarks.join("\n").contains("PNG"));
}
