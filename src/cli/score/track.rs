//! By a track's own rules: `icdbench score --codiesp D --gold FILE --predictions FILE`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;

use super::super::{Global, print_columns, print_json};
use crate::codiesp::{self, Agreement, Codes};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Subtrack {
    D,
    P,
    X,
}

/// A run file and what it is compared with.
pub(super) struct RunFile<'a> {
    pub(super) subtrack: Subtrack,
    pub(super) gold: &'a Path,
    pub(super) run: &'a Path,
    pub(super) valid_codes: &'a [PathBuf],
}

pub(super) fn score(global: &Global, asked: &RunFile<'_>) -> Result<ExitCode> {
    let valid = valid(asked.valid_codes)?;
    let valid = valid.as_ref();
    if valid.is_none() {
        global.notice("no list of valid codes (--valid-codes): every predicted code takes a rank");
    }
    let (gold, run) = (text(asked.gold)?, text(asked.run)?);
    let of_gold = |problem| placed(asked.gold, problem);
    let of_run = |problem| placed(asked.run, problem);
    match asked.subtrack {
        Subtrack::X => {
            let gold = codiesp::gold_spans(&gold).map_err(of_gold)?;
            let run = codiesp::span_entries(&run).map_err(of_run)?;
            let scores = codiesp::spans(&gold, &run, valid);
            if global.json {
                print_json(&scores)?;
                return Ok(ExitCode::SUCCESS);
            }
            let mut rows = agreement("by the track's rule", &scores.agreement);
            rows.extend(agreement("evidence overlaps", &scores.overlapping));
            rows.push(vec![
                "codes whose evidence no span can hold by the rule".into(),
                scores.out_of_order.to_string(),
            ]);
            rows.push(vec![
                "lines with a code that is not valid".into(),
                scores.not_valid.to_string(),
            ]);
            print_columns(&rows)?;
        }
        Subtrack::D | Subtrack::P => {
            let gold = codiesp::entries(&gold).map_err(of_gold)?;
            let run = codiesp::entries(&run).map_err(of_run)?;
            let scores = codiesp::ranking(&gold, &run, valid);
            if global.json {
                print_json(&scores)?;
                return Ok(ExitCode::SUCCESS);
            }
            let mut rows = vec![
                vec![
                    format!("MAP over the run's {} cases (official)", scores.cases_in_run),
                    format!("{:.4}", scores.map),
                ],
                vec![
                    format!("MAP over the gold's {} cases", scores.cases),
                    format!("{:.4}", scores.map_over_all_cases),
                ],
            ];
            rows.extend(agreement("codes of cases", &scores.agreement));
            for (what, count) in [
                ("cases that the gold has not", scores.cases_unknown),
                ("lines that repeat a code", scores.repeated),
                ("lines with a code that is not valid", scores.not_valid),
            ] {
                rows.push(vec![what.into(), count.to_string()]);
            }
            print_columns(&rows)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The codes of all lists; none where there is no list.
fn valid(lists: &[PathBuf]) -> Result<Option<Codes>> {
    let mut all: Option<Codes> = None;
    for list in lists {
        let codes = codiesp::codes(&text(list)?).map_err(|problem| placed(list, problem))?;
        all.get_or_insert_default().extend(codes);
    }
    Ok(all)
}

fn text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        anyhow!(
            "{}: line {}: not UTF-8; write the file as UTF-8",
            path.display(),
            line + 1
        )
    })
}

fn placed(path: &Path, problem: codiesp::Problem) -> anyhow::Error {
    anyhow!("{}: {problem}", path.display())
}

fn agreement(what: &str, agreement: &Agreement) -> Vec<Vec<String>> {
    let Agreement {
        found,
        predicted,
        gold,
        precision,
        recall,
        f1,
    } = agreement;
    vec![
        vec![format!("micro-F1, {what}"), format!("{f1:.4}")],
        vec![
            format!("micro-precision, {what}"),
            format!("{precision:.4} ({found} of {predicted})"),
        ],
        vec![
            format!("micro-recall, {what}"),
            format!("{recall:.4} ({found} of {gold})"),
        ],
    ]
}
