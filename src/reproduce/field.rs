//! Our scores beside published ones of the same task, in one table: what is a fair comparison stands in it.

use std::collections::BTreeMap;

use super::intervals::Intervals;
use crate::metrics::metric_info;
use crate::published::{Printed, Published, Source, Table as PublishedTable};
use crate::record::{Record, Reported, StageName};
use crate::report::table::{Cell, Column, Row, Table};

/// A table with a row for every scored cell and one for every published row, by falling value of a metric. `tables` are
/// pairs of paper and table.
///
/// # Errors
/// In words: a paper or a table that the registry lacks, or one without the metric.
pub fn field_table(
    published: &Published,
    tables: &[[String; 2]],
    metric: &str,
    records: &[Reported],
) -> Result<Table, String> {
    let mut rows: Vec<(f64, Row)> = Vec::new();
    for [paper, number] in tables {
        let source = published.paper(paper).map_err(|error| error.to_string())?;
        let table = source.table(number);
        let table = table.ok_or_else(|| format!("{paper} has no table {number:?}"))?;
        let column = table.column(metric);
        let column = column.ok_or_else(|| format!("table {number:?} of {paper} has no column {metric:?}"))?;
        let percent = table.unit_of(column) == "percent";
        for row in &table.rows {
            let Some(printed) = row.cells.get(metric).and_then(|value| Printed::parse(value)) else {
                continue;
            };
            let share = if percent { printed.value / 100.0 } else { printed.value };
            let told = told(source, table, row.settings.as_deref(), row.encoder.as_deref());
            let value = format!("{:.1}", 100.0 * share);
            rows.push((
                share,
                line(&row.label, "published", &value, "", &table_part(table), &told),
            ));
        }
    }
    let intervals = Intervals::default();
    // The mean over the seeds of a run, at its best length.
    let mut groups: BTreeMap<(&str, u32), Vec<&Reported>> = BTreeMap::new();
    for reported in records.iter().filter(|reported| reported.record.outcome.is_some()) {
        let cell = &reported.record.cell;
        groups.entry((&cell.run, cell.length)).or_default().push(reported);
    }
    for ((run, length), group) in groups {
        let score = |reported: &&Reported| reported.record.outcome.as_ref()?.scores.get(metric).copied();
        let Some(scores) = group
            .iter()
            .map(|reported| score(reported))
            .collect::<Option<Vec<f64>>>()
        else {
            continue;
        };
        let share = scores.iter().sum::<f64>() / scores.len() as f64;
        let interval = intervals.of(&group, metric);
        let interval = interval.map_or(String::new(), |(low, high)| {
            format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high)
        });
        let record = &group[0].record;
        let unfinished = group.iter().any(|reported| {
            reported
                .record
                .outcome
                .as_ref()
                .is_some_and(|outcome| outcome.unfinished.is_some())
        });
        let mut told = vec![of_record(record)];
        if unfinished {
            told.push("had not finished learning".into());
        }
        let label = format!("{run}, {length} tokens");
        let value = format!("{:.1}", 100.0 * share);
        rows.push((
            share,
            line(
                &label,
                "ours",
                &value,
                &interval,
                &record.cell.evaluation_part,
                &told.join("; "),
            ),
        ));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let title = metric_info(metric).map_or(metric, |info| info.title);
    let ceiling = records.iter().find_map(|reported| ceiling(&reported.record));
    let mut foot = vec![
        "Published values stand on the test part after training on train and dev unless they say otherwise, ours on the part \
         named, after training on a part of train: other notes and fewer, so that a difference is no ranking. In brackets of \
         intervals: 95 %, over the notes."
            .to_owned(),
    ];
    if let Some(share) = ceiling {
        foot.push(format!(
            "{:.1} % of the gold (note, code) pairs of the part that ours stand on have a code that no training note has: no \
             model that learns codes from notes can find them.",
            100.0 * share
        ));
    }
    Ok(Table {
        id: format!("field-{metric}"),
        caption: format!("{title} (%) beside published systems"),
        stub: vec!["system".into()],
        columns: ["whose", title, "interval", "part", "what it is"]
            .map(|title| Column {
                group: String::new(),
                title: title.into(),
                key: title.to_lowercase().replace(' ', "-"),
            })
            .to_vec(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        foot,
    })
}

fn line(label: &str, whose: &str, value: &str, interval: &str, part: &str, told: &str) -> Row {
    let cells = [whose, value, interval, part, told].map(|text| match text {
        "" => Cell::Empty,
        text => Cell::Text(text.to_owned()),
    });
    let mut row = Row::new(vec![label.to_owned()], cells.to_vec());
    row.reference = whose == "published";
    row
}

fn table_part(table: &PublishedTable) -> String {
    table.scored_on.clone().unwrap_or_else(|| "not said".into())
}

fn told(source: &Source, table: &PublishedTable, settings: Option<&str>, encoder: Option<&str>) -> String {
    let of = format!("{} {}, {}", source.paper.name, table.number, table.title);
    let parts = [Some(of.as_str()), encoder, settings];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Single model or ensemble, what it starts from, and what it reads beyond the training notes.
fn of_record(record: &Record) -> String {
    let mut words = vec![match record.cell.model.as_str() {
        "ensemble" => "ensemble".to_owned(),
        model => format!("single model ({model})"),
    }];
    if record.stages.contains_key(&StageName::Encoder) {
        words.push("pretrained encoder".into());
    }
    if record.stages.contains_key(&StageName::Vectors) {
        words.push("pretrained word vectors".into());
    }
    let model = record
        .stages
        .get(&StageName::Weights)
        .and_then(|stage| stage.settings.get("model"));
    let reads_evidence = model.is_some_and(|model| {
        model.get("evidence_dictionary").is_some()
            || model
                .as_object()
                .into_iter()
                .flat_map(|model| model.values())
                .any(|settings| settings.get("evidence-weight").is_some())
    });
    if reads_evidence {
        words.push("annotators' evidence of the training notes".into());
    }
    words.join(", ")
}

/// The share of gold pairs whose code no training note has.
fn ceiling(record: &Record) -> Option<f64> {
    let outcome = record.outcome.as_ref()?;
    let gold: u64 = outcome.frequency_bins.iter().map(|bin| bin.gold).sum();
    let unseen: u64 = outcome
        .frequency_bins
        .iter()
        .filter(|bin| bin.upper == Some(0))
        .map(|bin| bin.gold)
        .sum();
    (gold > 0 && unseen > 0).then(|| unseen as f64 / gold as f64)
}
