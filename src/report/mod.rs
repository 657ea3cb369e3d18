//! Reports: records in, a folder of tables and plots out. Nothing here runs a model or reads data.
//!
//! [`write_report`] arranges the records ([`summary`]), decides what stands on the page ([`page`], with the tables of
//! [`scores`], [`gains`] and [`facts`] and the [`plots`]) and spells it as Markdown, HTML, LaTeX and CSV. The same records give
//! the same bytes: no clock, no machine path and no hash-map order enters a report.

pub mod codes;
pub mod csv;
pub mod facts;
mod files;
pub mod gains;
pub mod html;
pub mod html_table;
pub mod latex;
pub mod markdown;
pub mod metric;
mod names;
pub mod page;
pub mod plots;
pub mod scores;
mod sheet;
pub mod summary;
pub mod table;

use std::path::{Path, PathBuf};

use crate::record::{CellDescription, Reported};
use files::{PLOTS, Staging};
use page::Page;
use plots::paint;
pub use summary::Coverage;

/// What a report says about the suite beside its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SuiteText {
    /// The suite's name.
    pub name: String,
    /// What the suite is for; paragraphs are separated by an empty line.
    pub description: String,
    /// Every cell the suite asks for, in its order: cells without a record are shown as `missing`, records of other
    /// cells are left out. Where it is empty, the records' cells are taken.
    pub cells: Vec<CellDescription>,
}

impl SuiteText {
    /// The paragraphs of the description.
    pub fn paragraphs(&self) -> impl Iterator<Item = &str> {
        let paragraphs = self.description.split("\n\n").map(str::trim);
        paragraphs.filter(|paragraph| !paragraph.is_empty())
    }
}

/// What of the records is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Metrics to show, by name and in this order; empty for the default list, see [`metric::choose`].
    pub metrics: Vec<String>,
    /// The command that makes the records; `icdbench run suites/<name>.toml` where absent.
    pub command: Option<String>,
    /// At most so many codes in the page's table of codes; `codes.csv` always has all.
    pub codes_shown: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metrics: Vec::new(),
            command: None,
            codes_shown: 100,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The report's directory.
    pub directory: PathBuf,
    /// Every file, `index.html` last.
    pub files: Vec<PathBuf>,
    /// How the cells ended.
    pub coverage: Coverage,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error(
        "{path}: cannot {verb} the report: {source}. Free space, fix the permissions or choose another directory, and run the command again"
    )]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A plot could not be painted.
    #[error("plot `{plot}`: {source}")]
    Plot {
        /// File name without extension.
        plot: String,
        /// What the painter found.
        source: paint::PaintError,
    },
    /// A table could not be spelled as CSV.
    #[error("{file}: {source}")]
    Csv {
        /// The file.
        file: &'static str,
        /// What the CSV writer found.
        source: ::csv::Error,
    },
}

/// Writes the report of a suite from its cells' records, with their rows by note where these are at hand, into a directory: `report.md`, `index.html`, `table.tex`, `table.csv`, `scores.csv`,
/// the plots and the data behind them. Files that are already there are replaced one by one, each at once.
///
/// # Errors
/// When the directory cannot be written; a report that was there before is then left as it was.
pub fn write_report(
    cells: &[Reported],
    suite: &SuiteText,
    options: &Options,
    out_dir: &Path,
) -> Result<Written, Error> {
    let page = page::assemble(cells, suite, options);
    let mut staging = Staging::begin(out_dir)?;
    stage_plots(&mut staging, &page)?;
    stage_sheets(&mut staging, &page)?;
    staging.bytes("table.tex", latex_of(&page).as_bytes())?;
    staging.bytes("report.md", markdown::page(&page).as_bytes())?;
    staging.bytes("index.html", html::page(&page, options.codes_shown)?.as_bytes())?;
    Ok(Written {
        directory: out_dir.to_owned(),
        files: staging.finish()?,
        coverage: page.summary.coverage,
    })
}

fn stage_plots(staging: &mut Staging, page: &Page<'_>) -> Result<(), Error> {
    for figure in page.sections.iter().flat_map(|section| section.figures()) {
        let stem = &figure.stem;
        let failed = |source| Error::Plot {
            plot: stem.clone(),
            source,
        };
        let svg = paint::svg(&figure.scene).map_err(failed)?;
        staging.bytes(&format!("{PLOTS}/{stem}.svg"), svg.as_bytes())?;
        staging.add(&format!("{PLOTS}/{stem}.png"), |path| {
            paint::write_png(&figure.scene, path).map_err(failed)
        })?;
    }
    Ok(())
}

fn stage_sheets(staging: &mut Staging, page: &Page<'_>) -> Result<(), Error> {
    let summary = &page.summary;
    let tables: Vec<_> = page
        .sections
        .iter()
        .map(|section| (section.title.as_str(), &section.scores))
        .collect();
    let codes = page
        .sections
        .iter()
        .map(|section| (section.title.as_str(), &section.codes));
    let sheets = [
        ("scores.csv", csv::scores(summary)),
        ("table.csv", csv::tables(&tables)),
        ("lengths.csv", csv::gains(summary)),
        ("speed.csv", csv::speed(summary)),
        ("bins.csv", csv::frequency_bins(summary)),
        ("training.csv", csv::training(summary)),
        ("tokens.csv", csv::note_lengths(summary)),
        ("codes.csv", csv::codes(codes)),
    ];
    for (file, sheet) in sheets {
        let bytes = sheet.map_err(|source| Error::Csv { file, source })?;
        staging.bytes(file, &bytes)?;
    }
    Ok(())
}

fn latex_of(page: &Page<'_>) -> String {
    let tables = page.sections.iter().flat_map(|section| section.tables());
    let with_notes = tables.map(|table| (table, scores::notes_in(&[table], &page.summary)));
    latex::page(&with_notes.collect::<Vec<_>>())
}
