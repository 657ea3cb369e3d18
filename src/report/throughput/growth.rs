//! How time and memory grow with the length.

use super::tables::{column, number, peak_bytes};
use super::timings::{Timings, word};
use crate::bench::protocol::Kind;
use crate::report::markdown;
use crate::report::table::{Cell, Row, Table, three_digits};
use crate::speed::{Growth, growth};
use crate::throughput::{Group, Timing};

/// An exponent so near to a whole power is called by its name.
const NEAR: f64 = 0.1;

/// What Markdown says of it.
pub(super) fn section(timings: &Timings<'_>) -> String {
    let table = table(timings);
    let text = match table.rows.is_empty() {
        true => "Not fitted: no engine ran a model at three lengths or more.\n".to_owned(),
        false => markdown::table(&table),
    };
    format!("\n## {}\n\n{text}\n", table.caption)
}

/// Exponents of the seconds of a note and of the memory of a batch.
fn table(timings: &Timings<'_>) -> Table {
    let mut rows = Vec::new();
    let one_note = timings.suite.throughput.one_note;
    // Only like batches compare: a batch's fixed cost and its parameters are there once, however many notes it has.
    let least = timings.groups.iter().map(|group| group.batch).min();
    let like = |group: &Group| Some(group.batch) == least;
    for model in timings.models() {
        for engine in timings.engines() {
            for &kind in timings.kinds() {
                let time = exponent(timings, model, (&engine, kind), |group, timing| {
                    let seconds = timing.seconds.iter().map(|seconds| seconds / group.batch as f64);
                    seconds.filter(|_| like(group) || !one_note).collect()
                });
                let memory = exponent(timings, model, (&engine, kind), |group, timing| {
                    let idle = timing
                        .idle_rss_bytes
                        .filter(|_| timing.memory.peak_device_bytes.is_none());
                    let above = |bytes: f64| bytes - idle.map_or(0.0, |idle| idle as f64);
                    let bytes = peak_bytes(timing).map(above).filter(|bytes| *bytes > 0.0);
                    bytes.into_iter().filter(|_| like(group)).collect()
                });
                if time.is_none() && memory.is_none() {
                    continue;
                }
                let labels = vec![model.to_owned(), engine.clone(), word(kind).to_owned()];
                let cells = [cells(time), cells(memory)].concat();
                rows.push(Row::new(labels, cells));
            }
        }
    }
    Table {
        id: "timings-growth".into(),
        caption: "Growth with the length".into(),
        stub: vec!["model".into(), "engine".into(), "run".into()],
        columns: ["seconds a note", "peak memory"]
            .iter()
            .flat_map(|group| ["exponent", "95 % interval", "in words", "doubling costs"].map(|title| column(group, title)))
            .collect(),
        rows,
        foot: vec![
            "A power of the length fitted to the medians of all lengths (least squares of logarithms); its interval is wide \
             where the growth is no power. "
                .to_owned()
                + match one_note {
                    true => "Of batches of one note. ",
                    false => {
                        "Shorter notes are more to a batch, so that a step's fixed cost is shared by more of them; memory is that of \
                         the lengths whose batches have fewest notes. "
                    }
                }
                + "Memory is what the process held above what it held before the model was made; parameters, which do not grow, are \
                   in it.",
        ],
    }
}

fn exponent(
    timings: &Timings<'_>,
    model: &str,
    (engine, kind): (&str, Kind),
    values: impl Fn(&Group, &Timing) -> Vec<f64>,
) -> Option<Growth> {
    let by_length: Vec<(u32, Vec<f64>)> = timings
        .of(model)
        .filter_map(|group| {
            let values = values(group, group.timing(engine, kind)?);
            (!values.is_empty()).then_some((group.length as u32, values))
        })
        .collect();
    growth(&by_length, 0.0).ok().flatten()
}

fn cells(growth: Option<Growth>) -> Vec<Cell> {
    match growth {
        None => vec![Cell::Empty; 4],
        Some(growth) => {
            let (low, high) = growth.interval;
            vec![
                number(growth.exponent, |exponent| format!("{exponent:.2}")),
                Cell::Text(format!("{low:.2} to {high:.2}")),
                Cell::Text(growth.order(NEAR).word().into()),
                number(growth.times(1, 2).0, |times| format!("{} times", three_digits(times))),
            ]
        }
    }
}
