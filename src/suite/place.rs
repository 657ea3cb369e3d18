//! Where in a suite's text a value stands, and how its key is written.

/// `run[1].training.batch-size` from its steps.
pub(super) fn shown(steps: &[String]) -> String {
    let mut key = String::new();
    for step in steps {
        if step.chars().all(|c| c.is_ascii_digit()) {
            key.push_str(&format!("[{step}]"));
        } else {
            if !key.is_empty() {
                key.push('.');
            }
            key.push_str(step);
        }
    }
    key
}

/// Line and column, from 1, of a key's value; of its nearest parent where the key itself is absent.
pub(super) fn locate(text: &str, steps: &[String]) -> (usize, usize) {
    use toml::de::{DeTable, DeValue};
    fn offset(value: &DeValue, start: usize, steps: &[String]) -> usize {
        let Some((step, rest)) = steps.split_first() else {
            return start;
        };
        let child = match value {
            DeValue::Table(table) => table.get(step.as_str()),
            DeValue::Array(array) => step.parse().ok().and_then(|index: usize| array.get(index)),
            _ => None,
        };
        child.map_or(start, |child| offset(child.get_ref(), child.span().start, rest))
    }
    let start = DeTable::parse(text).map_or(0, |table| {
        let table = DeValue::Table(table.into_inner());
        offset(&table, 0, steps)
    });
    let before = &text[..start.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    (line, column)
}
