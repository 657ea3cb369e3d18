//! Whether what a record says of an external system is what its stages say, and can be.

use crate::record::{External, Outcome, Record, StageName};

pub fn problems(record: &Record, outcome: &Outcome) -> Vec<String> {
    let scores = record.stages.get(&StageName::Scores);
    let asked = scores.and_then(|stage| stage.settings.get(External::SETTING)?.as_str());
    let (external, asked) = match (&outcome.external, asked) {
        (Some(external), Some(asked)) => (external, asked),
        (None, None) => return Vec::new(),
        (Some(_), None) => return vec!["external is there, and its stages name no external system".into()],
        (None, Some(_)) => return vec!["external is missing, and its stages name an external system".into()],
    };
    let made_by = |what: &str| scores.and_then(|stage| stage.made_by.get(what)).map(String::as_str);
    let mut problems = Vec::new();
    let mut same = |what: &str, found: Option<&str>, expected: Option<&str>| {
        if found != expected {
            let [found, expected] = [found, expected].map(|said| said.unwrap_or("nothing"));
            problems.push(format!("{what} is {found:?}, its stages say {expected:?}"));
        }
    };
    same("external.system", Some(&external.system), Some(asked));
    same(
        "external.trained-on",
        external.trained_on.as_deref(),
        made_by("trained on"),
    );
    same("weights-sha256", Some(&outcome.weights_sha256), made_by("predictions"));
    same(
        "cell.run",
        Some(&record.cell.run),
        Some(&format!("{asked}{}", External::MARK)),
    );
    let seed = scores.and_then(|stage| stage.settings.get("seed")?.as_u64());
    same(
        "cell.seed",
        Some(&record.cell.seed.to_string()),
        seed.map(|seed| seed.to_string()).as_deref(),
    );
    if let Some(threshold) = made_by("threshold").filter(|_| external.scored) {
        same("threshold", Some(&outcome.threshold.to_string()), Some(threshold));
    }
    let (task, taken) = (&outcome.task, &external.predictions);
    let all = u64::from(task.codes) * u64::from(task.evaluation_notes);
    if !(1..=all).contains(&taken.pairs) {
        problems.push(format!(
            "external.predictions.pairs is {}, expected 1 to {all}",
            taken.pairs
        ));
    }
    if taken.notes_without_prediction >= task.evaluation_notes {
        problems.push(format!(
            "external.predictions.notes-without-prediction is {}, the task has {} evaluation notes",
            taken.notes_without_prediction, task.evaluation_notes
        ));
    }
    if record.timings.is_some() || !outcome.epochs.is_empty() {
        problems.push("it has times or epochs of a training that nobody here did".into());
    }
    problems
}
