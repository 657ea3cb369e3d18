//! `ro-crate-metadata.json`: RO-Crate 1.1 by the profiles Process Run Crate, Workflow Run Crate and Workflow RO-Crate. The
//! suite is the workflow, a cell is one action: its settings and data set go in, its record and scores come out.

mod actions;
mod entity;
mod workflow;

use serde_json::{Value, json};

use self::entity::{agent_id, creative, id, time, uri};
use super::access::Access;
use super::contents::{METADATA, Pack, README, SUITE, SUMS};
use super::packed_file::PackedFile;

const CRATE: &str = "https://w3id.org/ro/crate/1.1";
const PROFILES: [(&str, &str, &str); 3] = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    (
        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
        "Workflow RO-Crate",
        "1.0",
    ),
];
const CROISSANT: &str = "http://mlcommons.org/croissant/1.1";
const LICENCE: &str = "#licence";
const LEFT_OUT: &str = "#left-out";
const MISSING: &str = "#missing";
const ASSERTION: &str = "#assertion";

/// The description of these files, all but itself and the list of hashes.
pub(super) fn metadata(pack: &Pack<'_>, files: &[PackedFile]) -> Value {
    let dataset = dataset_id(pack);
    let parameters = workflow::Parameters::of(pack);
    let actions = actions::actions(pack, &parameters, &dataset);
    let mut graph = vec![descriptor(), root(pack, files, &actions, &dataset)];
    graph.extend(PROFILES.map(|(id, name, version)| creative(id, name, json!({ "version": version }))));
    graph.extend(beside(pack));
    graph.push(data_set(pack, &dataset));
    graph.extend(workflow::entities(pack, &parameters, &dataset));
    let others = files.iter().filter(|file| file.path != SUITE);
    graph.extend(others.map(|file| entity(pack, file)));
    graph.push(json!({
        "@id": SUMS,
        "@type": "File",
        "name": "SHA-256 of every other file, as `sha256sum -c` reads them",
        "encodingFormat": "text/plain",
    }));
    graph.extend(actions);
    json!({
        "@context": [format!("{CRATE}/context"), { "sha256": "https://w3id.org/ro/terms/workflow-run#sha256" }],
        "@graph": graph,
    })
}

fn descriptor() -> Value {
    creative(
        METADATA,
        "Description of this archive",
        json!({ "about": id("./"), "conformsTo": [id(CRATE), id(PROFILES[2].0)] }),
    )
}

fn root(pack: &Pack<'_>, files: &[PackedFile], actions: &[Value], dataset: &str) -> Value {
    let newest = pack.records().map(|record| record.provenance.ended.as_str()).max();
    let mut parts: Vec<Value> = files.iter().map(|file| id(&uri(&file.path))).collect();
    parts.push(id(SUMS));
    if dataset.starts_with("http") {
        parts.push(id(dataset));
    }
    let is_action = |entity: &&Value| entity["@type"] == "CreateAction";
    let mut mentions: Vec<Value> = actions
        .iter()
        .filter(is_action)
        .map(|action| json!({ "@id": action["@id"] }))
        .collect();
    let said = beside(pack).into_iter().filter(|entity| entity["text"].is_string());
    mentions.extend(said.map(|entity| json!({ "@id": entity["@id"] })));
    let mut root = json!({
        "@id": "./",
        "@type": "Dataset",
        "name": format!("Results of the icdbench suite {}", pack.name),
        "description": format!("{} {}", pack.description, pack.left_out().join(" ")),
        "datePublished": time(newest.unwrap_or_default()),
        "license": id(LICENCE),
        "conformsTo": PROFILES.map(|(profile, _, _)| id(profile)),
        "mainEntity": id(SUITE),
        "hasPart": parts,
        "mentions": mentions,
    });
    if let Some(url) = pack.licence.filter(|licence| licence.starts_with("http")) {
        root["license"] = id(url);
    }
    if pack.agent.is_some() {
        root["author"] = id(&agent_id(pack));
    }
    root
}

/// What is said of the archive as a whole.
fn beside(pack: &Pack<'_>) -> Vec<Value> {
    let mut entities = vec![creative(
        LEFT_OUT,
        "What is not in this archive, and why",
        json!({ "text": pack.left_out().join("\n") }),
    )];
    entities.push(match pack.licence {
        Some(url) if url.starts_with("http") => creative(url, "Licence", json!({ "url": url })),
        Some(name) => creative(LICENCE, name, json!({})),
        None => creative(
            LICENCE,
            "Not stated",
            json!({ "description": "Whoever packed named no licence for the records and the report. The suite, registries and \
                     documents that come with icdbench are MIT OR Apache-2.0; the data are under their own licence." }),
        ),
    });
    if !pack.missing.is_empty() {
        let text = json!({ "text": pack.missing.join("\n") });
        entities.push(creative(MISSING, "Cells of the suite without a record", text));
    }
    if let Access::Asserted(reason) = &pack.access {
        let mut assertion = creative(
            ASSERTION,
            "Assertion that rows by note of credentialed data may be shared",
            json!({ "text": reason, "about": id(&dataset_id(pack)) }),
        );
        if pack.agent.is_some() {
            assertion["author"] = id(&agent_id(pack));
        }
        entities.push(assertion);
    }
    if let Some(agent) = &pack.agent {
        entities.push(json!({ "@id": agent_id(pack), "@type": "Person", "name": agent.name }));
    }
    entities
}

/// The data set by its address; one that nobody can fetch has none.
fn dataset_id(pack: &Pack<'_>) -> String {
    match pack.dataset.source.starts_with("http") && !pack.generated {
        true => pack.dataset.source.clone(),
        false => "#data".to_owned(),
    }
}

fn data_set(pack: &Pack<'_>, dataset: &str) -> Value {
    let access = match pack.dataset.credentialed {
        true => "credentialed: under a data use agreement",
        false => "public",
    };
    let mut entity = json!({
        "@id": dataset,
        "@type": "Dataset",
        "name": pack.dataset_title(),
        "description": format!("The data set {} of the suite. It is not in this archive.", pack.dataset.name),
        "license": pack.dataset_licence(),
        "conditionsOfAccess": access,
        "citation": pack.dataset.citation,
        "subjectOf": id(&uri(&super::croissant::path(pack.dataset))),
        "exampleOfWork": id(workflow::DATA),
    });
    if dataset.starts_with("http") {
        entity["url"] = dataset.into();
    }
    entity
}

/// A file as it is in the archive.
fn entity(pack: &Pack<'_>, file: &PackedFile) -> Value {
    let mut entity = json!({
        "@id": uri(&file.path),
        "@type": "File",
        "name": file.title,
        "encodingFormat": format_of(&file.path),
        "contentSize": file.bytes.len().to_string(),
        "sha256": file.sha256(),
    });
    if file.path == README {
        entity["about"] = id("./");
    }
    if file.path == super::croissant::path(pack.dataset) {
        entity["about"] = id(&dataset_id(pack));
        entity["conformsTo"] = id(CROISSANT);
    }
    if pack.cells.iter().any(|cell| cell.place() == file.path) {
        entity["exampleOfWork"] = id(workflow::RECORD);
    }
    entity
}

/// The media type that a file's name says.
fn format_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "json" if path.starts_with("croissant/") => "application/ld+json",
        "json" => "application/json",
        "toml" | "lock" => "application/toml",
        "md" => "text/markdown",
        "html" => "text/html",
        "csv" => "text/csv",
        "tex" => "application/x-tex",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "bin" => "application/octet-stream",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_is_what_the_name_says() {
        assert_eq!(format_of("croissant/a.json"), "application/ld+json");
        assert_eq!(format_of("results/records/a.json"), "application/json");
        assert_eq!(format_of("SHA256SUMS"), "text/plain");
    }
}
