//! What papers print in the plot by length: of the very task, from the registry.

use std::collections::BTreeMap;

use icdbench::published::Published;
use icdbench::record::{Chain, Stage, StageName};
use icdbench::report::PrintedScore;
use icdbench::reproduce::{Planned, printed_points};
use serde_json::json;

use super::figures::{sheet, texts, tips};
use super::*;

pub fn printed(run: &str, model: &str, length: u32, metric: &str, value: f64) -> PrintedScore {
    PrintedScore {
        task: ["codiesp", "all codes", "test"].map(str::to_owned),
        paper: "longbert".to_owned(),
        label: "LongBERT".to_owned(),
        run: run.to_owned(),
        model: model.to_owned(),
        length,
        metric: metric.to_owned(),
        value,
    }
}

#[test]
fn printed_scores_stand_in_the_plot_by_length() {
    let records = [
        scored(cell("caml", 512, 1), 0.4),
        scored(cell("long_bert", 512, 1), 0.45),
    ];
    let mut suite = suite(Vec::new());
    suite.printed = vec![
        printed("long_bert", "long_bert", 4096, "micro-f1", 0.5193),
        printed("long_bert", "long_bert", 1024, "micro-f1", 0.4697),
        printed("BERT-XML", "bert_xml", 512, "micro-f1", 0.9),
        printed("CAML 2", "caml", 512, "map", 0.9),
    ];
    let page = page(&records, &suite);
    let figure = figure(&page, "lengths");
    let labels = texts(&figure.scene);
    assert!(labels.contains(&"longbert: long_bert (printed)"), "{labels:?}");
    // No run of the suite is of that model, and no panel of that metric.
    assert!(
        !labels
            .iter()
            .any(|label| label.contains("BERT-XML") || label.contains("CAML 2"))
    );
    assert!(tips(&figure.scene).contains(&"longbert: long_bert (printed) at length 4,096: 51.9, as printed"));
    assert!(figure.caption.contains("Hollow markers are scores that papers print"));
    assert_eq!(sheet(&page, "printed.csv").len(), 1 + 4);
    suite
        .printed
        .iter_mut()
        .for_each(|point| point.task[1] = "top 50".to_owned());
    let page = assemble(&records, &suite);
    assert!(page.figures().all(|figure| !figure.caption.contains("Hollow markers")));
    assert_eq!(sheet(&page, "printed.csv").len(), 1);
}

#[test]
fn only_scores_of_the_same_notes_and_labels_are_taken_from_the_registry() {
    let notes = |labels: &str, generated: bool| {
        let mut settings = BTreeMap::from([
            ("data".to_owned(), json!("fingerprint")),
            ("labels".to_owned(), json!(labels)),
            ("division".to_owned(), json!("as published")),
        ]);
        if generated {
            settings.insert("generated".to_owned(), json!(true));
        }
        let stage = Stage {
            settings,
            ..Stage::default()
        };
        Chain::from([(StageName::Notes, stage.into())])
    };
    let published = Published::built_in().unwrap();
    let planned = |run: &str, length: u32| Planned {
        run: run.to_owned(),
        length,
        model: "long_bert".to_owned(),
        chain: notes("all", false),
        needs: None,
    };
    let suites = BTreeMap::from([(
        "longbert".to_owned(),
        vec![
            planned("LongBERT", 1024),
            planned("LongBERT", 2048),
            planned("CAML", 2500),
        ],
    )]);
    let found = |labels: &str, generated: bool| {
        let mut record = scored(cell("long_bert", 1024, 1), 0.4);
        record.record.stages = notes(labels, generated);
        printed_points(&published, &suites, &[record])
    };
    let points = found("all", false);
    let f1: Vec<(u32, f64)> = points
        .iter()
        .filter(|point| point.metric == "micro-f1")
        .map(|point| (point.length, point.value))
        .collect();
    // Table 2 of the paper; its CAML has no printed length.
    assert_eq!(f1, [(1024, 0.4697), (2048, 0.5036)]);
    assert!(
        points
            .iter()
            .all(|point| point.task == ["codiesp", "all codes", "test"] && point.paper == "longbert")
    );
    assert_eq!(found("top 50", false), []);
    assert_eq!(found("all", true), []);
}
