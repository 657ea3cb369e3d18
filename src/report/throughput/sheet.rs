//! All timings as CSV, a row each.

use super::tables::{operations, peak_bytes, share};
use super::timings::Timings;
use crate::speed::summary;

const HEADINGS: [&str; 22] = [
    "model",
    "length",
    "notes",
    "tokens",
    "padded-tokens",
    "codes",
    "precision",
    "engine",
    "version",
    "kind",
    "runs",
    "median-seconds",
    "low-seconds",
    "high-seconds",
    "p95-seconds",
    "tokens-per-second",
    "operations",
    "share-of-peak",
    "peak-bytes",
    "joules",
    "largest-batch",
    "failure",
];

pub(super) fn sheet(timings: &Timings<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    sheet.write_record(HEADINGS)?;
    for group in timings.groups {
        for timing in &group.timings {
            let summary = summary(&timing.seconds).ok().flatten();
            let median = summary.map(|summary| summary.median);
            let (low, high) = summary.and_then(|summary| summary.interval).unzip();
            let operations = operations(group, timing);
            let kind = serde_json::to_value(timing.kind).ok();
            let failure = timing.failure.as_ref().map(|failure| failure.words.clone());
            let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
            let record = [
                group.model.clone(),
                group.length.to_string(),
                group.batch.to_string(),
                group.tokens.to_string(),
                group.padded_tokens.to_string(),
                group.codes.to_string(),
                group.precision.clone(),
                timing.engine.clone(),
                timing.version.clone(),
                kind.as_ref()
                    .and_then(|kind| kind.as_str())
                    .unwrap_or_default()
                    .to_owned(),
                timing.seconds.len().to_string(),
                number(median),
                number(low),
                number(high),
                number(summary.map(|summary| summary.p95)),
                number(median.map(|median| group.tokens as f64 / median)),
                operations.map_or(String::new(), |operations| operations.to_string()),
                number(share(timings, group, timing)),
                number(peak_bytes(timing)),
                number(timing.joules),
                timing
                    .largest
                    .map_or(String::new(), |largest| largest.notes.to_string()),
                failure.unwrap_or_default(),
            ];
            sheet.write_record(record.map(crate::report::escape::csv))?;
        }
    }
    sheet.into_inner().map_err(|error| error.into_error().into())
}
