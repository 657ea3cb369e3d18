//! The suite as a workflow with its inputs and output, and the programs that ran it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::entity::{creative, id, uri};
use crate::pack::contents::{Pack, SUITE};
use crate::record::{CellDescription, hex};

/// The input that is the data set.
pub(super) const DATA: &str = "#input-data";
/// The output.
pub(super) const RECORD: &str = "#output-record";
const LANGUAGE: &str = "#suite-format";
const WORKFLOW_PROFILE: &str = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE";
const PARAMETER_PROFILE: &str = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE";
/// What tells the cells of a suite apart: name, type, and what it is.
const INPUTS: [(&str, &str, &str); 4] = [
    ("run", "Text", "The run of the suite: a model in one setting"),
    (
        "length",
        "Integer",
        "Sequence length: the model reads the first so many tokens of a note",
    ),
    (
        "seed",
        "Integer",
        "What parameters, dropout and the order of the notes are drawn from",
    ),
    ("device", "Text", "Device class, as `--device` names it"),
];

/// The values that the inputs take, each with its identifier.
pub(super) struct Parameters(BTreeMap<(usize, String), (String, Value)>);

impl Parameters {
    pub fn of(pack: &Pack<'_>) -> Self {
        let mut found = BTreeMap::new();
        for record in pack.records() {
            for (input, value) in values(&record.cell).into_iter().enumerate() {
                found.insert((input, value.to_string()), (String::new(), value));
            }
        }
        let mut counts = [0; INPUTS.len()];
        for ((input, _), (id, _)) in &mut found {
            counts[*input] += 1;
            *id = format!("#{}-{}", INPUTS[*input].0, counts[*input]);
        }
        Self(found)
    }

    /// The identifiers of a cell's values.
    pub fn of_cell(&self, cell: &CellDescription) -> Vec<Value> {
        let inputs = values(cell).into_iter().enumerate();
        inputs
            .map(|(input, value)| id(&self.0[&(input, value.to_string())].0))
            .collect()
    }
}

/// In the order of [`INPUTS`].
fn values(cell: &CellDescription) -> [Value; INPUTS.len()] {
    [
        json!(cell.run),
        json!(cell.length),
        json!(cell.seed),
        json!(cell.device),
    ]
}

/// The workflow, its format, its parameters with their values, the programs.
pub(super) fn entities(pack: &Pack<'_>, parameters: &Parameters, dataset: &str) -> Vec<Value> {
    let programs = programs(pack);
    let mut entities = vec![workflow(pack, &programs), language(pack)];
    entities.extend([WORKFLOW_PROFILE, PARAMETER_PROFILE].map(|profile| {
        let name = profile.split('/').nth(4).unwrap_or_default();
        creative(
            profile,
            &format!("Bioschemas {name} profile"),
            json!({ "version": "1.0-RELEASE" }),
        )
    }));
    let places: BTreeSet<String> = pack.cells.iter().map(|cell| cell.place()).collect();
    let places: Vec<Value> = places.iter().map(|place| id(&uri(place))).collect();
    entities.push(parameter(DATA, ("data", "Dataset", "The data set"), vec![id(dataset)]));
    entities.push(parameter(RECORD, ("record", "File", "The record of a cell"), places));
    for (input, (name, kind, about)) in INPUTS.into_iter().enumerate() {
        let of = parameters.0.iter().filter(|((of, _), _)| *of == input);
        let examples = of.clone().map(|(_, (value, _))| id(value)).collect();
        let formal = format!("#input-{name}");
        entities.push(parameter(&formal, (name, kind, about), examples));
        entities.extend(of.map(|(_, (value_id, value))| {
            json!({
                "@id": value_id,
                "@type": "PropertyValue",
                "name": name,
                "value": value,
                "exampleOfWork": id(&formal),
            })
        }));
    }
    entities.extend(programs);
    entities
}

fn workflow(pack: &Pack<'_>, programs: &[Value]) -> Value {
    let sha256 = hex(&Sha256::digest(pack.suite));
    let inputs = INPUTS.map(|(name, _, _)| id(&format!("#input-{name}")));
    let required: Vec<Value> = programs
        .iter()
        .map(|program| json!({ "@id": program["@id"] }))
        .collect();
    json!({
        "@id": SUITE,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": pack.name,
        "description": pack.description,
        "version": &sha256[..12],
        "encodingFormat": "application/toml",
        "contentSize": pack.suite.len().to_string(),
        "sha256": sha256,
        "conformsTo": id(WORKFLOW_PROFILE),
        "programmingLanguage": id(LANGUAGE),
        "softwareRequirements": required,
        "input": std::iter::once(id(DATA)).chain(inputs).collect::<Vec<_>>(),
        "output": [id(RECORD)],
    })
}

fn language(pack: &Pack<'_>) -> Value {
    let newest = pack
        .records()
        .map(|record| record.provenance.icdbench_version.as_str())
        .max();
    json!({
        "@id": LANGUAGE,
        "@type": "ComputerLanguage",
        "name": "icdbench suite",
        "alternateName": "icdbench",
        "version": newest.unwrap_or_default(),
    })
}

fn parameter(of: &str, (name, kind, about): (&str, &str, &str), examples: Vec<Value>) -> Value {
    json!({
        "@id": of,
        "@type": "FormalParameter",
        "name": name,
        "description": about,
        "additionalType": kind,
        "conformsTo": id(PARAMETER_PROFILE),
        "workExample": examples,
    })
}

/// Every build of the program that made a record.
fn programs(pack: &Pack<'_>) -> Vec<Value> {
    let builds: BTreeSet<[&str; 3]> = pack
        .records()
        .map(|record| &record.provenance)
        .map(|made| [&made.icdbench_version, &made.git_revision, &made.code_sha256].map(String::as_str))
        .collect();
    let program = |(at, [version, revision, code]): (usize, [&str; 3])| {
        json!({
            "@id": format!("#program-{}", at + 1),
            "@type": "SoftwareApplication",
            "name": "icdbench",
            "description": "Benchmark and reproducibility harness for automated ICD coding of clinical notes",
            "softwareVersion": version,
            "identifier": [format!("git revision: {revision}"), format!("SHA-256 of its code: {code}")],
        })
    };
    builds.into_iter().enumerate().map(program).collect()
}
