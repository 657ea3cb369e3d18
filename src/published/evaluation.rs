//! The comparisons that a claim's checks ask for.

use super::claim::{Check, RowReference};
use super::comparing::{Comparing, near, short, verdict};
use super::finding::{Finding, Numbers};
use super::places::{Place, each, place, row, shared_rows, table};
use super::printed::Printed;
use super::source::{Source, Statement, Table};

/// Checks over the places of a paper, whoever's numbers stand there.
pub(super) struct Evaluation<'a> {
    source: &'a Source,
    compare: Comparing<'a>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(source: &'a Source, numbers: &'a dyn Numbers) -> Self {
        Self {
            source,
            compare: Comparing { numbers },
        }
    }

    fn table(&self, number: &str) -> Result<&'a Table, String> {
        table(self.source, number)
    }

    /// The cell of a reference in a column, looked up in the reference's own table or else in `number`.
    fn place(&self, number: &str, reference: &RowReference, column: &str) -> Result<Place<'a>, String> {
        let table = self.table(reference.table.as_deref().unwrap_or(number))?;
        place(table, row(table, reference)?, column)
    }

    pub(super) fn check(&self, check: &Check) -> Result<Vec<Finding>, String> {
        let mut findings = Vec::new();
        match check {
            Check::Rising { tables, columns, rows } => {
                for (number, column) in each(tables, columns) {
                    let places: Vec<Place> = rows
                        .iter()
                        .map(|row| self.place(number, row, column))
                        .collect::<Result<_, _>>()?;
                    findings.extend(self.compare.rising(&places));
                }
            }
            Check::Best {
                tables,
                columns,
                row: best,
            } => {
                for (number, column) in each(tables, columns) {
                    let to = self.place(number, best, column)?;
                    let others = to.table.rows.iter().filter(|row| !std::ptr::eq(*row, to.row));
                    for other in others.filter(|row| row.cells.contains_key(column)) {
                        findings.push(self.compare.above(place(to.table, other, column)?, to));
                    }
                }
            }
            Check::Equal { tables, columns, rows } => {
                for column in columns {
                    let first = self.place(&tables[0], &rows[0], column)?;
                    let second = self.place(&tables[1], &rows[1], column)?;
                    findings.extend(self.compare.alike(first, second));
                }
            }
            Check::Repeats { tables } => {
                let [first, second] = [self.table(&tables[0])?, self.table(&tables[1])?];
                for (one, other) in shared_rows(first, second) {
                    for column in one.cells.keys().filter(|column| other.cells.contains_key(*column)) {
                        findings.extend(
                            self.compare
                                .alike(place(first, one, column)?, place(second, other, column)?),
                        );
                    }
                }
            }
            Check::Wider { tables, columns, rows } => {
                for column in columns {
                    let of = |index: usize| -> Result<[Place<'a>; 2], String> {
                        let [from, to] = &rows[index];
                        let number = &tables[index];
                        Ok([self.place(number, from, column)?, self.place(number, to, column)?])
                    };
                    findings.push(self.compare.wider(of(0)?, of(1)?));
                }
            }
            Check::Gains {
                tables,
                columns,
                rows,
                by,
                within,
            } => {
                for (number, column) in each(tables, columns) {
                    let places = [
                        self.place(number, &rows[0], column)?,
                        self.place(number, &rows[1], column)?,
                    ];
                    findings.extend(self.compare.of_print(&places, |values| {
                        let gain = values[1] - values[0];
                        (
                            near(gain, *by, *within),
                            format!("a gain of {}, said is {by}", short(gain)),
                        )
                    }));
                }
            }
            Check::Ratio {
                tables,
                columns,
                rows,
                factor,
                within,
            } => {
                for (number, column) in each(tables, columns) {
                    let places = [
                        self.place(number, &rows[0], column)?,
                        self.place(number, &rows[1], column)?,
                    ];
                    findings.extend(self.compare.of_print(&places, |values| {
                        let ratio = values[0] / values[1];
                        (
                            near(ratio, *factor, *within),
                            format!("{} times, said is {factor}", short(ratio)),
                        )
                    }));
                }
            }
            Check::Sum { tables, columns, rows } => {
                for (number, column) in each(tables, columns) {
                    let places: Vec<Place> = rows
                        .iter()
                        .map(|row| self.place(number, row, column))
                        .collect::<Result<_, _>>()?;
                    findings.extend(self.compare.of_print(&places, |values| {
                        let (total, parts) = values.split_last().unwrap_or((&0.0, &[]));
                        let sum: f64 = parts.iter().sum();
                        (near(sum, *total, 0.0), format!("the parts are {} together", short(sum)))
                    }));
                }
            }
            Check::Harmonic { tables, columns } => {
                for number in tables {
                    let table = self.table(number)?;
                    for row in table
                        .rows
                        .iter()
                        .filter(|row| columns.iter().all(|column| row.cells.contains_key(column)))
                    {
                        let places = [0, 1, 2].map(|index| place(table, row, &columns[index]));
                        let [precision, recall, f1] = places;
                        findings.extend(self.compare.harmonic([precision?, recall?, f1?]));
                    }
                }
            }
            Check::Figures { values } => {
                for value in values {
                    self.said(value)?;
                }
                for (first, said) in values.iter().zip(values.iter().skip(1)) {
                    let text = format!(
                        "section {} says {}, section {} {}",
                        first[0], first[1], said[0], said[1]
                    );
                    let alike = match [first, said].map(|value| Printed::parse(&value[1])) {
                        [Some(one), Some(other)] => near(one.value, other.value, 0.0),
                        // A number in words.
                        _ => first[1] == said[1],
                    };
                    findings.extend(self.compare.of_text(alike, text));
                }
            }
            Check::Counts {
                figure,
                tables,
                columns,
                rows,
            } => {
                let said = self.figure(figure)?;
                for (number, column) in each(tables, columns) {
                    for row in rows {
                        let place = self.place(number, row, column)?;
                        findings.extend(self.compare.of_print(&[place], |values| {
                            (
                                near(values[0], said, 0.0),
                                format!("section {} says {}", figure[0], figure[1]),
                            )
                        }));
                    }
                }
            }
            Check::AddsUp { parts, total } => {
                let numbers: Vec<f64> = parts.iter().map(|part| self.figure(part)).collect::<Result<_, _>>()?;
                let (sum, said) = (numbers.iter().sum::<f64>(), self.figure(total)?);
                let text = format!(
                    "the parts are {} together, section {} says {}",
                    short(sum),
                    total[0],
                    total[1]
                );
                findings.extend(self.compare.of_text(near(sum, said, 0.0), text));
            }
            Check::Time {
                model,
                lengths,
                factor,
                within,
            } => {
                let [from, to] = lengths;
                findings.push(match self.compare.numbers.time(model, *lengths) {
                    Err(why) => Finding {
                        verdict: None,
                        text: format!("{model}, {to} against {from} tokens: {why}"),
                    },
                    Ok(found) => Finding {
                        verdict: Some(verdict(near(found, *factor, *within))),
                        text: format!(
                            "{model}: {to} tokens take {} times {from}, said is {factor}",
                            short(found)
                        ),
                    },
                });
            }
        }
        Ok(findings)
    }

    /// A number of the text, by section and value.
    fn figure(&self, figure: &[String; 2]) -> Result<f64, String> {
        self.said(figure)?;
        let [section, value] = figure;
        let number = Printed::parse(value).ok_or_else(|| format!("{value:?} of section {section:?} is no number"))?;
        Ok(number.value)
    }

    /// Refuses a value that no statement of its section has.
    fn said(&self, [section, value]: &[String; 2]) -> Result<(), String> {
        let stands = |statement: &Statement| statement.section == *section && statement.values.contains(value);
        match self.source.statements.iter().any(stands) {
            true => Ok(()),
            false => Err(format!("no statement of section {section:?} has {value:?}")),
        }
    }
}
