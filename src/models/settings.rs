//! What the models' checks of their settings share.

/// An error for the first setting that is 0.
pub fn at_least_1(settings: &[(&str, usize)]) -> Result<(), String> {
    match settings.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(format!("{name} = 0: expected at least 1")),
        None => Ok(()),
    }
}

/// An error for a weight of evidence that is none, or that nothing is there for.
pub fn evidence_weight(weight: f64, marks: bool) -> Result<(), String> {
    match weight {
        _ if !(weight >= 0.0 && weight.is_finite()) => Err(format!(
            "evidence-weight = {weight}: expected 0 (no supervision by evidence) or a positive number"
        )),
        0.0 => Ok(()),
        _ if marks => Ok(()),
        _ => Err("evidence-weight is above 0, but the training notes have no marks of annotators (or the tokenizer does not \
                  tell where its tokens lie): set it to 0"
            .into()),
    }
}

/// Whether a weight is left out of what is written: settings without it are those of before it was there.
pub fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

/// An error for a dropout that is not a probability below 1.
pub fn probability(name: &str, value: f64) -> Result<(), String> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(format!("{name} = {value}: expected a probability, from 0 to below 1")),
    }
}
