//! The figures that look into a score: where it comes from, what decides it, what its probabilities mean, and code by code.

use super::code_tables::{frequent_table, rare_table};
use super::decisions::{calibration_table, threshold_table};
use super::longest::withholds;
use super::plots::scene::Scene;
use super::plots::{areas, bins, calibration, code_groups, precision_recall, scatter, thresholds};
use super::summary::TaskSummary;
use super::table::Table;

/// What stands under one heading.
pub struct Part {
    /// The heading.
    pub heading: &'static str,
    /// Its numbers, where they are few.
    pub table: Option<Table>,
    /// Its plots, those without data too.
    pub plots: Vec<Plot>,
}

/// A plot before it is drawn.
pub struct Plot {
    /// File name without extension and task.
    pub stem: &'static str,
    /// What it shows and how to read it.
    pub caption: String,
    /// Draws it under an identifier; `None` without data.
    pub draw: fn(String, &TaskSummary<'_>) -> Option<Scene>,
}

/// What is said where small counts are withheld, of codes and of points.
const FEW_CODES: &str = " Codes that fewer than 11 training or scored notes have are withheld and not in it.";
const FEW_PAIRS: &str =
    " Points that fewer than 11 pairs decide are withheld, and bins are put together until each has as many.";

/// The parts of a task, in reading order.
pub fn parts(task: &TaskSummary<'_>) -> Vec<Part> {
    let withheld = withholds(task);
    let plot =
        |stem: &'static str, caption: &str, few: &str, draw: fn(String, &TaskSummary<'_>) -> Option<Scene>| Plot {
            stem,
            caption: format!("{caption}{}", if withheld { few } else { "" }),
            draw,
        };
    vec![
        Part {
            heading: "Where the score comes from",
            table: rare_table(task),
            plots: vec![
                plot("bins", BINS, "", bins::plot),
                plot("groups", GROUPS, FEW_CODES, code_groups::plot),
                plot(
                    "areas",
                    AREAS,
                    " Bins are put together until each has 11 codes.",
                    areas::plot,
                ),
            ],
        },
        Part {
            heading: "Decisions and thresholds",
            table: threshold_table(task),
            plots: vec![
                plot("thresholds", THRESHOLDS, FEW_PAIRS, thresholds::plot),
                plot("precision-recall", PRECISION_RECALL, FEW_PAIRS, precision_recall::plot),
            ],
        },
        Part {
            heading: "Calibration",
            table: calibration_table(task),
            plots: vec![plot("calibration", CALIBRATION, FEW_PAIRS, calibration::plot)],
        },
        Part {
            heading: "Code by code",
            table: frequent_table(task),
            plots: vec![plot("scatter", SCATTER, FEW_CODES, scatter::plot)],
        },
    ]
}

const BINS: &str = "Each run at its longest scored length. Points are means over the seeds, small dots single seeds, thin bars one sample standard deviation, pale bars the 95 % interval over the evaluation notes; the lines only lead the eye. Codes without a gold positive in the scored notes have no F1 and are left out.";
const GROUPS: &str = "The same with the codes sorted by their training notes and cut into groups of as many codes (Ji et al. 2021, figure 3); codes that no training note has are a group of their own, and codes of equally many notes may be in two groups. Points are means over the seeds, small dots single seeds, bars one sample standard deviation.";
const AREAS: &str = "How many codes have which area under the ROC curve, each run at its longest scored length, the mean over its seeds, all on one scale (BERT-XML, figure 2). The further right, the better a run tells notes with a code from those without. Codes of few notes have areas far out on both sides by chance; codes that no training note has get no score, so that theirs is 50.";
const THRESHOLDS: &str = "What every threshold from 0.01 to 0.99 would have given on the evaluation notes, each run at its longest scored length: lines are means over the seeds, bands one sample standard deviation. Markers are the thresholds that were used, one a seed. A flat top says that the choice matters little.";
const PRECISION_RECALL: &str = "All pairs of a note and a code in one ranking by their probability, each run at its longest scored length, a line a seed. The further up and right, the better; the area under a line is micro-AP. Markers are the thresholds that were used; along a dotted line F1 is the same.";
const CALIBRATION: &str = "Left, of the pairs of a note and a code that get about the same probability, the share that is gold: on the diagonal, probabilities mean what they say; below it they are too high. Right, how many pairs that is: points of few pairs lie where they do by chance. 20 bins of equal width, each run at its longest scored length, the pairs of its seeds put together.";
const SCATTER: &str = "The run with the greatest micro-F1 and the best of another model, each at its longest scored length, means over the seeds: a mark is a code that the scored notes have, a larger mark several codes at one place. Above the diagonal the upper one is better.";
