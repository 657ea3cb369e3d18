//! The marks that a plot is made of, in pixels, with the colours named by their role.

use super::theme::Ink;

/// A position in pixels, from the upper left corner.
pub type Point = (f64, f64);

/// Where a text lies relative to its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// One thing to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A polyline.
    Line {
        /// At least two points.
        points: Vec<Point>,
        /// Colour role.
        ink: Ink,
        /// Width in pixels.
        width: f64,
        /// From 0, invisible, to 1.
        opacity: f64,
        /// Which of the theme's dash patterns; the first is a solid line.
        dash: usize,
    },
    /// A filled polygon.
    Area {
        /// The corners.
        points: Vec<Point>,
        /// Colour role.
        ink: Ink,
        /// From 0, invisible, to 1.
        opacity: f64,
    },
    /// A filled circle.
    Disc {
        /// The centre.
        at: Point,
        /// Radius in pixels.
        radius: f64,
        /// Colour role.
        ink: Ink,
    },
    /// A line of text.
    Text {
        /// The anchor on the baseline.
        at: Point,
        /// One line of words.
        text: String,
        /// Font size in pixels.
        size: f64,
        /// Horizontal anchoring.
        anchor: Anchor,
        /// Colour role.
        ink: Ink,
        /// Whether it is bold.
        bold: bool,
    },
}
