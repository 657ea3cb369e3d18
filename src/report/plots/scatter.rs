//! Two models code by code: where one is good and the other is not.

use std::collections::BTreeMap;

use super::axes::{HEADING, LABEL};
use super::legend::{self, Entry};
use super::marker::Shape;
use super::marks::{Anchor, Mark, Point};
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use super::unit;
use crate::report::codes::{CodeScores, CodeTable};
use crate::report::longest::{Longest, labels_of, longest};
use crate::report::summary::TaskSummary;
use crate::report::table::grouped;

const SIDE: f64 = 440.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 60.0;
/// Points with words at them, those of the most codes first: a page of nine thousand codes stays light.
const MOST_TIPS: usize = 400;
/// Codes from which on marks are put together by the percent, which is less than a mark's width, and have no rims.
const MANY: usize = 2000;
/// Training notes from which a code counts as not rare, and as frequent.
const CLASSES: [u32; 2] = [10, 100];

/// The two runs that are compared: that of the greatest micro-F1, and the best of another model, or of the same where there is
/// no other.
fn compared<'t, 'a>(task: &'t TaskSummary<'a>) -> Option<[Longest<'t, 'a>; 2]> {
    let mut runs: Vec<(f64, Longest<'t, 'a>)> = longest(task)
        .into_iter()
        .filter_map(|run| Some((run.cell.score("micro-f1")?.mean, run)))
        .collect();
    runs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let model = |run: &Longest<'_, '_>| run.cell.ok.first().map(|cell| cell.record.cell.model.clone());
    let (_, best) = *runs.first()?;
    let other = runs
        .iter()
        .find(|(_, run)| model(run) != model(&best))
        .or(runs.get(1))?;
    Some([best, other.1])
}

/// The plot, or `None` where fewer than two runs were scored or no code has an F1 in both.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let pair = compared(task)?;
    let table = CodeTable::of(task);
    let place = |of: &Longest<'_, '_>| longest(task).iter().position(|run| run.run == of.run);
    let [first, second] = [place(&pair[0])?, place(&pair[1])?];
    let codes = table.rows.iter().filter(|row| row.gold > 0);
    let codes: Vec<(&CodeScores, Point)> = codes
        .filter_map(|row| Some((row, (100.0 * row.f1[first]?.mean, 100.0 * row.f1[second]?.mean))))
        .collect();
    if codes.is_empty() {
        return None;
    }
    let labels = labels_of(task, &pair);
    let width = f64::from(WIDTH);
    let entries = entries(&codes);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let title = format!("F1 of each code, {} and {}, {}", labels[0], labels[1], task.title);
    let mut scene = Scene::new(id, title, top + SIDE + 58.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let panel = unit::panel((LEFT, top, LEFT + SIDE, top + SIDE), 100.0);
    scene.heading(
        (MARGIN, top - 14.0),
        &format!("F1 of the code, {} (%)", labels[1]),
        HEADING,
    );
    unit::square_grid(&mut scene, &panel);
    panel.x_title(&mut scene, &format!("F1 of the code, {} (%)", labels[0]), 42.0);
    let diagonal = [panel.at((0.0, 0.0)), panel.at((100.0, 100.0))];
    scene.series_line(&diagonal, SeriesStyle::reference(), 1.5, 1.0);
    let clumps = clumps(&codes);
    for (drawn, ((class, ..), clump)) in clumps.iter().enumerate() {
        let at = panel.at(clump[0].1);
        let radius = (3.0 * (clump.len() as f64).powf(0.35)).min(9.0);
        let shape = shape(*class);
        let rim = shape
            .mark(at, radius + 0.8, Ink::Surface)
            .filter(|_| codes.len() < MANY);
        scene
            .marks
            .extend(rim.into_iter().chain(faint(shape.mark(at, radius, style(*class).ink))));
        if drawn < MOST_TIPS {
            scene.tip(at, words(clump, &labels));
        }
    }
    tally(&mut scene, (LEFT + SIDE + 40.0, top + 16.0), &codes, &labels);
    Some(scene)
}

/// Which class of frequency a code is of: 0 is the rarest.
fn class(training: u32) -> usize {
    CLASSES.iter().filter(|from| training >= **from).count()
}

fn style(class: usize) -> SeriesStyle {
    SeriesStyle::of(class)
}

fn shape(class: usize) -> Shape {
    style(class).shape
}

/// Points lie upon each other, so that none hides another wholly.
fn faint(mark: Option<Mark>) -> Option<Mark> {
    match mark? {
        Mark::Area { points, ink, .. } => Some(Mark::Area {
            points,
            ink,
            opacity: 0.75,
        }),
        other => Some(other),
    }
}

fn entries(codes: &[(&CodeScores, Point)]) -> Vec<Entry> {
    let names = [
        format!("fewer than {} training notes", CLASSES[0]),
        format!("{} to {}", CLASSES[0], CLASSES[1] - 1),
        format!("{} and more", CLASSES[1]),
    ];
    let present = |of: usize| codes.iter().any(|(row, _)| class(row.training) == of);
    let named = names.into_iter().enumerate().filter(|(of, _)| present(*of));
    named.map(|(of, name)| (style(of), name)).collect()
}

/// Class, and the place in tenths of a percent, or in percents.
type Place = (usize, i64, i64);

/// Codes of one class at one place, the fullest places first, so that small marks lie above large ones.
fn clumps<'c>(codes: &[(&'c CodeScores, Point)]) -> Vec<(Place, Vec<(&'c CodeScores, Point)>)> {
    let mut found: BTreeMap<Place, Vec<(&CodeScores, Point)>> = BTreeMap::new();
    let parts = if codes.len() < MANY { 10.0 } else { 1.0 };
    for (row, at) in codes {
        let place = |value: f64| (parts * value).round() as i64;
        found
            .entry((class(row.training), place(at.0), place(at.1)))
            .or_default()
            .push((*row, *at));
    }
    let mut clumps: Vec<_> = found.into_iter().collect();
    clumps.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    clumps
}

/// What stands at a point: the codes, as far as they are few.
fn words(clump: &[(&CodeScores, Point)], labels: &[String]) -> String {
    let names: Vec<&str> = clump.iter().take(3).map(|(row, _)| row.code.as_str()).collect();
    let more = match clump.len() - names.len() {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    };
    let (one, other) = clump[0].1;
    format!(
        "{}{more}: {} {one:.1}, {} {other:.1}",
        names.join(", "),
        labels[0],
        labels[1]
    )
}

/// How many codes lie on either side, beside the panel.
fn tally(scene: &mut Scene, (left, top): Point, codes: &[(&CodeScores, Point)], labels: &[String]) {
    let count = |keep: fn(&Point) -> bool| match codes.iter().filter(|(_, at)| keep(at)).count() {
        1 => "1 code".to_owned(),
        several => format!("{} codes", grouped(several as u64)),
    };
    let sides = [
        (
            labels[1].as_str(),
            format!("better on {}, above the line", count(|at| at.1 > at.0)),
        ),
        (
            labels[0].as_str(),
            format!("better on {}, below it", count(|at| at.1 < at.0)),
        ),
        ("Both", format!("as good on {}, on the line", count(|at| at.1 == at.0))),
    ];
    for (place, (whose, text)) in sides.iter().enumerate() {
        let at = (left, top + 54.0 * place as f64);
        scene.heading(at, whose, LABEL);
        scene.text((left, at.1 + 20.0), text, LABEL, Anchor::Start, Ink::Text);
    }
}
