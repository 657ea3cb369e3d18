//! What a claim is asked of, and what is answered.

use serde::Serialize;

use super::places::Place;
use super::printed::Printed;

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
