//! What stands on the page, before it is Markdown or HTML.

use std::collections::{BTreeMap, BTreeSet};

use super::codes::CodeTable;
use super::facts::{data_table, measured_on, speed_table};
use super::gains::gains_table;
use super::metric::Metric;
use super::plots::{bins, cost, lengths, scene::Scene, tokens, training};
use super::scores::{headline, headline_table, metrics_of, score_table, with_slug};
use super::summary::{Summary, TaskSummary, summarise};
use super::table::{Table, grouped};
use super::{Options, SuiteText};
use crate::record::{Record, Reported};

/// The whole report.
#[derive(Debug)]
pub struct Page<'a> {
    /// The suite's own words.
    pub suite: &'a SuiteText,
    /// The records, arranged.
    pub summary: Summary<'a>,
    /// What a reader must know before comparing numbers: mixed machines, dirty sources, records left out.
    pub remarks: Vec<String>,
    /// One per task.
    pub sections: Vec<Section>,
    /// The metrics shown, with their definitions.
    pub definitions: Vec<Metric>,
    /// Where the numbers come from: name and value.
    pub provenance: Vec<(String, String)>,
    /// The command that makes the records.
    pub command: String,
}

/// Tables and plots of one task.
#[derive(Debug)]
pub struct Section {
    /// The task: data set, label set, scored part.
    pub title: String,
    /// Headline metrics by length; absent where nothing was scored, and where there is one length, as the score
    /// table shows the same.
    pub headline: Option<Table>,
    /// Change of micro-F1 from the shortest length; absent where no run has two lengths.
    pub gains: Option<Table>,
    /// Every metric.
    pub scores: Table,
    /// Speed and memory; absent where nothing was scored.
    pub speed: Option<Table>,
    /// Sizes of the data; absent where nothing was scored.
    pub data: Option<Table>,
    /// F1 of each code.
    pub codes: CodeTable,
    /// Score by length.
    pub by_length: Option<Figure>,
    /// Speed by length; absent where there is one length.
    pub speed_by_length: Option<Figure>,
    /// Peak memory by length; absent where there is one length.
    pub memory_by_length: Option<Figure>,
    /// F1 by frequency bin.
    pub by_frequency: Option<Figure>,
    /// Note lengths.
    pub note_lengths: Option<Figure>,
    /// Training curves.
    pub training: Option<Figure>,
}

/// A plot and its words.
#[derive(Debug)]
pub struct Figure {
    /// File name without extension.
    pub stem: String,
    /// What it shows and how to read it.
    pub caption: String,
    /// The picture.
    pub scene: Scene,
}

impl Section {
    fn of(task: &TaskSummary<'_>, options: &Options) -> Self {
        let metrics = metrics_of(task, &options.metrics);
        let scored = task.outcomes().next().is_some();
        let figure = |stem: &str, caption: &str, draw: &dyn Fn(String) -> Option<Scene>| {
            let stem = with_slug(stem, &task.slug);
            let scene = draw(format!("icd-{stem}"))?;
            let caption = caption.to_owned();
            Some(Figure { stem, caption, scene })
        };
        let machine = measured_on(task);
        let speed = format!("Measured on {machine}. {SPEED}");
        let memory = format!("Measured on {machine}. {MEMORY}");
        Self {
            title: task.title.clone(),
            headline: (!metrics.is_empty() && task.lengths.len() > 1).then(|| headline_table(task, &metrics)),
            gains: gains_table(task),
            scores: score_table(task, &metrics),
            speed: scored.then(|| speed_table(task)),
            data: scored.then(|| data_table(task)),
            codes: CodeTable::of(task),
            by_length: figure("lengths", LENGTHS, &|id| lengths::plot(id, task, &headline(&metrics))),
            speed_by_length: figure("speed", &speed, &|id| cost::speed(id, task)),
            memory_by_length: figure("memory", &memory, &|id| cost::memory(id, task)),
            by_frequency: figure("bins", BINS, &|id| bins::plot(id, task)),
            note_lengths: figure("tokens", TOKENS, &|id| tokens::plot(id, task)),
            training: figure("training", TRAINING, &|id| training::plot(id, task)),
        }
    }

    /// The tables and plots in reading order.
    pub fn blocks(&self) -> Vec<(Option<&Table>, Vec<&Figure>)> {
        let mut blocks = match &self.headline {
            Some(headline) => vec![
                (Some(headline), figures(&self.by_length)),
                (self.gains.as_ref(), Vec::new()),
                (Some(&self.scores), Vec::new()),
            ],
            None => vec![(Some(&self.scores), figures(&self.by_length))],
        };
        blocks.push((None, figures(&self.by_frequency)));
        blocks.push((self.speed.as_ref(), self.cost_figures()));
        blocks.push((self.data.as_ref(), figures(&self.note_lengths)));
        blocks.push((None, figures(&self.training)));
        blocks
    }

    /// Speed and memory by length.
    pub fn cost_figures(&self) -> Vec<&Figure> {
        let figures = self.speed_by_length.iter().chain(&self.memory_by_length);
        figures.collect()
    }

    /// The plots, in reading order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.blocks().into_iter().flat_map(|(_, figures)| figures)
    }

    /// The tables, in reading order.
    pub fn tables(&self) -> Vec<&Table> {
        self.blocks().into_iter().filter_map(|(table, _)| table).collect()
    }
}

/// The plot of a block, if there is one.
pub fn figures(figure: &Option<Figure>) -> Vec<&Figure> {
    figure.iter().collect()
}

const LENGTHS: &str = "Points are means over the seeds, bars one sample standard deviation. The frequency prior is drawn where it lies near the runs; the table always has it.";
const SPEED: &str = "Training steps alone. Tokens are those of the notes up to the sequence length, without padding, also where a model has fewer positions and reads only the first of them. Both axes are logarithmic, so that equal ratios take equal room. Points are means over the seeds, bars one sample standard deviation.";
const MEMORY: &str = "Peak resident memory of the whole process while a cell ran, without a GPU's own memory. It is an upper bound: what the process kept from cells it ran before counts too.";
const BINS: &str = "Each run at its longest scored length. Points are means over the seeds, bars one sample standard deviation; the lines only lead the eye. Codes without a gold positive in the scored notes have no F1 and are left out.";
const TOKENS: &str = "Cumulative distribution of the tokens per evaluation note, before truncation.";
const TRAINING: &str = "One line per seed; the marker is the epoch whose weights were scored.";

/// Arranges the records into a page.
pub fn assemble<'a>(cells: &'a [Reported], suite: &'a SuiteText, options: &Options) -> Page<'a> {
    let summary = summarise(cells, suite);
    let scored = summary.tasks.iter().filter(|task| !task.runs.is_empty());
    let sections: Vec<Section> = scored.map(|task| Section::of(task, options)).collect();
    let mut definitions: Vec<Metric> = Vec::new();
    for metric in summary.tasks.iter().flat_map(|task| metrics_of(task, &options.metrics)) {
        if !definitions.contains(&metric) {
            definitions.push(metric);
        }
    }
    let command = options.command.clone();
    Page {
        remarks: remarks(&summary),
        provenance: provenance(&summary),
        command: command.unwrap_or_else(|| format!("icdbench run suites/{}.toml", suite.name)),
        suite,
        summary,
        sections,
        definitions,
    }
}

fn remarks(summary: &Summary<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    let records = &summary.records;
    if summary.coverage.ok == 0 {
        remarks.push("No cell was scored, so the tables hold no scores and there are no plots.".to_owned());
    }
    if records.iter().any(|record| record.provenance.git_dirty == Some(true)) {
        remarks.push("Some cells were made from sources that differ from their git revision.".to_owned());
    }
    let distinct =
        |part: &dyn Fn(&Record) -> String| records.iter().map(|record| part(record)).collect::<BTreeSet<_>>().len();
    if distinct(&|record| record.provenance.code_sha256.clone()) > 1 {
        remarks.push("The cells were made by different versions of the scoring code: see Provenance.".to_owned());
    }
    let machine = |record: &Record| {
        let made = &record.provenance;
        format!("{} {} {}", made.cpu, made.gpu, made.threads)
    };
    if distinct(&machine) > 1 {
        remarks.push(
            "The cells were made on different machines or thread counts: their speeds do not compare.".to_owned(),
        );
    }
    if summary.superseded > 0 {
        remarks.push(format!(
            "{} older records of cells that have a newer one are left out.",
            summary.superseded
        ));
    }
    if summary.foreign > 0 {
        remarks.push(format!(
            "{} records of cells that the suite does not name are left out.",
            summary.foreign
        ));
    }
    remarks
}

/// Name and value of one part of the provenance.
type Part = (&'static str, fn(&Record) -> String);

const PARTS: [Part; 12] = [
    ("icdbench", |record| record.provenance.icdbench_version.clone()),
    ("git revision", |record| {
        let revision = &record.provenance.git_revision;
        let dirty = match record.provenance.git_dirty {
            Some(true) => ", with changes",
            Some(false) => ", clean",
            None => "",
        };
        format!("{revision}{dirty}")
    }),
    ("code hash", |record| record.provenance.code_sha256.clone()),
    ("Cargo.lock hash", |record| record.provenance.cargo_lock_sha256.clone()),
    ("compiler", |record| record.provenance.rustc.clone()),
    ("build", |record| record.provenance.build.clone()),
    ("features", |record| record.provenance.features.join(", ")),
    ("operating system", |record| record.provenance.operating_system.clone()),
    ("CPU", |record| {
        format!("{}, {} logical", record.provenance.cpu, record.provenance.cpus)
    }),
    ("memory", |record| match record.provenance.memory_bytes {
        Some(bytes) => format!("{:.0} GiB", bytes as f64 / (1u64 << 30) as f64),
        None => "not available".to_owned(),
    }),
    ("GPU", |record| record.provenance.gpu.clone()),
    ("threads", |record| record.provenance.threads.to_string()),
];

fn provenance(summary: &Summary<'_>) -> Vec<(String, String)> {
    if summary.records.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<(String, String)> = PARTS
        .iter()
        .map(|(name, part)| ((*name).to_owned(), counted(summary, part)))
        .collect();
    let started = summary.records.iter().map(|record| &record.provenance.started).min();
    let ended = summary.records.iter().map(|record| &record.provenance.ended).max();
    if let (Some(started), Some(ended)) = (started, ended) {
        rows.push(("made".to_owned(), format!("{started} to {ended} (UTC)")));
    }
    rows.extend(inputs(summary));
    rows
}

/// The value, or each distinct value with its number of cells.
fn counted(summary: &Summary<'_>, part: &fn(&Record) -> String) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for record in &summary.records {
        *counts.entry(part(record)).or_default() += 1;
    }
    if counts.len() == 1 {
        return counts.into_keys().next().unwrap_or_default();
    }
    let counted = counts.into_iter().map(|(value, count)| {
        let noun = if count == 1 { "cell" } else { "cells" };
        format!("{value} ({} {noun})", grouped(count as u64))
    });
    counted.collect::<Vec<_>>().join("; ")
}

/// The inputs that all cells share, such as the data's fingerprint; of the others, how many values they have.
fn inputs(summary: &Summary<'_>) -> Vec<(String, String)> {
    let names: BTreeSet<String> = summary.records.iter().flat_map(|record| record.inputs().into_keys()).collect();
    let row = |name: &String| {
        let values = summary.records.iter().filter_map(|record| record.inputs().remove(name));
        let values: BTreeSet<String> = values.map(|value| spelled(&value)).collect();
        let value = match values.len() {
            1 => values.into_iter().next().unwrap_or_default(),
            several => format!("{several} different values, named in the records"),
        };
        (format!("input: {name}"), value)
    };
    names.iter().map(row).collect()
}

/// A JSON value on one line; a string without its quotes, a long one cut.
fn spelled(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= 160 {
        return text;
    }
    text.chars().take(159).chain(['…']).collect()
}
