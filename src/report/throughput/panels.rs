//! Where panels lie that stand side by side, one an engine: in pixels.

pub(super) const MARGIN: f64 = 16.0;
/// Room for the labels of the first panel's axis.
pub(super) const LEFT: f64 = 76.0;
pub(super) const BETWEEN: f64 = 20.0;
pub(super) const HEIGHT: f64 = 280.0;
