//! Places of a machine in what a user wrote.

use std::path::Path;

use toml::Value;

/// The keys of a TOML file whose values are absolute paths: an archive of it tells where its files lie on one machine.
pub fn absolute_paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        walk(&Value::Table(table), "", &mut found);
    }
    found
}

fn walk(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if Path::new(text).is_absolute() => found.push(key.to_owned()),
        Value::Array(values) => values.iter().for_each(|value| walk(value, key, found)),
        Value::Table(table) => {
            for (name, value) in table {
                let dot = if key.is_empty() { "" } else { "." };
                walk(value, &format!("{key}{dot}{name}"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn absolute_paths_are_found_by_their_keys_and_relative_ones_pass() {
        let text =
            "name = \"a/b\"\n[encoder.x]\ndirectory = \"/srv/x\"\n[[run]]\nfile = \"x\"\n[[run]]\nfile = \"/y\"\n";
        assert_eq!(absolute_paths(text), ["encoder.x.directory", "run.file"]);
        assert!(absolute_paths("no = toml = \"/x\"").is_empty());
    }
}
