//! From records to files.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::earlier::scored_cells;
use super::error::Error;
use super::files::{PLOTS, Staging};
use super::page::{Page, assemble};
use super::plots::paint;
use super::suite_text::SuiteText;
use super::summary::Coverage;
use super::{csv, html, latex, markdown};
use crate::record::Reported;

/// What became of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// It is in place.
    Written(Written),
    /// No cell of the suite has a record: nothing was written, and an older report stays as it is.
    NoRecord,
    /// It would show no scores, and the report in its place has some: that one stays.
    Kept {
        /// Cells whose scores that report has.
        scored: usize,
    },
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
    /// Cells whose scores the report had that was replaced, if there was one.
    pub before: Option<usize>,
}

/// Writes the report of a suite from its cells' records, with their rows by note where these are at hand, into a
/// directory: `report.md`, `index.html`, `table.tex`, the plots, and as CSV the numbers behind them. Files that are
/// already there are replaced one by one, each at once.
///
/// A report that shows no scores takes the place of none that has some.
///
/// # Errors
/// When the directory cannot be written. A report that was there before is then left as it was, unless a file of it
/// could not be replaced: those before it are then the new ones. `index.html` comes last.
pub fn write_report(cells: &[Reported], suite: &SuiteText, out_dir: &Path) -> Result<Ended, Error> {
    let page = assemble(cells, suite);
    if page.summary.records.is_empty() {
        return Ok(Ended::NoRecord);
    }
    let before = scored_cells(out_dir)?;
    if let (0, Some(scored @ 1..)) = (page.summary.coverage.ok, before) {
        return Ok(Ended::Kept { scored });
    }
    let mut staging = Staging::begin(out_dir)?;
    stage_plots(&mut staging, &page)?;
    for (file, sheet) in csv::SHEETS {
        let bytes = sheet(&page.summary).map_err(|source| Error::Csv { file, source })?;
        staging.bytes(file, &bytes)?;
    }
    staging.bytes("table.tex", latex::page(&page).as_bytes())?;
    staging.bytes("report.md", markdown::page(&page).as_bytes())?;
    staging.bytes("index.html", html::page(&page)?.as_bytes())?;
    Ok(Ended::Written(Written {
        directory: out_dir.to_owned(),
        files: staging.finish()?,
        coverage: page.summary.coverage,
        before,
    }))
}

fn stage_plots(staging: &mut Staging, page: &Page<'_>) -> Result<(), Error> {
    let figures: Vec<_> = page.figures().collect();
    // Painting is most of what a report takes.
    let painted = figures.par_iter().map(|figure| {
        let stem = &figure.stem;
        let failed = |source| Error::Plot {
            plot: stem.clone(),
            source,
        };
        let svg = paint::svg(&figure.scene).map_err(failed)?;
        Ok((stem, svg, paint::png(&figure.scene).map_err(failed)?))
    });
    for (stem, svg, png) in painted.collect::<Result<Vec<_>, Error>>()? {
        staging.bytes(&format!("{PLOTS}/{stem}.svg"), svg.as_bytes())?;
        staging.bytes(&format!("{PLOTS}/{stem}.png"), &png)?;
    }
    Ok(())
}
