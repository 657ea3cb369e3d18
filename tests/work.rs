//! What models say of their work: against PyTorch's counter, sums by hand, and how it grows with a note's length.

use icdbench::models::{ModelConfig, NoteSize, Work};
use serde::Deserialize;
use serde_json::json;

/// A model of `tests/reference/make_flops.py`, and what PyTorch counted.
#[derive(Deserialize)]
struct Case {
    name: String,
    model: ModelConfig,
    codes: usize,
    notes: Vec<Vec<i32>>,
    inference: u64,
    step: u64,
}

/// A note of so many tokens, all different.
fn note(tokens: usize) -> NoteSize {
    NoteSize {
        tokens,
        distinct: tokens,
    }
}

/// The work of a model with its published settings for 8,192 tokens and 50 codes, on notes of those lengths.
fn published(name: &str, lengths: &[usize]) -> Option<Work> {
    let notes: Vec<NoteSize> = lengths.iter().map(|&length| note(length)).collect();
    ModelConfig::published(name, 8192).unwrap().work(50, &notes)
}

fn inference(name: &str, length: usize) -> u64 {
    published(name, &[length]).unwrap().inference
}

/// Operations of `rows x inner x columns`, two for each multiply-add.
fn product(rows: u64, inner: u64, columns: u64) -> u64 {
    2 * rows * inner * columns
}

const COUNTED: [&str; 8] = [
    "logistic_regression",
    "caml",
    "bigru_attention",
    "bert_trun",
    "bert_hier",
    "bert_xml",
    "long_bert",
    "plm_icd",
];

#[test]
fn every_model_counts_what_pytorch_counts() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/flops.json")).unwrap();
    for name in COUNTED {
        assert!(cases.iter().any(|case| case.model.name() == name), "{name}");
    }
    for case in cases {
        let notes: Vec<NoteSize> = case.notes.iter().map(|tokens| NoteSize::of(tokens)).collect();
        let work = case.model.work(case.codes, &notes).unwrap();
        let name = format!("{}, {}", case.model.name(), case.name);
        assert_eq!(work.inference, case.inference, "{name}");
        // No gradient at the state that a note begins with, in both directions: [1, 3H] x [3H, H].
        let left_out = match &case.model {
            ModelConfig::BigruAttention(config) => {
                let hidden = config.hidden as u64;
                2 * notes.len() as u64 * product(1, 3 * hidden, hidden)
            }
            _ => 0,
        };
        assert_eq!(work.step, case.step + left_out, "{name}");
    }
}

/// LongBERT is BERT L-2 H-256 with 1,024 between, here on one segment of 512 tokens:
///
/// | a layer | shape | operations |
/// |---|---|---|
/// | queries, keys, values | 512 x 256 x 768 | 201,326,592 |
/// | attention's output | 512 x 256 x 256 | 67,108,864 |
/// | feed-forward, twice | 512 x 256 x 1,024 | 536,870,912 |
/// | scores, weighted values | 512 x 512 x 256 each | 268,435,456 |
///
/// which is 2^30, for two layers 2^31. The head's 50 labels have scores and document vectors, 50 x 256 x 512 each, and
/// 50 classifiers of 256.
#[test]
fn long_bert_at_512_tokens_is_the_sum_by_hand() {
    let head = 2 * 13_107_200 + 25_600;
    let expected = (1 << 31) + head;
    assert_eq!(expected, 2_173_723_648);
    let work = published("long_bert", &[512]).unwrap();
    assert_eq!((work.inference, work.step), (expected, 3 * expected));
}

/// CAML at 512 words and a width of 10 has 513 positions: a convolution of 10 x 100 inputs to 50 filters, then 50 labels
/// with scores and vectors of 50 x 513 each, and 50 classifiers of 50.
#[test]
fn caml_at_512_words_is_the_sum_by_hand() {
    let expected = 51_300_000 + 2 * 2_565_000 + 5_000;
    let work = published("caml", &[512]).unwrap();
    assert_eq!((work.inference, work.step), (expected, 3 * expected));
}

/// The bi-GRU's word vectors of 300 are given, not trained: their product with each direction's 3 x 512 gates has no
/// gradient at them. The recurrence is 512 x 1,536 a token and direction; 200 heads read states of 1,024 twice; 50 codes
/// read what all heads found.
#[test]
fn the_bigru_at_512_words_is_the_sum_by_hand() {
    let inputs = 2 * product(512, 300, 1_536);
    let rest = 2 * product(512, 512, 1_536) + 2 * product(200, 1_024, 512) + product(1, 200 * 1_024, 50);
    let work = published("bigru_attention", &[512]).unwrap();
    assert_eq!((work.inference, work.step), (inputs + rest, 2 * inputs + 3 * rest));
}

/// BERT-base on 512 positions: 12 layers of 4 x 768^2 + 2 x 768 x 3,072 weights, each used by every position, and scores
/// and weighted values of 512 x 512 x 768; then 50 classifiers on `[CLS]`. 96.6 billion operations.
#[test]
fn bert_base_on_its_512_positions_is_the_sum_by_hand() {
    let settings = json!({"bert_trun": {
        "encoder": {"preset": "bert-base", "dropout": 0.1, "attention-dropout": 0.1, "initializer-range": 0.02},
        "pooler": false, "classifier-dropout": 0.1, "head": "fully-connected",
    }});
    let config: ModelConfig = serde_json::from_value(settings).unwrap();
    let layer = product(512, 7_077_888, 1) + 2 * product(512, 512, 768);
    let expected = 12 * layer + product(1, 768, 50);
    assert_eq!(config.work(50, &[note(510)]).unwrap().inference, expected);
    assert_eq!(expected / 100_000_000, 966);
}

/// Differences between lengths that are equally far apart, and the differences of those.
fn differences(name: &str, first: usize, apart: usize) -> ([u64; 2], u64) {
    let [a, b, c] = [0, 1, 2].map(|index| inference(name, first + index * apart));
    ([b - a, c - b], (c - b) - (b - a))
}

#[test]
fn work_grows_linearly_where_notes_are_cut_or_read_in_order() {
    for (name, segment) in [
        ("logistic_regression", 1),
        ("caml", 1),
        ("bigru_attention", 1),
        ("long_bert", 512),
    ] {
        let ([more, _], curved) = differences(name, 4 * segment, segment);
        assert!(more > 0, "{name}");
        assert_eq!(curved, 0, "{name}");
    }
    // Within its segment LongBERT attends to all.
    assert!(differences("long_bert", 100, 1).1 > 0);
}

#[test]
fn work_grows_quadratically_where_tokens_or_segments_attend_to_all() {
    // Two layers, each with two products whose operations are 2 x 256 for every pair of positions; the square's second
    // difference is 2.
    assert_eq!(differences("bert_xml", 4000, 1).1, 2 * 2 * 2 * 256 * 2);
    // Of BERT-hier only the one layer over the segments, of 510 tokens each, has pairs.
    assert_eq!(differences("bert_hier", 5 * 510, 510).1, 2 * 2 * 256 * 2);
}

#[test]
fn what_is_cut_off_is_no_work() {
    assert_eq!(inference("bert_trun", 510), inference("bert_trun", 8192));
    assert!(inference("bert_trun", 509) < inference("bert_trun", 510));
}

#[test]
fn notes_of_other_lengths_in_the_batch_add_nothing() {
    for name in COUNTED {
        let lengths = [700, 1, 0, 1024];
        let alone = lengths.map(|length| published(name, &[length]).unwrap());
        assert_eq!(published(name, &lengths), Some(alone.into_iter().sum()), "{name}");
    }
}

#[test]
fn padding_that_is_attended_to_is_work() {
    let work = |attends: bool| {
        let ModelConfig::Caml(mut config) = ModelConfig::published("caml", 512).unwrap() else {
            panic!("another model")
        };
        config.attend_to_padding = attends;
        ModelConfig::Caml(config).work(50, &[note(100), note(300)])
    };
    assert_eq!(work(false), published("caml", &[100, 300]));
    assert_eq!(work(true), published("caml", &[300, 300]));
}

#[test]
fn nothing_is_said_where_the_work_depends_on_codes_or_there_are_no_products() {
    assert_eq!(published("evidence_dictionary", &[512]), None);
    for (name, setting) in [
        ("caml", "description-weight"),
        ("caml", "evidence-weight"),
        ("bert_xml", "evidence-weight"),
        ("long_bert", "evidence-weight"),
    ] {
        let mut settings = json!(ModelConfig::published(name, 512).unwrap());
        settings[name][setting] = json!(0.5);
        let config: ModelConfig = serde_json::from_value(settings).unwrap();
        assert_eq!(config.work(50, &[note(512)]), None, "{name} with {setting}");
    }
}
