//! Tables of timings: engines beside each other, memory, parts of a run, and what could not be timed.

use super::timings::{Timings, word};
use crate::bench::protocol::{FailureKind, Kind};
use crate::report::escape;
use crate::report::spread::Spread;
use crate::report::table::{Cell, Column, Number, Row, Table, grouped, three_digits};
use crate::speed::{Summary, summary};
use crate::throughput::{Group, Largest, Timing};

const MIB: f64 = (1 << 20) as f64;

/// What the timings were measured on and how, in words.
pub(super) fn measured_on(timings: &Timings<'_>) -> String {
    let settings = &timings.suite.throughput;
    let mut text = String::new();
    if let Some(group) = timings.groups.first() {
        let provenance = &group.provenance;
        let dirty = match provenance.git_dirty {
            Some(true) => " with changes",
            _ => "",
        };
        text += &format!(
            "- Measured on {}, {} threads, GPU: {}; from {} to {}; icdbench {} at {}{dirty}.\n",
            escape::markdown(&provenance.cpu),
            provenance.threads,
            escape::markdown(&provenance.gpu),
            provenance.started,
            timings
                .groups
                .iter()
                .map(|group| group.provenance.ended.as_str())
                .max()
                .unwrap_or_default(),
            provenance.icdbench_version,
            provenance.git_revision.chars().take(12).collect::<String>(),
        );
    }
    let versions = versions(timings);
    text += &format!("- Engines: {}.\n", escape::markdown(&versions.join("; ")));
    text += &format!(
        "- {} codes, {}, {}; {}. {} Every engine ran in a \
         process of its own; the engines took turns in shuffled order, each run on other notes than the last and after 20 ms in \
         which no other ran: it waited, or ran untimed what takes less; until half of the median's 95 % interval was below \
         {} % of it or {} s were spent, the first at least {} times, the others {} times unless one run took longer than \
         that. In brackets: that interval, where there are six runs or more.\n",
        grouped(settings.codes as u64),
        settings.precision,
        match (grouped(settings.batch_tokens as u64), settings.one_note) {
            (tokens, false) => format!("{tokens} tokens a batch or one note"),
            (tokens, true) => format!("one note, and {tokens} tokens a batch at the shortest length"),
        },
        match settings.kinds[..] {
            [Kind::Inference] => "inference is logits and sigmoid, read to the host",
            [Kind::Step] => "a training step is loss, gradients and AdamW",
            _ => "inference is logits and sigmoid, read to the host; a training step is loss, gradients and AdamW",
        },
        match settings.shortest {
            1.0 => "All notes of a batch have all their tokens.".to_owned(),
            shortest => format!(
                "The notes of a batch have between {} % and all of their tokens, evenly; rates are of real tokens.",
                100.0 * shortest
            ),
        },
        100.0 * settings.half_width,
        settings.seconds,
        settings.least_runs,
        settings.peer_runs,
    );
    if let Some(peak) = timings.peak {
        text += &format!(
            "- The machine's peak, measured before: {} GFLOP/s in f32 matrix products, {} GB/s of memory. Shares are of these \
             products; operations are counted from the model's mathematics (`models/work.rs`). Floor: what these operations \
             take at that rate, or the parameters, gradients and moments that AdamW moves at the memory's, whichever is more (what \
             fits into a cache can be faster than that).\n",
            three_digits(peak.flops_per_second / 1e9),
            three_digits(peak.bytes_per_second / 1e9),
        );
    }
    if !timings.left.is_empty() {
        text += &format!(
            "- **Left when {} minutes were up: {}. The same command goes on with them.**\n",
            settings.minutes,
            escape::markdown(&timings.left.join(", "))
        );
    }
    text
}

fn versions(timings: &Timings<'_>) -> Vec<String> {
    let of = |engine: &String| {
        let all = timings.groups.iter().flat_map(|group| &group.timings);
        let mut found = all.filter(|timing| timing.engine == *engine && !timing.version.is_empty());
        match found.next() {
            Some(timing) => format!("{engine}: {}", timing.version),
            None => format!("{engine}: not here"),
        }
    };
    timings.engines().iter().map(of).collect()
}

/// Milliseconds of each engine, the first engine's tokens a second and share of the peak, and its time over the others'.
pub(super) fn beside(timings: &Timings<'_>, kind: Kind) -> Table {
    let engines = timings.engines();
    let Some((first, others)) = engines.split_first() else {
        unreachable!("a suite has an engine")
    };
    let mut columns: Vec<Column> = engines.iter().map(|engine| column("milliseconds", engine)).collect();
    columns.extend(others.iter().map(|engine| column(&format!("{first} over"), engine)));
    columns.push(column("", &format!("{first}: tokens/s")));
    let padded = timings.suite.throughput.shortest < 1.0;
    if padded {
        columns.push(column("", &format!("{first}: padded tokens/s")));
    }
    if timings.peak.is_some() {
        columns.push(column("", &format!("{first}: floor (ms)")));
    }
    if timings.peak.is_some() {
        columns.extend(engines.iter().map(|engine| column("share of peak (%)", engine)));
    }
    let row = |group: &Group| {
        let timed: Vec<Option<&Timing>> = engines.iter().map(|engine| group.timing(engine, kind)).collect();
        let medians: Vec<Option<f64>> = timed.iter().map(|timing| timing.and_then(median)).collect();
        let mut cells: Vec<Cell> = timed.iter().map(|timing| milliseconds(*timing)).collect();
        let ours = medians[0];
        cells.extend(medians[1..].iter().map(|theirs| match (ours, theirs) {
            (Some(ours), Some(theirs)) => number(ours / theirs, |ratio| format!("{ratio:.2}")),
            _ => Cell::Empty,
        }));
        cells.push(ours.map_or(Cell::Empty, |seconds| {
            number(group.tokens as f64 / seconds, |rate| grouped(rate.round() as u64))
        }));
        if padded {
            cells.push(ours.map_or(Cell::Empty, |seconds| {
                number(
                    group.padded_tokens as f64 / seconds,
                    |rate| grouped(rate.round() as u64),
                )
            }));
        }
        if timings.peak.is_some() {
            let floor = timed[0].and_then(|timing| floor(timings, group, timing));
            cells.push(floor.map_or(Cell::Empty, |seconds| number(1e3 * seconds, three_digits)));
        }
        if timings.peak.is_some() {
            let share = |timing: &Option<&Timing>| share(timings, group, (*timing)?);
            let cell = |share: Option<f64>| share.map_or(Cell::Empty, |share| number(100.0 * share, three_digits));
            cells.extend(timed.iter().map(|timing| cell(share(timing))));
        }
        row_of(group, cells)
    };
    Table {
        id: format!("timings-{}", word(kind).replace(' ', "-")),
        caption: match kind {
            Kind::Inference => "Inference".into(),
            Kind::Step => "Training step".into(),
        },
        stub: vec!["model".into(), "tokens".into(), "notes".into()],
        columns,
        rows: timings.groups.iter().map(row).collect(),
        foot: vec![format!("A ratio below 1: {first} is faster. Medians.")],
    }
}

/// Share of the CPU's peak in f32 of an engine's median; `None` where the model counts no operations, and of what ran
/// elsewhere or in other numbers.
pub(super) fn share(timings: &Timings<'_>, group: &Group, timing: &Timing) -> Option<f64> {
    if timing.engine.contains('@') || timing.engine.contains("bf16") {
        return None;
    }
    Some(timings.peak?.share(operations(group, timing)?, median(timing)?))
}

/// Bytes that AdamW moves of each parameter: parameter, gradient and two moments are read, all but the gradient written, and the
/// gradient was written before.
const ADAMW_BYTES: u64 = 8 * size_of::<f32>() as u64;

/// Bytes that a run moves at the least. Of an inference none are counted: which rows of a table it reads is its own affair.
pub(super) fn least_bytes(timing: &Timing) -> u64 {
    match timing.kind {
        Kind::Inference => 0,
        Kind::Step => ADAMW_BYTES * timing.parameters.unwrap_or(0),
    }
}

/// Seconds below which the CPU cannot run it, whatever the program.
fn floor(timings: &Timings<'_>, group: &Group, timing: &Timing) -> Option<f64> {
    share(timings, group, timing)?;
    Some(timings.peak?.floor(operations(group, timing)?, least_bytes(timing)))
}

/// Floating-point operations of a run, where the model counts them.
pub(super) fn operations(group: &Group, timing: &Timing) -> Option<u64> {
    let work = group.work?;
    Some(match timing.kind {
        Kind::Inference => work.inference,
        Kind::Step => work.step,
    })
}

/// Joules of each engine's tokens; `None` where no machine told.
pub(super) fn energy(timings: &Timings<'_>) -> Option<Table> {
    let engines = timings.engines();
    let told = |group: &Group| group.timings.iter().any(|timing| timing.joules.is_some());
    if !timings.groups.iter().any(told) {
        return None;
    }
    let mut columns = Vec::new();
    for &kind in timings.kinds() {
        columns.extend(engines.iter().map(|engine| column(word(kind), engine)));
    }
    let row = |group: &Group| {
        let of = |kind: Kind| {
            engines.iter().map(move |engine| {
                let joules = group.timing(engine, kind).and_then(|timing| timing.joules);
                joules.map_or(Cell::Empty, |joules| {
                    number(1e3 * joules / group.tokens as f64, three_digits)
                })
            })
        };
        row_of(group, timings.kinds().iter().flat_map(|&kind| of(kind)).collect())
    };
    Some(Table {
        id: "timings-energy".into(),
        caption: "Energy (joules a thousand tokens)".into(),
        stub: vec!["model".into(), "tokens".into(), "notes".into()],
        columns,
        rows: timings.groups.iter().map(row).collect(),
        foot: vec![
            "Of all processor packages (RAPL), others' work on them included, or of the GPU's board (NVML); means."
                .into(),
        ],
    })
}

/// Most memory of each engine while it ran.
pub(super) fn memory(timings: &Timings<'_>) -> Table {
    let engines = timings.engines();
    let mut columns = Vec::new();
    for &kind in timings.kinds() {
        columns.extend(engines.iter().map(|engine| column(word(kind), engine)));
    }
    let row = |group: &Group| {
        let of = |kind: Kind| {
            engines.iter().map(move |engine| {
                let bytes = group.timing(engine, kind).and_then(peak_bytes);
                bytes.map_or(Cell::Empty, |bytes| {
                    number(bytes / MIB, |mib| grouped(mib.round() as u64))
                })
            })
        };
        row_of(group, timings.kinds().iter().flat_map(|&kind| of(kind)).collect())
    };
    Table {
        id: "timings-memory".into(),
        caption: "Memory at its peak (MiB)".into(),
        stub: vec!["model".into(), "tokens".into(), "notes".into()],
        columns,
        rows: timings.groups.iter().map(row).collect(),
        foot: vec!["Of the process on a CPU, libraries included; of the device's allocator on a GPU.".into()],
    }
}

/// The most memory that an engine held: of the device where it has one, of the process otherwise.
pub(super) fn peak_bytes(timing: &Timing) -> Option<f64> {
    let bytes = timing.memory.peak_device_bytes.or(timing.memory.peak_rss_bytes)?;
    (!timing.seconds.is_empty()).then_some(bytes as f64)
}

/// Where the time of a training step goes; nothing of a suite without steps.
pub(super) fn parts(timings: &Timings<'_>) -> Option<Table> {
    const PARTS: [&str; 5] = ["data", "forward", "backward", "gradients", "optimiser"];
    if !timings.kinds().contains(&Kind::Step) {
        return None;
    }
    let engines = timings.engines();
    let mut columns = Vec::new();
    for engine in &engines {
        columns.extend(PARTS.iter().map(|part| column(engine, part)));
    }
    let row = |group: &Group| {
        let of = |engine: &String| {
            let timing = group.timing(engine, Kind::Step);
            PARTS.map(|part| {
                let seconds = timing.and_then(|timing| timing.parts.get(part));
                seconds.map_or(Cell::Empty, |seconds| number(1e3 * seconds, three_digits))
            })
        };
        row_of(group, engines.iter().flat_map(of).collect())
    };
    Some(Table {
        id: "timings-parts".into(),
        caption: "Parts of a training step (milliseconds)".into(),
        stub: vec!["model".into(), "tokens".into(), "notes".into()],
        columns,
        rows: timings.groups.iter().map(row).collect(),
        foot: vec![
            "`gradients`: forward and backward together, where an engine goes through them by blocks. Medians of each part."
                .into(),
        ],
    })
}

/// What could not be timed, with the reason.
pub(super) fn failures(timings: &Timings<'_>) -> String {
    let mut lines = Vec::new();
    for group in timings.groups {
        for timing in &group.timings {
            if let Some(failure) = &timing.failure {
                let kind = serde_json::to_value(failure.kind).ok();
                let kind = kind
                    .as_ref()
                    .and_then(|kind| kind.as_str())
                    .unwrap_or_default()
                    .to_owned();
                lines.push(format!(
                    "- {} at {} x {}, {} in {}: {kind}: {}{}\n",
                    group.model,
                    grouped(group.batch as u64),
                    grouped(group.length as u64),
                    word(timing.kind),
                    timing.engine,
                    escape::markdown(&failure.words),
                    timing.largest.map_or(String::new(), fits)
                ));
            }
        }
    }
    match lines.is_empty() {
        true => String::new(),
        false => format!("\n## Not timed\n\n{}", lines.concat()),
    }
}

/// What fits instead.
fn fits(largest: Largest) -> String {
    match largest.notes {
        0 => " Not one note fits.".into(),
        notes => format!(" The largest batch that fits: {}.", grouped(notes as u64)),
    }
}

/// The largest batch of each engine, where the suite asked for it.
pub(super) fn largest(timings: &Timings<'_>) -> Option<Table> {
    let engines = timings.engines();
    let most = timings.suite.throughput.largest_batch?;
    let columns = timings.kinds().iter();
    let columns = columns.flat_map(|&kind| engines.iter().map(move |engine| column(word(kind), engine)));
    let cell = |largest: Largest| match largest.too_many {
        None => Cell::Text(format!("{} or more", grouped(largest.notes as u64))),
        Some(_) => number(largest.notes as f64, |notes| grouped(notes as u64)),
    };
    let row = |group: &Group| {
        let of = |kind: Kind| {
            engines.iter().map(move |engine| {
                let largest = group.timing(engine, kind).and_then(|timing| timing.largest);
                largest.map_or(Cell::Empty, cell)
            })
        };
        row_of(group, timings.kinds().iter().flat_map(|&kind| of(kind)).collect())
    };
    Some(Table {
        id: "timings-largest".into(),
        caption: "Largest batch that fits (notes)".into(),
        stub: vec!["model".into(), "tokens".into(), "notes".into()],
        columns: columns.collect(),
        rows: timings.lengths().map(row).collect(),
        foot: vec![format!(
            "Looked for up to {} notes, to an eighth.",
            grouped(most as u64)
        )],
    })
}

pub(super) fn column(group: &str, title: &str) -> Column {
    Column {
        group: group.into(),
        title: title.into(),
        key: title.into(),
    }
}

pub(super) fn row_of(group: &Group, cells: Vec<Cell>) -> Row {
    let labels = vec![
        group.model.clone(),
        grouped(group.length as u64),
        grouped(group.batch as u64),
    ];
    Row {
        records: vec![group.key.clone()],
        ..Row::new(labels, cells)
    }
}

pub(super) fn number(value: f64, print: impl Fn(f64) -> String) -> Cell {
    Spread::of([value]).map_or(Cell::Empty, |value| Cell::Number(Number::new(value, print)))
}

fn milliseconds(timing: Option<&Timing>) -> Cell {
    let Some(timing) = timing else { return Cell::Empty };
    match (summary(&timing.seconds), &timing.failure) {
        (Ok(Some(Summary { median, interval, .. })), _) => {
            let value = Spread::of([1e3 * median]).map(|value| Spread {
                interval: interval.map(|(low, high)| (1e3 * low, 1e3 * high)),
                ..value
            });
            value.map_or(Cell::Empty, |value| Cell::Number(Number::new(value, three_digits)))
        }
        (_, Some(failure)) => Cell::Text(match failure.kind {
            FailureKind::OutOfMemory => "out of memory".into(),
            FailureKind::Unsupported => "unsupported".into(),
            FailureKind::Unavailable => "not here".into(),
            FailureKind::Failed => "failed".into(),
        }),
        _ => Cell::Empty,
    }
}

/// The median of an engine's seconds.
pub(super) fn median(timing: &Timing) -> Option<f64> {
    summary(&timing.seconds).ok().flatten().map(|summary| summary.median)
}
