//! Numbers that were found beside those that were made again.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// A problem where two numbers differ by more than the order of a sum can make them.
pub fn differs(what: &str, found: f64, made: f64, from: &str) -> Option<String> {
    let same = (found - made).abs() <= 1e-12 || (found.is_nan() && made.is_nan());
    (!same).then(|| format!("{what} is {found}, {from} give {made}"))
}

/// Named numbers against those that were made again; names that only one side has are told too.
pub fn differing(what: &str, found: &BTreeMap<String, f64>, made: &BTreeMap<String, f64>, from: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, made) in made {
        match found.get(name) {
            Some(found) => problems.extend(differs(&format!("{what}.{name}"), *found, *made, from)),
            None => problems.push(format!("{what}.{name} is missing, {from} give {made}")),
        }
    }
    problems
}

/// Everything that was found against what was made again of the kept scores, place by place.
pub fn differing_trees(what: &str, found: &impl Serialize, made: &impl Serialize) -> Vec<String> {
    let tree = |of: serde_json::Result<Value>| of.unwrap_or_default(); // OK because numbers and lists can be written
    let mut problems = Vec::new();
    compare(
        what,
        &tree(serde_json::to_value(found)),
        &tree(serde_json::to_value(made)),
        &mut problems,
    );
    problems
}

fn compare(what: &str, found: &Value, made: &Value, problems: &mut Vec<String>) {
    match (found, made) {
        (Value::Object(found), Value::Object(made)) if found.keys().eq(made.keys()) => {
            for (name, found) in found {
                compare(&format!("{what}.{name}"), found, &made[name], problems);
            }
        }
        (Value::Array(found), Value::Array(made)) if found.len() == made.len() => {
            for (at, (found, made)) in found.iter().zip(made).enumerate() {
                compare(&format!("{what}[{at}]"), found, made, problems);
            }
        }
        (Value::Array(found), Value::Array(made)) => problems.push(format!(
            "{what} has {} rows, the kept scores give {}",
            found.len(),
            made.len()
        )),
        (Value::Number(one), Value::Number(other)) => {
            let [one, other] = [one, other].map(|number| number.as_f64().unwrap_or(f64::NAN));
            problems.extend(differs(what, one, other, "the kept scores"));
        }
        (found, made) if found != made => problems.push(format!("{what} is {found}, the kept scores give {made}")),
        _ => {}
    }
}
