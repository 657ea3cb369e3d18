//! The report of a throughput suite: tables, plots and CSV of the timings of several engines.

mod figures;
mod growth;
mod sheet;
mod tables;

use std::path::{Path, PathBuf};

use super::error::Error;
use super::files::{PLOTS, Staging};
use super::markdown;
use super::plots::paint;
use crate::bench::Peak;
use crate::bench::protocol::Kind;
use crate::throughput::{Group, ThroughputSuite};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Timings<'a> {
    /// The suite.
    pub suite: &'a ThroughputSuite,
    /// By model and length.
    pub groups: &'a [Group],
    /// What the machine can do, where it was measured.
    pub peak: Option<&'a Peak>,
    /// What was left when the time was up.
    pub left: &'a [String],
}

impl<'a> Timings<'a> {
    /// Engines in the suite's order.
    fn engines(&self) -> Vec<String> {
        self.suite.throughput.engines.iter().map(ToString::to_string).collect()
    }

    /// Models in the suite's order, those that have timings.
    fn models(&self) -> Vec<&'a str> {
        let models = self.suite.throughput.models.iter().map(String::as_str);
        models
            .filter(|model| self.groups.iter().any(|group| group.model == *model))
            .collect()
    }

    fn kinds(&self) -> &'a [Kind] {
        &self.suite.throughput.kinds
    }

    fn of(&self, model: &str) -> impl Iterator<Item = &'a Group> {
        let model = model.to_owned();
        self.groups.iter().filter(move |group| group.model == model)
    }
}

/// A kind of run in words.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Inference => "inference",
        Kind::Step => "training step",
    }
}

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
        staging.add(&format!("{PLOTS}/{stem}.png"), |path| {
            paint::write_png(&scene, path).map_err(failed)
        })?;
        plots.push((stem, scene.title.clone()));
    }
    let file = "timings.csv";
    let bytes = sheet::sheet(timings).map_err(|source| Error::Csv { file, source })?;
    staging.bytes(file, &bytes)?;
    staging.bytes("report.md", page(timings, &plots).as_bytes())?;
    staging.finish()
}

fn page(timings: &Timings<'_>, plots: &[(String, String)]) -> String {
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
    let growth = growth::table(timings);
    text += &format!("\n## {}\n\n{}\n", growth.caption, markdown::table(&growth));
    for table in [tables::memory(timings), tables::parts(timings)] {
        text += &format!("\n## {}\n\n{}\n", table.caption, markdown::table(&table));
    }
    text += &tables::failures(timings);
    text
}
