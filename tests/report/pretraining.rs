//! What pretrained parameters give: which cells stand beside which.

use std::sync::Arc;

use icdbench::record::{Stage, StageName};
use serde_json::json;

use super::*;

/// A scored cell of a model, whose training read a stage.
fn of(run: &str, model: &str, seed: u64, level: f64, reads: &[StageName]) -> Reported {
    let cell = CellDescription {
        model: model.to_owned(),
        ..cell(run, 512, seed)
    };
    let mut found = scored(cell, level);
    let weights = Stage {
        reads: reads.iter().map(|&stage| (stage, "0".repeat(64))).collect(),
        settings: [(
            "model".to_owned(),
            json!({ model: { "pretrained-embedding": run == "with vectors" } }),
        )]
        .into(),
        ..Stage::default()
    };
    found.record.stages.insert(StageName::Weights, weights.into());
    found
}

/// The same cell, whose training began with an encoder.
pub fn from_an_encoder(mut cell: Reported) -> Reported {
    let reads = [(StageName::Encoder, "0".repeat(64))].into();
    let weights = Stage {
        reads,
        ..Stage::default()
    };
    cell.record.stages.insert(StageName::Weights, weights.into());
    cell
}

#[test]
fn what_pretrained_parameters_give_stands_beside_the_same_model_from_nothing() {
    let vectors = [StageName::Vectors];
    let records = [
        of("long_bert", "long_bert", 1, 0.4, &[]),
        of("from an encoder", "long_bert", 1, 0.5, &[StageName::Encoder]),
        of("from an encoder", "long_bert", 2, 0.5, &[StageName::Encoder]),
        of("caml", "caml", 1, 0.4, &vectors),
        of("with vectors", "caml", 1, 0.4, &vectors),
    ];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let table = table(&page, "pretraining");
    let printed: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| {
            let cells = row.cells.iter().map(|cell| match cell {
                Cell::Number(number) => number.mean.clone(),
                Cell::Text(text) => text.clone(),
                _ => "-".to_owned(),
            });
            row.labels.iter().cloned().chain(cells).collect()
        })
        .collect();
    // The seed that was not trained from nothing has nothing to be compared with, least of all another seed; a run that
    // could take word vectors and does not starts from nothing.
    assert_eq!(printed.len(), 2, "{printed:?}");
    let encoder = printed.iter().find(|row| row[0] == "from an encoder").unwrap();
    assert_eq!(
        &encoder[..7],
        ["from an encoder", "long_bert", "512", "1", "40.0", "50.0", "+10.0"]
    );
    assert_eq!(encoder[8], "yes");
    let words = printed.iter().find(|row| row[0] == "with vectors").unwrap();
    assert_eq!(
        &words[..9],
        [
            "with vectors",
            "caml",
            "512",
            "1",
            "40.0",
            "40.0",
            "0.0",
            "0.0 to 0.0",
            "no"
        ]
    );

    let sheet = String::from_utf8(csv::pretraining(&page.summary).unwrap()).unwrap();
    assert_eq!(sheet.lines().count(), 1 + 2 * 2, "{sheet}");
    assert!(sheet.contains(",long_bert,,micro-f1,0.4,0.5,0.09999"), "{sheet}");
}

#[test]
fn of_several_variants_the_one_with_the_nearest_settings_is_compared() {
    let with = |mut found: Reported, setting: &str| {
        let weights = Arc::make_mut(found.record.stages.get_mut(&StageName::Weights).unwrap());
        weights
            .settings
            .insert("training".to_owned(), json!({ "description-weight": setting }));
        found
    };
    let records = [
        with(of("caml", "caml", 1, 0.4, &[]), "0"),
        with(of("dr-caml", "caml", 1, 0.3, &[]), "1"),
        with(of("dr-caml, encoder", "caml", 1, 0.5, &[StageName::Encoder]), "1"),
    ];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let beside: Vec<_> = table(&page, "pretraining")
        .rows
        .iter()
        .map(|row| row.labels[1].as_str())
        .collect();
    assert_eq!(beside, ["dr-caml"]);
}

#[test]
fn the_mark_stands_at_the_side_that_had_not_finished() {
    let mut records = [
        of("from nothing", "long_bert", 1, 0.4, &[]),
        of("from an encoder", "long_bert", 1, 0.5, &[StageName::Encoder]),
    ];
    records[0].record.outcome.as_mut().unwrap().unfinished = Some(icdbench::record::Unfinished::BestAmongLast);
    for found in &mut records {
        found.notes = None;
    }
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let row = &table(&page, "pretraining").rows[0];
    let marks = row.cells[..3]
        .iter()
        .map(|cell| matches!(cell, Cell::Number(number) if number.unfinished));
    assert_eq!(marks.collect::<Vec<_>>(), [true, false, true]);
    // Without rows by note the plain difference, in both.
    assert!(matches!(&row.cells[2], Cell::Number(number) if number.mean == "+10.0"));
    let sheet = String::from_utf8(csv::pretraining(&page.summary).unwrap()).unwrap();
    assert!(
        sheet.contains(",from nothing,best-among-last,micro-f1,0.4,0.5,0.09999"),
        "{sheet}"
    );
}

#[test]
fn the_words_that_have_a_vector_are_told_of_the_runs_that_have_vectors() {
    let mut records = [
        of("caml", "caml", 1, 0.4, &[]),
        of("with vectors", "caml", 1, 0.4, &[StageName::Vectors]),
    ];
    records[1].record.outcome.as_mut().unwrap().task.words_with_vector = Some(1_234);
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let told = "1,234 of the 11,872 entries of the vocabulary have a pretrained vector: with vectors.";
    assert!(table(&page, "data").foot.iter().any(|line| line == told));
}

#[test]
fn without_a_pair_there_is_no_such_table() {
    let records = [
        of("a", "long_bert", 1, 0.4, &[StageName::Encoder]),
        of("b", "bert_trun", 1, 0.4, &[]),
    ];
    let suite = suite(Vec::new());
    assert!(page(&records, &suite).tables().all(|table| table.id != "pretraining"));
}
