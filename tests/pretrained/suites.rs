//! Suites that name pretrained encoders.

use std::path::Path;

use burn::tensor::Device;
use candle_core::{DType, Tensor};
use icdbench::models::{Initialiser, parameters};
use icdbench::plan::{Cell, Plan};
use icdbench::record::{StageName, Status};

use super::common::{Bench, assert_fails, assert_good, caml, stderr, stdout, suite_text};
use super::prepared::{Prepared, prepared};
use super::{HIDDEN, POSITIONS, TODAY, Tiny, VOCABULARY, config, tensors};

/// BERT-trun with the tiny encoder's sizes and two positions more.
const RUN: &str = r#"
[[run]]
text = "pieces"
encoder = "tiny"
[run.model.bert_trun]
encoder = { layers = 2, hidden = 4, heads = 2, intermediate = 6, positions = 7, dropout = 0.0, attention-dropout = 0.0, initializer-range = 0.02 }
pooler = true
classifier-dropout = 0.0
head = "fully-connected"
[run.training]
epochs = 12
batch-size = 8
accumulate = 1
bucket = 2
optimiser = { adamw = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = "matrices" } }
learning-rate = 0.05
schedule = { linear = { warmup = 0.1 } }
clip-norm = 1.0
select = { best = { metric = "map", patience = 50 } }
"#;

fn sha256(tiny: &Tiny) -> String {
    tiny.read().unwrap().weights_sha256
}

/// A suite with the runs, that encoder and its vocabulary.
fn suite(tiny: &Tiny, runs: &str) -> String {
    let tables = format!(
        "[text.pieces]\nnormalise = \"edin\"\ntokenizer = {{ word-piece = {{ file = {vocabulary:?}, lowercase = true }} }}\n\n\
         [encoder.tiny]\ndirectory = {directory:?}\nsha256 = \"{sha256}\"\n\n[evaluation]",
        vocabulary = tiny.path("vocab.txt"),
        directory = tiny.0.path(),
        sha256 = sha256(tiny),
    );
    suite_text(60, runs).replacen("[evaluation]", &tables, 1)
}

/// The plan, and what preparing it told the user.
fn plan(text: &str) -> Result<(Plan, Vec<String>), String> {
    prepared(text).map(|prepared| (prepared.plan, prepared.notices))
}

fn assert_refused(text: &str, words: &[&str]) {
    let message = plan(text).expect_err("refused");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

/// The runs without the key `encoder`, under another name.
fn from_the_seed() -> String {
    RUN.replace("encoder = \"tiny\"", "name = \"from the seed\"")
}

#[test]
fn an_encoder_starts_from_the_pretrained_one_and_the_rest_from_the_seed() {
    let tiny = Tiny::new();
    let Prepared { plan, tasks, .. } = prepared(&suite(&tiny, &(RUN.to_owned() + &from_the_seed()))).unwrap();
    assert!(tasks[0].encoder.is_some() && tasks[1].encoder.is_none());
    let [loaded, drawn] = [0, 1].map(|run| {
        let device = Device::flex().autodiff();
        let model = &plan.suite.runs[run].model;
        model.check(&tasks[run], 48).unwrap();
        parameters::read(&model.init(&tasks[run], &mut Initialiser::new(1, &device)))
    });
    let pretrained = tiny.read().unwrap().parameters;
    let known = POSITIONS * HIDDEN;
    for (path, values) in &loaded {
        match path.strip_prefix("encoder.") {
            Some("embeddings.position") => {
                assert_eq!(values.shape, [7, HIDDEN]);
                assert_eq!(values.values[..known], pretrained["embeddings.position"].values);
                assert_eq!(values.values[known..], drawn[path].values[known..]);
            }
            Some(inside) => assert_eq!(*values, pretrained[inside], "{path}"),
            None => assert_eq!(*values, drawn[path], "{path}"),
        }
    }
    let inside = loaded.keys().filter(|path| path.starts_with("encoder."));
    assert_eq!(inside.count(), pretrained.len());
}

#[test]
fn an_encoder_is_read_and_reported_once() {
    let tiny = Tiny::new();
    let second = RUN.replace("text =", "name = \"second\"\ntext =");
    let (_, notices) = plan(&suite(&tiny, &(RUN.to_owned() + &second))).unwrap();
    let reports: Vec<&String> = notices.iter().filter(|notice| notice.contains("[encoder.")).collect();
    assert_eq!(reports.len(), 1, "{notices:?}");
    let expected = format!("[encoder.tiny] {}", tiny.read().unwrap().report);
    assert_eq!(*reports[0], expected);
}

#[test]
fn an_encoder_that_no_run_names_is_not_read() {
    let tiny = Tiny::new();
    let text = suite(&tiny, &from_the_seed());
    std::fs::remove_file(tiny.path("model.safetensors")).unwrap();
    let (plan, notices) = plan(&text).unwrap();
    assert!(
        notices.iter().all(|notice| !notice.contains("[encoder.")),
        "{notices:?}"
    );
    assert!(!plan.cells[0].chain.contains_key(&StageName::Encoder));
}

/// The first cell's key and inputs.
fn cell(tiny: &Tiny, runs: &str) -> Cell {
    plan(&suite(tiny, runs)).unwrap().0.cells.remove(0)
}

#[test]
fn a_key_knows_the_weights_and_the_configuration_but_not_where_they_lie() {
    let place = || {
        let tiny = Tiny::new();
        let inside = tiny.path("tiny-bert");
        std::fs::create_dir(&inside).unwrap();
        for name in ["config.json", "vocab.txt", "model.safetensors"] {
            std::fs::rename(tiny.path(name), inside.join(name)).unwrap();
        }
        tiny
    };
    let (here, there) = (place(), place());
    let cell_in = |tiny: &Tiny, edit: &dyn Fn(&Path)| {
        let directory = tiny.path("tiny-bert");
        edit(&directory);
        let whole = icdbench::pretrained::PretrainedBert::read(&directory, None).unwrap();
        let other = Tiny::new();
        let text = suite(&other, RUN)
            .replace(&format!("{:?}", other.0.path()), &format!("{directory:?}"))
            .replace(&sha256(&other), &whole.weights_sha256);
        (plan(&text).unwrap().0.cells.remove(0), whole)
    };
    let (first, whole) = cell_in(&here, &|_| {});
    let (second, _) = cell_in(&there, &|_| {});
    assert_eq!(first.key, second.key);
    let inputs = serde_json::to_string(&first.chain).unwrap();
    assert!(!inputs.contains(&here.0.path().display().to_string()), "{inputs}");
    let stage = &first.chain[&StageName::Encoder];
    assert_eq!(stage.settings["encoder"]["directory"], "tiny-bert");
    assert_eq!(stage.settings["encoder"]["sha256"], whole.weights_sha256);
    assert_eq!(stage.made_by["config"], whole.config_sha256);
    let (changed, _) = cell_in(&there, &|directory| {
        let path = directory.join("config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text.replace("0.2", "0.3")).unwrap();
    });
    assert_ne!(first.key, changed.key);
    let plain = cell(&Tiny::new(), &from_the_seed());
    assert_ne!(first.key, plain.key);
}

#[test]
fn names_and_hashes_that_cannot_be_are_found_when_the_suite_is_read() {
    let tiny = Tiny::new();
    let good = suite(&tiny, RUN);
    assert_refused(
        &good.replace("encoder = \"tiny\"", "encoder = \"huge\""),
        &[
            "my.toml:",
            "run[0].encoder: \"huge\" is not defined",
            "[encoder.<name>]: tiny",
        ],
    );
    let alone = suite_text(60, &caml(1, 4).replacen("text", "encoder = \"tiny\"\ntext", 1));
    assert_refused(&alone, &["\"tiny\" is not defined", "none is there"]);
    let short = good.replace(&sha256(&tiny), "abc");
    assert_refused(
        &short,
        &["encoder.tiny.sha256: \"abc\": expected 64 hexadecimal digits"],
    );
    let unknown = good.replace("directory =", "folder =");
    assert_refused(&unknown, &["my.toml", "unknown field `folder`", "`directory`"]);
}

#[test]
fn what_does_not_fit_is_found_before_compute() {
    let tiny = Tiny::new();
    let good = suite(&tiny, RUN);
    assert!(plan(&good).is_ok());
    let wrong = "0".repeat(64);
    assert_refused(
        &good.replace(&sha256(&tiny), &wrong),
        &["[encoder.tiny]: ", "model.safetensors: found sha256", &wrong],
    );
    let elsewhere = good.replace(&format!("{:?}", tiny.0.path()), "\"no/such/directory\"");
    assert_refused(
        &elsewhere,
        &["[encoder.tiny]: no/such/directory/config.json: cannot read it"],
    );
    let with_caml = good.clone() + &caml(1, 4).replacen("text", "encoder = \"tiny\"\ntext", 1);
    assert_refused(
        &with_caml,
        &["run \"caml\": caml has no encoder: remove `encoder` from the run"],
    );
    assert_refused(
        &good.replace("text = \"pieces\"", "text = \"words\""),
        &[
            "run \"bert_trun\": [text.words] has",
            "[encoder.tiny] was trained with 9",
            "vocab.txt",
        ],
    );
    assert_refused(
        &good.replace("layers = 2", "layers = 3"),
        &["encoder.layers = 3 and the run's pretrained encoder has 2"],
    );
    let other = Tiny::new();
    let tokens = std::fs::read_to_string(other.path("vocab.txt")).unwrap();
    other.write("vocab.txt", tokens.replace("with", "without"));
    let swapped = good.replace(
        &format!("{:?}", tiny.path("vocab.txt")),
        &format!("{:?}", other.path("vocab.txt")),
    );
    assert_refused(
        &swapped,
        &["[text.pieces] and [encoder.tiny] have another token for id 7"],
    );
}

#[test]
fn rows_beyond_the_vocabulary_are_left() {
    let name = "embeddings.word_embeddings.weight";
    let mut padded = tensors(TODAY, DType::F32);
    let more = Tensor::full(9e9f32, (3, HIDDEN), &candle_core::Device::Cpu).unwrap();
    let table = Tensor::cat(&[&padded[name], &more], 0).unwrap();
    padded.insert(name.into(), table);
    let tiny = Tiny::with(&padded);
    let mut config = config();
    config["vocab_size"] = serde_json::json!(VOCABULARY + 3);
    tiny.write("config.json", config.to_string());
    let Prepared { plan, tasks, notices } = prepared(&suite(&tiny, RUN)).unwrap();
    let told = "; 3 rows of its table of tokens are beyond the vocabulary";
    assert!(notices.iter().any(|notice| notice.ends_with(told)), "{notices:?}");
    let model = &plan.suite.runs[0].model;
    let initialiser = &mut Initialiser::new(1, &Device::flex().autodiff());
    let filled = parameters::read(&model.init(&tasks[0], initialiser));
    let table = &filled["encoder.embeddings.word"];
    assert_eq!(table.shape, [VOCABULARY, HIDDEN]);
    let whole = Tiny::new().read().unwrap().parameters;
    assert_eq!(table.values, whole["embeddings.word"].values);
}

#[test]
fn an_encoders_own_files_say_how_text_is_read() {
    let tiny = Tiny::new();
    let key = |text: &str| plan(text).unwrap().0.cells.remove(0).keys[&StageName::Tokenizer].clone();
    let silent = key(&suite(&tiny, RUN));
    tiny.write("tokenizer_config.json", "{\"do_lower_case\": true}");
    let text = suite(&tiny, RUN);
    let (said, _) = plan(&text).unwrap();
    let stage = &said.cells[0].chain[&StageName::Tokenizer];
    assert_eq!(stage.made_by["tokenizer_config.json"].len(), 64);
    assert_ne!(silent, key(&text));
    // What obeying it changes is part of the key.
    let before = key(&text);
    tiny.write(
        "tokenizer_config.json",
        "{\"do_lower_case\": true, \"strip_accents\": false}",
    );
    assert_ne!(before, key(&text));
    for setting in ["strip-accents = false", "split-chinese = true"] {
        let asked = text.replace("lowercase = true", &format!("lowercase = true, {setting}"));
        assert_ne!(asked, text);
        assert_ne!(key(&asked), key(&text), "{setting}");
    }
    assert_refused(
        &text.replace("lowercase = true", "lowercase = false"),
        &[
            "[text.pieces]: ",
            "tokenizer_config.json: do_lower_case is true, expected false",
        ],
    );

    // A vocabulary that lies apart from the encoder has no such file beside it: the encoder's is compared.
    let apart = Tiny::new();
    let text = text.replace(
        &format!("{:?}", tiny.path("vocab.txt")),
        &format!("{:?}", apart.path("vocab.txt")),
    );
    assert_refused(
        &text,
        &[
            "[text.pieces]: ",
            "tokenizer_config.json: strip_accents is false, expected true",
        ],
    );
    assert!(plan(&text.replace("lowercase = true", "lowercase = true, strip-accents = false")).is_ok());
}

#[test]
fn the_program_prints_the_load_report_and_trains_from_the_encoder() {
    // Of the size of trained weights, with positions for a whole note and a head that reads all its tokens: [CLS] of
    // four elements comes to be the same for every note, and such scores are refused.
    let small = tensors(TODAY, DType::F32).into_iter();
    let small = small.map(|(name, tensor)| (name, tensor.affine(1.0 / 64.0, 0.0).unwrap()));
    let tiny = Tiny::with(&small.collect());
    let text = suite(&tiny, RUN)
        .replace("positions = 7", "positions = 50")
        .replace("pooler = true", "pooler = false")
        .replace("\"fully-connected\"", "{ label-attention = { label-block = 8 } }");
    let bench = Bench::new(&text);
    let output = bench.run(&["run", "tiny.toml", "--no-report"]);
    assert_good(&output);
    let report = stderr(&output);
    assert!(
        report.contains("note: [encoder.tiny] model.safetensors: loaded"),
        "{report}"
    );
    let records = bench.records("results");
    assert_eq!(records.len(), 1);
    let stage = &records[0].stages[&StageName::Encoder];
    assert_eq!(stage.settings["encoder"]["sha256"], sha256(&tiny));
    std::fs::write(bench.path("tiny.toml"), text.replace("heads = 2", "heads = 4")).unwrap();
    assert_fails(
        &bench.run(&["run", "tiny.toml"]),
        2,
        &["encoder.heads = 4 and the run's pretrained encoder has 2"],
    );
}

/// The suite with a run from the tiny encoder, which says how to get it, and one that needs nothing.
fn optional(tiny: &Tiny) -> String {
    let text = suite(tiny, &(RUN.to_owned() + &caml(1, 4)));
    let digest = format!("sha256 = \"{}\"", sha256(tiny));
    text.replacen(&digest, &format!("{digest}\nget = \"pip install tiny-bert\""), 1)
}

#[test]
fn runs_from_an_encoder_that_is_not_here_are_skipped_where_the_suite_says_how_to_get_it() {
    let tiny = Tiny::new();
    let text = optional(&tiny);
    let both =
        suite(&tiny, &(RUN.to_owned() + &from_the_seed())).replacen("sha256 = \"", "get = \"pip\"\nsha256 = \"", 1);
    let reason = |text: &str| {
        let (plan, _) = plan(text).unwrap();
        assert_eq!(plan.cells[1].skipped, None);
        (plan.cells[0].skipped.clone(), plan.cells[0].key.clone())
    };
    let (none, here) = reason(&text);
    assert_eq!(none, None);
    // It moves no key.
    let silent = text.replace("get = \"pip install tiny-bert\"", "");
    assert_eq!(reason(&silent).1, here);

    let directory = tiny.0.path().to_owned();
    let away = tiny.0.path().with_extension("away");
    std::fs::rename(&directory, &away).unwrap();
    let (why, absent) = reason(&text);
    let why = why.expect("skipped");
    assert!(why.starts_with("it needs [encoder.tiny], and "), "{why}");
    assert!(
        why.ends_with("is not there. To have it: pip install tiny-bert"),
        "{why}"
    );
    let parent = directory.parent().unwrap().display().to_string();
    assert!(!why.contains(&parent), "where it would lie: {why}");
    assert_ne!(absent, here, "a cell that was skipped is run once the encoder is there");
    assert_refused(&silent, &["cannot read it"]);
    std::fs::rename(&away, &directory).unwrap();

    // One that is there and broken is a mistake.
    std::fs::remove_file(tiny.path("config.json")).unwrap();
    assert_refused(&text, &["[encoder.tiny]: ", "config.json: cannot read it"]);
    // A vocabulary that comes with an encoder is got with it.
    std::fs::remove_dir_all(tiny.0.path()).unwrap();
    let (planned, _) = plan(&both).unwrap();
    let why = planned.cells[1].skipped.as_ref().expect("skipped");
    assert!(
        why.starts_with("it needs [text.pieces], and ") && why.ends_with("To have it: pip"),
        "{why}"
    );
    // What the encoder would be for is looked at all the same.
    let caml = caml(1, 4).replacen("text", "encoder = \"tiny\"\ntext", 1);
    assert_refused(&(both + &caml), &["run \"caml\": caml has no encoder"]);
    assert_refused(
        &text.replace("pip install tiny-bert", " "),
        &["encoder.tiny.get: \"\": expected how a user gets it"],
    );
}

#[test]
fn the_program_runs_the_rest_of_a_suite_whose_encoder_is_not_here() {
    let tiny = Tiny::new();
    let bench = Bench::new(&optional(&tiny));
    std::fs::remove_dir_all(tiny.0.path()).unwrap();
    let planned = bench.run(&["plan", "tiny.toml", "--no-estimate"]);
    assert_good(&planned);
    let json = stdout(&bench.run(&["--json", "plan", "tiny.toml", "--no-estimate"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let reason = json[0]["skipped"].as_str().unwrap();
    assert!(reason.ends_with("To have it: pip install tiny-bert"), "{reason}");
    let told = "skipped: bert_trun: it needs [encoder.tiny], and ";
    assert!(stdout(&planned).contains(told), "{}", stdout(&planned));
    assert_good(&bench.run(&["run", "tiny.toml"]));
    let mut records = bench.records("results");
    records.sort_by(|a, b| a.cell.run.cmp(&b.cell.run));
    let ends: Vec<_> = records
        .iter()
        .map(|record| (record.cell.run.as_str(), record.status))
        .collect();
    assert_eq!(ends, [("bert_trun", Status::Skipped), ("caml", Status::Ok)]);
    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    assert!(report.contains("To have it: pip install tiny-bert"), "{report}");
}

#[test]
fn word_vectors_that_are_not_here_are_told_like_an_encoder() {
    let bench = Bench::new("");
    let vectors = bench.path("vectors.txt");
    let digest = "0".repeat(64);
    let table = format!(
        "word-vectors = {{ file = {vectors:?}, sha256 = \"{digest}\", dimension = 4, scale = \"as-read\", get = \"ask for them\" }}\n"
    );
    let runs = caml(1, 4).replace("pretrained-embedding = false", "pretrained-embedding = true");
    let text = suite_text(60, &runs).replacen("\n[evaluation]", &format!("{table}\n[evaluation]"), 1);
    let (planned, _) = plan(&text).unwrap();
    let why = planned.cells[0].skipped.as_ref().expect("skipped");
    assert!(
        why.starts_with("it needs [text.words] word-vectors, and vectors.txt"),
        "{why}"
    );
    assert!(why.ends_with("To have it: ask for them"), "{why}");
}

#[test]
fn a_cell_that_was_scored_stays_so_where_its_encoder_is_gone() {
    let small = tensors(TODAY, DType::F32).into_iter();
    let small = small.map(|(name, tensor)| (name, tensor.affine(1.0 / 64.0, 0.0).unwrap()));
    let tiny = Tiny::with(&small.collect());
    let text = optional(&tiny)
        .replace("positions = 7", "positions = 50")
        .replace("pooler = true", "pooler = false")
        .replace("\"fully-connected\"", "{ label-attention = { label-block = 8 } }");
    let bench = Bench::new(&text);
    assert_good(&bench.run(&["run", "tiny.toml"]));
    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    let records = bench.records("results").len();
    std::fs::remove_dir_all(tiny.0.path()).unwrap();
    let planned = stdout(&bench.run(&["plan", "tiny.toml"]));
    assert!(
        planned.contains("2 of 2 cells have a record") && !planned.contains("skipped"),
        "{planned}"
    );
    assert_good(&bench.run(&["run", "tiny.toml"]));
    assert_eq!(
        bench.records("results").len(),
        records,
        "nothing is written over what was scored"
    );
    assert_eq!(
        std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap(),
        report
    );
    assert_good(&bench.run(&["report", "tiny.toml"]));
    assert_eq!(
        std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap(),
        report
    );
}

#[test]
fn the_suites_the_registry_and_the_documents_get_minilm_by_one_command() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let registry = icdbench::data::registry().unwrap();
    let command = &registry.encoders()["minilm"].fetch;
    let document = std::fs::read_to_string(root.join("REPRODUCE.md")).unwrap();
    assert!(document.contains(&format!("\n{command}\n")), "{command}");
    for name in ["codiesp-dev", "codiesp"] {
        let suite = icdbench::suite::Suite::read(&root.join(format!("suites/{name}.toml"))).unwrap();
        let choice = &suite.encoders["minilm"];
        assert_eq!(choice.get.as_ref(), Some(command));
        assert!(document.contains(&choice.sha256));
    }
}
