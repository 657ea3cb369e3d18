//! Whether a sentence holds: in the paper's own printed tables, or in other numbers that stand in their places.

use std::collections::BTreeMap;

use serde::Serialize;

use super::claim::{Check, Claim, RowReference};
use super::printed::Printed;
use super::source::{Column, Row, Source, Table};

/// A cell of a table, whoever's number stands in it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a Table,
    /// A row of it.
    pub row: &'a Row,
    /// A column of it.
    pub column: &'a Column,
}

impl Place<'_> {
    fn title(&self) -> String {
        self.row.title(self.table)
    }
}

/// By how much a number is above another, in the unit of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The second number minus the first.
    pub change: f64,
    /// What it may be with other notes; both ends are the change where nothing is left to chance.
    pub interval: (f64, f64),
}

/// Numbers in the places of a paper's cells.
pub trait Numbers {
    /// Whether there is a number, and why not.
    ///
    /// # Errors
    /// In words: why there is none.
    fn has(&self, place: Place<'_>) -> Result<(), String>;

    /// By how much `to` is above `from`.
    ///
    /// # Errors
    /// In words: why this cannot be said.
    fn difference(&self, from: Place<'_>, to: Place<'_>) -> Result<Difference, String>;

    /// The two numbers for a reader, such as `0.5361 and 0.5305`.
    fn shown(&self, from: Place<'_>, to: Place<'_>) -> String;

    /// The number as it was printed; `None` where these numbers are not the printed ones, so that what is about print does
    /// not apply.
    fn printed(&self, _place: Place<'_>) -> Option<Result<Printed, String>> {
        None
    }

    /// Whether these are the printed numbers.
    fn are_printed(&self) -> bool {
        false
    }

    /// How many times as long a model trains a note at the second length.
    ///
    /// # Errors
    /// In words: why this cannot be said.
    fn time(&self, model: &str, lengths: [u32; 2]) -> Result<f64, String>;
}

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does not.
    DoesNotHold,
    /// The numbers do not say.
    NotDecided,
}

impl Verdict {
    /// In a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::NotDecided => "not decided",
        }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Whether it holds; `None` where there are no numbers for it.
    pub verdict: Option<Verdict>,
    /// What was compared and what was found.
    pub text: String,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evaluated {
    /// Of all comparisons together.
    pub verdict: Verdict,
    /// Each of them.
    pub findings: Vec<Finding>,
}

impl Evaluated {
    /// Comparisons with a verdict, and all.
    pub fn decided(&self) -> (usize, usize) {
        let decided = |finding: &&Finding| matches!(finding.verdict, Some(Verdict::Holds | Verdict::DoesNotHold));
        (self.findings.iter().filter(decided).count(), self.findings.len())
    }

    /// The findings that speak against it, or that leave it open where none does.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        let against = |finding: &&Finding| match self.verdict {
            Verdict::DoesNotHold => finding.verdict == Some(Verdict::DoesNotHold),
            _ => finding.verdict != Some(Verdict::Holds),
        };
        self.findings
            .iter()
            .filter(against)
            .map(|finding| finding.text.as_str())
    }
}

/// Evaluates a claim over the paper's printed tables.
pub fn in_print(source: &Source, claim: &Claim) -> Evaluated {
    let findings = findings(source, claim, &Print);
    let verdicts = findings
        .iter()
        .map(|finding| finding.verdict.unwrap_or(Verdict::NotDecided));
    Evaluated {
        verdict: all(verdicts),
        findings,
    }
}

/// Evaluates a claim over other numbers. What there are no numbers for is not counted, unless there are none at all.
pub fn over(source: &Source, claim: &Claim, numbers: &dyn Numbers) -> Evaluated {
    let findings = findings(source, claim, numbers);
    Evaluated {
        verdict: all(findings.iter().filter_map(|finding| finding.verdict)),
        findings,
    }
}

/// One that does not hold decides; without any, nothing is decided.
fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let verdicts: Vec<Verdict> = verdicts.collect();
    let has = |verdict| verdicts.contains(&verdict);
    match () {
        () if has(Verdict::DoesNotHold) => Verdict::DoesNotHold,
        () if has(Verdict::NotDecided) || verdicts.is_empty() => Verdict::NotDecided,
        () => Verdict::Holds,
    }
}

fn findings(source: &Source, claim: &Claim, numbers: &dyn Numbers) -> Vec<Finding> {
    let checks = claim.checks.iter();
    checks
        .flat_map(|check| {
            // References were looked up when the registry was read.
            Evaluation { source, numbers }.check(check).unwrap_or_else(|problem| {
                vec![Finding {
                    verdict: None,
                    text: problem,
                }]
            })
        })
        .collect()
}

/// Whether every table, column, row and number that a check names is there once.
pub(super) fn check_references(source: &Source, check: &Check) -> Result<(), String> {
    for number in check.tables() {
        table(source, number)?;
    }
    let findings = Evaluation {
        source,
        numbers: &Print,
    }
    .check(check)?;
    match findings.is_empty() {
        true => Err("nothing is compared: expected tables, columns and at least two rows".into()),
        false => Ok(()),
    }
}

/// A table by its number.
fn table<'a>(source: &'a Source, number: &str) -> Result<&'a Table, String> {
    let known: Vec<&str> = source.tables.iter().map(|table| table.number.as_str()).collect();
    let found = source.table(number);
    found.ok_or_else(|| format!("no table {number:?}: expected one of {}", known.join(", ")))
}

/// The row of a table that a reference means.
fn row<'a>(table: &'a Table, reference: &RowReference) -> Result<&'a Row, String> {
    let fits = |asked: &Option<String>, found: Option<&String>| asked.is_none() || asked.as_ref() == found;
    let means = |row: &&Row| {
        fits(&reference.label, Some(&row.label))
            && (reference.length.is_none() || reference.length == row.length)
            && fits(&reference.encoder, row.encoder.as_ref())
            && fits(&reference.settings, row.settings.as_ref())
            && fits(&reference.reported_from, row.reported_from.as_ref())
    };
    let found: Vec<&Row> = table.rows.iter().filter(means).collect();
    match found[..] {
        [one] => Ok(one),
        _ => Err(format!(
            "{} rows of table {} are {reference:?}: expected one",
            found.len(),
            table.number
        )),
    }
}

fn place<'a>(table: &'a Table, of: &'a Row, column: &str) -> Result<Place<'a>, String> {
    let known: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let found = table.column(column);
    let column = found.ok_or_else(|| {
        format!(
            "table {} has no column {column:?}: expected one of {}",
            table.number,
            known.join(", ")
        )
    })?;
    Ok(Place { table, row: of, column })
}

struct Evaluation<'a> {
    source: &'a Source,
    numbers: &'a dyn Numbers,
}

impl<'a> Evaluation<'a> {
    fn table(&self, number: &str) -> Result<&'a Table, String> {
        table(self.source, number)
    }

    /// The cell of a reference in a column, looked up in the reference's own table or else in `number`.
    fn place(&self, number: &str, reference: &RowReference, column: &str) -> Result<Place<'a>, String> {
        let table = self.table(reference.table.as_deref().unwrap_or(number))?;
        place(table, row(table, reference)?, column)
    }

    fn check(&self, check: &Check) -> Result<Vec<Finding>, String> {
        let mut findings = Vec::new();
        match check {
            Check::Rising { tables, columns, rows } => {
                for (number, column) in each(tables, columns) {
                    let places: Vec<Place> = rows
                        .iter()
                        .map(|row| self.place(number, row, column))
                        .collect::<Result<_, _>>()?;
                    findings.extend(self.rising(&places));
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
                        findings.push(self.above(place(to.table, other, column)?, to));
                    }
                }
            }
            Check::Equal { tables, columns, rows } => {
                for column in columns {
                    let first = self.place(&tables[0], &rows[0], column)?;
                    let second = self.place(&tables[1], &rows[1], column)?;
                    findings.extend(self.alike(first, second));
                }
            }
            Check::Repeats { tables } => {
                let [first, second] = [self.table(&tables[0])?, self.table(&tables[1])?];
                for (one, other) in shared_rows(first, second) {
                    for column in one.cells.keys().filter(|column| other.cells.contains_key(*column)) {
                        findings.extend(self.alike(place(first, one, column)?, place(second, other, column)?));
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
                    findings.push(self.wider(of(0)?, of(1)?));
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
                    findings.extend(self.of_print(&places, |values| {
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
                    findings.extend(self.of_print(&places, |values| {
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
                    findings.extend(self.of_print(&places, |values| {
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
                        findings.extend(self.harmonic([precision?, recall?, f1?]));
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
                    findings.extend(self.of_text(alike, text));
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
                        findings.extend(self.of_print(&[place], |values| {
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
                findings.extend(self.of_text(near(sum, said, 0.0), text));
            }
            Check::Time {
                model,
                lengths,
                factor,
                within,
            } => {
                let [from, to] = lengths;
                findings.push(match self.numbers.time(model, *lengths) {
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

    /// Each place above the one before it, of those that have numbers.
    fn rising(&self, places: &[Place<'a>]) -> Vec<Finding> {
        let (mut with, mut findings) = (Vec::new(), Vec::new());
        for place in places {
            match self.numbers.has(*place) {
                Ok(()) => with.push(*place),
                Err(why) => findings.push(Finding {
                    verdict: None,
                    text: format!("{}: {}: {why}", at(*place), place.title()),
                }),
            }
        }
        let pairs = with.windows(2).map(|pair| self.above(pair[0], pair[1]));
        findings.extend(pairs);
        findings
    }

    fn above(&self, from: Place<'a>, to: Place<'a>) -> Finding {
        let head = format!("{}: {} against {}", at(to), to.title(), from.title());
        let difference = self.numbers.has(from).and_then(|()| self.numbers.has(to));
        match difference.and_then(|()| self.numbers.difference(from, to)) {
            Err(why) => Finding {
                verdict: None,
                text: format!("{head}: {why}"),
            },
            Ok(Difference {
                interval: (low, high), ..
            }) => Finding {
                verdict: Some(match () {
                    () if low > 0.0 => Verdict::Holds,
                    // Equal as printed is not above.
                    () if high < 0.0 || (self.numbers.are_printed() && (low, high) == (0.0, 0.0)) => {
                        Verdict::DoesNotHold
                    }
                    () => Verdict::NotDecided,
                }),
                text: format!("{head}: {}", self.numbers.shown(from, to)),
            },
        }
    }

    fn wider(&self, first: [Place<'a>; 2], second: [Place<'a>; 2]) -> Finding {
        let gap = |[from, to]: [Place<'a>; 2]| {
            self.numbers.has(from)?;
            self.numbers.has(to)?;
            self.numbers.difference(from, to)
        };
        let head = format!(
            "{}: {} over {}, beside {}: {} over {}",
            at(first[1]),
            first[1].title(),
            first[0].title(),
            at(second[1]),
            second[1].title(),
            second[0].title()
        );
        match gap(first).and_then(|one| Ok((one, gap(second)?))) {
            Err(why) => Finding {
                verdict: None,
                text: format!("{head}: {why}"),
            },
            Ok((one, other)) => Finding {
                verdict: Some(match () {
                    () if one.interval.0 > other.interval.1 + EQUAL => Verdict::Holds,
                    () if one.interval.1 <= other.interval.0 + EQUAL => Verdict::DoesNotHold,
                    () => Verdict::NotDecided,
                }),
                text: format!("{head}: {} and {}", short(one.change), short(other.change)),
            },
        }
    }

    /// Whether two cells are printed alike.
    fn alike(&self, first: Place<'a>, second: Place<'a>) -> Option<Finding> {
        let [one, other] = [self.numbers.printed(first)?, self.numbers.printed(second)?];
        let head = format!("{}: {}", at(first), first.title());
        Some(match one.and_then(|one| Ok((one, other?))) {
            Err(why) => Finding {
                verdict: Some(Verdict::NotDecided),
                text: format!("{head}: {why}"),
            },
            Ok((one, other)) => Finding {
                verdict: Some(verdict(one.value == other.value)),
                text: format!(
                    "{head}: {} here, {} in table {}",
                    one.alike(one.value),
                    other.alike(other.value),
                    second.table.number
                ),
            },
        })
    }

    fn harmonic(&self, places: [Place<'a>; 3]) -> Option<Finding> {
        let numbers = places.map(|place| self.numbers.printed(place));
        let [Some(precision), Some(recall), Some(f1)] = numbers else {
            return None;
        };
        let head = format!("{}: {}", at(places[2]), places[2].title());
        let all = || Ok::<_, String>((precision?, recall?, f1?));
        Some(match all() {
            Err(why) => Finding {
                verdict: Some(Verdict::NotDecided),
                text: format!("{head}: {why}"),
            },
            Ok((precision, recall, f1)) => {
                let (least, greatest) = harmonic_bounds(precision, recall);
                let within = f1.value + f1.rounding() >= least - 1e-12 && f1.value - f1.rounding() <= greatest + 1e-12;
                let mean = harmonic(precision.value, recall.value);
                Finding {
                    verdict: Some(verdict(within)),
                    text: format!(
                        "{head}: {} printed, {} of the printed P and R",
                        f1.alike(f1.value),
                        f1.alike(mean)
                    ),
                }
            }
        })
    }

    /// What is about print alone; nothing where the numbers are not printed.
    fn of_print(&self, places: &[Place<'a>], judge: impl Fn(&[f64]) -> (bool, String)) -> Option<Finding> {
        let last = *places.last()?;
        let head = format!("{}: {}", at(last), last.title());
        let numbers: Vec<Result<Printed, String>> = places
            .iter()
            .map(|place| self.numbers.printed(*place))
            .collect::<Option<_>>()?;
        let numbers: Result<Vec<Printed>, String> = numbers.into_iter().collect();
        Some(match numbers {
            Err(why) => Finding {
                verdict: Some(Verdict::NotDecided),
                text: format!("{head}: {why}"),
            },
            Ok(numbers) => {
                let values: Vec<f64> = numbers.iter().map(|number| number.value).collect();
                let (holds, found) = judge(&values);
                Finding {
                    verdict: Some(verdict(holds)),
                    text: format!("{head}: {found}"),
                }
            }
        })
    }

    /// A finding about the text, of which other numbers say nothing.
    fn of_text(&self, holds: bool, text: String) -> Option<Finding> {
        self.numbers.are_printed().then(|| Finding {
            verdict: Some(verdict(holds)),
            text,
        })
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
        let stands = |statement: &super::Statement| statement.section == *section && statement.values.contains(value);
        match self.source.statements.iter().any(stands) {
            true => Ok(()),
            false => Err(format!("no statement of section {section:?} has {value:?}")),
        }
    }
}

/// The printed numbers themselves.
struct Print;

impl Print {
    fn number(place: Place<'_>) -> Result<Printed, String> {
        let text = place.row.cells.get(&place.column.name);
        let text = text.ok_or_else(|| "nothing is printed there".to_owned())?;
        Printed::parse(text).ok_or_else(|| match text.as_str() {
            "?" => "unreadable in print".to_owned(),
            other => format!("{other:?} is no number"),
        })
    }
}

impl Numbers for Print {
    fn has(&self, place: Place<'_>) -> Result<(), String> {
        Self::number(place).map(|_| ())
    }

    fn difference(&self, from: Place<'_>, to: Place<'_>) -> Result<Difference, String> {
        let (from, to) = (Self::number(from)?, Self::number(to)?);
        let change = to.value - from.value;
        // Two decimal numbers that are printed alike differ by 0, others by no less than their last digit.
        let change = if change.abs() < 1e-9 { 0.0 } else { change };
        Ok(Difference {
            change,
            interval: (change, change),
        })
    }

    fn shown(&self, from: Place<'_>, to: Place<'_>) -> String {
        let text = |place: Place<'_>| place.row.cells.get(&place.column.name).cloned().unwrap_or_default();
        format!("{} and {}", text(to), text(from))
    }

    fn printed(&self, place: Place<'_>) -> Option<Result<Printed, String>> {
        Some(Self::number(place))
    }

    fn are_printed(&self) -> bool {
        true
    }

    fn time(&self, _: &str, _: [u32; 2]) -> Result<f64, String> {
        Err("no table prints times".into())
    }
}

/// Gaps of printed numbers that differ by less are equal: what binary fractions leave of decimal ones.
const EQUAL: f64 = 1e-9;

/// Where a place is, before its row.
fn at(place: Place<'_>) -> String {
    format!("table {}, {}", place.table.number, place.column.printed)
}

fn each<'t>(tables: &'t [String], columns: &'t [String]) -> impl Iterator<Item = (&'t str, &'t str)> {
    tables
        .iter()
        .flat_map(move |table| columns.iter().map(move |column| (table.as_str(), column.as_str())))
}

/// Rows of two tables that are of the same model in the same settings.
fn shared_rows<'t>(first: &'t Table, second: &'t Table) -> Vec<(&'t Row, &'t Row)> {
    let what = |row: &'t Row| (&row.model, row.length, &row.encoder, &row.settings);
    let mut of_second: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
    for row in &second.rows {
        of_second.entry(what(row)).or_default().push(row);
    }
    let shared = first.rows.iter().filter_map(|row| {
        let others = of_second.get(&what(row))?;
        // Several of one kind are told apart by their labels alone.
        let other = match others[..] {
            [one] => one,
            _ => others.iter().find(|other| other.label == row.label)?,
        };
        Some((row, other))
    });
    shared.collect()
}

fn verdict(holds: bool) -> Verdict {
    match holds {
        true => Verdict::Holds,
        false => Verdict::DoesNotHold,
    }
}

fn near(found: f64, said: f64, within: f64) -> bool {
    (found - said).abs() <= within + 1e-9 * said.abs().max(1.0)
}

/// Four significant digits at most.
fn short(value: f64) -> String {
    let text = match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        _ => format!("{value:.4}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn harmonic(one: f64, other: f64) -> f64 {
    match one + other {
        0.0 => 0.0,
        sum => 2.0 * one * other / sum,
    }
}

/// Least and greatest harmonic mean of two numbers before their rounding.
fn harmonic_bounds(one: Printed, other: Printed) -> (f64, f64) {
    let at = |sign: f64| harmonic(one.value + sign * one.rounding(), other.value + sign * other.rounding());
    (at(-1.0), at(1.0))
}
