//! What no value of a suite may be, wherever it stands: numbers that are none, letters that cannot be shown, sizes that
//! nothing has. It is said with the place, before anything is made as large as that.

use toml::Value;

use crate::record::{MOST_EPOCHS, MOST_TOKENS};

/// Greatest size that a model's settings may name.
const MOST_SIZE: i64 = 1 << 24;
/// Most notes of a batch, or batches of a window.
const MOST_NOTES: i64 = 1 << 20;
/// Most entries of a vocabulary, and most codes.
const MOST_ENTRIES: i64 = 10_000_000;
/// Most points of a threshold grid, and most iterations of a line search.
const MOST_STEPS: i64 = 10_000;

/// Greatest integers by their place, where `*` stands for any one step and `**` for any further steps. The first that
/// fits counts.
const MOST: [(&[&str], i64); 20] = [
    (&["lengths", "*"], MOST_TOKENS as i64),
    (&["run", "*", "lengths", "*"], MOST_TOKENS as i64),
    (&["run", "*", "model", "*", "encoder", "layers"], 1000),
    (&["run", "*", "model", "**"], MOST_SIZE),
    (&["run", "*", "training", "epochs"], MOST_EPOCHS as i64),
    (&["run", "*", "training", "batch-size"], MOST_NOTES),
    (&["run", "*", "training", "bucket"], MOST_NOTES),
    (&["run", "*", "training", "optimiser", "**"], MOST_STEPS),
    (&["pretrain", "*", "encoder", "layers"], 1000),
    (&["pretrain", "*", "encoder", "*"], MOST_SIZE),
    (&["pretrain", "*", "length"], MOST_TOKENS as i64),
    (&["pretrain", "*", "longest-sentence"], MOST_TOKENS as i64),
    (&["pretrain", "*", "epochs"], MOST_EPOCHS as i64),
    (&["pretrain", "*", "batch-size"], MOST_NOTES),
    (&["pretrain", "*", "development", "sequences"], MOST_NOTES),
    (&["text", "*", "word-vectors", "dimension"], MOST_SIZE),
    (&["text", "*", "tokenizer", "*", "vocabulary"], MOST_ENTRIES),
    (&["labels", "rule", "*"], MOST_ENTRIES),
    (&["evaluation", "at-k", "*"], MOST_ENTRIES),
    (&["evaluation", "threshold", "**"], MOST_STEPS),
];

/// The first value of a suite's text that cannot be: its key as steps, and the problem. What is no TOML is found
/// elsewhere.
pub(super) fn check(text: &str) -> Result<(), (Vec<String>, String)> {
    match toml::from_str::<toml::Table>(text) {
        Ok(table) => of(&Value::Table(table)),
        Err(_) => Ok(()),
    }
}

/// The first value that cannot be.
pub(super) fn of(suite: &Value) -> Result<(), (Vec<String>, String)> {
    walk(suite, &mut Vec::new())
}

fn walk(value: &Value, place: &mut Vec<String>) -> Result<(), (Vec<String>, String)> {
    let refused = |place: &[String], problem: String| Err((place.to_vec(), problem));
    match value {
        Value::Float(number) if !number.is_finite() => {
            return refused(place, format!("{number}: expected a finite number"));
        }
        Value::Integer(number) => {
            if let Some(most) = most(place).filter(|most| number > most) {
                return refused(place, format!("{number}: expected at most {most}"));
            }
        }
        Value::String(text) => {
            if let Some(problem) = unshowable(text, place.last().is_some_and(|step| step == "description")) {
                return refused(place, problem);
            }
        }
        Value::Table(table) => {
            for (key, value) in table {
                if let Some(problem) = unshowable(key, false) {
                    return refused(place, format!("the key {problem}"));
                }
                place.push(key.clone());
                walk(value, place)?;
                place.pop();
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                place.push(index.to_string());
                walk(value, place)?;
                place.pop();
            }
        }
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
    Ok(())
}

fn most(place: &[String]) -> Option<i64> {
    let fits = |pattern: &[&str]| {
        let (pattern, open) = match pattern {
            [start @ .., "**"] => (start, true),
            whole => (whole, false),
        };
        let lengths = if open {
            place.len() > pattern.len()
        } else {
            place.len() == pattern.len()
        };
        lengths
            && pattern
                .iter()
                .zip(place)
                .all(|(step, found)| *step == "*" || step == found)
    };
    MOST.iter().find(|(pattern, _)| fits(pattern)).map(|(_, most)| *most)
}

/// The problem with a text that no report could show. Lines may be broken in a description.
fn unshowable(text: &str, lines: bool) -> Option<String> {
    let cannot_be_shown = |letter: char| match letter {
        '\n' | '\r' | '\t' => !lines,
        // What turns the direction of all that follows, what has no width, what is no letter.
        '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => true,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        letter => letter.is_control(),
    };
    let letter = text.chars().find(|letter| cannot_be_shown(*letter))?;
    Some(format!(
        "{:?} holds U+{:04X}: expected letters that can be shown",
        text.chars().take(40).collect::<String>(),
        u32::from(letter)
    ))
}

/// The problem with a name that reports and tables show.
pub(super) fn name(name: &str) -> Option<String> {
    let length = name.chars().count();
    if name.trim().is_empty() {
        return Some("is empty: expected a name, or no `name` for the model's own".into());
    }
    if name.trim() != name {
        return Some(format!("{name:?}: expected a name without spaces at its ends"));
    }
    (length > MOST_LETTERS).then(|| format!("has {length} letters: expected at most {MOST_LETTERS}, as tables show it"))
}

/// Longest name: of a run, for tables; of a suite, for the folder of its report.
pub const MOST_LETTERS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_bound_of_the_first_pattern_that_fits() {
        let most = |place: &[&str]| most(&place.iter().map(|&step| step.to_owned()).collect::<Vec<_>>());
        assert_eq!(most(&["lengths", "3"]), Some(1 << 20));
        assert_eq!(
            most(&["run", "0", "model", "bert_xml", "encoder", "layers"]),
            Some(1000)
        );
        assert_eq!(
            most(&["run", "0", "model", "bert_xml", "encoder", "hidden"]),
            Some(MOST_SIZE)
        );
        assert_eq!(most(&["seeds", "0"]), None);
        assert_eq!(most(&["run", "0", "model"]), None);
    }
}
