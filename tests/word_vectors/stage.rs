//! Word vectors as a stage of a cell: what it reads, what moves its key, what a suite may not say, and the command.

use icdbench::plan::Plan;
use icdbench::record::StageName;
use icdbench::suite::Suite;

use crate::common::{Bench, assert_fails, assert_good, caml, codiesp_suite, stderr, suite_text};

const WORD2VEC: &str = r#"word-vectors = { scale = "as-read", train = { word2vec = { architecture = "cbow", dimension = 16, epochs = 2, window = 5, min-count = 1, sample = 1e-3, negative = 5, ns-exponent = 0.75, hierarchical-softmax = false, cbow-mean = true, alpha = 0.025, min-alpha = 0.0001, initial = 0.5, sigmoid = "exact", seed = 1, unlabelled = [] } } }"#;
const STARSPACE: &str = r#"word-vectors = { scale = "unit-rows", train = { starspace = { dimension = 16, epochs = 2, min-count = 1, loss = "hinge", similarity = "cosine", margin = 0.05, neg-search-limit = 50, max-neg-samples = 10, batch-size = 5, lr = 0.01, adagrad = true, p = 0.5, init-rand-sd = 0.001, norm = 1.0, seed = 1 } } }"#;

fn with(suite: &str, vectors: &str) -> String {
    let suite = suite.replacen("\n[evaluation]", &format!("{vectors}\n\n[evaluation]"), 1);
    suite.replace("pretrained-embedding = false", "pretrained-embedding = true")
}

fn synthetic(vectors: &str) -> String {
    with(&suite_text(60, &caml(12, 16)), vectors)
}

fn keys(text: &str) -> std::collections::BTreeMap<StageName, String> {
    let suite = Suite::parse(text, "test.toml").unwrap();
    let plan = Plan::make(suite, &icdbench::data::registry().unwrap(), None, "flex").unwrap();
    plan.cells[0].keys.clone()
}

#[test]
fn a_cell_trains_its_vectors_and_the_same_command_finds_them_again() {
    for (vectors, method) in [(WORD2VEC, "word2vec"), (STARSPACE, "starspace")] {
        let bench = Bench::new(&synthetic(vectors));
        let output = bench.run(&["run", "tiny.toml", "--no-report"]);
        assert_good(&output);
        let told = stderr(&output);
        assert_eq!(told.matches(&format!("[text.words] {method}: ")).count(), 1, "{told}");
        assert!(
            told.contains("(100.0 %) have a vector; the others start from 0"),
            "{told}"
        );
        let record = bench.records("results").remove(0);
        assert_eq!(
            record.stages[&StageName::Vectors]
                .reads
                .keys()
                .copied()
                .collect::<Vec<_>>(),
            [StageName::Notes, StageName::Tokenizer]
        );
        let outcome = record.outcome.unwrap();
        assert_eq!(outcome.task.words_with_vector, Some(outcome.task.vocabulary - 2));
        // Written out: nothing is trained again.
        for (format, file) in [("text", "vectors.txt"), ("binary", "vectors.bin")] {
            let output = bench.run(&["vectors", "tiny.toml", "--format", format, "--out", file]);
            assert_good(&output);
            assert!(!stderr(&output).contains(method), "{}", stderr(&output));
        }
        let text = std::fs::read_to_string(bench.path("vectors.txt")).unwrap();
        let head = format!("{} 16\n", outcome.task.vocabulary - 2);
        assert!(text.starts_with(&head), "{head}");
        assert!(
            std::fs::read(bench.path("vectors.bin"))
                .unwrap()
                .starts_with(head.as_bytes())
        );
        // As a file they give what they gave as a stage.
        let sha256 = {
            use sha2::Digest;
            icdbench::record::hex(&sha2::Sha256::digest(text.as_bytes()))
        };
        let file = format!(
            "word-vectors = {{ file = \"vectors.txt\", sha256 = \"{sha256}\", dimension = 16, scale = \"as-read\" }}"
        );
        std::fs::write(bench.path("tiny.toml"), synthetic(&file)).unwrap();
        assert_good(&bench.run(&["--results", "other", "run", "tiny.toml", "--no-report"]));
        let other = bench.records("other").remove(0).outcome.unwrap();
        assert_eq!((other.scores, other.epochs), (outcome.scores, outcome.epochs));
    }
}

#[test]
fn a_suite_without_word_vectors_has_none_to_write() {
    let bench = Bench::new(&suite_text(60, &caml(2, 16)));
    let output = bench.run(&["vectors", "tiny.toml", "--format", "text", "--out", "vectors.txt"]);
    assert_fails(
        &output,
        2,
        &["tiny: no run reads a [text.NAME] with word-vectors", "none"],
    );
    assert!(!bench.path("vectors.txt").exists());
}

/// A part of a table of one's own notes: each note has the words of its part.
fn own_notes(held_out: &str) -> String {
    let mut table = "id\ttext\tcodes\tpart\n".to_owned();
    for (part, notes, word) in [
        ("train", 30, "fever"),
        ("dev", 10, held_out),
        ("test", 10, held_out),
        ("more", 10, "rash"),
    ] {
        for note in 0..notes {
            let code = ["A01", "B02"][note % 2];
            let codes = if part == "more" { "" } else { code };
            table += &format!(
                "{part}{note}\tthe patient has {word} {word} and {}\t{codes}\t{part}\n",
                ["pain", "cough"][note % 2]
            );
        }
    }
    table
}

fn own_suite(vectors: &str) -> String {
    let data = "[data.csv]\nname = \"mine\"\ncredentialed = false\nfile = \"notes.tsv\"\nid = \"id\"\ntext = \"text\"\n\
                split = { column = \"part\" }\ncodes = { separated = { column = \"codes\", separator = \";\" } }\n";
    let suite = with(&suite_text(60, &caml(2, 16)), vectors).replace("rule = { top = 8 }", "rule = \"all\"");
    suite.replace("[data.synthetic]\nseed = 1\nnotes = 60\nmedian-words = 40\n", data)
}

/// The vectors of a suite on one's own notes, as text.
fn trained(held_out: &str, vectors: &str) -> String {
    let bench = Bench::new(&own_suite(vectors));
    std::fs::write(bench.path("notes.tsv"), own_notes(held_out)).unwrap();
    assert_good(
        &bench
            .command(&[
                "--data",
                ".",
                "vectors",
                "tiny.toml",
                "--format",
                "text",
                "--out",
                "vectors.txt",
            ])
            .output()
            .unwrap(),
    );
    std::fs::read_to_string(bench.path("vectors.txt")).unwrap()
}

#[test]
fn held_out_notes_never_reach_the_training() {
    let unlabelled = WORD2VEC.replace("unlabelled = []", "unlabelled = [\"more\"]");
    for vectors in [WORD2VEC, STARSPACE, &unlabelled] {
        let one = trained("canary", vectors);
        assert!(one.contains("fever") && !one.contains("canary"), "{one}");
        assert_eq!(one, trained("something else altogether", vectors), "{vectors}");
    }
    // The texts of the part that is named do.
    assert_ne!(trained("canary", WORD2VEC), trained("canary", &unlabelled));
    for part in ["dev", "test", "train"] {
        let held_out = WORD2VEC.replace("unlabelled = []", &format!("unlabelled = [\"{part}\"]"));
        let problem = Suite::parse(&own_suite(&held_out), "test.toml")
            .unwrap_err()
            .to_string();
        assert!(problem.contains("has a role in [division]"), "{problem}");
    }
}

#[test]
fn a_named_part_of_a_release_is_read_and_moves_the_key() {
    let named = WORD2VEC.replace("unlabelled = []", "unlabelled = [\"background\"]");
    let suite = |vectors: &str| {
        with(
            &codiesp_suite("dev").replacen("\n[[run]]", &format!("{}\n[[run]]", caml(1, 16)), 1),
            vectors,
        )
    };
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp");
    let data = source.to_str().unwrap();
    let registry = source.join("datasets.toml");
    let registry = registry.to_str().unwrap();
    let bench = Bench::new("");
    for (vectors, texts) in [(WORD2VEC, "6 texts"), (&named, "9 texts")] {
        std::fs::write(bench.path("tiny.toml"), suite(vectors)).unwrap();
        let command = [
            "--data",
            data,
            "--datasets",
            registry,
            "vectors",
            "tiny.toml",
            "--format",
            "text",
            "--out",
            "v.txt",
        ];
        let output = bench.run(&command);
        assert_good(&output);
        assert!(stderr(&output).contains(texts), "{}", stderr(&output));
    }
    let unknown = WORD2VEC.replace("unlabelled = []", "unlabelled = [\"elsewhere\"]");
    std::fs::write(bench.path("tiny.toml"), suite(&unknown)).unwrap();
    let command = [
        "--data",
        data,
        "--datasets",
        registry,
        "vectors",
        "tiny.toml",
        "--format",
        "text",
        "--out",
        "v.txt",
    ];
    assert_fails(&bench.run(&command), 2, &["elsewhere", "background"]);
}

#[test]
fn every_setting_moves_the_stage_and_none_before_it() {
    let changes = [
        (WORD2VEC, "\"cbow\"", "\"skip-gram\""),
        (WORD2VEC, "dimension = 16", "dimension = 17"),
        (WORD2VEC, "epochs = 2, w", "epochs = 3, w"),
        (WORD2VEC, "window = 5", "window = 4"),
        (WORD2VEC, "min-count = 1", "min-count = 2"),
        (WORD2VEC, "sample = 1e-3", "sample = 0.0"),
        (WORD2VEC, "negative = 5", "negative = 4"),
        (WORD2VEC, "ns-exponent = 0.75", "ns-exponent = 0.5"),
        (WORD2VEC, "hierarchical-softmax = false", "hierarchical-softmax = true"),
        (WORD2VEC, "cbow-mean = true", "cbow-mean = false"),
        (WORD2VEC, "alpha = 0.025", "alpha = 0.05"),
        (WORD2VEC, "min-alpha = 0.0001", "min-alpha = 0.001"),
        (WORD2VEC, "initial = 0.5", "initial = 1.0"),
        (WORD2VEC, "\"exact\"", "\"table\""),
        (WORD2VEC, "seed = 1", "seed = 2"),
        (WORD2VEC, "unlabelled = []", "unlabelled = [\"other\"]"),
        (WORD2VEC, "\"as-read\"", "\"unit-rows\""),
        (STARSPACE, "dimension = 16", "dimension = 17"),
        (STARSPACE, "epochs = 2", "epochs = 3"),
        (STARSPACE, "min-count = 1", "min-count = 2"),
        (STARSPACE, "\"hinge\"", "\"softmax\""),
        (STARSPACE, "\"cosine\"", "\"dot\""),
        (STARSPACE, "margin = 0.05", "margin = 0.1"),
        (STARSPACE, "limit = 50", "limit = 40"),
        (STARSPACE, "samples = 10", "samples = 9"),
        (STARSPACE, "batch-size = 5", "batch-size = 4"),
        (STARSPACE, "lr = 0.01", "lr = 0.02"),
        (STARSPACE, "adagrad = true", "adagrad = false"),
        (STARSPACE, "p = 0.5", "p = 0.4"),
        (STARSPACE, "sd = 0.001", "sd = 0.01"),
        (STARSPACE, "norm = 1.0", "norm = 2.0"),
        (STARSPACE, "seed = 1", "seed = 2"),
    ];
    for (vectors, from, to) in changes {
        let changed = vectors.replacen(from, to, 1);
        assert_ne!(changed, vectors, "{from}");
        let (before, after) = (keys(&synthetic(vectors)), keys(&synthetic(&changed)));
        for (stage, key) in &before {
            assert_eq!(*stage >= StageName::Vectors, after[stage] != *key, "{to}: {stage}");
        }
    }
    // A note more is another vector.
    let more = synthetic(WORD2VEC).replace("notes = 60", "notes = 61");
    assert_ne!(
        keys(&synthetic(WORD2VEC))[&StageName::Vectors],
        keys(&more)[&StageName::Vectors]
    );
}

#[test]
fn settings_that_cannot_be_are_refused_with_their_place() {
    let cases = [
        (
            WORD2VEC,
            "dimension = 16",
            "dimension = 0",
            "word2vec.dimension: 0: expected 1 to 65536",
        ),
        (
            WORD2VEC,
            "dimension = 16",
            "dimension = 99999999",
            "word2vec.dimension: 99999999: expected 1 to 65536",
        ),
        (
            WORD2VEC,
            "epochs = 2",
            "epochs = 0",
            "word2vec.epochs: 0: expected 1 to 100000",
        ),
        (
            WORD2VEC,
            "window = 5",
            "window = 0",
            "word2vec.window: 0: expected 1 to 1024",
        ),
        (
            WORD2VEC,
            "window = 5",
            "window = 4000000000",
            "word2vec.window: 4000000000: expected 1 to 1024",
        ),
        (
            WORD2VEC,
            "negative = 5",
            "negative = 0",
            "word2vec.negative: 0 without hierarchical-softmax",
        ),
        (
            WORD2VEC,
            "sample = 1e-3",
            "sample = 1.0",
            "word2vec.sample: 1: expected a number at least 0 and below 1",
        ),
        (
            WORD2VEC,
            "alpha = 0.025",
            "alpha = -1.0",
            "word2vec.alpha: -1: expected a number above 0",
        ),
        (WORD2VEC, "alpha = 0.025", "alpha = nan", "expected a finite number"),
        (
            WORD2VEC,
            "min-alpha = 0.0001",
            "min-alpha = 0.1",
            "word2vec.min-alpha: 0.1: expected a number above 0 and at most alpha",
        ),
        (
            WORD2VEC,
            "unlabelled = []",
            "unlabelled = [\"a\", \"a\"]",
            "word2vec.unlabelled: names a part twice",
        ),
        (
            WORD2VEC,
            "unlabelled = []",
            "unlabelled = [\"test\"]",
            "word2vec.unlabelled: \"test\" has a role in [division]",
        ),
        (WORD2VEC, "window = 5, ", "", "missing field `window`"),
        (WORD2VEC, "window = 5", "windw = 5", "unknown field `windw`"),
        (
            WORD2VEC,
            "\"cbow\"",
            "\"cbw\"",
            "unknown variant `cbw`, expected `cbow` or `skip-gram`",
        ),
        (
            WORD2VEC,
            "word2vec = ",
            "wrd2vec = ",
            "unknown variant `wrd2vec`, expected `word2vec` or `starspace`",
        ),
        (
            WORD2VEC,
            "scale = \"as-read\"",
            "scale = \"as-read\", file = \"x\"",
            "`file` is for vectors of a file",
        ),
        (WORD2VEC, "scale = \"as-read\", ", "", "missing field `scale`"),
        (
            STARSPACE,
            "lr = 0.01",
            "lr = 0.0",
            "starspace.lr: 0: expected a number above 1e-9",
        ),
        (
            STARSPACE,
            "norm = 1.0",
            "norm = 0.0",
            "starspace.norm: 0: expected a number above 0",
        ),
        (
            STARSPACE,
            "margin = 0.05",
            "margin = -0.5",
            "starspace.margin: -0.5: expected a number at least 0",
        ),
        (
            STARSPACE,
            "batch-size = 5",
            "batch-size = 0",
            "starspace.batch-size: 0: expected 1 to",
        ),
        (
            STARSPACE,
            "p = 0.5",
            "p = 100.0",
            "starspace.p: 100: expected a number between -10 and 10",
        ),
        (
            STARSPACE,
            "seed = 1",
            "seed = 1, unlabelled = []",
            "unknown field `unlabelled`",
        ),
    ];
    for (vectors, from, to, expected) in cases {
        let changed = vectors.replacen(from, to, 1);
        assert_ne!(changed, vectors, "{from}");
        let text = synthetic(&changed);
        let problem = Suite::parse(&text, "test.toml").unwrap_err().to_string();
        assert!(problem.contains(expected), "{to}: {problem}");
        // The line that the vectors stand in.
        let line = 1 + text[..text.find("word-vectors").unwrap()].matches('\n').count();
        assert!(
            problem.contains(&format!(":{line}:")) || problem.contains(&format!("line {line}")),
            "{to}: {problem}"
        );
    }
    let pieces = synthetic(WORD2VEC).replace(
        "tokenizer = { words = { min-documents = 2 } }",
        "tokenizer = { train-word-piece = { vocabulary = 500, min-frequency = 2, lowercase = true } }",
    );
    let problem = Suite::parse(&pieces, "test.toml").unwrap_err().to_string();
    assert!(problem.contains("word vectors need a tokenizer of words"), "{problem}");
    for (without, expected) in [
        (
            "word-vectors = { scale = \"as-read\" }",
            "expected `file` with `sha256` and `dimension`, or `train`",
        ),
        (
            "word-vectors = { scale = \"as-read\", file = \"x\", dimension = 4 }",
            "missing field `sha256`",
        ),
    ] {
        let problem = Suite::parse(&synthetic(without), "test.toml").unwrap_err().to_string();
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn what_the_notes_do_not_give_ends_the_run_with_its_cause() {
    let rare = WORD2VEC.replace("min-count = 1", "min-count = 1000000000");
    let bench = Bench::new(&synthetic(&rare));
    let words = ["[text.words] word-vectors: 0 words occur min-count = 1000000000 times or more"];
    assert_fails(&bench.run(&["run", "tiny.toml", "--no-report"]), 2, &words);
}
