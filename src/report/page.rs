//! What stands on the page and in which order, before it is Markdown, HTML or LaTeX.

use std::collections::BTreeSet;

use super::chapters::chapter_table;
use super::codes::CodeExcerpt;
use super::csv;
use super::facts::{data_table, measured_on, speed_table, training_table};
use super::figures;
use super::gains::gains_table;
use super::glance::Glance;
use super::longest::withholds;
use super::metric::Metric;
use super::plots::paint::has_letters;
use super::plots::{MOST_SEEDS, attention, cost, lengths, pretraining, scene::Scene, tokens, training};
use super::pretraining::pretraining_table;
use super::pretrainings::{pretrainings_table, settings_of};
use super::provenance::provenance;
use super::records::{RecordGroup, groups};
use super::scores::{headline, headline_table, metrics_of, score_table, with_slug};
use super::suite_text::SuiteText;
use super::summary::{LengthSummary, RunSummary, Summary, TaskSummary, summarise};
use super::table::{Table, length_word};
use super::versions::sentences;
use crate::record::{Record, Reported};

/// The whole report: its head, then its blocks.
#[derive(Debug)]
pub struct Page<'a> {
    /// The suite's own words.
    pub suite: &'a SuiteText,
    /// The records, arranged.
    pub summary: Summary<'a>,
    /// What a reader must know before comparing numbers: mixed machines, dirty sources, records left out.
    pub remarks: Vec<String>,
    /// Everything after the head, in reading order.
    pub blocks: Vec<Block>,
}

/// A block with its heading.
#[derive(Debug)]
pub struct Block {
    /// Such as `Speed and memory`.
    pub heading: String,
    /// What stands under the heading.
    pub body: Body,
}

/// What stands under a heading. A format may have no use for a kind of block, but it decides nothing else.
#[derive(Debug)]
pub enum Body {
    /// The blocks up to the next of this kind are about one task, named in the heading; only where the suite has several.
    Task,
    /// Which run won, how sure that is and what it cost.
    Glance(Glance),
    /// A table, plots or both.
    Results {
        /// The numbers; `None` where only the plots show them.
        table: Option<Table>,
        /// Their plots, or plots that have no table.
        figures: Vec<Figure>,
    },
    /// F1 of some codes.
    Codes(CodeExcerpt),
    /// Reasons that the tables refer to by their number, from 1.
    Notes(Vec<String>),
    /// A sentence a paragraph.
    Remarks(Vec<String>),
    /// Every metric of the page, to be shown with its definition.
    Definitions(Vec<Metric>),
    /// The records that the numbers were made from.
    Records(Vec<RecordGroup>),
    /// Rows of a name and its value.
    Facts(Vec<(String, String)>),
    /// How to make the records again.
    Command {
        /// A line for a shell.
        command: String,
        /// The files with the numbers of this page, beside it.
        sheets: Vec<&'static str>,
    },
}

/// A plot and its words.
#[derive(Debug)]
pub struct Figure {
    /// File name without extension.
    pub stem: String,
    /// What it shows and how to read it.
    pub caption: String,
    /// As marks in pixels, yet to be painted.
    pub scene: Scene,
}

impl Page<'_> {
    /// The plots, in reading order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        let figures = self.blocks.iter().filter_map(|block| match &block.body {
            Body::Results { figures, .. } => Some(figures),
            _ => None,
        });
        figures.flatten()
    }

    /// The tables, in reading order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks.iter().filter_map(|block| match &block.body {
            Body::Results { table, .. } => table.as_ref(),
            _ => None,
        })
    }

    /// The records that the page shows; empty where it shows none.
    pub fn record_groups(&self) -> &[RecordGroup] {
        let groups = self.blocks.iter().find_map(|block| match &block.body {
            Body::Records(groups) => Some(groups.as_slice()),
            _ => None,
        });
        groups.unwrap_or_default()
    }

    /// The title of the only task; `None` where there are several.
    pub fn only_task(&self) -> Option<&str> {
        match self.summary.tasks.as_slice() {
            [task] => Some(&task.title),
            _ => None,
        }
    }
}

/// Arranges the records into a page.
pub fn assemble<'a>(cells: &'a [Reported], suite: &'a SuiteText) -> Page<'a> {
    let summary = summarise(cells, suite);
    let mut blocks = Vec::new();
    for task in &summary.tasks {
        if summary.tasks.len() > 1 {
            blocks.push(Block::new(&task.title, Body::Task));
        }
        let glance = Glance::of(task, &metrics_of(task), &suite.name);
        blocks.extend(glance.map(|glance| Block::new("At a glance", Body::Glance(glance))));
        blocks.extend(of_task(task));
    }
    if !suite.masked.is_empty() {
        let title = "What pretraining puts in the place of masked tokens";
        let figure = Figure {
            stem: "masked".into(),
            caption: "Generated notes with the tokens that each pretrained encoder puts in the place of those that were masked (BERT-XML, \
                      figure 1): shaded, the darker, the surer it is. Where it is wrong, what stands there follows in brackets."
                .into(),
            scene: attention::scene("icd-masked".into(), title, &suite.masked),
        };
        blocks.push(Block::new(
            title,
            Body::Results {
                table: None,
                figures: vec![figure],
            },
        ));
    }
    if !suite.readings.is_empty() {
        let figure = Figure {
            stem: "attention".into(),
            caption: "A generated note around the token that each model reads most for a code that the note has: the darker, the \
                      more of the model's weights (of CAML and the models with label-wise attention, the attention of that code)."
                .into(),
            scene: attention::scene("icd-attention".into(), "What models read in a generated note", &suite.readings),
        };
        blocks.push(Block::new(
            "What models read",
            Body::Results {
                table: None,
                figures: vec![figure],
            },
        ));
    }
    blocks.extend(suite.beside.iter().map(|(heading, table)| {
        Block::new(
            heading,
            Body::Results {
                table: Some(table.clone()),
                figures: Vec::new(),
            },
        )
    }));
    let closing = [
        ("Cells without scores", Body::Notes(summary.notes.clone())),
        (
            "Not shown: made by another version",
            Body::Remarks(sentences(&summary.other_versions)),
        ),
        ("How settings were chosen", Body::Facts(suite.chosen.clone())),
        ("External systems", Body::Remarks(externals(&summary))),
        ("Metrics", Body::Definitions(definitions(&summary))),
        ("Records", Body::Records(groups(&summary, &suite.name))),
        ("Provenance", Body::Facts(provenance(&summary))),
        (
            "Reproduce",
            Body::Command {
                command: format!("icdbench run suites/{}.toml", suite.name),
                sheets: csv::SHEETS.iter().map(|(file, _)| *file).collect(),
            },
        ),
    ];
    blocks.extend(closing.map(|(heading, body)| Block::new(heading, body)));
    blocks.retain(|block| !block.is_empty());
    Page {
        remarks: remarks(&summary),
        suite,
        summary,
        blocks,
    }
}

impl Block {
    fn new(heading: &str, body: Body) -> Self {
        let heading = heading.to_owned();
        Self { heading, body }
    }

    fn is_empty(&self) -> bool {
        match &self.body {
            Body::Task | Body::Glance(_) | Body::Command { .. } => false,
            Body::Results { table, figures } => table.is_none() && figures.is_empty(),
            Body::Codes(codes) => codes.rows.is_empty(),
            Body::Notes(lines) | Body::Remarks(lines) => lines.is_empty(),
            Body::Definitions(metrics) => metrics.is_empty(),
            Body::Records(groups) => groups.is_empty(),
            Body::Facts(facts) => facts.is_empty(),
        }
    }
}

/// The blocks of one task. Speed and data have none where nothing was scored, and a task of one length has no table by
/// length, as the score table shows the same.
fn of_task(task: &TaskSummary<'_>) -> Vec<Block> {
    let metrics = metrics_of(task);
    let scored = task.outcomes().next().is_some();
    let intervals = task.outcomes().any(|outcome| !outcome.intervals.is_empty());
    let mut cells = task.runs.iter().flat_map(|run| run.cells.values());
    let several_seeds = cells.any(|cell| cell.ok.len() > 1);
    let mut cells = task.runs.iter().flat_map(|run| run.cells.values());
    let many_seeds = cells.any(|cell| cell.ok.len() > MOST_SEEDS);
    let figure = |stem: &str, caption: &str, draw: &dyn Fn(String) -> Option<Scene>| {
        let stem = with_slug(stem, &task.slug);
        let scene = draw(format!("icd-{stem}"))?;
        let mut caption = caption.to_owned();
        for (words, apply) in [(PALE_BARS, intervals), (SMALL_DOTS, several_seeds)] {
            if !apply {
                caption = caption.replace(words, "");
            }
        }
        if many_seeds {
            caption += &format!(" Of more than {MOST_SEEDS} seeds the first {MOST_SEEDS} are drawn one by one.");
        }
        Some(Figure { stem, caption, scene })
    };
    let mut blocks = Vec::new();
    let mut add = |heading: &str, mut table: Option<Table>, figures: Vec<Option<Figure>>| {
        if let Some(table) = &mut table {
            table.explain_marks();
            table.explain_intervals();
        }
        let figures = figures.into_iter().flatten().collect();
        blocks.push(Block::new(heading, Body::Results { table, figures }));
    };
    let scores = score_table(task, &metrics);
    let id = scores.id.clone();
    let printed = if task.printed.is_empty() { "" } else { PRINTED };
    let by_length = figure("lengths", &format!("{LENGTHS}{printed}"), &|id| {
        lengths::plot(id, task, &headline(&metrics))
    });
    if metrics.is_empty() || task.lengths.len() < 2 {
        add("Scores", Some(scores), vec![by_length]);
    } else {
        let headline = headline_table(task, &metrics);
        add("Scores by sequence length", Some(headline), vec![by_length]);
        add("What length gives", gains_table(task), vec![]);
        add("All metrics", Some(scores), vec![]);
    }
    add("What pretrained parameters give", pretraining_table(task), vec![]);
    let looks = figure("pretraining", PRETRAINING, &|id| pretraining::plot(id, task));
    add("Pretraining on the notes", pretrainings_table(task), vec![looks]);
    for part in figures::parts(task) {
        let drawn = part
            .plots
            .iter()
            .map(|plot| figure(plot.stem, &plot.caption, &|id| (plot.draw)(id, task)));
        add(part.heading, part.table, drawn.collect());
    }
    if let Some(chapters) = chapter_table(task) {
        add("Chapters of the ICD", Some(chapters), vec![]);
    }
    let machine = measured_on(task);
    let speed = format!("Measured on {machine}. {SPEED}");
    let memory = format!("Measured on {machine}. {MEMORY}");
    let costs = vec![
        figure("speed", &speed, &|id| cost::speed(id, task)),
        figure("memory", &memory, &|id| cost::memory(id, task)),
    ];
    add("Speed and memory", scored.then(|| speed_table(task)), costs);
    let note_lengths = figure("tokens", TOKENS, &|id| tokens::plot(id, task));
    add("Data", scored.then(|| data_table(task)), vec![note_lengths]);
    let curves = figure("training", TRAINING, &|id| training::plot(id, task));
    add("Training", scored.then(|| training_table(task)), vec![curves]);
    let codes = CodeExcerpt::of(task, format!("codes-{id}"));
    blocks.push(Block::new("Codes", Body::Codes(codes)));
    let settings = Body::Facts(settings_of(task));
    blocks.push(Block::new("Settings of pretraining", settings));
    blocks
}

/// What captions say of seeds, where a cell has several.
const SMALL_DOTS: &str = ", small dots single seeds";
/// What captions say of intervals, where there are some.
const PALE_BARS: &str = ", pale bars the 95 % interval over the evaluation notes";
const LENGTHS: &str = "Points are means over the seeds, small dots single seeds, thin bars one sample standard deviation, pale bars the 95 % interval over the evaluation notes. The frequency prior is drawn where it lies near the runs; the table always has it.";
const PRINTED: &str = " Hollow markers are scores that papers print of the same data, division and label set, at the lengths that they print; their notes, text and training may differ.";
const SPEED: &str = "Training steps alone. Tokens are those of the notes up to the sequence length, without padding, also where a model has fewer positions and reads only the first of them. Both axes are logarithmic, so that equal ratios take equal room. Points are means over the seeds, bars one sample standard deviation.";
const MEMORY: &str = "Peak resident memory of the whole process while a cell ran, without a GPU's own memory. It is an upper bound: what the process kept from cells it ran before counts too.";
const TOKENS: &str = "Cumulative distribution of the tokens per evaluation note, before truncation.";
const PRETRAINING: &str = "What was looked at in the development sequences, whose masks and pairs are the same each time. One line a pretraining; the first look is before any step.";
const TRAINING: &str = "One line per seed; the marker is the epoch whose weights were scored.";

/// The metrics of all tasks, each once.
fn definitions(summary: &Summary<'_>) -> Vec<Metric> {
    let mut definitions: Vec<Metric> = Vec::new();
    for metric in summary.tasks.iter().flat_map(metrics_of) {
        if !definitions.contains(&metric) {
            definitions.push(metric);
        }
    }
    definitions
}

/// What is said of each external system.
fn externals(summary: &Summary<'_>) -> Vec<String> {
    let outcomes = summary.tasks.iter().flat_map(TaskSummary::outcomes);
    let sentences = outcomes.filter_map(|outcome| Some(outcome.external.as_ref()?.sentence()));
    sentences.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Points of micro-F1 above the frequency prior, 0 to 1, below which a model has hardly learnt to read.
const NEAR: f64 = 0.03;

/// Names the runs of a task that score hardly more than the frequency prior, where there are any.
fn near_the_prior(task: &TaskSummary<'_>) -> Option<String> {
    let prior = task.prior("micro-f1")?.mean;
    let near = |cell: &LengthSummary<'_>| cell.score("micro-f1").is_some_and(|score| score.mean - prior < NEAR);
    let of_run = |run: &RunSummary<'_>| {
        let cells = run.cells.iter().filter(|(_, cell)| near(cell));
        let lengths: Vec<String> = cells.map(|(length, _)| length_word(*length)).collect();
        (!lengths.is_empty()).then(|| format!("{} at {}", run.label, lengths.join(" and ")))
    };
    let runs: Vec<String> = task.runs.iter().filter_map(of_run).collect();
    (!runs.is_empty()).then(|| {
        format!(
            "On {}, {} less than 3 points of micro-F1 above the frequency prior, which reads no text: {}. They have hardly learnt to read the notes; the table of how training ended says whether they stopped improving or were stopped.",
            task.title,
            if runs.len() == 1 { "one run scores" } else { "some runs score" },
            runs.join("; "),
        )
    })
}

/// What the page of credentialed data leaves out.
const WITHHELD: &str = "The notes are under a data use agreement. Rows by note (ranks, predictions) are derived patient-level data and are not in this report, nor are the codes that fewer than 11 notes have; scores, intervals and curves are sums over all notes.";

fn remarks(summary: &Summary<'_>) -> Vec<String> {
    let mut remarks: Vec<String> = summary.tasks.iter().filter_map(near_the_prior).collect();
    let records = &summary.records;
    if summary.coverage.ok == 0 {
        remarks.push("No cell was scored, so the tables hold no scores and there are no plots.".to_owned());
    }
    if summary.tasks.iter().any(withholds) {
        remarks.push(WITHHELD.to_owned());
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
    if !summary.other_versions.is_empty() {
        let count = match summary.other_versions.len() {
            1 => "1 scored cell was".to_owned(),
            several => format!("{several} scored cells were"),
        };
        remarks.push(format!(
            "{count} made by another program version, data copy or label set than the others, and not shown: see the end of the report."
        ));
    }
    let names = summary
        .tasks
        .iter()
        .flat_map(|task| task.runs.iter().map(|run| &run.label));
    let names: BTreeSet<&String> = names.filter(|name| !has_letters(name)).collect();
    if let Some(first) = names.first().filter(|_| summary.coverage.ok > 0) {
        remarks.push(format!(
            "The PNG plots show boxes for letters that their font lacks, as in {first:?}; this page and the SVG plots have them."
        ));
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
