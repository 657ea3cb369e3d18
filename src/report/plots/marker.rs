//! The markers of series.

use super::marks::{Mark, Point};
use super::theme::Ink;

/// What marks a point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    None,
    Disc,
    Square,
    /// A triangle, tip up.
    Up,
    /// A square on its corner.
    Diamond,
    /// A triangle, tip down.
    Down,
    Plus,
    Cross,
}

impl Shape {
    /// The markers of series.
    pub const ALL: [Self; 7] = [
        Self::Disc,
        Self::Square,
        Self::Up,
        Self::Diamond,
        Self::Down,
        Self::Plus,
        Self::Cross,
    ];

    /// The marker at a point, if it is one; the shapes are sized to look equally heavy.
    pub fn mark(self, (x, y): Point, radius: f64, ink: Ink) -> Option<Mark> {
        let polygon = |corners: &[Point]| {
            let corner = |(dx, dy): &Point| (x + radius * dx, y + radius * dy);
            corners.iter().map(corner).collect::<Vec<Point>>()
        };
        let arm = 0.34; // half the width of a cross's arm, in radii
        let points = match self {
            Self::None => return None,
            Self::Disc => {
                let at = (x, y);
                return Some(Mark::Disc { at, radius, ink });
            }
            Self::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Self::Up => polygon(&[(0.0, -1.2), (1.15, 0.85), (-1.15, 0.85)]),
            Self::Down => polygon(&[(0.0, 1.2), (1.15, -0.85), (-1.15, -0.85)]),
            Self::Diamond => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
            Self::Plus => polygon(&cross(arm, 1.25)),
            Self::Cross => {
                let turned = cross(arm, 1.3).map(|(dx, dy)| {
                    let half = std::f64::consts::FRAC_1_SQRT_2;
                    (half * (dx - dy), half * (dx + dy))
                });
                polygon(&turned)
            }
        };
        Some(Mark::Area {
            points,
            ink,
            opacity: 1.0,
        })
    }
}

fn cross(arm: f64, reach: f64) -> [Point; 12] {
    [
        (-arm, -reach),
        (arm, -reach),
        (arm, -arm),
        (reach, -arm),
        (reach, arm),
        (arm, arm),
        (arm, reach),
        (-arm, reach),
        (-arm, arm),
        (-reach, arm),
        (-reach, -arm),
        (-arm, -arm),
    ]
}
