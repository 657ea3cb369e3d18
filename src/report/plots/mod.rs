//! The plots of a report. Each plot is first a [`scene::Scene`], plain marks in pixels, and is then painted
//! twice by `plotters`: as an SVG that follows the reader's light or dark theme, and as a PNG.

/// Seeds of a cell that a plot draws one by one, the first: more lie on each other, and weigh megabytes.
pub(in crate::report) const MOST_SEEDS: usize = 200;

pub(super) mod areas;
pub mod attention;
pub(super) mod axes;
pub(super) mod bins;
mod by_length;
pub(super) mod calibration;
pub(super) mod code_groups;
pub(super) mod cost;
mod dots;
pub mod forest;
pub(super) mod legend;
pub(super) mod lengths;
mod marker;
pub mod marks;
pub mod paint;
pub(super) mod precision_recall;
pub(super) mod pretraining;
pub(super) mod scatter;
pub mod scene;
mod score_points;
pub(in crate::report) mod theme;
pub(super) mod thresholds;
mod tips;
pub mod tokens;
pub(super) mod training;
mod unit;
