//! F1 in equal groups of codes by their training frequency (Ji et al. 2021, figure 3).

use super::MOST_SEEDS;
use super::axes::{HEADING, LABEL, Panel, tick_label, ticks};
use super::legend::{self, Entry};
use super::marks::Anchor;
use super::paint::text_width;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use crate::report::code_groups::{Group, RunGroups, groups};
use crate::report::longest::labels;
use crate::report::summary::TaskSummary;
use crate::report::table::grouped;

const PANEL_HEIGHT: f64 = 260.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 52.0;

/// The plot, or `None` where there are too few codes for groups.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let runs = groups(task);
    let count = runs.first()?.2.len();
    let places: Vec<(usize, u32)> = runs.iter().map(|(run, length, _)| (*run, *length)).collect();
    let labels = labels(task, &places);
    let entries: Vec<Entry> = runs
        .iter()
        .zip(&labels)
        .map(|((run, ..), label)| (SeriesStyle::of(*run), label.clone()))
        .collect();
    let width = f64::from(WIDTH);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let title = format!("F1 in equal groups of codes, {}", task.title);
    let mut scene = Scene::new(id, title, top + PANEL_HEIGHT + 82.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let values = runs
        .iter()
        .flat_map(|(.., groups)| groups)
        .filter_map(|group| group.macro_f1);
    let highest = 100.0 * values.map(|value| value.reach().1).fold(0.01, f64::max);
    let ticks = ticks(0.0, highest.min(100.0));
    let edges = (LEFT, top, width - MARGIN, top + PANEL_HEIGHT);
    let panel = Panel::new(edges, (0.0, 1.0), false, (0.0, ticks[ticks.len() - 1]));
    scene.heading((MARGIN, top - 14.0), "Macro-F1 of the codes present (%)", HEADING);
    panel.horizontal_grid(&mut scene, &ticks, tick_label(&ticks));
    panel.base_line(&mut scene, &[]);
    let room = (panel.right - panel.left) / count as f64;
    group_labels(&mut scene, &panel, &runs[0].2, room);
    draw_runs(&mut scene, &panel, (&runs, &labels), room);
    Some(scene)
}

/// Such as `never`, `7`, `12–31`.
fn range(group: &Group) -> String {
    let [lower, upper] = [group.lower, group.upper].map(|count| grouped(u64::from(count)));
    match group.upper {
        0 => "never".to_owned(),
        _ if lower == upper => lower,
        _ => format!("{lower}–{upper}"),
    }
}

fn group_labels(scene: &mut Scene, panel: &Panel, groups: &[Group], room: f64) {
    for (place, group) in groups.iter().enumerate() {
        let x = panel.left + (place as f64 + 0.5) * room;
        if place > 0 {
            let edge = x - room / 2.0;
            scene.line(vec![(edge, panel.bottom), (edge, panel.bottom + 5.0)], Ink::Axis, 1.0);
        }
        let text = range(group);
        let text = match text_width(&text, LABEL, false) > room - 6.0 {
            true => format!("≤ {}", grouped(u64::from(group.upper))),
            false => text,
        };
        scene.text((x, panel.bottom + 20.0), &text, LABEL, Anchor::Middle, Ink::Text);
        let present = format!(
            "{} of {}",
            grouped(group.codes_present as u64),
            grouped(group.codes as u64)
        );
        scene.text((x, panel.bottom + 38.0), &present, 12.0, Anchor::Middle, Ink::Muted);
    }
    panel.x_title(
        scene,
        "training notes with a code of the group; below it, codes with a gold positive in the scored notes, of all codes",
        66.0,
    );
}

/// Error bars and seeds, then faint lines, then markers; the runs stand side by side in a group.
fn draw_runs(scene: &mut Scene, panel: &Panel, (runs, labels): (&[RunGroups], &[String]), room: f64) {
    let apart = (0.7 * room / runs.len() as f64).min(16.0);
    let mut markers = Vec::new();
    for (rank, ((run, _, groups), label)) in runs.iter().zip(labels).enumerate() {
        let style = SeriesStyle::of(*run);
        let shift = (rank as f64 - (runs.len() as f64 - 1.0) / 2.0) * apart;
        let mut points = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            let Some(value) = group.macro_f1.map(|value| value.scaled(100.0)) else {
                continue;
            };
            let x = panel.left + (place as f64 + 0.5) * room + shift;
            if let Some(sd) = value.sd {
                let ends = (value.mean + sd, (value.mean - sd).max(0.0));
                scene.error_bar(x, (panel.y.at(ends.0), panel.y.at(ends.1)), style.ink);
            }
            if group.seeds.len() > 1 {
                group
                    .seeds
                    .iter()
                    .take(MOST_SEEDS)
                    .for_each(|seed| scene.seed((x, panel.y.at(100.0 * seed)), style.ink));
            }
            let sd = value.sd.map_or(String::new(), |sd| format!(" ± {sd:.1}"));
            let text = format!(
                "{label}: macro-F1 {:.1}{sd} of codes with {} training notes",
                value.mean,
                range(group)
            );
            points.push(((x, panel.y.at(value.mean)), text));
        }
        // The line only leads the eye from group to group, so it is faint.
        let line: Vec<_> = points.iter().map(|(point, _)| *point).collect();
        if line.len() > 1 {
            scene.series_line(&line, style, 1.5, 0.45);
        }
        markers.extend(points.into_iter().map(|(point, text)| (point, style, text)));
    }
    for (point, style, text) in markers {
        scene.marker(point, style);
        scene.tip(point, text);
    }
}
