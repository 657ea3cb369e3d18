//! The report of a throughput suite: tables, plots and CSV of the timings of several engines.

mod claims;
mod figures;
mod growth;
mod history;
mod panels;
mod roofline;
mod sheet;
mod tables;
mod timings;

use std::path::{Path, PathBuf};

use super::error::Error;
use super::files::{PLOTS, Staging};
use super::markdown;
use super::plots::paint;

pub use history::history;
pub use timings::Timings;

/// Writes `report.md`, the plots and `timings.csv` into a directory; files that are there are replaced.
///
/// # Errors
/// When the directory cannot be written.
pub fn write(timings: &Timings<'_>, directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut staging = Staging::begin(directory)?;
    let mut plots = Vec::new();
    for (stem, scene) in figures::all(timings) {
        let failed = |source| Error::Plot {
            plot: stem.clone(),
            source,
        };
        let svg = paint::svg(&scene).map_err(failed)?;
        staging.bytes(&format!("{PLOTS}/{stem}.svg"), svg.as_bytes())?;
        let png = paint::png(&scene).map_err(failed)?;
        staging.bytes(&format!("{PLOTS}/{stem}.png"), &png)?;
        plots.push((stem, scene.title.clone()));
    }
    let file = "timings.csv";
    let bytes = sheet::sheet(timings).map_err(|source| Error::Csv { file, source })?;
    staging.bytes(file, &bytes)?;
    staging.bytes("report.md", page(timings, &plots)?.as_bytes())?;
    staging.finish()
}

fn page(timings: &Timings<'_>, plots: &[(String, String)]) -> Result<String, Error> {
    let suite = timings.suite;
    let mut text = format!("# {}\n\n{}\n\n", suite.name, markdown::escaped(&suite.description));
    text += &tables::measured_on(timings);
    for &kind in timings.kinds() {
        let table = tables::beside(timings, kind);
        text += &format!("\n## {}\n\n{}\n", table.caption, markdown::table(&table));
    }
    for (stem, title) in plots {
        text += &format!("\n![{title}]({PLOTS}/{stem}.svg)\n");
    }
    text += &growth::section(timings);
    text += &claims::section(timings)?;
    let tables = [
        Some(tables::memory(timings)),
        tables::parts(timings),
        tables::largest(timings),
        tables::energy(timings),
    ];
    for table in tables.into_iter().flatten() {
        text += &format!("\n## {}\n\n{}\n", table.caption, markdown::table(&table));
    }
    text += &tables::failures(timings);
    Ok(text)
}
