//! How `status`, `check` and `report` grow with a results directory: seconds and memory of each on many made-up records.
//!
//!     cargo run --release --example many_records -- DIR [CELLS]
//!
//! Writes `DIR/many.toml`, a suite of so many cells (10,000 where nothing is said), and `DIR/results` with a record of each: the
//! first is computed, the others are its outcome under their own keys. Then each command is run on them. What lies beside a
//! record (rows by note, resampled metrics) only the first has.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use icdbench::data::Registry;
use icdbench::plan::Plan;
use icdbench::record::{Record, RecordStore};
use icdbench::suite::Suite;

const SUITE: &str = r#"
name = "many"
description = "many cells of one run"
lengths = [48]
seeds = SEEDS
precision = "f32"

[data.synthetic]
seed = 1
notes = 60
median-words = 40

[division]
train = "train"
validation = { part = "dev" }
evaluation = "test"
notes-without-codes = "drop"

[labels]
rule = { top = 8 }
unseen-codes = "ignore"

[text.words]
normalise = "caml"
tokenizer = { words = { min-documents = 2 } }

[evaluation]
at-k = [2]
ties = "higher-index-first"
threshold = { tuned = { objective = "micro-f1", grid = { start = 0.0, end = 1.0, points = 100 } } }

[[run]]
text = "words"
[run.model.caml]
embedding = 8
pretrained-embedding = false
filters = 12
width = 4
dropout = 0.2
label-block = 3
attend-to-padding = false
description-weight = 0.0
[run.training]
epochs = 6
batch-size = 8
accumulate = 1
bucket = 2
optimiser = { adam = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.0, decay = "all" } }
learning-rate = 0.01
schedule = "constant"
clip-norm = 1.0
select = "last"
"#;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), cells) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        eprintln!("many_records DIR [CELLS]");
        return ExitCode::from(2);
    };
    let cells: u64 = cells.map_or(10_000, |cells| cells.parse().expect("a number of cells"));
    let seeds: Vec<String> = (1..=cells).map(|seed| seed.to_string()).collect();
    let text = SUITE.replace("SEEDS", &format!("[{}]", seeds.join(", ")));
    std::fs::create_dir_all(&directory).expect("the directory");
    std::fs::write(directory.join("many.toml"), &text).expect("the suite");
    let suite = Suite::parse(&text, "many.toml").expect("a suite");
    let registry = Registry::open(None).expect("the built-in registry");
    let plan = Plan::make(suite, &registry, None, "flex").expect("a plan");
    // The program is beside the folder of the examples.
    let program = std::env::current_exe()
        .expect("this program")
        .with_file_name("../icdbench");
    let run = ["run", "many.toml", "--cell-number", "1", "--quiet"];
    let status = Command::new(&program)
        .args(run)
        .current_dir(&directory)
        .status()
        .expect("the program");
    assert!(status.success(), "the first cell: {status}");
    let store = RecordStore::new(&directory.join("results"));
    let computed = store
        .find(&plan.cells[0].key)
        .expect("a store")
        .expect("the first cell's record");
    for cell in &plan.cells[1..] {
        let mut record = Record {
            key: cell.key.clone(),
            cell: cell.description.clone(),
            stages: cell.chain.clone(),
            ..computed.clone()
        };
        // Cells that took the same time to the last digit are copies, as `check` says.
        let timings = record.timings.as_mut().expect("a cell that was run");
        let slower = 1.0 + cell.seed as f64;
        timings.training_seconds *= slower;
        timings.training_notes_per_second /= slower;
        timings.training_tokens_per_second /= slower;
        store.write(&record).expect("a record is written");
    }
    println!("{cells} records in {}", directory.join("results").display());
    let commands: [&[&str]; 3] = [&["status", "many.toml"], &["check"], &["report", "many.toml"]];
    let ended = commands.map(|arguments| timed(&program, arguments, &directory));
    match ended.iter().all(|good| *good) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs a command and says what it took; whether it ended good.
fn timed(program: &Path, arguments: &[&str], directory: &Path) -> bool {
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program");
    let peak_of = format!("/proc/{}/status", child.id());
    let mut peak = None;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the program") {
            break status;
        }
        peak = peak_kilobytes(&peak_of).or(peak);
        std::thread::sleep(Duration::from_millis(10));
    };
    println!(
        "{}: {:.1} s, {} of memory at most, {status}",
        arguments[0],
        started.elapsed().as_secs_f64(),
        peak.map_or("an unknown amount".to_owned(), |peak| format!("{} MB", peak / 1000)),
    );
    status.success()
}

/// What a process has held at most so far, where the system tells.
fn peak_kilobytes(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
