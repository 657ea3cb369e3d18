//! `icdbench claims [PAPER]`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::reproduce::{Format, Registry, planned, print_tables};
use super::terminal::out;
use super::{Global, print_json};
use crate::published::Source;
use crate::reproduce::{ClaimResult, claims_csv, claims_table, judged};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The paper; without it, all of them.
    paper: Option<String>,
    #[command(flatten)]
    registry: Registry,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

pub(super) fn claims(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let published = arguments.registry.read()?;
    let records = arguments.registry.records(global)?;
    let evidence = arguments.registry.evidence(planned(global, &published)?, &records);
    let sources: Vec<&Source> = match &arguments.paper {
        Some(name) => vec![published.paper(name)?],
        None => published
            .sources
            .iter()
            .filter(|source| !source.claims.is_empty())
            .collect(),
    };
    let results: Vec<(&Source, Vec<ClaimResult>)> = sources
        .into_iter()
        .map(|source| (source, judged(source, &evidence)))
        .collect();
    match arguments.format.or_json(global) {
        Format::Json => {
            let papers = results
                .iter()
                .map(|(source, claims)| serde_json::json!({ "paper": source.paper, "claims": claims }));
            print_json(&papers.collect::<Vec<_>>())?;
        }
        Format::Csv => {
            let mut text = Vec::new();
            claims_csv(&mut text, &results).context("writing the claims as CSV")?;
            out!("{}", String::from_utf8_lossy(&text).trim_end());
        }
        format => {
            let tables: Vec<_> = results
                .iter()
                .map(|(source, claims)| claims_table(source, claims))
                .collect();
            print_tables("Claims", &[], &tables, format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
