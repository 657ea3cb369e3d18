//! The answer before the tables: which run won, by how much, how sure that is, at what cost, and how to run it again.
//!
//! Who is before whom is decided in `ranking`, the sentences are those of `glance_words`.

use std::collections::BTreeSet;

use super::changes::points;
use super::metric::Metric;
use super::ranking::{Best, compared, ranked};
use super::scores::{headline, with_slug};
use super::spread::UNFINISHED;
use super::summary::TaskSummary;
use super::table::{Cell, Column, Number, Row, Table};
use super::{facts, glance_words as words};

/// What a page says of a task first.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Which run won, by how much, how sure that is, at what cost, what to bear in mind, how to run it again.
    pub answers: Vec<Answer>,
    /// What the best runs cost.
    pub costs: Table,
    /// A line for a shell.
    pub command: String,
}

/// A question in a word or two, and its answer: in a few words, then in sentences. Either may be empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Such as `How sure`.
    pub question: &'static str,
    /// Such as `The two cannot be told apart.`
    pub short: String,
    /// What goes on from there.
    pub rest: String,
}

impl Glance {
    /// The answer for one task; `None` where nothing was scored.
    pub fn of(task: &TaskSummary<'_>, metrics: &[Metric], suite: &str) -> Option<Self> {
        let metric = headline(metrics).into_iter().next()?;
        let ranked = ranked(task, &metric);
        let winner = ranked.first()?;
        let beside = compared(winner, &ranked[1..], &metric, &task.title);
        let several = task.lengths.len() > 1;
        let mut answers = Vec::new();
        let mut answer = |question, (short, rest): (String, String)| {
            if !short.is_empty() || !rest.is_empty() {
                answers.push(Answer { question, short, rest });
            }
        };
        answer("Best", words::best(&ranked, &metric, several));
        if let Some((second, result)) = beside.first() {
            answer("Lead", words::lead(winner, second, &metric, several));
            let (short, rest) = words::sure(winner, (second, result), &metric);
            let others = words::others(&beside[1..], ranked.len() - 1, several);
            answer("How sure", (short, rest + &others));
        }
        answer("Cost", words::cost(winner, ranked.get(1), &facts::measured_on(task)));
        answer("Bear in mind", (String::new(), words::warnings(task, &ranked)));
        answer("Run again", (String::new(), words::again(winner)));
        Some(Self {
            answers,
            costs: costs(task, &ranked, &metric),
            command: format!("icdbench run suites/{suite}.toml"),
        })
    }
}

/// The three best runs with what they cost.
fn costs(task: &TaskSummary<'_>, ranked: &[Best<'_, '_>], metric: &Metric) -> Table {
    let shown = &ranked[..ranked.len().min(3)];
    let several = task.lengths.len() > 1;
    let mut columns = vec![Column {
        group: String::new(),
        title: metric.label_with_unit(),
        key: metric.name.clone(),
    }];
    columns.push(Column {
        group: String::new(),
        title: "points behind".to_owned(),
        key: "points behind".to_owned(),
    });
    columns.extend(facts::cost_columns());
    let row = |(place, best): (usize, &Best<'_, '_>)| {
        let mut cells = vec![Cell::Number(Number::new(best.score, |value| metric.print(value)))];
        cells.push(match place {
            0 => Cell::Empty,
            _ if !metric.ratio => Cell::Empty,
            _ => Cell::Text(points(best.score.mean - shown[0].score.mean)),
        });
        cells.extend(facts::cost_cells(best.cell));
        Row::new(vec![best.name(several)], cells).of_records(best.cell.keys())
    };
    let mut table = Table {
        id: with_slug("glance", &task.slug),
        caption: format!("The best runs on {} and what they cost", task.title),
        stub: vec!["run".to_owned()],
        columns,
        rows: shown.iter().enumerate().map(row).collect(),
        foot: Vec::new(),
    };
    if shown.iter().any(|best| best.cell.unfinished()) {
        table.foot.push(format!("{UNFINISHED} had not finished learning."));
    }
    let seeds: BTreeSet<usize> = shown.iter().map(|best| best.cell.ok.len()).collect();
    if seeds.iter().any(|seeds| *seeds > 1) {
        table.foot.push("Means over the seeds.".to_owned());
    }
    table
}
