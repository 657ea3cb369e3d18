//! A plot as a list of marks in pixels, with the colours named by their role.

use super::marker::Shape;
use super::marks::{Anchor, Mark, Point};
use super::theme::{self, Ink};

/// Width of every plot in pixels.
pub const WIDTH: u32 = 960;
/// Width of the bar of an interval in pixels.
const INTERVAL: f64 = 7.0;

/// A picture: what to draw, and the words for those who cannot see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Prefix of identifiers and classes, unique on a page.
    pub id: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What the plot shows, in a few words: the accessible name.
    pub title: String,
    /// The marks, from back to front.
    pub marks: Vec<Mark>,
    /// What a page with a script says of a place.
    pub tips: Vec<Tip>,
}

/// The values behind a point, for who points at it or reaches it with the keyboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Tip {
    /// The middle of the point.
    pub at: Point,
    /// The series and its values, such as `CAML at 2,048: micro-F1 61.2 [59.8, 62.7]`.
    pub text: String,
}

/// How a series is drawn, apart from its data: the same in every plot of a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesStyle {
    /// Of the line and of the marker.
    pub ink: Ink,
    /// What stands at each point.
    pub shape: Shape,
    /// Which of the theme's dash patterns; the first is a solid line.
    pub dash: usize,
    /// Whether the marker is hollow: of what was printed elsewhere, not measured here.
    pub hollow: bool,
}

impl SeriesStyle {
    /// The style of the nth series. Colour, marker and dash differ between neighbours, and the
    /// pair of colour and marker repeats only after 56 series.
    pub fn of(index: usize) -> Self {
        Self {
            ink: Ink::Series(index % theme::SERIES.len()),
            shape: Shape::ALL[index % Shape::ALL.len()],
            dash: index % theme::SERIES_DASHES,
            hollow: false,
        }
    }

    /// The same for what was printed elsewhere.
    pub fn printed(self) -> Self {
        Self {
            dash: theme::REFERENCE_DASH,
            hollow: true,
            ..self
        }
    }

    /// The style of a reference line.
    pub fn reference() -> Self {
        Self {
            ink: Ink::Muted,
            shape: Shape::None,
            dash: theme::REFERENCE_DASH,
            hollow: false,
        }
    }
}

impl Scene {
    /// An empty picture of the report's width.
    pub fn new(id: String, title: String, height: f64) -> Self {
        Self {
            id,
            width: WIDTH,
            height: height.ceil() as u32,
            title,
            marks: Vec::new(),
            tips: Vec::new(),
        }
    }

    /// Says what stands at a point.
    pub fn tip(&mut self, at: Point, text: String) {
        self.tips.push(Tip { at, text });
    }

    /// Adds a solid line.
    pub fn line(&mut self, points: Vec<Point>, ink: Ink, width: f64) {
        self.marks.push(Mark::Line {
            points,
            ink,
            width,
            opacity: 1.0,
            dash: 0,
        });
    }

    /// Adds a line in the dashes of a series.
    pub fn series_line(&mut self, points: &[Point], style: SeriesStyle, width: f64, opacity: f64) {
        self.marks.push(Mark::Line {
            points: points.to_vec(),
            ink: style.ink,
            width,
            opacity,
            dash: style.dash,
        });
    }

    /// Adds regular text of 12 pixels or more.
    pub fn text(&mut self, at: Point, text: &str, size: f64, anchor: Anchor, ink: Ink) {
        self.marks.push(Mark::Text {
            at,
            text: text.to_owned(),
            size,
            anchor,
            ink,
            bold: false,
        });
    }

    /// Adds bold text that begins at a point.
    pub fn heading(&mut self, at: Point, text: &str, size: f64) {
        self.marks.push(Mark::Text {
            at,
            text: text.to_owned(),
            size,
            anchor: Anchor::Start,
            ink: Ink::Text,
            bold: true,
        });
    }

    /// Adds a marker with a rim in the background's colour, so that markers that overlap stay apart.
    pub fn marker(&mut self, at: Point, style: SeriesStyle) {
        let rim = style.shape.mark(at, theme::MARKER_RADIUS + 1.5, Ink::Surface);
        let marker = style.shape.mark(at, theme::MARKER_RADIUS, style.ink);
        self.marks.extend(rim.into_iter().chain(marker));
        if style.hollow {
            self.marks
                .extend(style.shape.mark(at, theme::MARKER_RADIUS - 2.0, Ink::Surface));
        }
    }

    /// Adds the small dot of one seed among several.
    pub fn seed(&mut self, at: Point, ink: Ink) {
        for (radius, ink) in [(2.6, Ink::Surface), (1.8, ink)] {
            self.marks.push(Mark::Disc { at, radius, ink });
        }
    }

    /// Adds a bar from one point to another in a faint colour: an interval over the notes, behind everything else.
    pub fn interval(&mut self, from: Point, to: Point, ink: Ink) {
        self.marks.push(Mark::Line {
            points: vec![from, to],
            ink,
            width: INTERVAL,
            opacity: 0.25,
            dash: 0,
        });
    }

    /// Adds a vertical error bar with short caps.
    pub fn error_bar(&mut self, x: f64, (top, bottom): (f64, f64), ink: Ink) {
        self.line(vec![(x, top), (x, bottom)], ink, 1.5);
        for y in [top, bottom] {
            self.line(vec![(x - 3.0, y), (x + 3.0, y)], ink, 1.5);
        }
    }
}

/// Cuts a polyline into its dashes: pixels drawn and left out by turns, nothing cut where there are none.
pub fn dashed(points: &[Point], dashes: &[f64]) -> Vec<Vec<Point>> {
    if dashes.is_empty() || points.len() < 2 {
        return vec![points.to_vec()];
    }
    let mut pieces = Vec::new();
    let mut piece = vec![points[0]];
    let mut index = 0;
    let mut left = dashes[0];
    for ends in points.windows(2) {
        let (mut from, to) = (ends[0], ends[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                piece.push(to);
                break;
            }
            let part = left / length;
            from = (from.0 + part * (to.0 - from.0), from.1 + part * (to.1 - from.1));
            piece.push(from);
            if index % 2 == 0 {
                pieces.push(std::mem::take(&mut piece));
            }
            piece = vec![from];
            index += 1;
            left = dashes[index % dashes.len()];
        }
    }
    if index % 2 == 0 && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_a_line_also_around_a_corner() {
        let length = |piece: &Vec<Point>| -> f64 {
            piece
                .windows(2)
                .map(|ends| (ends[1].0 - ends[0].0).hypot(ends[1].1 - ends[0].1))
                .sum()
        };
        let pieces = dashed(&[(0.0, 0.0), (10.0, 0.0), (10.0, 20.0)], &[6.0, 4.0]);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| (length(piece) - 6.0).abs() < 1e-9));
    }
}
