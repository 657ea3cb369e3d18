//! The plots of a report. Each plot is first a [`scene::Scene`], plain marks in pixels, and is then painted
//! twice by `plotters`: as an SVG that follows the reader's light or dark theme, and as a PNG.

pub mod axes;
pub mod bins;
pub mod by_length;
pub mod cost;
pub mod dots;
pub mod legend;
pub mod lengths;
pub mod marker;
pub mod marks;
pub mod paint;
pub mod scene;
pub mod score_points;
pub mod theme;
pub mod tokens;
pub mod training;
