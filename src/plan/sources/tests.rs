use super::*;
use crate::models::ModelConfig;
use crate::text::TokenizerKind;

const DATASETS: [&str; 4] = ["codiesp", "own", "prepared", "synthetic"];
const BERT: [&str; 5] = ["bert_hier", "bert_trun", "bert_xml", "long_bert", "plm_icd"];

fn kinds() -> [&'static str; 3] {
    let kinds = [
        TokenizerKind::Words,
        TokenizerKind::WordPiece,
        TokenizerKind::ByteLevelBpe,
    ];
    kinds.map(TokenizerKind::name)
}

fn every_stage() -> Vec<Code<'static>> {
    let mut stages = vec![
        Code::Vectors,
        Code::Encoder,
        Code::Ensemble,
        Code::External,
        Code::Record,
        Code::Preparation,
    ];
    stages.extend(DATASETS.map(|dataset| Code::Notes { dataset }));
    stages.extend(kinds().map(Code::Tokenizer));
    stages.extend(kinds().map(Code::Tokens));
    stages.extend(ModelConfig::NAMES.iter().map(|model| Code::Weights { model }));
    stages.extend(ModelConfig::NAMES.iter().map(|model| Code::Scores { model }));
    stages.extend(ModelConfig::NAMES.iter().map(|model| Code::Evidence { model }));
    stages
}

/// Checks that each place has a file in the stage's group, or none.
#[track_caller]
fn check(code: Code, inside: &[&str], outside: &[&str]) {
    let files = files(code);
    let found = |place: &str| files.iter().copied().find(|file| is_in(file, place));
    for place in inside {
        assert!(
            found(place).is_some(),
            "{code:?} is not moved by {place}, of {files:#?}"
        );
    }
    for place in outside {
        assert!(exists(place), "{place} is no file: correct this test");
        assert_eq!(found(place), None, "{code:?} is moved by it");
    }
}

fn exists(places: &str) -> bool {
    SOURCES.iter().any(|(name, _)| is_in(name, places))
}

/// What no stage may be moved by.
const NEVER: &[&str] = &[
    "src/cli/",
    "src/report/",
    "src/compare/",
    "src/gate/",
    "src/audit/",
    "src/pack/",
    "src/bench/",
    "src/speed/",
    "src/candle/",
    "src/throughput/",
    "src/suite/",
    "src/plan/",
    "src/models/mod.rs",
    "src/models/table.rs",
    "src/models/work.rs",
    "src/data/mod.rs",
    "src/data/stats.rs",
    "src/data/verify.rs",
    "src/data/registry.rs",
    "src/data/error.rs",
    "src/text/error.rs",
];

#[test]
fn what_only_shows_checks_or_lists_moves_no_stage() {
    for code in every_stage() {
        check(code, &[], NEVER);
    }
}

#[test]
fn a_data_sets_reader_moves_its_own_notes_only() {
    let shared = [
        "src/data/corpus.rs",
        "src/data/division.rs",
        "src/data/labels.rs",
        "src/data/fit.rs",
        "src/data/split.rs",
        "src/data/note.rs",
        "src/data/checksum.rs",
    ];
    let codiesp = ["src/data/codiesp.rs", "src/data/tables.rs", "src/data/titles.rs"];
    let others = ["src/text/", "src/models/", "src/train/", "src/metrics/"];
    let inside = [&shared[..], &codiesp].concat();
    let outside = [&["src/data/synthetic/"][..], &others].concat();
    check(Code::Notes { dataset: "codiesp" }, &inside, &outside);
    let inside = [
        &shared[..],
        &["src/data/synthetic/bank.tsv", "src/data/synthetic/phrases.txt"],
    ]
    .concat();
    check(
        Code::Notes { dataset: "synthetic" },
        &inside,
        &[&codiesp[..], &others].concat(),
    );
    for code in every_stage()
        .into_iter()
        .filter(|code| !matches!(code, Code::Notes { .. } | Code::External | Code::Preparation))
    {
        check(code, &[], &["src/data/"]);
    }
}

#[test]
fn each_kind_of_tokenizer_moves_its_own_tokens_only() {
    let shared = [
        "src/text/tokenizer.rs",
        "src/text/normalise.rs",
        "src/text/artifact.rs",
        "src/text/encoding.rs",
        "src/text/vocabulary.rs",
        "src/text/store.rs",
        "src/text/store_file.rs",
    ];
    let words = ["src/text/words.rs"];
    let pieces = [
        "src/text/wordpiece.rs",
        "src/text/wordpiece_files.rs",
        "src/text/wordpiece_training.rs",
    ];
    let bytes = ["src/text/bpe.rs", "src/text/bpe_files.rs", "src/text/bpe_folder.rs"];
    let outside = ["src/text/vectors.rs", "src/text/batches.rs", "src/models/", "src/data/"];
    for (kind, own, others) in [
        ("words", &words[..], [&pieces[..], &bytes]),
        ("word-piece", &pieces, [&words, &bytes]),
        ("byte-level-bpe", &bytes, [&words, &pieces]),
    ] {
        let (inside, outside) = ([&shared[..], own].concat(), [&others.concat()[..], &outside].concat());
        check(Code::Tokenizer(kind), &inside, &outside);
        check(Code::Tokens(kind), &inside, &outside);
    }
}

#[test]
fn word_vectors_and_encoders_move_their_own_stage_only() {
    let own = ["src/stages/vectors.rs", "src/text/vectors.rs"];
    assert_eq!(Vec::from_iter(files(Code::Vectors)), own);
    let encoder = "src/pretrained/";
    check(
        Code::Encoder,
        &[encoder, "src/models/parameters.rs"],
        &[
            "src/text/",
            "src/record/",
            "src/train/",
            "src/kernels/",
            "src/models/bert/",
        ],
    );
    for code in every_stage() {
        if code != Code::Vectors {
            check(code, &[], &["src/text/vectors.rs"]);
        }
        if code != Code::Encoder {
            check(code, &[], &[encoder]);
        }
    }
}

#[test]
fn a_models_own_files_move_that_model_only() {
    for model in ModelConfig::NAMES {
        let own = format!("src/models/{model}.rs|src/models/{model}/");
        for code in every_stage() {
            match code {
                Code::Weights { model: of } | Code::Scores { model: of } | Code::Evidence { model: of }
                    if of == *model =>
                {
                    check(code, &[&own], &[]);
                }
                _ => check(code, &[], &[&own]),
            }
        }
    }
}

#[test]
fn what_only_encoders_need_moves_the_bert_models_only() {
    let shared = [
        "src/models/bert/encoder.rs",
        "src/models/layers/packing.rs",
        "src/models/layers/transformer.rs",
        "src/models/ops/attention.rs",
    ];
    for model in ModelConfig::NAMES {
        for code in [Code::Weights { model }, Code::Scores { model }] {
            match BERT.contains(model) {
                true => check(
                    code,
                    &shared,
                    &["src/models/gru.rs", "src/models/gru/", "src/kernels/gru.rs"],
                ),
                false => check(code, &[], &[&shared[..], &["src/models/bert/"]].concat()),
            }
        }
    }
}

#[test]
fn training_moves_weights_and_what_scoring_needs_moves_scores_too() {
    let training = [
        "src/train/run.rs",
        "src/train/optimiser.rs",
        "src/train/recipe.rs",
        "src/train/evaluation.rs",
        "src/kernels/adam.rs",
        "src/metrics/threshold.rs",
        "src/metrics/codes.rs",
    ];
    let both = [
        "src/train/score.rs",
        "src/text/batches.rs",
        "src/text/store.rs",
        "src/models/batch.rs",
        "src/device.rs",
        "src/device/cuda.rs",
    ];
    let neither = [
        "src/metrics/names.rs",
        "src/metrics/evaluate.rs",
        "src/metrics/frequency.rs",
        "src/metrics/degenerate.rs",
        "src/metrics/error.rs",
        "src/record/",
        "src/text/tokenizer.rs",
        "src/text/encoding.rs",
        "src/text/words.rs",
    ];
    for model in ModelConfig::NAMES {
        check(Code::Weights { model }, &[&training[..], &both].concat(), &neither);
        check(Code::Scores { model }, &both, &[&training[..], &neither].concat());
    }
}

#[test]
fn kernels_move_the_models_that_reach_them() {
    let expected = [
        ("caml", "src/kernels/convolution.rs", "src/kernels/gru.rs"),
        (
            "caml",
            "src/kernels/label_attention.rs",
            "src/kernels/label_documents.rs",
        ),
        (
            "bigru_attention",
            "src/kernels/gru/forward.rs",
            "src/kernels/label_attention.rs",
        ),
        (
            "logistic_regression",
            "src/kernels/bag.rs",
            "src/kernels/convolution.rs",
        ),
        (
            "bert_xml",
            "src/kernels/label_documents.rs",
            "src/kernels/convolution.rs",
        ),
        ("long_bert", "src/kernels/attention/rows.rs", "src/kernels/bag.rs"),
        (
            "long_bert",
            "src/models/label_attention.rs",
            "src/models/shared_attention.rs",
        ),
        (
            "plm_icd",
            "src/models/cross_attention.rs",
            "src/models/shared_attention.rs",
        ),
    ];
    for (model, inside, outside) in expected {
        check(Code::Weights { model }, &[inside, "src/kernels/vector.rs"], &[outside]);
        check(Code::Scores { model }, &[inside], &[outside]);
    }
}

#[test]
fn every_metric_moves_the_record() {
    let is_metric = |name: &str| name.starts_with("src/metrics/") && !PASS_ON.contains(&name);
    let metrics = SOURCES.iter().filter(|(name, _)| is_metric(name));
    let metrics: Vec<&str> = metrics.map(|(name, _)| *name).collect();
    check(
        Code::Record,
        &[&metrics[..], &["src/record/mod.rs", "src/record/store.rs"]].concat(),
        &["src/models/", "src/train/", "src/kernels/", "src/text/", "src/data/"],
    );
}

#[test]
fn every_file_moves_a_stage_or_is_said_to_move_nothing() {
    let moving: BTreeSet<&str> = every_stage().into_iter().flat_map(files).collect();
    let idle: Vec<&str> = NOTHING.iter().flat_map(|(places, _)| places.iter().copied()).collect();
    for (name, _) in SOURCES {
        assert!(
            moving.contains(name) || idle.iter().any(|place| is_in(name, place)),
            "{name} moves no stage: import it where it is used, make it a root of a group in src/plan/sources.rs, or \
             say in NOTHING there why it moves nothing"
        );
    }
}

#[test]
fn every_row_of_the_tables_names_a_file() {
    let groups = [
        NOTES,
        TOKENIZER,
        TOKENS,
        VECTORS,
        ENCODER,
        WEIGHTS,
        SCORES,
        RECORD,
        PREPARATION,
    ];
    let roots = groups.iter().flat_map(|group| group.roots.iter().copied());
    let walls = groups
        .iter()
        .flat_map(|group| group.walls.iter().map(|(wall, _)| *wall));
    let nothing = NOTHING.iter().flat_map(|(places, _)| places.iter().copied());
    let kinds = KINDS.iter().map(|(_, place)| *place);
    for place in roots
        .chain(walls)
        .chain(nothing)
        .chain(kinds)
        .filter(|place| !place.contains("{}"))
    {
        assert!(
            exists(place),
            "no file is at {place:?}: correct or delete its row in src/plan/sources.rs"
        );
    }
    let imports = |from: &str, to: &str| IMPORTS.iter().any(|(name, found)| *name == from && found.contains(&to));
    for (from, to, _) in EXTRA {
        assert!(
            exists(from) && exists(to),
            "{from} or {to} is gone: correct that row of EXTRA in src/plan/sources.rs"
        );
        assert!(
            !imports(from, to),
            "{from} reaches {to} anyway: delete that row of EXTRA in src/plan/sources.rs"
        );
    }
}

#[test]
fn a_file_that_only_names_others_has_no_code() {
    for name in PASS_ON {
        let source = std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for word in code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')) {
            let is_code = [
                "fn",
                "struct",
                "enum",
                "trait",
                "impl",
                "const",
                "static",
                "type",
                "macro_rules",
            ];
            assert!(
                !is_code.contains(&word),
                "{name} holds a {word}: take it out of PASS_ON in src/plan/sources.rs"
            );
        }
    }
}

#[test]
fn hashes_differ_between_stages_and_count_the_compilers_settings_for_numbers() {
    let stages = every_stage();
    let hashes: BTreeSet<String> = stages.iter().map(|code| sha256(*code)).collect();
    assert_eq!(hashes.len(), stages.len());
    // The files of the group, by hand.
    let line = |place: &str| {
        let (name, code) = SOURCES.iter().find(|(name, _)| *name == place).unwrap();
        format!("{name} {code}\n")
    };
    let files = line("src/stages/vectors.rs") + &line("src/text/vectors.rs");
    let expected = hex(&Sha256::digest(format!("{files}{PROFILE}")));
    assert_eq!(sha256(Code::Vectors), expected);
    for code in stages {
        let expected = !matches!(
            code,
            Code::Notes { .. } | Code::Tokenizer(_) | Code::Encoder | Code::Preparation
        );
        assert_eq!(group(code).0.floats, expected, "{code:?}");
    }
}

#[test]
#[should_panic(expected = "no file of the source is at \"src/models/gone.rs|src/models/gone/\"")]
fn a_model_without_a_file_is_refused() {
    sha256(Code::Weights { model: "gone" });
}

#[test]
#[should_panic(expected = "no tokenizer is called \"letters\"")]
fn an_unknown_kind_of_tokenizer_is_refused() {
    sha256(Code::Tokens("letters"));
}
