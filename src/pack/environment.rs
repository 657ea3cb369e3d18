//! The programs and machines that made a suite's records.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::record::Record;

/// What of a record's provenance is another for each cell.
const OF_ONE_CELL: [&str; 3] = ["command", "started", "ended"];

/// Every environment once, with the keys of the records that were made in it.
pub(super) fn environments<'a>(records: impl Iterator<Item = &'a Record>) -> Value {
    let mut found: BTreeMap<String, (Value, Vec<&str>)> = BTreeMap::new();
    for record in records {
        let mut made = json!(record.provenance);
        if let Some(made) = made.as_object_mut() {
            made.retain(|name, _| !OF_ONE_CELL.contains(&name.as_str()));
        }
        let (_, keys) = found.entry(made.to_string()).or_insert_with(|| (made, Vec::new()));
        keys.push(&record.key);
    }
    let environments = found.into_values().map(|(mut made, mut keys)| {
        keys.sort_unstable();
        keys.dedup();
        made["records"] = json!(keys);
        made
    });
    json!({ "environments": environments.collect::<Vec<_>>() })
}
