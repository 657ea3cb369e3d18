//! Verdicts for people and for build servers.

use std::fmt::Write;

use super::judge::{ALPHA, Answer, Verdict};

/// One verdict in a line.
pub fn sentence(verdict: &Verdict) -> String {
    let mut line = format!("{} at {}", verdict.run, verdict.length);
    if let Some(metric) = &verdict.metric {
        line += &format!(", {metric}");
    }
    line += &format!(": {}", verdict.answer.word());
    if let Some([before, now]) = verdict.scores {
        line += &format!(", {:.2} accepted, {:.2} now", 100.0 * before, 100.0 * now);
    }
    if let Some([low, high]) = verdict.interval {
        line += &format!(" (difference {:+.2} to {:+.2} points)", 100.0 * low, 100.0 * high);
    }
    if let Some(reason) = &verdict.reason {
        line += &format!(" ({reason})");
    }
    line
}

/// JUnit XML, a test case a verdict: what is worse has failed, what could not be judged is an error.
pub fn junit(suite: &str, verdicts: &[Verdict]) -> String {
    let count = |of: fn(Answer) -> bool| verdicts.iter().filter(|verdict| of(verdict.answer)).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
        escaped(suite),
        verdicts.len(),
        count(is_failure),
        count(is_error)
    );
    for verdict in verdicts {
        let name = [Some(verdict.length.to_string()), verdict.metric.clone()];
        let name: Vec<String> = name.into_iter().flatten().collect();
        let said = escaped(&sentence(verdict));
        let _ = write!(
            text,
            "  <testcase classname=\"{}\" name=\"{}\">",
            escaped(&format!("{}.{}", verdict.task, verdict.run)),
            escaped(&name.join(" "))
        );
        let word = verdict.answer.word();
        text += &match verdict.answer {
            answer if is_failure(answer) => format!("<failure message=\"{word}\">{said}</failure>"),
            answer if is_error(answer) => format!("<error message=\"{word}\">{said}</error>"),
            _ => format!("<system-out>{said}</system-out>"),
        };
        text += "</testcase>\n";
    }
    text + "</testsuite>\n"
}

fn is_failure(answer: Answer) -> bool {
    answer == Answer::Worse
}

fn is_error(answer: Answer) -> bool {
    !matches!(answer, Answer::Worse | Answer::Same | Answer::Better)
}

/// A comment under a pull request.
pub fn markdown(suite: &str, reason: &str, verdicts: &[Verdict]) -> String {
    let is_good = |verdict: &&Verdict| matches!(verdict.answer, Answer::Same | Answer::Better);
    let good = verdicts.iter().filter(is_good).count();
    let mut text = format!(
        "### icdbench gate: {suite}\n\n{good} of {} comparisons are as good as what was accepted (\"{}\").\n\n",
        verdicts.len(),
        cell(reason)
    );
    text += "| run | length | metric | answer | accepted | now | difference (points, 95 %) |\n|---|---:|---|---|---:|---:|---|\n";
    for verdict in verdicts {
        let percent = |value: f64| format!("{:.2}", 100.0 * value);
        let scores = verdict.scores.map(|scores| scores.map(percent)).unwrap_or_default();
        let difference = match (verdict.interval, &verdict.reason) {
            (Some([low, high]), _) => format!("{:+.2} to {:+.2}", 100.0 * low, 100.0 * high),
            (None, Some(reason)) => cell(reason),
            (None, None) => String::new(),
        };
        let word = match verdict.answer {
            Answer::Same | Answer::Better => verdict.answer.word().to_owned(),
            answer => format!("**{}**", answer.word()),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {word} | {} | {} | {difference} |",
            cell(&verdict.run),
            verdict.length,
            verdict.metric.as_deref().unwrap_or("all"),
            scores[0],
            scores[1]
        );
    }
    let _ = writeln!(
        text,
        "\nWorse: a fall with p < {ALPHA} after Holm's correction whose interval reaches beyond the margin. Same: no fall beyond \
         the margin is in the interval."
    );
    text
}

/// Text inside a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
