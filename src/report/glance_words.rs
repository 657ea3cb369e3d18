//! The sentences of a task's answer: see `glance`.

use super::metric::Metric;
use super::ranking::{Beside, Best, NotTested};
use super::table::{grouped, three_digits};
use super::{facts, spread::Spread, spread::UNFINISHED, summary::TaskSummary};
use crate::compare::{self, ALPHA, Comparison, Finding, Test};
use crate::record::Timings;

/// Which run has the best score, in a few words and in a sentence.
pub fn best(ranked: &[Best<'_, '_>], metric: &Metric, several: bool) -> (String, String) {
    let winner = &ranked[0];
    let score = metric.print(winner.score.mean);
    let unit = if metric.ratio { " %" } else { "" };
    let short = format!("{}: {} {score}{unit}.", winner.name(several), metric.label);
    let mut parts = vec![match ranked.len() {
        1 => "The only run with scores".to_owned(),
        runs if several => format!("The best of {runs} runs, each at its best length"),
        runs => format!("The best of {runs} runs"),
    }];
    parts.push(match (winner.score.sd, winner.score.n) {
        (Some(sd), n) => format!("mean of {n} seeds ± {}", metric.print(sd)),
        (None, _) => "one seed".to_owned(),
    });
    if let Some((low, high)) = winner.score.interval {
        let [low, high] = [low, high].map(|end| metric.print(end));
        parts.push(format!("95 % interval over the evaluation notes {low}–{high}"));
    }
    (short, format!("{}.", parts.join("; ")))
}

/// How far the second is behind.
pub fn lead(winner: &Best<'_, '_>, second: &Best<'_, '_>, metric: &Metric, several: bool) -> (String, String) {
    let ahead = (winner.score.mean - second.score.mean).abs();
    let [ours, theirs] = [winner, second].map(|of| metric.print(of.score.mean));
    let name = second.name(several);
    if ours == theirs {
        return (
            "None".to_owned(),
            format!("that is printed: {name} is second, with {theirs} too."),
        );
    }
    let ahead = match metric.ratio {
        true => format!("{:.1} points", 100.0 * ahead),
        false => metric.print(ahead),
    };
    (ahead, format!("over the second, {name}, with {theirs}."))
}

/// Whether the notes tell the winner from the second.
pub fn sure(
    winner: &Best<'_, '_>,
    (second, result): (&Best<'_, '_>, &Result<Comparison, NotTested>),
    metric: &Metric,
) -> (String, String) {
    let not_tested = |why: String| ("Not tested.".to_owned(), why);
    match result {
        Ok(found) => tested(found, metric),
        Err(NotTested::NoSeed) => not_tested(format!(
            "No seed was scored with both. {}",
            from_intervals(winner, second)
        )),
        Err(NotTested::Refused(compare::Error::NoRows { .. })) => not_tested(format!(
            "The rows by note, which a paired test needs, are not beside these records. {}",
            from_intervals(winner, second)
        )),
        Err(NotTested::Refused(error)) => not_tested(format!("They do not compare: {error}.")),
    }
}

fn tested(found: &Comparison, metric: &Metric) -> (String, String) {
    let unit = if metric.ratio { 100.0 } else { 1.0 };
    let (sign, ends) = match metric.greater_is_better {
        true => (1.0, [found.low, found.high]),
        false => (-1.0, [-found.high, -found.low]),
    };
    let said = match found.finding() {
        Finding::Unclear => "The two cannot be told apart.",
        // Only where one side has seeds that the other lacks.
        _ if sign * found.change < 0.0 => {
            "They can be told apart, but on the seeds that both have the order is the other way round."
        }
        _ => "The two can be told apart.",
    };
    let seeds = match found.seeds.len() {
        1 => "the one seed that both have".to_owned(),
        several => format!("the {several} seeds that both have"),
    };
    let test = match found.test {
        Test::Randomisation => "paired randomisation",
        Test::Bootstrap => "paired bootstrap",
    };
    let mut text = format!(
        "On the same {} notes and {seeds} the lead is {}, with a 95 % interval of {} to {}; p {} ({test}, corrected for all comparisons with the winner).",
        grouped(found.notes as u64),
        signed(unit * sign * found.change),
        signed(unit * ends[0]),
        signed(unit * ends[1]),
        p_value(found.p_holm),
    );
    if found.finding() == Finding::Unclear && found.detectable > 0.0 {
        text += &format!(
            " As many notes as these show a lead of {:.1} in 8 of 10 samples, a smaller one less often.",
            unit * found.detectable
        );
    }
    text += &match found.sd_over_seeds {
        Some(sd) => format!(
            " From seed to seed the lead varies by ± {:.1}, which the test does not count.",
            unit * sd
        ),
        None => " What another training seed would change is not known: that takes several seeds.".to_owned(),
    };
    (said.to_owned(), text)
}

fn signed(value: f64) -> String {
    let printed = format!("{:.1}", value.abs());
    match value {
        value if value < 0.0 && printed != "0.0" => format!("−{printed}"),
        _ => printed,
    }
}

fn p_value(p: f64) -> String {
    match p {
        p if p < 0.001 => "< 0.001".to_owned(),
        // Rounded to ALPHA it would contradict what is said of it.
        p if (p < ALPHA) != (format!("{p:.3}") < format!("{ALPHA:.3}")) => format!("= {p:.5}"),
        p => format!("= {p:.3}"),
    }
}

/// What two intervals say where nothing was tested.
fn from_intervals(winner: &Best<'_, '_>, second: &Best<'_, '_>) -> String {
    match (winner.score.interval, second.score.interval) {
        (Some((low, high)), Some((from, to))) if low <= to && from <= high => {
            "The 95 % intervals of the two overlap, so that from this page they cannot be told apart.".to_owned()
        }
        (Some(_), Some(_)) => {
            "The 95 % intervals of the two do not overlap: other notes of the same kind would hardly turn their order."
                .to_owned()
        }
        _ => "There are no intervals either, so that this page does not say how sure the lead is.".to_owned(),
    }
}

/// What is known of the runs after the second.
pub fn others(beside: &[Beside<'_, '_, '_>], all: usize, several: bool) -> String {
    let named = |finding: Finding| -> Vec<String> {
        let found = beside.iter().filter(|(_, result)| {
            let of = result.as_ref().map(Comparison::finding);
            of == Ok(finding)
        });
        found.map(|(other, _)| other.name(several)).collect()
    };
    // A winner that is worse than another run by pairs is so only where their seeds differ.
    let mut apart = named(Finding::Better);
    apart.extend(named(Finding::Worse));
    let unclear = named(Finding::Unclear);
    let mut text = String::new();
    if !apart.is_empty() {
        text += &format!(" The same test tells the winner from {}.", list(&apart));
    }
    if !unclear.is_empty() {
        text += &format!(" It cannot be told from {} either.", list(&unclear));
    }
    let tested = beside.iter().filter(|(_, result)| result.is_ok()).count();
    if tested > 0 && beside.len() + 1 < all {
        text += &format!(" Only the {} next runs were compared.", beside.len() + 1);
    }
    text
}

/// What the winner took, and the second.
pub fn cost(winner: &Best<'_, '_>, second: Option<&Best<'_, '_>>, measured_on: &str) -> (String, String) {
    let Some((seconds, ours)) = took(winner) else {
        return (String::new(), "No time was measured.".to_owned());
    };
    let mut rest = String::new();
    if let Some((other, theirs)) = second.and_then(took) {
        rest += &format!("The second: {theirs}");
        let longer = if other > seconds {
            other / seconds
        } else {
            seconds / other
        };
        if longer.is_finite() && longer >= 1.1 {
            let who = if other > seconds { "the second" } else { "the winner" };
            rest += &format!("; {who} was {} times as long in training", three_digits(longer));
        }
        rest += ". ";
    }
    (format!("{ours}."), format!("{rest}Measured on {measured_on}."))
}

/// Seconds in training, and what a run took in words; `None` where nothing was timed.
fn took(best: &Best<'_, '_>) -> Option<(f64, String)> {
    let timings = best.cell.ok.iter().filter_map(|cell| cell.record.timings.as_ref());
    let timings: Vec<&Timings> = timings.collect();
    let mean = |quantity: fn(&Timings) -> Option<f64>| {
        Spread::of(timings.iter().filter_map(|timings| quantity(timings))).map(|value| value.mean)
    };
    let seconds = mean(|timings| Some(timings.training_seconds))?;
    let memory = mean(facts::gibibytes);
    let memory = memory.map_or(String::new(), |memory| {
        format!(", {} GiB of memory at its peak", three_digits(memory))
    });
    Some((seconds, format!("{} of training a seed{memory}", duration(seconds))))
}

/// `48 s`, `12 min`, `3.4 h`.
fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{} s", three_digits(seconds)),
        seconds if seconds < 7200.0 => format!("{} min", three_digits(seconds / 60.0)),
        seconds => format!("{} h", three_digits(seconds / 3600.0)),
    }
}

/// What might turn the answer.
pub fn warnings(task: &TaskSummary<'_>, ranked: &[Best<'_, '_>]) -> String {
    let mut warnings = Vec::new();
    let unfinished: Vec<String> = ranked
        .iter()
        .take(2)
        .filter(|best| best.cell.unfinished())
        .map(|best| best.label.to_owned())
        .collect();
    if !unfinished.is_empty() {
        warnings.push(format!(
            "{} {UNFINISHED} had not finished learning, so that more training may give another score.",
            list(&unfinished)
        ));
    }
    let cells = task.runs.iter().flat_map(|run| run.cells.values());
    let (planned, without) = cells.fold((0, 0), |(planned, without), cell| {
        (planned + cell.planned(), without + cell.ends.len())
    });
    if without > 0 {
        warnings.push(format!(
            "{} of {} cells have no scores and took no part.",
            grouped(without as u64),
            grouped(planned as u64)
        ));
    }
    if ranked.len() > 2 {
        warnings.push(
            "The winner was chosen by the scores that are shown, so that its own score is more likely too high than too low."
                .to_owned(),
        );
    }
    warnings.join(" ")
}

/// What the winner's records were made by.
pub fn again(winner: &Best<'_, '_>) -> String {
    let Some(first) = winner.cell.ok.first() else {
        return String::new();
    };
    let made = &first.record.provenance;
    format!(
        "With icdbench {} (revision {}); finished cells are kept. The records have every setting, seed and threshold and what they were made with; the HTML page shows them.",
        made.icdbench_version,
        made.git_revision.chars().take(12).collect::<String>(),
    )
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_value_is_never_rounded_to_the_other_side_of_the_level() {
        let printed = [0.0002, 0.012, 0.0498, 0.04996, 0.05, 0.0502, 0.7].map(p_value);
        assert_eq!(
            printed,
            [
                "< 0.001",
                "= 0.012",
                "= 0.04980",
                "= 0.04996",
                "= 0.050",
                "= 0.050",
                "= 0.700"
            ]
        );
    }

    #[test]
    fn times_are_told_in_the_unit_that_suits_them() {
        assert_eq!(
            [4.25, 119.0, 754.0, 12_240.0].map(duration),
            ["4.25 s", "119 s", "12.6 min", "3.40 h"]
        );
    }
}
