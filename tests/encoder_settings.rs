//! Settings of the BERT models that cannot be: each is answered before any compute, with the place, what was found,
//! what was expected and, where there is one, the next step.
//!
//! Pretrained encoders that do not fit are in `tests/pretrained`, a length of 0 is in `tests/suite.rs`.

mod common;
#[path = "common/prepared.rs"]
mod prepared;

use common::{Bench, assert_fails, suite_text};
use icdbench::models::{ModelConfig, Task};
use icdbench::plan::Plan;
use icdbench::suite::Suite;
use prepared::prepared;

const ENCODER: &str = "encoder = { layers = 2, hidden = 8, heads = 2, intermediate = 12, positions = 20, dropout = 0.1, attention-dropout = 0.1, initializer-range = 0.02 }";

const RECIPE: &str = r#"
[run.training]
epochs = 1
batch-size = 8
accumulate = 1
bucket = 2
optimiser = { adam = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.0, decay = "all" } }
learning-rate = 0.01
schedule = "constant"
clip-norm = 0.0
select = "last"
"#;

/// The rest of each model's settings.
const MODELS: [(&str, &str); 5] = [
    (
        "bert_trun",
        "pooler = false\nclassifier-dropout = 0.1\nhead = \"fully-connected\"",
    ),
    (
        "bert_hier",
        "segment = 20\nsegment-layer = { heads = 4, intermediate = 16, dropout = 0.1 }\npooling = \"mean\"\n\
         classifier-dropout = 0.1\nhead = { label-attention = { label-block = 4 } }",
    ),
    (
        "bert_xml",
        "long-notes = \"split\"\nlabel-vectors = \"descriptions\"\nhidden = 6\nlabel-block = 4",
    ),
    ("long_bert", "segment = 20\noverlap = 4\nlabel-block = 4"),
    (
        "plm_icd",
        "chunk = 20\nhead = { label-attention = { projection = 6, initializer-range = 0.03, label-block = 4 } }",
    ),
];

/// A good suite with one run of a model on WordPiece tokens.
fn suite(model: &str) -> String {
    let (_, settings) = MODELS.iter().find(|(name, _)| *name == model).unwrap();
    let run = format!("\n[[run]]\ntext = \"pieces\"\n[run.model.{model}]\n{ENCODER}\n{settings}\n{RECIPE}");
    let text = "[text.pieces]\nnormalise = \"edin\"\n\
                tokenizer = { train-word-piece = { vocabulary = 200, min-frequency = 2, lowercase = true } }\n\n\
                [evaluation]";
    suite_text(60, &run).replacen("[evaluation]", text, 1)
}

/// The suite with one thing changed.
fn changed(model: &str, from: &str, to: &str) -> String {
    let text = suite(model);
    assert!(text.contains(from), "{model}: the suite has no {from:?}");
    text.replacen(from, to, 1)
}

fn plan(text: &str) -> Result<Plan, String> {
    prepared(text).map(|prepared| prepared.plan)
}

fn assert_refused(text: &str, words: &[&str]) {
    let message = plan(text).expect_err("refused");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

#[test]
fn the_suites_that_are_broken_here_are_good() {
    for (model, _) in MODELS {
        let plan = plan(&suite(model)).unwrap_or_else(|error| panic!("{model}: {error}"));
        assert_eq!(plan.cells.len(), 1, "{model}");
    }
}

/// The line of the encoder in the suite of a model, from 1.
fn encoder_line(model: &str) -> usize {
    1 + suite(model).lines().position(|line| line == ENCODER).unwrap()
}

#[test]
fn an_encoder_that_is_not_one_is_named_with_line_and_column() {
    let cases: &[(&str, &[&str])] = &[
        (
            "encoder = { preset = \"bert-bse\" }",
            &[
                "column 11",
                "encoder preset \"bert-bse\" is not known",
                "expected one of bert-base, roberta-base, small-2x256, ehr-small, ehr-big, tiny",
            ],
        ),
        (
            "encoder = { preset = \"bert-base\", hidden = 512 }",
            &[
                "preset \"bert-base\" fixes `hidden`",
                "remove it, or write the encoder out without a preset",
            ],
        ),
        (
            &ENCODER.replace("intermediate = 12, ", ""),
            &["the encoder lacks `intermediate`: give it, or a `preset`"],
        ),
        (
            "encoder = { preset = \"bert-base\", attention-dropout = 0.1, initializer-range = 0.02 }",
            &["the encoder lacks `dropout`: give it, a preset fixes sizes only"],
        ),
        (
            "encoder = { preset = \"bert-base\", dropout = 0.1, initializer-range = 0.02 }",
            &["the encoder lacks `attention-dropout`: give it"],
        ),
        (
            "encoder = { preset = \"bert-base\", dropout = 0.1, attention-dropout = 0.1 }",
            &["the encoder lacks `initializer-range`: give it"],
        ),
        (
            &ENCODER.replace(", initializer-range = 0.02", ""),
            &["the encoder lacks `initializer-range`: give it"],
        ),
        (
            "encoder = { layers = 2, positions = 20 }",
            &["the encoder lacks `hidden`"],
        ),
        (
            &ENCODER.replace("heads = 2", "haeds = 2"),
            &["column 37", "unknown field `haeds`", "`heads`"],
        ),
    ];
    for (model, _) in MODELS {
        let place = format!("line {}, column ", encoder_line(model));
        for (encoder, words) in cases {
            let text = changed(model, ENCODER, encoder);
            assert_refused(&text, &[&["my.toml", &place], *words].concat());
        }
    }
}

#[test]
fn a_preset_may_be_given_other_positions_and_dropout() {
    for (model, _) in MODELS {
        let preset = "encoder = { preset = \"tiny\", positions = 20, dropout = 0.0, attention-dropout = 0.2, initializer-range = 0.1 }";
        assert!(plan(&changed(model, ENCODER, preset)).is_ok(), "{model}");
    }
}

/// What each of the models refuses.
#[test]
fn an_encoder_that_cannot_be_is_named_with_its_run() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "hidden = 8",
            "hidden = 9",
            &[
                "encoder.hidden = 9 is not a multiple of encoder.heads = 2",
                "each head takes an equal share",
            ],
        ),
        ("layers = 2", "layers = 0", &["encoder.layers = 0: expected at least 1"]),
        ("heads = 2", "heads = 0", &["encoder.heads = 0: expected at least 1"]),
        (
            " dropout = 0.1,",
            " dropout = 1.0,",
            &["encoder.dropout = 1: expected a probability, from 0 to below 1"],
        ),
        (
            "attention-dropout = 0.1",
            "attention-dropout = -0.5",
            &["encoder.attention-dropout = -0.5: expected a probability, from 0 to below 1"],
        ),
        (
            "initializer-range = 0.02 }",
            "initializer-range = 0.02, norm-epsilon = 0.0 }",
            &["encoder.norm-epsilon = 0: expected a number above 0 and below 1"],
        ),
    ];
    for (model, _) in MODELS {
        let place = format!("run \"{model}\", length 48: ");
        for (from, to, words) in cases {
            assert_refused(&changed(model, from, to), &[&[place.as_str()], *words].concat());
        }
    }
}

#[test]
fn positions_that_are_too_few_are_named_with_what_needs_them() {
    let specials = "encoder.positions = 2: expected at least 3, for [CLS], a token and [SEP]";
    for model in ["bert_trun", "bert_xml"] {
        assert_refused(
            &changed(model, "positions = 20", "positions = 2"),
            &[model, "length 48", specials],
        );
        assert!(plan(&changed(model, "positions = 20", "positions = 3")).is_ok());
    }
    for (model, setting) in [("bert_hier", "segment"), ("long_bert", "segment"), ("plm_icd", "chunk")] {
        let above = "is above encoder.positions = 20: lower it, or give the encoder more positions";
        assert_refused(
            &changed(model, &format!("{setting} = 20"), &format!("{setting} = 21")),
            &[model, "length 48", &format!("{setting} = 21 {above}")],
        );
    }
    assert!(plan(&changed("plm_icd", "chunk = 20", "chunk = 1")).is_ok());
    assert_refused(
        &changed("bert_hier", "segment = 20", "segment = 2"),
        &["segment = 2: expected at least 3, for [CLS], a token and [SEP]"],
    );
}

#[test]
fn segments_that_do_not_advance_are_named() {
    for overlap in [20, 25] {
        assert_refused(
            &changed("long_bert", "overlap = 4", &format!("overlap = {overlap}")),
            &[
                "run \"long_bert\", length 48",
                &format!("overlap = {overlap} is not below segment = 20: segments would not advance"),
            ],
        );
    }
    assert!(plan(&changed("long_bert", "overlap = 4", "overlap = 19")).is_ok());
    assert_refused(
        &changed("long_bert", "segment = 20", "segment = 0"),
        &["segment = 0: expected at least 1"],
    );
}

#[test]
fn whole_notes_need_a_position_for_every_token() {
    let whole = changed("bert_xml", "\"split\"", "\"whole\"");
    assert_refused(
        &whole,
        &[
            "run \"bert_xml\", length 48",
            "the sequence length with [CLS] and [SEP] = 50 is above encoder.positions = 20",
            "lower it, or give the encoder more positions",
        ],
    );
    assert_refused(
        &whole.replace("positions = 20", "positions = 49"),
        &["= 50 is above encoder.positions = 49"],
    );
    assert!(plan(&whole.replace("positions = 20", "positions = 50")).is_ok());
}

#[test]
fn a_tokenizer_of_words_has_no_cls() {
    for model in ["bert_trun", "bert_hier", "bert_xml", "plm_icd"] {
        assert_refused(
            &changed(model, "text = \"pieces\"", "text = \"words\""),
            &[
                &format!("run {model:?}, length 48"),
                "the tokenizer has no [CLS] and [SEP]",
                "give the run a [text.<name>] with a WordPiece vocabulary",
            ],
        );
    }
    // LongBERT adds none.
    assert!(plan(&changed("long_bert", "text = \"pieces\"", "text = \"words\"")).is_ok());
}

#[test]
fn heads_that_cannot_be_are_named() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "bert_hier",
            "label-block = 4",
            "label-block = 0",
            "head.label-attention.label-block = 0: expected at least 1",
        ),
        (
            "bert_xml",
            "label-block = 4",
            "label-block = 0",
            "label-block = 0: expected at least 1",
        ),
        (
            "long_bert",
            "label-block = 4",
            "label-block = 0",
            "label-block = 0: expected at least 1",
        ),
        (
            "bert_xml",
            "\nhidden = 6",
            "\nhidden = 0",
            "hidden = 0: expected at least 1",
        ),
        (
            "bert_trun",
            "pooler = false\nclassifier-dropout = 0.1\nhead = \"fully-connected\"",
            "pooler = true\nclassifier-dropout = 0.1\nhead = { label-attention = { label-block = 4 } }",
            "pooler = true: only the fully-connected head reads it; write pooler = false, or head = \"fully-connected\"",
        ),
        (
            "bert_trun",
            "classifier-dropout = 0.1",
            "classifier-dropout = 1.0",
            "classifier-dropout = 1: expected a probability, from 0 to below 1",
        ),
        (
            "bert_hier",
            "segment-layer = { heads = 4",
            "segment-layer = { heads = 3",
            "encoder.hidden = 8 is not a multiple of segment-layer.heads = 3: each head takes an equal share",
        ),
        (
            "bert_hier",
            "intermediate = 16",
            "intermediate = 0",
            "segment-layer.intermediate = 0: expected at least 1",
        ),
        ("plm_icd", "chunk = 20", "chunk = 0", "chunk = 0: expected at least 1"),
        (
            "plm_icd",
            "projection = 6",
            "projection = 0",
            "head.label-attention.projection = 0: expected at least 1",
        ),
        (
            "plm_icd",
            "initializer-range = 0.03",
            "initializer-range = -1.0",
            "head.label-attention.initializer-range = -1: expected a number above 0",
        ),
        (
            "plm_icd",
            "label-attention = { projection = 6, initializer-range = 0.03, label-block = 4 }",
            "cross-attention = { initializer-range = 0.03, label-block = 0 }",
            "head.cross-attention.label-block = 0: expected at least 1",
        ),
    ];
    for (model, from, to, words) in cases {
        let place = format!("run {model:?}, length 48: ");
        assert_refused(&changed(model, from, to), &[&place, words]);
    }
    assert_refused(
        &changed("bert_hier", "pooling = \"mean\"", "pooling = \"sum\""),
        &["my.toml", "unknown variant `sum`", "`mean`", "`max`"],
    );
}

/// Every code of the generated notes has a title: this one is asked of the model itself.
#[test]
fn label_vectors_from_descriptions_need_a_description_of_every_code() {
    let suite = Suite::parse(&suite("bert_xml"), "my.toml").unwrap();
    let model = &suite.runs[0].model;
    let mut task = Task {
        codes: 3,
        vocabulary: 50,
        cls: Some(2),
        separator: Some(3),
        descriptions: vec![vec![7], vec![8, 9], vec![10]],
        ..Task::default()
    };
    assert_eq!(model.check(&task, 48), Ok(()));
    task.descriptions[1].clear();
    let problem = model.check(&task, 48).unwrap_err();
    for words in [
        "label-vectors = \"descriptions\": 1 of 3 codes have no description",
        "add them to the data set's code titles, or write label-vectors = \"random\"",
    ] {
        assert!(problem.contains(words), "{words:?} is not in: {problem}");
    }
    let mut settings = serde_json::to_value(model).unwrap();
    settings["bert_xml"]["label-vectors"] = "random".into();
    let random: ModelConfig = serde_json::from_value(settings).unwrap();
    assert_eq!(random.check(&task, 48), Ok(()));
}

#[test]
fn the_program_answers_before_any_compute() {
    let bench = Bench::new(&changed("long_bert", "overlap = 4", "overlap = 20"));
    let output = bench.run(&["run", "tiny.toml"]);
    assert_fails(&output, 2, &["run \"long_bert\", length 48: overlap = 20 is not below"]);
    assert!(bench.records("results").is_empty());
    assert!(!bench.path("results/work").exists());
}
