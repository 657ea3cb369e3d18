//! Where a suite comes from.

use std::path::Path;

use anyhow::Result;

use crate::suite::Suite;

/// Suites that come with the program, by name: `icdbench run quick` works wherever it is called.
pub(super) const SUITES: &[(&str, &str)] = &[
    ("smoke", include_str!("../../suites/smoke.toml")),
    ("quick", include_str!("../../suites/quick.toml")),
    ("lengths", include_str!("../../suites/lengths.toml")),
    ("codiesp", include_str!("../../suites/codiesp.toml")),
    ("codiesp-dev", include_str!("../../suites/codiesp-dev.toml")),
];

/// A suite by path, or by the name of one that comes with the program.
pub(super) fn suite(argument: &Path) -> Result<Suite> {
    let built_in = SUITES.iter().find(|(name, _)| argument.as_os_str() == *name);
    let suite = match built_in {
        Some((name, text)) if !argument.is_file() => Suite::parse(text, &format!("suites/{name}.toml"))?,
        _ => Suite::read(argument)?,
    };
    Ok(suite)
}
