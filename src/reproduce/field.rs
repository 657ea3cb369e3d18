//! Our scores beside published ones of the same task, in one table: what is a fair comparison stands in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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
    // The mean over the seeds of a run at each length.
    let mut groups: BTreeMap<(&str, u32), Vec<&Reported>> = BTreeMap::new();
    for reported in records.iter().filter(|reported| reported.record.outcome.is_some()) {
        let cell = &reported.record.cell;
        groups.entry((&cell.run, cell.length)).or_default().push(reported);
    }
    for ((run, length), group) in groups {
        let score = |reported: &&Reported| reported.record.outcome.as_ref()?.scores.get(metric).copied();
        let Some(scores) = group.iter().map(score).collect::<Option<Vec<f64>>>() else {
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
            )
            .of_records(group.iter().map(|reported| reported.record.key.clone()).collect()),
        ));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let title = metric_info(metric).map_or(metric, |info| info.title);
    let ceiling = records.iter().find_map(|reported| ceiling(&reported.record));
    let mut foot = vec![format!(
        "Ours are trained on {}, and scored on the part named; published values are of the part named, mostly after training \
             on train and dev. Where the notes are others a difference is no ranking. Intervals: 95 %, over the notes.",
        trained_on(records)
    )];
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
    if record.stages.contains_key(&StageName::Pretraining) {
        words.push("encoder pretrained on the notes".into());
    }
    if let Some(vectors) = record.stages.get(&StageName::Vectors) {
        words.push(of_vectors(vectors.settings.get("word-vectors")));
    }
    // An ensemble reads what its members read.
    let own = record.stages.get(&StageName::Weights);
    let own = own.and_then(|stage| stage.settings.get("model"));
    let members = record.stages.get(&StageName::Scores);
    let members = members.and_then(|stage| stage.settings.get("members")?.as_array());
    let members: Vec<&Value> = members.into_iter().flatten().collect();
    for (stage, what) in [
        ("encoder", "pretrained encoder"),
        ("pretraining", "encoder pretrained on the notes"),
    ] {
        if members.iter().any(|member| member.get(stage).is_some()) {
            words.push(what.into());
        }
    }
    let with_vectors = members.iter().filter_map(|member| member.get("vectors"));
    let sources: BTreeSet<String> = with_vectors
        .map(|vectors| of_vectors(vectors.get("word-vectors")))
        .collect();
    words.extend(sources);
    let of_members = members.iter().filter_map(|member| member.pointer("/weights/model"));
    let models: Vec<&Value> = own.into_iter().chain(of_members).collect();
    let settings = |name: &'static str| -> Vec<&Value> {
        let all = models
            .iter()
            .copied()
            .filter_map(|model| model.as_object()?.values().next());
        all.filter_map(|settings| settings.get(name)).collect()
    };
    if settings("label-vectors").iter().any(|from| *from == "descriptions") {
        words.push("titles of codes".into());
    }
    let is_dictionary = |model: &&Value| model.get("evidence_dictionary").is_some();
    let reads_evidence = models.iter().any(is_dictionary) || !settings("evidence-weight").is_empty();
    if reads_evidence {
        words.push("annotators' evidence of the training notes".into());
    }
    words.join(", ")
}

/// Where word vectors come from, by the settings of their stage.
fn of_vectors(settings: Option<&Value>) -> String {
    let train = settings.and_then(|settings| settings.get("train")?.as_object()?.values().next());
    let Some(train) = train else {
        return "pretrained word vectors".into();
    };
    let parts = train.get("unlabelled").and_then(Value::as_array);
    let parts: Vec<&str> = parts.into_iter().flatten().filter_map(Value::as_str).collect();
    match parts.is_empty() {
        true => "word vectors of the training notes".into(),
        false => format!(
            "word vectors of the training notes and of the texts of {}",
            parts.join(", ")
        ),
    }
}

/// The notes that the records' models were trained on, in words.
fn trained_on(records: &[Reported]) -> String {
    let mut notes = records
        .iter()
        .filter_map(|reported| reported.record.stages.get(&StageName::Notes));
    let division = notes.find_map(|stage| stage.settings.get("division"));
    let parts = match division.and_then(|division| division.get("train")) {
        Some(Value::Array(parts)) => parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" and "),
        part => part.and_then(Value::as_str).unwrap_or("their training part").into(),
    };
    let fraction = |division: &Value| division.pointer("/validation/fraction-of-train")?.as_f64();
    match division.and_then(fraction) {
        Some(share) => format!("{:.0} % of {parts}", 100.0 * (1.0 - share)),
        None => format!("all of {parts}"),
    }
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
