//! The plots of a report. Each plot is first a [`scene::Scene`], plain marks in pixels, and is then painted
//! twice by `plotters`: as an SVG that follows the reader's light or dark theme, and as a PNG.

pub mod attention;
mod axes;
pub(super) mod bins;
mod by_length;
pub(super) mod cost;
mod dots;
pub mod forest;
mod legend;
pub(super) mod lengths;
mod marker;
pub mod marks;
pub mod paint;
pub mod scene;
mod score_points;
mod theme;
mod tips;
pub mod tokens;
pub(super) mod training;
