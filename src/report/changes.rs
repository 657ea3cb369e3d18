//! How a change from one scored cell to another stands in a table, with its interval over the notes.

use std::collections::BTreeSet;

use super::spread::Spread;
use super::table::{Cell, Column, Number, grouped};
use crate::compare::{Change, Error, REDRAWS};
use crate::record::Record;

/// What stands under a table where a change has no interval.
pub const NO_ROWS: &str = "Where a change has no interval, the per-note rows of its cells are not here: they are private and lie in the results directory in which the cells were run.";

/// The three columns that a change has, under one heading.
pub fn change_columns(group: &str) -> [Column; 3] {
    ["change", "95 % interval", "excludes 0"].map(|title| column(group, title))
}

/// A column whose key is its title.
pub fn column(group: &str, title: &str) -> Column {
    Column {
        group: group.to_owned(),
        title: title.to_owned(),
        key: title.to_owned(),
    }
}

/// The cells under [`change_columns`]. `plain` is the difference to show where only the rows by note are missing; why two
/// do not compare goes to `refusals`.
pub fn change_cells(change: &Result<Change, Error>, plain: Option<f64>, refusals: &mut Vec<String>) -> [Cell; 3] {
    match change {
        Ok(found) => {
            let ends = [found.interval.0, found.interval.1].map(points);
            let excludes = if found.excludes_zero() { "yes" } else { "no" };
            [
                number(Some(found.change), points),
                Cell::Text(ends.join(" to ")),
                Cell::Text(excludes.to_owned()),
            ]
        }
        Err(Error::NoRows { .. }) => [number(plain, points), Cell::Empty, Cell::Empty],
        Err(error) => {
            let refusal = format!("Not comparable: {error}.");
            if !refusals.contains(&refusal) {
                refusals.push(refusal);
            }
            [Cell::Text("not comparable".to_owned()), Cell::Empty, Cell::Empty]
        }
    }
}

/// What stands under a table of changes: what their intervals say, that some have none, why some do not compare.
/// `both` names what was scored on the same draw, such as `both lengths`.
pub fn foot_of_changes<'a>(
    changes: impl Iterator<Item = &'a Result<Change, Error>> + Clone,
    both: &str,
    refusals: Vec<String>,
) -> Vec<String> {
    let found = changes.clone().filter_map(|change| change.as_ref().ok());
    let notes: BTreeSet<usize> = found.map(|change| change.notes).collect();
    let mut foot = Vec::new();
    if !notes.is_empty() {
        let notes: Vec<String> = notes.into_iter().map(|notes| grouped(notes as u64)).collect();
        foot.push(format!(
            "95 % interval: the middle 95 % of the changes in {} redraws of the {} evaluation notes by patient with replacement, {both} scored on the same draw (paired bootstrap, fixed seed; moved so that its mean is the change); it says what other notes might have shown, not what another training seed would.",
            grouped(REDRAWS as u64),
            notes.join(" or "),
        ));
    }
    if changes
        .clone()
        .any(|change| matches!(change, Err(Error::NoRows { .. })))
    {
        foot.push(NO_ROWS.to_owned());
    }
    foot.extend(refusals);
    foot
}

/// Whether the model of a record had not finished learning.
pub fn unfinished(record: &Record) -> bool {
    let outcome = record.outcome.as_ref();
    outcome.is_some_and(|outcome| outcome.unfinished.is_some())
}

/// A cell of one number, empty where there is none.
pub fn number(value: Option<f64>, print: impl Fn(f64) -> String) -> Cell {
    let value = value.and_then(|value| Spread::of([value]));
    value.map_or(Cell::Empty, |value| Cell::Number(Number::new(value, print)))
}

/// A share in percent.
pub fn percent(value: f64) -> String {
    format!("{:.1}", 100.0 * value)
}

/// A difference of shares in percentage points, with its sign: `+1.3`, `−0.4`, `0.0`.
pub fn points(value: f64) -> String {
    let printed = format!("{:.1}", 100.0 * value.abs());
    match value {
        _ if printed == "0.0" => printed,
        value if value > 0.0 => format!("+{printed}"),
        _ => format!("−{printed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::points;

    #[test]
    fn differences_have_a_sign_unless_they_are_printed_as_zero() {
        let printed = [0.0132, -0.004, 0.0, -0.0001, 0.0001].map(points);
        assert_eq!(printed, ["+1.3", "−0.4", "0.0", "0.0", "0.0"]);
    }
}
