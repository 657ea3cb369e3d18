//! `icdbench reproduce [PAPER]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::suites::{as_written, suite};
use super::terminal::out;
use super::{Global, print_columns, print_json, reported};
use crate::contain::in_full;
use crate::plan::{Cell, Plan};
use crate::published::{Error, Published, Source, Table};
use crate::record::Reported;
use crate::report::{html, latex, markdown, table};
use crate::reproduce::{self, Coverage, Evidence, Planned, TableResult};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The paper; without it, all are listed with how much of each is reproduced.
    paper: Option<String>,
    /// Only this table of the paper; `2` is all of `2 (top-50)` and `2 (full)`.
    #[arg(long, value_name = "NUMBER", requires = "paper")]
    table: Option<String>,
    /// Print the index of REPRODUCE.md: every table with its command and what it needs.
    #[arg(long, conflicts_with_all = ["paper", "table"])]
    index: bool,
    #[command(flatten)]
    registry: Registry,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
}

/// Which published numbers, and when ours are theirs.
#[derive(Debug, Args)]
pub(super) struct Registry {
    /// A folder of published numbers to use in place of the built-in one: `published/` and `claims/`, as baselines/ has them.
    #[arg(long, value_name = "DIR")]
    published: Option<PathBuf>,
    /// How far ours may lie from a published score, beyond its rounding, and still count as reproduced, in percentage points.
    #[arg(long, default_value_t = 0.5, value_name = "POINTS", value_parser = points)]
    tolerance: f64,
    /// Ours are a published score only where rounding and tolerance say so: our 95 % intervals over the evaluation notes do
    /// not count.
    #[arg(long)]
    no_intervals: bool,
}

impl Registry {
    pub(super) fn read(&self) -> Result<Published> {
        Ok(match &self.published {
            Some(folder) => Published::read(folder)?,
            None => Published::built_in()?,
        })
    }

    /// The records that are here, without intervals and what they could be made of where they are not to count.
    pub(super) fn records(&self, global: &Global) -> Result<Vec<Reported>> {
        let mut records = all_reported(global)?;
        for reported in records.iter_mut().filter(|_| self.no_intervals) {
            (reported.notes, reported.resamples) = (None, None);
            if let Some(outcome) = &mut reported.record.outcome {
                outcome.without_intervals();
            }
        }
        Ok(records)
    }

    /// What there is to compare with.
    pub(super) fn evidence<'a>(&self, suites: BTreeMap<String, Vec<Planned>>, records: &'a [Reported]) -> Evidence<'a> {
        Evidence::new(suites, records, self.tolerance / 100.0)
    }
}

fn points(text: &str) -> Result<f64, String> {
    let points = text.parse::<f64>().ok().filter(|points| (0.0..=100.0).contains(points));
    points.ok_or_else(|| "expected a number of points from 0 to 100".into())
}

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Aligned columns.
    Terminal,
    Markdown,
    /// A line a cell.
    Csv,
    /// To be `\input` into a document that has booktabs and graphicx.
    Latex,
    /// One file that loads nothing.
    Html,
    /// Everything, for programs.
    Json,
}

impl Format {
    /// `--json` asks every command for the same.
    pub(super) fn or_json(self, global: &Global) -> Self {
        match global.json {
            true => Self::Json,
            false => self,
        }
    }
}

pub(super) fn reproduce(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let published = arguments.registry.read()?;
    if arguments.index {
        out!(
            "{}",
            reproduce::index(&published, &needs(global, &published)?, arguments.registry.tolerance).trim_end()
        );
        return Ok(ExitCode::SUCCESS);
    }
    let records = arguments.registry.records(global)?;
    let evidence = arguments.registry.evidence(planned(global, &published)?, &records);
    let asked: Vec<(&Source, Vec<&Table>)> = match &arguments.paper {
        None => published
            .sources
            .iter()
            .map(|source| (source, source.tables.iter().collect()))
            .collect(),
        Some(name) => vec![tables(published.paper(name)?, arguments.table.as_deref())?],
    };
    let results: Vec<(&Source, Vec<TableResult>)> = asked
        .iter()
        .map(|(source, tables)| (*source, reproduce::reproduce(tables, &evidence)))
        .collect();
    let format = arguments.format.or_json(global);
    match format {
        Format::Json => print_json(&reproduce::json(&results))?,
        Format::Csv => {
            let mut text = Vec::new();
            reproduce::csv(&mut text, &results).context("writing the cells as CSV")?;
            out!("{}", String::from_utf8_lossy(&text).trim_end());
        }
        _ if arguments.paper.is_none() => listing(&results, format)?,
        _ => {
            for ((source, tables), (_, results)) in asked.iter().zip(&results) {
                shown(source, tables, results, format)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A paper's tables, or those that one number asks for.
fn tables<'a>(source: &'a Source, number: Option<&str>) -> Result<(&'a Source, Vec<&'a Table>)> {
    let Some(number) = number else {
        return Ok((source, source.tables.iter().collect()));
    };
    let found = source.tables_called(number);
    match found.is_empty() {
        false => Ok((source, found)),
        true => {
            let known: Vec<&str> = source.tables.iter().map(|table| table.number.as_str()).collect();
            Err(Error::Unknown {
                what: format!("table of {}", source.paper.name),
                name: number.into(),
                known: known.join(", "),
            }
            .into())
        }
    }
}

/// Cells of the suites that tables name.
pub(super) fn planned(global: &Global, published: &Published) -> Result<BTreeMap<String, Vec<Planned>>> {
    let registry = global.registry()?;
    let device = global.device.class.name();
    let plan = |name: &str| -> Result<Vec<Planned>> {
        let suite =
            suite(Path::new(name)).with_context(|| format!("a table of the registry is of the suite {name}"))?;
        let made = Plan::make(suite.clone(), &registry, global.data(), device);
        let (plan, problem) = match made {
            Ok(plan) => (plan, None),
            Err(error) => (Plan::without_data(suite, device), Some(in_full(&error))),
        };
        let cell = |cell: Cell| Planned {
            run: cell.description.run,
            length: cell.length,
            model: cell.description.model,
            chain: cell.chain,
            needs: cell.skipped.or_else(|| problem.clone()),
        };
        Ok(plan.cells.into_iter().map(cell).collect())
    };
    let names = suites_of(published);
    names
        .into_iter()
        .map(|name| Ok((name.to_owned(), plan(name)?)))
        .collect()
}

fn suites_of(published: &Published) -> BTreeSet<&str> {
    let tables = published.sources.iter().flat_map(|source| &source.tables);
    tables.filter_map(|table| table.suite.as_deref()).collect()
}

/// What each suite needs that anybody may not have, whatever lies on this machine.
fn needs(global: &Global, published: &Published) -> Result<BTreeMap<String, String>> {
    let registry = global.registry()?;
    let of = |name: &str| -> Result<String> {
        let suite = as_written(Path::new(name))?;
        let data = registry.find(suite.data.name())?;
        let mut needs = vec![format!("{} ({})", data.title, data.licence)];
        if !suite.encoders.is_empty() {
            let names: Vec<&str> = suite.encoders.keys().map(String::as_str).collect();
            needs.push(format!("encoders: {}", names.join(", ")));
        }
        if !suite.pretrainings.is_empty() {
            let names: Vec<&str> = suite.pretrainings.keys().map(String::as_str).collect();
            needs.push(format!("GPU time to pretrain {}", names.join(", ")));
        }
        let with_vectors = suite.text.values().any(|text| text.vector_file().is_some());
        if with_vectors {
            needs.push("word vectors".into());
        }
        Ok(needs.join("; "))
    };
    let names = suites_of(published);
    names.into_iter().map(|name| Ok((name.to_owned(), of(name)?))).collect()
}

/// All records of the results directory with their rows by note.
fn all_reported(global: &Global) -> Result<Vec<Reported>> {
    let listed = global.store().records().all()?;
    for refused in &listed.refused {
        global.notice(&refused.to_string());
    }
    let records = listed.records.into_iter();
    Ok(records.map(|record| reported::reported(global, record)).collect())
}

fn listing(results: &[(&Source, Vec<TableResult>)], format: Format) -> Result<()> {
    let head = [
        "paper",
        "year",
        "tables",
        "cells",
        "reproduced",
        "differ",
        "not comparable",
        "unreadable",
        "not attempted",
    ];
    let row = |(source, tables): &(&Source, Vec<TableResult>)| {
        let coverage = Coverage::of(tables);
        let numbers = [
            tables.len(),
            coverage.cells,
            coverage.reproduced,
            coverage.differs,
            coverage.not_comparable,
            coverage.unreadable,
            coverage.not_attempted,
        ];
        let mut row = vec![source.paper.name.clone(), source.paper.year.to_string()];
        row.extend(numbers.map(|number| number.to_string()));
        row
    };
    let rows: Vec<Vec<String>> = results.iter().map(row).collect();
    let all = Coverage::of(results.iter().flat_map(|(_, tables)| tables));
    let listing = table::Table {
        id: "papers".into(),
        caption: "Published numbers, and how much of them is reproduced".into(),
        stub: vec![head[0].into()],
        columns: head[1..]
            .iter()
            .map(|title| table::Column {
                group: String::new(),
                title: (*title).into(),
                key: (*title).into(),
            })
            .collect(),
        rows: rows
            .into_iter()
            .map(|mut row| {
                let cells = row.split_off(1).into_iter().map(table::Cell::Text).collect();
                table::Row::new(row, cells)
            })
            .collect(),
        foot: vec![all.sentence() + "."],
    };
    print_tables("Published numbers", &[], &[listing], format)
}

fn shown(source: &Source, tables: &[&Table], results: &[TableResult], format: Format) -> Result<()> {
    let paper = &source.paper;
    let mut head = vec![
        format!(
            "{}: {}, {} {} ({})",
            paper.name, paper.authors, paper.year, paper.title, paper.venue
        ),
        Coverage::of(results).sentence() + ".",
    ];
    head.extend(paper.via.as_ref().map(|via| format!("Digits from: {via}.")));
    let grids = tables
        .iter()
        .zip(results)
        .map(|(table, result)| reproduce::grid(source, table, result));
    print_tables(
        &format!("{}: reproduction", paper.name),
        &head,
        &grids.collect::<Vec<_>>(),
        format,
    )
}

/// A head and some tables in one of the formats that are for people.
pub(super) fn print_tables(title: &str, head: &[String], tables: &[table::Table], format: Format) -> Result<()> {
    match format {
        Format::Terminal => {
            for line in head {
                out!("{line}");
            }
            for (place, table) in tables.iter().enumerate() {
                if place > 0 || !head.is_empty() {
                    out!("");
                }
                out!("{}\n", table.caption);
                let headings = (0..table.columns.len()).map(|column| table.heading(column));
                let mut rows = vec![table.stub.iter().cloned().chain(headings).collect::<Vec<_>>()];
                rows.extend(table.rows.iter().map(|row| {
                    let cells = row.cells.iter().map(|cell| match cell {
                        table::Cell::Text(text) => text.clone(),
                        _ => String::new(),
                    });
                    row.labels.iter().cloned().chain(cells).collect()
                }));
                print_columns(&rows)?;
                for (place, line) in table.foot.iter().enumerate() {
                    out!("{}{line}", if place == 0 { "\n" } else { "" });
                }
            }
        }
        Format::Markdown => {
            out!("# {title}");
            for line in head {
                out!("\n{}", markdown::escaped(line));
            }
            for table in tables {
                out!(
                    "\n## {}\n\n{}",
                    markdown::escaped(&table.caption),
                    markdown::table(table).trim_end()
                );
            }
        }
        Format::Latex => {
            out!("% {title}\n% Needs \\usepackage{{booktabs}} and \\usepackage{{graphicx}}.");
            let text: String = tables
                .iter()
                .map(|table| format!("\n{}", latex::table(table, &[])))
                .collect();
            out!("{}{}", latex::letters_for(&text), text.trim_end());
        }
        Format::Html => out!("{}", html::tables(title, head, tables).trim_end()),
        // A line a cell and everything else are for whoever knows what the tables are of.
        Format::Csv | Format::Json => {}
    }
    Ok(())
}
