//! `icdbench report SUITE`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::reported::reported;
use super::terminal::say;
use super::{Global, Sentences, exit, suite};
use crate::data::DatasetSettings;
use crate::plan::{Cell, GENERATED, Plan, descriptions, externals, recorded};
use crate::published::Published;
use crate::record::{Outcome, Record, Reported};
use crate::report::plots::attention::Reading;
use crate::report::table::Table;
use crate::report::{self, Ended, SuiteText};
use crate::reproduce::{Evidence, Planned, claims_table, field_table, judged, printed_points};
use crate::stages::Workshop;
use crate::stages::masked::{MaskedNote, MaskedToken};
use crate::stages::reading::ReadNote;
use crate::suite::Suite;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Where reports go.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Directory for reports; each suite has a folder in it.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
    /// Leave the 95 % intervals over the evaluation notes out of the report's tables of scores and plots.
    #[arg(long)]
    no_intervals: bool,
}

impl Output {
    /// The folder of a suite's report.
    pub(super) fn folder(&self, suite: &Suite) -> PathBuf {
        self.directory(&suite.name)
    }

    /// Whether intervals are to be left out.
    pub(super) fn is_without_intervals(&self) -> bool {
        self.no_intervals
    }

    /// The folder of the report of a suite of that name.
    pub(super) fn directory(&self, name: &str) -> PathBuf {
        self.reports.join(name)
    }
}

pub(super) fn report(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let device = global.device.class.name();
    let listed = global.store().records().all()?;
    for refused in &listed.refused {
        global.notice(&refused.to_string());
    }
    if let Some(sentence) = listed.foreign_sentence() {
        global.notice(&sentence);
    }
    // Records tell the cells of a suite also where its data is not.
    let planned = Plan::make(suite.clone(), &global.registry()?, global.data(), device);
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite, device));
    let of_others = externals(&plan.cells, &listed.records);
    let mut records = recorded(&plan.cells, listed.records);
    records.extend(of_others);
    let suite = plan.suite;
    drop(plan.cells); // of thousands of cells they are the half of all that is held
    match write(global, &suite, records, &arguments.output)? {
        Ended::Written(_) => return Ok(ExitCode::from(exit::GOOD)),
        Ended::Kept { .. } => {}
        Ended::NoRecord => global.notice(&format!(
            "{} {}; run `icdbench run {}` first. No report was written",
            global.results.display(),
            match global.results.is_dir() {
                true => format!("holds no record of {}", suite.name),
                false => format!("is no directory, so that there is no record of {}", suite.name),
            },
            arguments.suite.display()
        )),
    }
    Ok(ExitCode::from(exit::NOT_ENOUGH_DATA))
}

/// Writes the report and says where it is, or why there is none.
pub(super) fn write(global: &Global, suite: &Suite, records: Vec<Record>, output: &Output) -> Result<Ended> {
    let mut cells: Vec<Reported> = records.into_iter().map(|record| reported(global, record)).collect();
    if output.no_intervals {
        let outcomes = cells.iter_mut().filter_map(|cell| cell.record.outcome.as_mut());
        outcomes.for_each(Outcome::without_intervals);
    }
    let looked = looked(global, suite)?;
    let text = SuiteText {
        readings: looked.readings,
        masked: looked.masked,
        ..text(global, suite, &cells)?
    };
    let directory = output.folder(suite);
    let ended = report::write_report(&cells, &text, &directory)
        .with_context(|| format!("writing the report of {}", suite.name))?;
    let written = match &ended {
        Ended::Written(written) => written,
        Ended::Kept { scored } => {
            global.notice(&format!(
                "no cell of {} was scored, and the report in {} has the scores of {scored}: it stays. Name another place \
                 with --reports, or remove that report first",
                suite.name,
                directory.display()
            ));
            return Ok(ended);
        }
        Ended::NoRecord => return Ok(ended),
    };
    if let Some(before) = written.before.filter(|&before| before > written.coverage.ok) {
        global.notice(&format!(
            "the report that was in {} had the scores of {before} cells, this one has those of {}",
            directory.display(),
            written.coverage.ok
        ));
    }
    if global.json {
        super::terminal::line_if_read(format_args!("{}", serde_json::json!({ "report": written.files })));
    } else if !global.quiet {
        say!("report: {}", directory.join("index.html").display());
    }
    Ok(ended)
}

/// What a report says beside its records that takes no model to say.
pub(super) fn text(global: &Global, suite: &Suite, cells: &[Reported]) -> Result<SuiteText> {
    let mut described = descriptions(suite, global.device.class.name());
    if cells.iter().any(|cell| cell.record.cell.dataset.ends_with(GENERATED)) {
        described.iter_mut().for_each(|cell| cell.dataset.push_str(GENERATED));
    }
    let external = cells.iter().filter(|cell| cell.record.is_external());
    described.extend(external.map(|cell| cell.record.cell.clone()));
    let published = Published::built_in()?;
    let planned = super::reproduce::planned(global, &published)?;
    Ok(SuiteText {
        printed: printed_points(&published, &planned, cells),
        beside: beside(suite, &published, planned, cells)?,
        readings: Vec::new(),
        masked: Vec::new(),
        name: suite.name.clone(),
        description: suite.description.clone(),
        cells: described,
        chosen: suite
            .runs
            .iter()
            .filter_map(|run| Some((run.title().to_owned(), run.chosen.as_ref()?.sentence())))
            .collect(),
    })
}

/// What models and encoders of a suite on generated notes show of one of them.
#[derive(Default)]
struct Looked {
    /// What models read, of those whose weights are kept; each at its least length.
    readings: Vec<Reading>,
    /// What encoders that were pretrained put in the place of masked tokens.
    masked: Vec<Reading>,
}

fn looked(global: &Global, suite: &Suite) -> Result<Looked> {
    /// More would be a page of their own.
    const MOST: usize = 4;
    if !matches!(suite.data, DatasetSettings::Synthetic(_)) || suite.search.is_some() || !global.results.is_dir() {
        return Ok(Looked::default());
    }
    let registry = global.registry()?;
    let Ok(plan) = Plan::make(suite.clone(), &registry, global.data(), global.device.class.name()) else {
        return Ok(Looked::default());
    };
    let Ok(device) = global.device.open(suite.precision) else {
        return Ok(Looked::default());
    };
    let sentences = Sentences::of(global);
    let data = (&registry, global.data());
    // A directory that cannot be written has a report all the same.
    let Ok(runner) = global.runner() else {
        return Ok(Looked::default());
    };
    let workshop = Workshop::new(&plan, data, runner, (&device, Duration::MAX), &sentences);
    let mut found: Vec<(usize, Reading)> = Vec::new();
    let mut masked: Vec<(&str, Reading)> = Vec::new();
    for cell in plan.cells.iter().filter(|cell| cell.skipped.is_none()) {
        // A picture that cannot be had costs no report.
        if found.len() < MOST
            && !found.iter().any(|(run, _)| *run == cell.run)
            && let Ok(Some(read)) = workshop.read_note(cell)
        {
            found.push((cell.run, reading(cell, read)));
        }
        if let Some((name, _)) = suite.pretraining(&suite.runs[cell.run])
            && masked.len() < MOST
            && !masked.iter().any(|(known, _)| *known == name)
            && let Ok(Some(note)) = workshop.masked_note(cell)
        {
            masked.push((name, guessed(name, note)));
        }
    }
    Ok(Looked {
        readings: found.into_iter().map(|(_, reading)| reading).collect(),
        masked: masked.into_iter().map(|(_, reading)| reading).collect(),
    })
}

fn reading(cell: &Cell, read: ReadNote) -> Reading {
    let title = read.title.map_or(String::new(), |title| format!(", {title}"));
    Reading {
        title: format!(
            "{}, {} tokens, for {}{title}",
            cell.description.run, cell.length, read.code
        ),
        tokens: read.tokens,
        left_out: read.left_out,
    }
}

/// The guesses in their places, what stands there behind a wrong one.
fn guessed(name: &str, note: MaskedNote) -> Reading {
    let shown = |token: MaskedToken| match token.guess {
        None => (token.token, 0.0),
        Some((guess, probability)) if guess == token.token => (guess, probability),
        Some((guess, probability)) => (format!("{guess} ({})", token.token), probability),
    };
    Reading {
        title: format!("pretrain.{name}"),
        tokens: note.tokens.into_iter().map(shown).collect(),
        left_out: [0, note.left_out],
    }
}

/// Published scores beside the suite's own, and the papers' claims that its records decide.
fn beside(
    suite: &Suite,
    published: &Published,
    planned: BTreeMap<String, Vec<Planned>>,
    cells: &[Reported],
) -> Result<Vec<(String, Table)>> {
    let mut tables = Vec::new();
    if let Some(beside) = &suite.beside {
        let table = field_table(published, &beside.tables, &beside.metric, cells);
        let table = table.map_err(|problem| anyhow::anyhow!("{}: [beside]: {problem}", suite.name))?;
        tables.push(("Beside published systems".to_owned(), table));
    }
    let evidence = Evidence::new(planned, cells, 0.0);
    for source in &published.sources {
        let mut claims = judged(source, &evidence);
        claims.retain(|claim| claim.ours.decided().0 > 0);
        if !claims.is_empty() {
            let title = format!("What {} claims, by these records", source.paper.name);
            tables.push((title, claims_table(source, &claims)));
        }
    }
    Ok(tables)
}
