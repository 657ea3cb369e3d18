//! Scales, ticks and the frame of a panel: a light horizontal grid, a base line, labels with room.

use super::marks::{Anchor, Point};
use super::scene::Scene;
use super::theme::Ink;
use crate::report::table::{grouped, length_word};

/// Size of tick labels and legends in pixels.
pub const LABEL: f64 = 13.0;
/// Size of panel headings in pixels.
pub const HEADING: f64 = 14.0;

/// From data to a range of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Least and greatest value shown.
    pub values: (f64, f64),
    /// Where these lie, in pixels.
    pub pixels: (f64, f64),
    /// Whether equal ratios take equal room.
    pub logarithmic: bool,
}

impl Scale {
    pub fn at(&self, value: f64) -> f64 {
        let bend = |value: f64| {
            if self.logarithmic {
                value.max(f64::MIN_POSITIVE).log2()
            } else {
                value
            }
        };
        let (low, high) = (bend(self.values.0), bend(self.values.1));
        let part = if high > low {
            (bend(value) - low) / (high - low)
        } else {
            0.5
        };
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }
}

/// A rectangle, its edges in pixels, with a horizontal and a vertical scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Panel {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: Scale,
    /// Greater values lie higher.
    pub y: Scale,
}

impl Panel {
    /// A panel in a rectangle (left, top, right, bottom), with values from and to in x and y.
    pub fn new(edges: (f64, f64, f64, f64), x: (f64, f64), logarithmic: bool, y: (f64, f64)) -> Self {
        let (left, top, right, bottom) = edges;
        // Markers at the first and last value keep off the edges.
        let inset = 14.0;
        Self {
            left,
            right,
            top,
            bottom,
            x: Scale {
                values: x,
                pixels: (left + inset, right - inset),
                logarithmic,
            },
            y: Scale {
                values: y,
                pixels: (bottom, top),
                logarithmic: false,
            },
        }
    }

    pub fn at(&self, (x, y): Point) -> Point {
        (self.x.at(x), self.y.at(y))
    }

    /// Least distance between neighbours of some ascending lengths, in pixels.
    pub fn closest(&self, lengths: &[u32]) -> f64 {
        let place = |length: u32| self.x.at(f64::from(length));
        let gaps = lengths.windows(2).map(|pair| place(pair[1]) - place(pair[0]));
        gaps.fold(f64::MAX, f64::min)
    }

    /// Heading above the panel, at its left edge.
    pub fn heading(&self, scene: &mut Scene, text: &str) {
        scene.heading((self.left, self.top - 12.0), text, HEADING);
    }

    /// Horizontal grid lines with their labels at the left.
    pub fn horizontal_grid(&self, scene: &mut Scene, ticks: &[f64], label: impl Fn(f64) -> String) {
        for tick in ticks {
            let y = self.y.at(*tick);
            scene.line(vec![(self.left, y), (self.right, y)], Ink::Grid, 1.0);
            let at = (self.left - 8.0, y + 4.5);
            let label = label(*tick);
            if !label.is_empty() {
                scene.text(at, &label, LABEL, Anchor::End, Ink::Muted);
            }
        }
    }

    /// The base line with ticks and their labels below.
    pub fn base_line(&self, scene: &mut Scene, ticks: &[(f64, String)]) {
        scene.line(
            vec![(self.left, self.bottom), (self.right, self.bottom)],
            Ink::Axis,
            1.0,
        );
        for (value, label) in ticks {
            let x = self.x.at(*value);
            scene.line(vec![(x, self.bottom), (x, self.bottom + 5.0)], Ink::Axis, 1.0);
            let at = (x, self.bottom + 20.0);
            if !label.is_empty() {
                scene.text(at, label, LABEL, Anchor::Middle, Ink::Muted);
            }
        }
    }

    /// What the horizontal axis means, below the tick labels.
    pub fn x_title(&self, scene: &mut Scene, text: &str, below: f64) {
        let at = ((self.left + self.right) / 2.0, self.bottom + below);
        scene.text(at, text, LABEL, Anchor::Middle, Ink::Text);
    }
}

/// Four to nine round numbers that span the values, the first at or below the least.
pub fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = (high - low).max(1e-9);
    let raw = span / 7.0;
    let unit = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * unit >= raw * 0.999);
    let step = factor.unwrap_or(10.0) * unit;
    let first = (low / step + 1e-9).floor() as i64;
    let last = (high / step - 1e-9).ceil() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

/// A tick's label with as many decimals as its neighbours need.
pub fn tick_label(ticks: &[f64]) -> impl Fn(f64) -> String {
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::MAX, f64::min);
    let decimals = if step >= 1.0 {
        0
    } else {
        (-step.log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize
    };
    move |value| {
        if decimals == 0 && value >= 1000.0 {
            return grouped(value.round() as u64);
        }
        // Adding zero turns -0 into 0.
        format!("{:.decimals$}", value + 0.0)
    }
}

/// Ends of a logarithmic axis around positive values, and its ticks with their labels: 1, 2 and 5 times the powers of
/// ten, or, where these are more than nine, the powers of ten alone.
pub fn log_ticks(low: f64, high: f64) -> ((f64, f64), Vec<(f64, String)>) {
    let dense = spanning(low, high);
    let ends = (dense[0].0, dense[dense.len() - 1].0);
    if dense.len() <= 9 {
        return (ends, dense);
    }
    let is_power = |(tick, _): &(f64, String)| (tick.log10() - tick.log10().round()).abs() < 1e-9;
    (ends, dense.into_iter().filter(is_power).collect())
}

/// 1, 2 and 5 times the powers of ten, from the last at or below the least value to the first at or above the greatest.
fn spanning(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let all = (first..=last).flat_map(|power| {
        let decimals = (-power).max(0) as usize;
        [1.0, 2.0, 5.0].into_iter().map(move |step| {
            let value = step * 10f64.powi(power);
            let label = match decimals {
                0 => grouped(value.round() as u64),
                _ => format!("{value:.decimals$}"),
            };
            (value, label)
        })
    });
    let all: Vec<(f64, String)> = all.collect();
    let from = all
        .iter()
        .rposition(|(tick, _)| *tick <= low * (1.0 + 1e-9))
        .unwrap_or(0);
    let above = all.iter().position(|(tick, _)| *tick >= high * (1.0 - 1e-9));
    // Equal values still need an axis with two ends.
    let to = above.unwrap_or(all.len() - 1).max(from + 1).min(all.len() - 1);
    all[from..=to].to_vec()
}

/// Labels of sequence lengths, all of them or, where they would touch, every second, third, ...,
/// the last one always.
pub fn length_ticks(lengths: &[u32], pixels_apart: f64) -> Vec<(f64, String)> {
    let every = (44.0 / pixels_apart.max(1.0)).ceil().max(1.0) as usize;
    let label = |(index, length): (usize, &u32)| {
        let shown = (lengths.len() - 1 - index).is_multiple_of(every);
        let text = if shown { length_word(*length) } else { String::new() };
        (f64::from(*length), text)
    };
    lengths.iter().enumerate().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_span_the_values() {
        assert_eq!(ticks(0.0, 100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(41.3, 57.9), [40.0, 45.0, 50.0, 55.0, 60.0]);
        let ticks = ticks(0.013, 0.047);
        assert_eq!(
            ticks.iter().map(|tick| tick_label(&ticks)(*tick)).collect::<Vec<_>>(),
            [
                "0.010", "0.015", "0.020", "0.025", "0.030", "0.035", "0.040", "0.045", "0.050"
            ]
        );
    }

    #[test]
    fn logarithmic_ticks_span_the_values() {
        let found = |low, high| {
            let ((first, last), ticks) = log_ticks(low, high);
            assert!(first <= low && high <= last);
            let labels: Vec<String> = ticks.into_iter().map(|(_, label)| label).collect();
            (first, last, labels.join(" "))
        };
        assert_eq!(found(3.0, 90.0), (2.0, 100.0, "2 5 10 20 50 100".to_owned()));
        assert_eq!(found(10.0, 10.0), (10.0, 20.0, "10 20".to_owned()));
        assert_eq!(found(100.0, 100.0), (100.0, 200.0, "100 200".to_owned()));
        // Three decades and more: lines at the powers of ten, ends as close as before.
        assert_eq!(found(3.0, 1200.0), (2.0, 2000.0, "10 100 1,000".to_owned()));
        let (_, ticks) = log_ticks(0.04, 0.3);
        let labels: Vec<String> = ticks.into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0.02", "0.05", "0.1", "0.2", "0.5"]);
    }

    #[test]
    fn a_logarithmic_scale_gives_doublings_equal_room() {
        let scale = Scale {
            values: (512.0, 8192.0),
            pixels: (0.0, 400.0),
            logarithmic: true,
        };
        assert_eq!(
            [512.0, 1024.0, 8192.0].map(|length| scale.at(length)),
            [0.0, 100.0, 400.0]
        );
    }
}
