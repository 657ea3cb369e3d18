//! The description of an archive: every file in it, one action a cell, the data set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::common::{Bench, assert_good, codiesp_suite, logistic_regression, suite_text};
use super::{json, text, unzipped};

/// Entities by their identifiers, each once.
fn graph(metadata: &Value) -> BTreeMap<&str, &Value> {
    let mut found = BTreeMap::new();
    for entity in metadata["@graph"].as_array().unwrap() {
        let twice = found.insert(entity["@id"].as_str().unwrap(), entity);
        assert!(twice.is_none(), "{} stands there twice", entity["@id"]);
    }
    found
}

fn ids(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry["@id"].as_str().unwrap()).collect()
}

/// Every identifier that anything refers to.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("@id") => {
            found.insert(map["@id"].as_str().unwrap());
        }
        Value::Object(map) => map.values().for_each(|inner| references(inner, found)),
        Value::Array(values) => values.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

#[test]
fn every_file_is_described_and_everything_described_is_there() {
    let bench = super::finished();
    let agent = ["--agent", "Ada Example", "--orcid", "0000-0002-1825-0097"];
    let licence = ["--licence", "https://creativecommons.org/licenses/by/4.0/"];
    assert_good(&bench.run(&[&["pack", "tiny.toml"][..], &agent, &licence].concat()));
    let archive = unzipped(&bench.path("tiny.crate.zip"));
    let metadata = json(&archive, "ro-crate-metadata.json");
    let graph = graph(&metadata);
    let root = graph["./"];
    let parts: BTreeSet<&str> = ids(&root["hasPart"]).into_iter().collect();
    let there: BTreeSet<&str> = archive
        .keys()
        .map(String::as_str)
        .filter(|name| *name != "ro-crate-metadata.json")
        .collect();
    assert_eq!(parts, there);
    for name in parts {
        let entity = graph[name];
        assert!(
            entity["name"].as_str().is_some_and(|title| !title.is_empty()),
            "{entity}"
        );
        if name != "SHA256SUMS" {
            assert_eq!(
                entity["sha256"],
                format!("{:x}", Sha256::digest(&archive[name])),
                "{name}"
            );
            assert_eq!(entity["contentSize"], archive[name].len().to_string(), "{name}");
        }
    }
    let sums = text(&archive, "SHA256SUMS")
        .lines()
        .map(|line| line.split_once("  ").unwrap());
    let sums: BTreeMap<&str, &str> = sums.map(|(sum, name)| (name, sum)).collect();
    assert_eq!(sums.len(), archive.len() - 1);
    for (name, sum) in sums {
        assert_eq!(sum, format!("{:x}", Sha256::digest(&archive[name])), "{name}");
    }
    // What is referred to is described, but for versions of standards.
    let mut referred = BTreeSet::new();
    references(&metadata, &mut referred);
    let open: Vec<&&str> = referred.iter().filter(|id| !graph.contains_key(**id)).collect();
    assert_eq!(
        open,
        [&"http://mlcommons.org/croissant/1.1", &"https://w3id.org/ro/crate/1.1"]
    );
    assert_eq!(root["license"]["@id"], licence[1]);
    let person = graph["https://orcid.org/0000-0002-1825-0097"];
    assert_eq!(
        (&person["@type"], &person["name"]),
        (&"Person".into(), &"Ada Example".into())
    );
    assert_eq!(root["author"]["@id"], person["@id"]);
    // The newest record's end, whenever it was packed.
    let newest = bench
        .records("results")
        .into_iter()
        .map(|record| record.provenance.ended)
        .max();
    assert_eq!(root["datePublished"], newest.unwrap().replace('Z', "+00:00"));
}

#[test]
fn each_cell_is_one_action_though_two_share_a_record() {
    let twin = logistic_regression(4).replace("[[run]]", "[[run]]\nname = \"twin\"");
    let bench = Bench::new(&suite_text(120, &(logistic_regression(4) + &twin)));
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let records = bench.records("results");
    assert_eq!(records.len(), 1);
    assert_good(&bench.run(&["pack", "tiny.toml"]));
    let archive = unzipped(&bench.path("tiny.crate.zip"));
    let metadata = json(&archive, "ro-crate-metadata.json");
    let graph = graph(&metadata);
    let actions: Vec<&&Value> = graph
        .values()
        .filter(|entity| entity["@type"] == "CreateAction")
        .collect();
    assert_eq!(actions.len(), 2);
    let names: BTreeSet<&str> = actions.iter().map(|action| action["name"].as_str().unwrap()).collect();
    let titled = |run: &str| format!("{run} at length 48 with seed 1");
    assert_eq!(
        names,
        BTreeSet::from([&*titled("logistic_regression"), &*titled("twin")])
    );
    let scores = &records[0].outcome.as_ref().unwrap().scores;
    for action in actions {
        assert_eq!(action["instrument"]["@id"], "suite.toml");
        assert_eq!(action["identifier"], records[0].key);
        assert_eq!(action["actionStatus"], "http://schema.org/CompletedActionStatus");
        assert_eq!(
            action["startTime"],
            records[0].provenance.started.replace('Z', "+00:00")
        );
        assert!(action.get("error").is_none());
        assert!(ids(&graph["./"]["mentions"]).contains(&action["@id"].as_str().unwrap()));
        // Settings in: the data set, and the values that the title has.
        let inputs = ids(&action["object"]).into_iter().map(|id| graph[id]);
        let inputs: BTreeMap<&str, &Value> = inputs
            .map(|entity| (entity["exampleOfWork"]["@id"].as_str().unwrap(), &entity["value"]))
            .collect();
        assert_eq!(inputs["#input-length"], 48);
        assert_eq!(inputs["#input-seed"], 1);
        assert_eq!(inputs["#input-device"], "flex");
        assert_eq!(action["name"], titled(inputs["#input-run"].as_str().unwrap()));
        assert!(inputs.contains_key("#input-data"));
        // The record and its scores out.
        let results = ids(&action["result"]);
        assert!(results.contains(&&*format!("results/records/{}.json", records[0].key)));
        for (metric, value) in scores {
            let found = results
                .iter()
                .map(|id| graph[id])
                .find(|entity| entity["name"] == **metric);
            assert_eq!(found.unwrap()["value"], *value, "{metric}");
        }
    }
}

#[test]
fn a_cell_without_scores_is_a_failed_action_that_says_why() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp");
    let fixture = fixture.to_str().unwrap();
    let bench = Bench::new(&codiesp_suite("background"));
    let registry = format!("{fixture}/datasets.toml");
    let global = ["--quiet", "--data", fixture, "--datasets", &registry];
    let ran = bench.run(&[&global[..], &["run", "tiny.toml", "--no-report"]].concat());
    assert_eq!(ran.status.code(), Some(3), "{}", super::stderr(&ran));
    assert_good(&bench.run(&[&global[..], &["pack", "tiny.toml"]].concat()));
    let archive = unzipped(&bench.path("tiny.crate.zip"));
    let metadata = json(&archive, "ro-crate-metadata.json");
    let graph = graph(&metadata);
    let action = graph["#cell-1"];
    assert_eq!(action["actionStatus"], "http://schema.org/FailedActionStatus");
    let record = bench.records("results").remove(0);
    assert_eq!(action["error"], format!("skipped: {}", record.reason.unwrap()));
    // The registry that was used, and what it knows of the files; where they lie on this machine, nobody is told.
    assert_eq!(
        text(&archive, "datasets.toml"),
        std::fs::read_to_string(&registry).unwrap()
    );
    assert!(
        archive
            .values()
            .all(|bytes| !String::from_utf8_lossy(bytes).contains(fixture))
    );
    let croissant = json(&archive, "croissant/codiesp.json");
    let table = croissant["distribution"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["@id"] == "codiesp/train/trainD.tsv");
    let expected = "b5143fbc5c04bd89955e0d66571cafeadeeb39ac192109e8bd41b635b55342f8";
    assert_eq!(table.unwrap()["sha256"], expected);
    let sets = croissant["recordSet"].as_array().unwrap();
    let codes = sets
        .iter()
        .find(|set| set["@id"] == "codes/codiesp/train/trainD.tsv")
        .unwrap();
    let fields: Vec<&str> = codes["field"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["id", "code"]);
}
