//! Single comparisons of numbers in the places of a paper's cells.

use super::finding::{Difference, Finding, Numbers, Verdict};
use super::places::{Place, at};
use super::printed::Printed;

/// Compares numbers.
pub(super) struct Comparing<'a> {
    pub(super) numbers: &'a dyn Numbers,
}

impl<'a> Comparing<'a> {
    /// Each place above the one before it, of those that have numbers.
    pub(super) fn rising(&self, places: &[Place<'a>]) -> Vec<Finding> {
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

    pub(super) fn above(&self, from: Place<'a>, to: Place<'a>) -> Finding {
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

    pub(super) fn wider(&self, first: [Place<'a>; 2], second: [Place<'a>; 2]) -> Finding {
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
    pub(super) fn alike(&self, first: Place<'a>, second: Place<'a>) -> Option<Finding> {
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

    pub(super) fn harmonic(&self, places: [Place<'a>; 3]) -> Option<Finding> {
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
    pub(super) fn of_print(&self, places: &[Place<'a>], judge: impl Fn(&[f64]) -> (bool, String)) -> Option<Finding> {
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
    pub(super) fn of_text(&self, holds: bool, text: String) -> Option<Finding> {
        self.numbers.are_printed().then(|| Finding {
            verdict: Some(verdict(holds)),
            text,
        })
    }
}

/// Gaps of printed numbers that differ by less are equal: what binary fractions leave of decimal ones.
const EQUAL: f64 = 1e-9;

pub(super) fn verdict(holds: bool) -> Verdict {
    match holds {
        true => Verdict::Holds,
        false => Verdict::DoesNotHold,
    }
}

pub(super) fn near(found: f64, said: f64, within: f64) -> bool {
    (found - said).abs() <= within + 1e-9 * said.abs().max(1.0)
}

/// Four significant digits at most.
pub(super) fn short(value: f64) -> String {
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
