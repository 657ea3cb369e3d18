//! The data set of a suite as a Croissant 1.1 description: what the registry knows of its files and fields. It has no
//! content; of a data set that a user prepares or keeps not even a file, only what such a file is called and holds.

use serde_json::{Value, json};

use super::contents::Pack;
use crate::data::{Dataset, TableCodes, TableSettings, TableSplit};

/// Where it lies in the archive.
pub(super) fn path(dataset: &Dataset) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let name: String = dataset.name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!("croissant/{name}.json")
}

/// The description.
pub(super) fn describe(pack: &Pack<'_>) -> Value {
    let dataset = pack.dataset;
    let (distribution, record_sets) = layout(dataset);
    let access = match (pack.generated, dataset.credentialed) {
        (true, _) => " These notes are generated ones in its form.",
        (false, true) => " Access needs credentials (a data use agreement): nothing of it is here.",
        (false, false) => "",
    };
    let mut described = json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": dataset.name,
        "description": format!("{}. Source: {}.{access}", pack.dataset_title(), dataset.source),
        "license": licence(pack.dataset_licence()),
        "citeAs": dataset.citation,
        "distribution": distribution,
        "recordSet": record_sets,
    });
    if dataset.source.starts_with("http") {
        described["url"] = dataset.source.clone().into();
    }
    described
}

/// Files and records, as far as they are known.
fn layout(dataset: &Dataset) -> (Vec<Value>, Vec<Value>) {
    match (&dataset.prepare, &dataset.table) {
        (Some(_), _) => prepared(dataset),
        (None, Some(table)) => own(table),
        (None, None) if dataset.name == "synthetic" => synthetic(),
        (None, None) => listed(dataset),
    }
}

/// As `icdbench data synth` writes it.
fn synthetic() -> (Vec<Value>, Vec<Value>) {
    let files = vec![
        file_set(
            "texts",
            "*/*.txt",
            "text/plain",
            "A note a file, in a folder for each part, as `icdbench data synth` writes them.",
        ),
        file_set(
            "codes-table",
            "codes.tsv",
            "text/tab-separated-values",
            "A code a line: part, note, code. No header.",
        ),
    ];
    let text = |property: &str| json!({ "fileSet": id("texts"), "extract": { "fileProperty": property } });
    let column = |at: &str| json!({ "fileSet": id("codes-table"), "extract": { "column": at } });
    let notes = record_set(
        "notes",
        "The notes",
        vec![
            ("id", "The note's identifier", with(text("filename"), r"^(.*)\.txt$")),
            ("part", "train, dev or test", with(text("fullpath"), r"([^/]+)/[^/]+$")),
            ("text", "The note", text("content")),
        ],
    );
    let codes = record_set(
        "codes",
        "Their codes",
        vec![
            ("part", "train, dev or test", column("0")),
            ("id", "The note's identifier", column("1")),
            ("code", "An ICD-10-CM code", column("2")),
        ],
    );
    (files, vec![notes, codes])
}

/// As `icdbench data prepare` writes it.
fn prepared(dataset: &Dataset) -> (Vec<Value>, Vec<Value>) {
    let name = format!("{}/notes.parquet", dataset.name);
    let about = "What `icdbench data prepare` makes of an export that the user has. It is not in this archive.";
    let files = vec![file_set("notes-table", &name, "application/vnd.apache.parquet", about)];
    let column = |name: &str| json!({ "fileSet": id("notes-table"), "extract": { "column": name } });
    let notes = record_set(
        "notes",
        "The notes, a row each",
        vec![
            ("id", "The note's identifier", column("note_id")),
            ("patient", "The patient's identifier", column("subject_id")),
            (
                "admission",
                "The identifier of the hospital stay or visit",
                column("admission_id"),
            ),
            ("part", "train, dev or test", column("split")),
            ("text", "The note", column("text")),
            (
                "codes",
                "Its codes, each with its kind and its place in the admission's list",
                column("codes"),
            ),
        ],
    );
    (files, vec![notes])
}

/// A table of the user's own.
fn own(table: &TableSettings) -> (Vec<Value>, Vec<Value>) {
    let name = table
        .file
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let format = match name.trim_end_matches(".gz").rsplit_once('.').map_or("", |(_, end)| end) {
        "parquet" => "application/vnd.apache.parquet",
        "jsonl" | "ndjson" => "application/jsonlines",
        "tsv" => "text/tab-separated-values",
        _ => "text/csv",
    };
    let files = vec![file_set(
        "notes-table",
        &name,
        format,
        "A table that its owner keeps. It is not in this archive.",
    )];
    let column = |name: &str| json!({ "fileSet": id("notes-table"), "extract": { "column": name } });
    let mut fields = vec![
        ("id", "The note's identifier", column(&table.id)),
        ("text", "The note", column(&table.text)),
    ];
    if let Some(patient) = &table.patient {
        fields.push(("patient", "The patient's identifier", column(patient)));
    }
    if let TableSplit::Column(split) = &table.split {
        fields.push(("part", "train, dev or test", column(split)));
    }
    if let TableCodes::List(codes) | TableCodes::Separated { column: codes, .. } = &table.codes {
        fields.push(("codes", "Its codes", column(codes)));
    }
    (files, vec![record_set("notes", "The notes", fields)])
}

/// The files and folders that the registry lists.
fn listed(dataset: &Dataset) -> (Vec<Value>, Vec<Value>) {
    let mut files = Vec::new();
    let mut records = Vec::new();
    for folder in &dataset.folders {
        let about = format!(
            "{} notes, a file each. SHA-256 of what `LC_ALL=C bash -c 'sha256sum * | sha256sum'` digests there: {}.",
            folder.files,
            folder.sha256.as_deref().unwrap_or("not known")
        );
        files.push(file_set(
            &folder.path,
            &format!("{}/*.txt", folder.path),
            "text/plain",
            &about,
        ));
        let text = |property: &str| json!({ "fileSet": id(&folder.path), "extract": { "fileProperty": property } });
        let fields = vec![
            ("id", "The note's identifier", with(text("filename"), r"^(.*)\.txt$")),
            ("text", "The note", text("content")),
        ];
        let name = format!("notes/{}", folder.path);
        records.push(record_set(&name, &format!("The notes of {}", folder.path), fields));
    }
    // A file object has a hash, or it is none: those that are not known are left out.
    for (entry, sha256) in dataset
        .files
        .iter()
        .filter_map(|entry| Some((entry, entry.sha256.as_ref()?)))
    {
        files.push(json!({
            "@type": "cr:FileObject",
            "@id": entry.path,
            "name": entry.path,
            "description": format!("In the data directory, from {}.", dataset.source),
            "contentUrl": entry.path,
            "encodingFormat": if entry.path.ends_with(".tsv") { "text/tab-separated-values" } else { "text/csv" },
            "sha256": sha256,
        }));
        // Tables of CodiEsp's two sub-tracks of codes: note and code, no header.
        if ["D.tsv", "P.tsv"].iter().any(|end| entry.path.ends_with(end)) {
            let column = |at: &str| json!({ "fileObject": id(&entry.path), "extract": { "column": at } });
            let fields = vec![
                ("id", "The note's identifier", column("0")),
                ("code", "An ICD-10 code", column("1")),
            ];
            let name = format!("codes/{}", entry.path);
            records.push(record_set(&name, &format!("The codes of {}", entry.path), fields));
        }
    }
    (files, records)
}

fn id(of: &str) -> Value {
    json!({ "@id": of })
}

/// A source of which only what the expression finds counts.
fn with(mut source: Value, regex: &str) -> Value {
    source["transform"] = json!({ "regex": regex });
    source
}

fn file_set(name: &str, includes: &str, format: &str, about: &str) -> Value {
    json!({
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": about,
        "encodingFormat": format,
        "includes": includes,
    })
}

fn record_set(name: &str, about: &str, fields: Vec<(&str, &str, Value)>) -> Value {
    let field = |(field, about, source): (&str, &str, Value)| {
        json!({
            "@type": "cr:Field",
            "@id": format!("{name}/{field}"),
            "name": field,
            "description": about,
            "dataType": "sc:Text",
            "source": source,
        })
    };
    json!({
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": about,
        "field": fields.into_iter().map(field).collect::<Vec<_>>(),
    })
}

/// A licence by its address, where the registry's words are those of a known one.
fn licence(words: &str) -> &str {
    match words {
        "CC BY 4.0" => "https://creativecommons.org/licenses/by/4.0/",
        other => other,
    }
}

/// The context of Croissant 1.1.
fn context() -> Value {
    let own = [
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "extract",
        "field",
        "fileObject",
        "fileProperty",
        "fileSet",
        "format",
        "includes",
        "isArray",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "separator",
        "source",
        "subField",
        "transform",
    ];
    let mut context = json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "conformsTo": "dct:conformsTo",
        "cr": "http://mlcommons.org/croissant/",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "dct": "http://purl.org/dc/terms/",
        "description": { "@container": "@language" },
        "examples": { "@id": "cr:examples", "@type": "@json" },
        "name": { "@container": "@language" },
        "rai": "http://mlcommons.org/croissant/RAI/",
        "sc": "https://schema.org/",
    });
    for term in own {
        context[term] = format!("cr:{term}").into();
    }
    context
}
