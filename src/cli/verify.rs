//! `icdbench verify`: whether engines compute the same.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::terminal::out;
use super::{Global, exit, print_columns, print_json};
use crate::bench::{Agreement, Engines, Question, Side, verify as ask_all};
use crate::models::ModelConfig;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Two engines or more, ENGINE[:MODE][@DEVICE] each; the others are compared with the first. burn, candle,
    /// pytorch, or the path of a program that speaks the protocol (ARCHITECTURE.md, "Engines").
    #[arg(long, value_delimiter = ',', value_name = "ENGINE", default_values_t = ["burn".parse::<Side>(), "candle".parse()].map(|side| side.expect("an engine")))]
    engines: Vec<Side>,
    /// Models, separated by commas [default: all].
    #[arg(long, value_delimiter = ',', value_name = "MODEL")]
    models: Option<Vec<String>>,
    /// Tokens of the longest note.
    #[arg(long, value_delimiter = ',', value_name = "N", default_values_t = [512, 2048])]
    lengths: Vec<usize>,
    /// Codes to predict.
    #[arg(long, value_name = "N", default_value_t = 50)]
    codes: usize,
    /// Notes: one as long as can be, one of a single token, the others between.
    #[arg(long, value_name = "N", default_value_t = 3)]
    notes: usize,
    /// The largest difference of two logits that passes, as a share of the largest logit.
    #[arg(long, value_name = "SHARE", default_value_t = 1e-4)]
    tolerance: f64,
    /// Seconds that an engine may take for one answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 300.0)]
    timeout: f64,
    /// The Python that runs engines written in it.
    #[arg(long, env = "ICDBENCH_PYTHON", value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
}

pub(super) fn verify(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.engines.len() < 2 {
        bail!("--engines: found one; expected two or more to compare, such as burn,candle");
    }
    if !(arguments.timeout > 0.0 && arguments.timeout <= 1e6) {
        bail!(
            "--timeout {}: expected seconds above 0, at most 1000000",
            arguments.timeout
        );
    }
    if arguments.notes == 0 {
        bail!("--notes 0: expected 1 or more");
    }
    let program = std::env::current_exe().context("finding the program itself, to start engines")?;
    let threads = global.threads.unwrap_or_else(rayon::current_num_threads);
    let engines = Engines::new(program, threads, arguments.python.clone()).context("writing engines' scripts")?;
    let all = || ModelConfig::NAMES.iter().map(|&name| name.into()).collect();
    let models: Vec<String> = arguments.models.clone().unwrap_or_else(all);
    let mut rows = vec![
        [
            "model",
            "tokens",
            "engine",
            "largest logit",
            "difference",
            "relative",
            "",
        ]
        .map(String::from)
        .into(),
    ];
    let mut found = Vec::new();
    for model in &models {
        for &length in &arguments.lengths {
            let question = Question {
                model: model.clone(),
                length,
                codes: arguments.codes,
                notes: arguments.notes,
                seed: 1,
                tolerance: arguments.tolerance,
                timeout: Duration::try_from_secs_f64(arguments.timeout).context("--timeout")?,
            };
            for agreement in ask_all(&question, &arguments.engines, &engines)? {
                match global.json {
                    true => print_json(&agreement)?,
                    false => rows.push(row(&agreement)),
                }
                found.push(agreement);
            }
            std::io::stdout().flush()?;
        }
    }
    if !global.json {
        out!(
            "Logits from the same weights and notes, beside {}'s",
            arguments.engines[0]
        );
        print_columns(&rows)?;
    }
    Ok(ExitCode::from(match () {
        () if found.iter().any(|one| !one.passes && !one.is_skipped()) => exit::WORSE,
        () if found.iter().any(|one| one.passes) => exit::GOOD,
        // Nothing was compared.
        () => exit::COULD_NOT_RUN,
    }))
}

fn row(agreement: &Agreement) -> Vec<String> {
    let verdict = match (&agreement.error, agreement.passes) {
        (Some(error), _) if agreement.is_skipped() => format!("skipped: {error}"),
        (Some(error), _) => format!("FAILS: {error}"),
        (None, true) => "passes".into(),
        (None, false) => format!("FAILS: expected at most {:.0e}", agreement.tolerance),
    };
    let number = |number: f64| match agreement.error {
        Some(_) => "-".into(), // Nothing was compared.
        None => format!("{number:.1e}"),
    };
    vec![
        agreement.model.clone(),
        agreement.length.to_string(),
        agreement.engine.clone(),
        format!("{:.3}", agreement.largest_logit),
        number(agreement.difference),
        number(agreement.relative),
        verdict,
    ]
}
