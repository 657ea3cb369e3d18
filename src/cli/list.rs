//! `icdbench list`.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::suites::THROUGHPUT;
use super::terminal::out;
use super::{Global, SUITES, print_columns, print_json};
use crate::metrics::METRICS;
use crate::models::ModelConfig;
use crate::suite::Suite;
use crate::throughput::ThroughputSuite;

pub(super) fn list(global: &Global) -> Result<ExitCode> {
    let scored = SUITES
        .iter()
        .map(|(name, text)| Ok((*name, Suite::parse(text, name)?.description)));
    let timed = THROUGHPUT
        .iter()
        .map(|(name, text)| Ok((*name, ThroughputSuite::parse(text, name)?.description)));
    let suites = scored.chain(timed).collect::<Result<Vec<_>>>()?;
    let models: Vec<_> = ModelConfig::tiny()
        .iter()
        .map(|config| (config.name(), config.about()))
        .collect();
    if global.json {
        print_json(&json!({
            "models": models.iter().map(|(name, about)| json!({"name": name, "about": about})).collect::<Vec<_>>(),
            "suites": suites.iter().map(|(name, about)| json!({"name": name, "about": about})).collect::<Vec<_>>(),
            "metrics": METRICS.iter().map(|metric| json!({"name": metric.name, "about": metric.definition})).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |name: &str, about: &str| {
        vec![
            format!("  {name}"),
            about.split_whitespace().collect::<Vec<_>>().join(" "),
        ]
    };
    out!("Models");
    print_columns(&models.iter().map(|(name, about)| row(name, about)).collect::<Vec<_>>())?;
    out!("\nSuites (also: any TOML file of your own)");
    print_columns(&suites.iter().map(|(name, about)| row(name, about)).collect::<Vec<_>>())?;
    out!("\nMetrics");
    print_columns(
        &METRICS
            .iter()
            .map(|metric| row(metric.name, metric.definition))
            .collect::<Vec<_>>(),
    )?;
    Ok(ExitCode::SUCCESS)
}
