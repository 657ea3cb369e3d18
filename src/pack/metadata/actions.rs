//! One action a cell: what went in, what came out, when, and how it ended.

use serde_json::{Value, json};

use super::entity::{agent_id, id, time, uri};
use super::workflow::Parameters;
use crate::pack::cell::PackedCell;
use crate::pack::contents::{Pack, SUITE};
use crate::record::{Outcome, Status};

/// The actions in the order of the cells, each followed by its scores.
pub(super) fn actions(pack: &Pack<'_>, parameters: &Parameters, dataset: &str) -> Vec<Value> {
    let of_cell = |(at, cell): (usize, &PackedCell)| {
        let name = format!("#cell-{}", at + 1);
        let scores = scores(&name, cell.record.outcome.as_ref());
        let action = action(pack, cell, parameters, (&name, dataset, &scores));
        std::iter::once(action).chain(scores).collect::<Vec<_>>()
    };
    pack.cells.iter().enumerate().flat_map(of_cell).collect()
}

fn action(
    pack: &Pack<'_>,
    cell: &PackedCell,
    parameters: &Parameters,
    (name, dataset, scores): (&str, &str, &[Value]),
) -> Value {
    let record = &cell.record;
    let mut result: Vec<Value> = std::iter::once(cell.place())
        .chain(cell.row_places())
        .map(|place| id(&uri(&place)))
        .collect();
    result.extend(scores.iter().map(|score| json!({ "@id": score["@id"] })));
    let mut object = vec![id(dataset)];
    object.extend(parameters.of_cell(&record.cell));
    let status = match record.status {
        Status::Ok => "CompletedActionStatus",
        _ => "FailedActionStatus",
    };
    let mut action = json!({
        "@id": name,
        "@type": "CreateAction",
        "name": record.cell.title(),
        "description": format!(
            "{} on the part {} of {}, codes: {}",
            record.cell.model, record.cell.evaluation_part, record.cell.dataset, record.cell.labels
        ),
        "identifier": record.key,
        "instrument": id(SUITE),
        "object": object,
        "result": result,
        "startTime": time(&record.provenance.started),
        "endTime": time(&record.provenance.ended),
        "actionStatus": format!("http://schema.org/{status}"),
    });
    if record.status != Status::Ok {
        let reason = record.reason.as_deref().unwrap_or("no reason was recorded");
        action["error"] = format!("{}: {reason}", record.status.word()).into();
    }
    if pack.agent.is_some() {
        action["agent"] = id(&agent_id(pack));
    }
    action
}

/// Every score with its interval.
fn scores(action: &str, outcome: Option<&Outcome>) -> Vec<Value> {
    let Some(outcome) = outcome else { return Vec::new() };
    let score = |(metric, value): (&String, &f64)| {
        let mut score = json!({
            "@id": format!("{action}/{metric}"),
            "@type": "PropertyValue",
            "name": metric,
            "value": value,
        });
        if let Some(interval) = outcome.intervals.get(metric) {
            score["description"] = format!(
                "95 % interval over the evaluation notes: {} to {}",
                interval.low, interval.high
            )
            .into();
        }
        score
    };
    outcome.scores.iter().map(score).collect()
}
