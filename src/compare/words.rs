//! What a family of comparisons says, in sentences.

use super::family::{ALPHA, Comparison, Finding};

/// A sentence for each run and metric, then what can be said of rare codes.
pub fn conclusions(family: &[Comparison], [first, second]: [&str; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut told: Vec<(&str, &str, &str)> = Vec::new();
    let several = family.iter().any(|comparison| comparison.task != family[0].task);
    for comparison in family.iter().filter(|comparison| comparison.bin.is_none()) {
        let about = (
            comparison.task.as_str(),
            comparison.run.as_str(),
            comparison.metric.as_str(),
        );
        if told.contains(&about) {
            continue;
        }
        told.push(about);
        let of: Vec<&Comparison> = family
            .iter()
            .filter(|other| {
                other.bin.is_none() && (other.task.as_str(), other.run.as_str(), other.metric.as_str()) == about
            })
            .collect();
        let of_task = if several {
            format!(" ({})", about.0)
        } else {
            String::new()
        };
        lines.push(format!("{}{of_task}: {}.", about.1, sentence(&of, [first, second])));
    }
    let rare: Vec<&Comparison> = family.iter().filter(|found| is_rare(found)).collect();
    if !rare.is_empty() {
        lines.push(format!(
            "Codes in fewer than 32 training notes: {}.",
            of_rare(&rare, second)
        ));
    }
    lines
}

/// Codes of bins below 32 training notes.
fn is_rare(found: &Comparison) -> bool {
    found
        .bin
        .is_some_and(|(_, upper)| upper.is_some_and(|upper| upper < 32))
}

fn sentence(of: &[&Comparison], [first, second]: [&str; 2]) -> String {
    let metric = &of[0].metric;
    let at = |finding: Finding| -> Vec<String> {
        let found = of.iter().filter(|comparison| comparison.finding() == finding);
        found.map(|comparison| comparison.length.to_string()).collect()
    };
    let mut parts = Vec::new();
    for (finding, word) in [(Finding::Better, "better"), (Finding::Worse, "worse")] {
        let lengths = at(finding);
        if !lengths.is_empty() {
            parts.push(format!(
                "{second} is {word} than {first} in {metric} at {}",
                list(&lengths)
            ));
        }
    }
    let unclear: Vec<&&Comparison> = of.iter().filter(|found| found.finding() == Finding::Unclear).collect();
    if !unclear.is_empty() {
        let lengths: Vec<String> = unclear.iter().map(|found| found.length.to_string()).collect();
        let detectable = unclear.iter().map(|found| found.detectable).fold(0.0, f64::max);
        let exact = unclear
            .iter()
            .all(|found| found.change == 0.0 && found.standard_error == 0.0);
        parts.push(match exact {
            true => format!("{metric} is the same at {}", list(&lengths)),
            false => format!(
                "no difference in {metric} was found at {} ({})",
                list(&lengths),
                why(&unclear, detectable)
            ),
        });
    }
    parts.join("; ")
}

/// What a test alone says, or would have.
fn why(unclear: &[&&Comparison], detectable: f64) -> String {
    let alone = unclear.iter().filter(|found| found.p < ALPHA);
    let alone: Vec<String> = alone.map(|found| found.length.to_string()).collect();
    match alone.is_empty() {
        true => format!(
            "one of {:.1} points would have been, in 8 of 10 samples, by a test alone",
            100.0 * detectable
        ),
        false => format!(
            "at {} a test alone tells one; among all that was asked it may be chance",
            list(&alone)
        ),
    }
}

fn of_rare(rare: &[&Comparison], second: &str) -> String {
    let found: Vec<&&Comparison> = rare
        .iter()
        .filter(|found| found.finding() != Finding::Unclear)
        .collect();
    if found.is_empty() {
        let detectable = rare.iter().map(|found| found.detectable).fold(0.0, f64::max);
        return format!(
            "nothing can be said (a test alone finds differences of {:.1} points in 8 of 10 samples)",
            100.0 * detectable
        );
    }
    let each = found.iter().map(|found| {
        let word = if found.finding() == Finding::Better {
            "better"
        } else {
            "worse"
        };
        let (lower, upper) = found.bin.unwrap_or_default();
        let bin = upper.map_or(String::new(), |upper| format!(" ({lower} to {upper} notes)"));
        format!("{second} is {word} for {} at {}{bin}", found.run, found.length)
    });
    let mut each: Vec<String> = each.collect();
    each.dedup();
    each.join("; ")
}

/// `512`, `512 and 1024`, `512, 1024 and 2048`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
