//! What the models' checks of their settings share.

/// An error for the first setting that is 0.
pub fn at_least_1(settings: &[(&str, usize)]) -> Result<(), String> {
    match settings.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(format!("{name} = 0: expected at least 1")),
        None => Ok(()),
    }
}

/// An error for a dropout that is not a probability below 1.
pub fn probability(name: &str, value: f64) -> Result<(), String> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(format!("{name} = {value}: expected a probability, from 0 to below 1")),
    }
}
