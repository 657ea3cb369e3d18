//! The numbers that a paper prints.

use super::finding::{Difference, Numbers};
use super::places::Place;
use super::printed::Printed;

/// The printed numbers themselves.
pub(super) struct Print;

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
