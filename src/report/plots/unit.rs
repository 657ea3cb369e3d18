//! Panels whose axes are shares, from 0 to 100 %, and what several plots draw in them.

use super::axes::{LABEL, Panel};
use super::marks::{Anchor, Mark, Point};
use super::scene::Scene;
use super::theme::Ink;

/// Ticks of a share.
pub const SHARES: [f64; 6] = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0];

/// A panel in a rectangle (left, top, right, bottom) from 0 to 100 across and from 0 up to `highest`, without room at its
/// sides.
pub fn panel(edges: (f64, f64, f64, f64), highest: f64) -> Panel {
    let mut panel = Panel::new(edges, (0.0, 100.0), false, (0.0, highest));
    panel.x.pixels = (panel.left, panel.right);
    panel
}

/// Vertical grid lines with their labels below.
pub fn vertical_grid(scene: &mut Scene, panel: &Panel, ticks: &[f64], label: impl Fn(f64) -> String) {
    for tick in ticks {
        let x = panel.x.at(*tick);
        scene.line(vec![(x, panel.top), (x, panel.bottom)], Ink::Grid, 1.0);
        scene.text(
            (x, panel.bottom + 20.0),
            &label(*tick),
            LABEL,
            Anchor::Middle,
            Ink::Muted,
        );
    }
}

/// A frame of grid lines at the shares in both directions.
pub fn square_grid(scene: &mut Scene, panel: &Panel) {
    let label = |tick: f64| format!("{tick:.0}");
    panel.horizontal_grid(scene, &SHARES, label);
    vertical_grid(scene, panel, &SHARES, label);
    scene.line(
        vec![(panel.left, panel.bottom), (panel.right, panel.bottom)],
        Ink::Axis,
        1.0,
    );
}

/// A faint area between an upper and a lower line of as many points, behind what is drawn later.
pub fn band(scene: &mut Scene, upper: &[Point], lower: &[Point], ink: Ink) {
    if upper.len() > 1 {
        scene.marks.push(Mark::Area {
            points: upper.iter().chain(lower.iter().rev()).copied().collect(),
            ink,
            opacity: 0.15,
        });
    }
}
