//! How entities are named and spelled.

use serde_json::{Value, json};

use crate::pack::contents::Pack;

const AGENT: &str = "#agent";

/// A reference to an entity.
pub(super) fn id(of: &str) -> Value {
    json!({ "@id": of })
}

/// A path as an identifier: what is no plain letter is escaped.
pub(super) fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let spelled = path.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    spelled.collect()
}

/// A time with its zone in digits, as the profiles' checks read it.
pub(super) fn time(rfc3339: &str) -> String {
    match rfc3339.strip_suffix('Z') {
        Some(local) => format!("{local}+00:00"),
        None => rfc3339.to_owned(),
    }
}

pub(super) fn creative(id: &str, name: &str, more: Value) -> Value {
    let mut made = json!({ "@id": id, "@type": "CreativeWork", "name": name });
    if let (Some(made), Value::Object(more)) = (made.as_object_mut(), more) {
        made.extend(more);
    }
    made
}

pub(super) fn agent_id(pack: &Pack<'_>) -> String {
    let orcid = pack.agent.as_ref().and_then(|agent| agent.orcid.clone());
    orcid.unwrap_or_else(|| AGENT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_times_are_spelled_as_the_profiles_read_them() {
        assert_eq!(uri("report/plots/a b%.svg"), "report/plots/a%20b%25.svg");
        assert_eq!(uri("é"), "%C3%A9");
        assert_eq!(time("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05+00:00");
    }
}
