//! Numbers that were found beside those that were made again.

use std::collections::BTreeMap;

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
