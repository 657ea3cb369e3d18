//! Weights and jobs that the engine refuses, each by its name.

use super::files::Case;
use super::*;

#[test]
fn weights_that_are_not_the_models_are_refused_by_name() {
    let plain = plain("caml");
    let words = |change: fn(&mut Case)| {
        let mut case = plain.clone();
        change(&mut case);
        case.on_disk(|load| Candle::default().load(load)).unwrap_err().words
    };
    let missing = words(|case| drop(case.parameters.remove("head.queries")));
    assert!(
        missing.contains("weights.safetensors: head.queries: it is not there"),
        "{missing}"
    );
    let left_over = words(|case| {
        let bias = case.parameters["head.bias"].clone();
        case.parameters.insert("head.other".into(), bias);
    });
    assert!(left_over.contains("the model has no head.other"), "{left_over}");
    let misshapen = words(|case| case.parameters.get_mut("convolution.weight").unwrap().shape.swap(0, 1));
    let expected = "convolution.weight: found [5, 4, 4] of F32, expected [4, 5, 4] of F32";
    assert!(misshapen.contains(expected), "{misshapen}");
}

#[test]
fn what_is_not_computed_here_is_refused_by_name() {
    let refuse = |model: &str, change: &dyn Fn(&mut Load), kind, expected: &str| {
        let failure = plain(model).on_disk(|load| {
            let mut load = load.clone();
            change(&mut load);
            Candle::default().load(&load).unwrap_err()
        });
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.words.contains(expected), "{failure}");
    };
    use FailureKind::{Failed, Unsupported};
    let set = |setting: &'static str, value: Value| {
        move |load: &mut Load| drop(load.settings.insert(setting.into(), value.clone()))
    };
    for model in ["caml", "bert_xml", "long_bert"] {
        refuse(
            model,
            &set("evidence-weight", json!(0.5)),
            Unsupported,
            "evidence-weight = 0.5",
        );
    }
    refuse("bert_xml", &set("long-notes", json!("skip")), Unsupported, "skip");
    refuse("bert_hier", &set("pooling", json!("median")), Unsupported, "median");
    refuse("bert_trun", &set("head", json!("two")), Unsupported, "two");
    refuse("caml", &set("stride", json!(2)), Unsupported, "stride");
    refuse(
        "caml",
        &|load| drop(load.settings.remove("width")),
        Unsupported,
        "width",
    );
    refuse(
        "caml",
        &|load| load.device = "cuda:0".into(),
        Unsupported,
        "device = cuda:0",
    );
    refuse(
        "caml",
        &|load| load.precision = "bf16".into(),
        Unsupported,
        "precision = bf16",
    );
    refuse(
        "caml",
        &|load| load.mode = Some("compiled".into()),
        Unsupported,
        "mode = compiled",
    );
    refuse("caml", &|load| load.model = "carl".into(), Unsupported, "model carl");
    refuse(
        "caml",
        &|load| load.length = 3,
        Failed,
        "inputs.safetensors: set 0, note 0: its length is 6",
    );
    refuse(
        "caml",
        &|load| load.task.vocabulary = 4,
        Failed,
        "is not in a vocabulary of 4",
    );
    refuse(
        "caml",
        &|load| load.codes = 5,
        Failed,
        "targets: found the shape [1, 4, 6], expected [1, 4, 5]",
    );
    refuse("bert_trun", &|load| load.task.cls = None, Failed, "no cls");
    refuse(
        "long_bert",
        &set("segment", json!(9)),
        Failed,
        "segment = 9 is above encoder.positions = 8",
    );
}
