//! What a sequence length costs: speed of training and peak memory, as measured while the scores were made.

use super::axes::ticks;
use super::by_length::{self, Axis, Quantity, Values, ends};
use super::scene::Scene;
use crate::record::Timings;
use crate::report::facts::gibibytes;
use crate::report::spread::Spread;
use crate::report::summary::TaskSummary;
use crate::report::table::three_digits;

/// Notes and tokens a second in training, on logarithmic axes; `None` with fewer than two lengths.
pub fn speed(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    type Measure = fn(&Timings) -> f64;
    let measures: [(&str, Measure); 2] = [
        ("Training notes a second", |timings| timings.training_notes_per_second),
        ("Training tokens a second", |timings| timings.training_tokens_per_second),
    ];
    let quantities = measures.into_iter().filter_map(|(heading, measure)| {
        let values = values(task, |timings| Some(measure(timings)).filter(|speed| *speed > 0.0))?;
        // A bar that would reach 0 has no place on a logarithmic axis: it ends at the edge of the panel.
        let lows = values.iter().map(|(_, _, value)| match ends(value).0 {
            low if low > 0.0 => low,
            _ => value.mean,
        });
        let highs = values.iter().map(|(_, _, value)| ends(value).1);
        let (low, high) = (lows.fold(f64::MAX, f64::min), highs.fold(f64::MIN, f64::max));
        Some(Quantity {
            heading: heading.to_owned(),
            values,
            print: three_digits,
            axis: Axis::logarithmic(low, high),
            reference: None,
            seeds: Vec::new(),
            printed: Vec::new(),
        })
    });
    let quantities: Vec<Quantity> = quantities.collect();
    let title = format!("Training speed by sequence length, {}", task.title);
    (!quantities.is_empty()).then(|| by_length::draw(id, title, task, &quantities))
}

/// Peak memory, from 0; `None` with fewer than two lengths or where the system did not say.
pub fn memory(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let values = values(task, gibibytes)?;
    let highest = values.iter().map(|(_, _, value)| ends(value).1).fold(0.0, f64::max);
    let quantity = Quantity {
        heading: "Peak memory (GiB)".to_owned(),
        values,
        print: three_digits,
        axis: Axis::linear(ticks(0.0, highest)),
        reference: None,
        seeds: Vec::new(),
        printed: Vec::new(),
    };
    let title = format!("Peak memory by sequence length, {}", task.title);
    Some(by_length::draw(id, title, task, &[quantity]))
}

/// Run, length and spread over the seeds of each cell with timings; `None` with fewer than two lengths.
fn values(task: &TaskSummary<'_>, measure: impl Fn(&Timings) -> Option<f64>) -> Option<Values> {
    let mut values = Values::new();
    for (run, summary) in task.runs.iter().enumerate() {
        for (length, cell) in &summary.cells {
            let timings = cell.ok.iter().filter_map(|cell| cell.record.timings.as_ref());
            if let Some(value) = Spread::of(timings.filter_map(&measure)) {
                values.push((run, *length, value));
            }
        }
    }
    let first = values.first()?.1;
    values.iter().any(|(_, length, _)| *length != first).then_some(values)
}
