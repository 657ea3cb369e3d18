//! Submissions on a real SLURM, which `scripts/slurm-local` sets up on this machine where the packages are installed: what
//! comes out has the bytes of a single run, whatever becomes of nodes and jobs on the way.
#![cfg(target_os = "linux")]

mod common;

use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use common::{Bench, assert_good, caml, logistic_regression, stderr, stdout, suite_text};

/// One cluster, one test at a time.
static CLUSTER: Mutex<()> = Mutex::new(());

struct Cluster(#[allow(dead_code)] MutexGuard<'static, ()>);

fn cluster(arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/slurm-local");
    Command::new(script).args(arguments).output().unwrap()
}

impl Cluster {
    /// Three nodes; `None` where there can be none.
    fn start() -> Option<Self> {
        let guard = CLUSTER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let installed = Command::new("sbatch").arg("--version").output().is_ok();
        let output = installed.then(|| cluster(&["start", "--nodes", "3"]));
        match output {
            Some(output) if output.status.success() => Some(Self(guard)),
            Some(output) if output.status.code() != Some(3) => panic!("{}", stderr(&output)),
            Some(output) => {
                eprintln!("skipped: {}", stderr(&output));
                None
            }
            None => {
                eprintln!("skipped: SLURM is not installed");
                None
            }
        }
    }

    #[track_caller]
    fn does(&self, arguments: &[&str]) {
        let output = cluster(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        cluster(&["stop"]);
    }
}

fn slurm(words: &[&str]) -> String {
    let mut command = Command::new(words[0]);
    let output = command
        .args(&words[1..])
        .env("SLURM_CONF", "/run/slurm-local/slurm.conf")
        .output()
        .unwrap();
    stdout(&output)
}

fn run(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = bench.command(arguments);
    command
        .env("SLURM_CONF", "/run/slurm-local/slurm.conf")
        .output()
        .unwrap()
}

const SUBMIT: [&str; 9] = [
    "submit",
    "tiny.toml",
    "--on",
    "slurm",
    "--no-estimate",
    "--minutes",
    "10",
    "--checkpoint-every",
    "1",
];

fn submit(bench: &Bench, more: &[&str]) {
    assert_good(&run(bench, &[&SUBMIT[..], more].concat()));
}

/// Waits until a condition holds.
#[track_caller]
fn until(what: &str, holds: impl FnMut() -> bool) {
    until_within(4, what, holds);
}

#[track_caller]
fn until_within(minutes: u64, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(60 * minutes),
            "{what} in {minutes} minutes: {}",
            slurm(&["squeue"])
        );
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn all_ended() -> bool {
    slurm(&["squeue", "--noheader"]).trim().is_empty()
}

/// That the results are those of a single run, and the store is whole.
#[track_caller]
fn assert_same_as_a_single_run(bench: &Bench) {
    assert_good(&bench.run(&["--results", "single", "run", "tiny.toml", "--no-report"]));
    let status = stdout(&run(bench, &["status", "tiny.toml"]));
    assert_eq!(
        bench.results("results").len(),
        bench.results("single").len(),
        "{status}"
    );
    assert!(
        bench.results("results") == bench.results("single"),
        "other bytes: {status}"
    );
    assert_good(&bench.run(&["check"]));
}

/// Six cells, of which CAML's take some seconds.
fn suite() -> String {
    suite_text(120, &(logistic_regression(2) + &caml(60, 48))).replace("seeds = [1]", "seeds = [1, 2, 3]")
}

fn running() -> Vec<String> {
    let nodes = slurm(&["squeue", "--noheader", "--states=R", "--format=%N %j"]);
    let of_cells = nodes.lines().filter(|line| line.contains("cells"));
    of_cells
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn two_submissions_on_one_store_with_a_cap_and_a_drained_node_come_to_the_bytes_of_a_single_run() {
    let Some(cluster) = Cluster::start() else { return };
    let bench = Bench::new(&suite());
    cluster.does(&["drain", "n2"]);
    submit(&bench, &["--at-once", "2"]);
    submit(&bench, &[]);
    until("all ended", all_ended);
    let logs = bench.path("results/submissions/tiny-1/logs");
    let on = |node: &str| {
        let logs = std::fs::read_dir(&logs)
            .unwrap()
            .map(|log| std::fs::read_to_string(log.unwrap().path()).unwrap());
        logs.filter(|log| log.contains(&format!(" on {node},"))).count()
    };
    assert_eq!(on("n2"), 0);
    assert!(on("n1") + on("n3") > 0);
    assert_same_as_a_single_run(&bench);
    assert!(bench.path("reports/tiny/index.html").is_file());
}

#[test]
fn a_node_that_loses_its_power_has_its_cells_run_by_others() {
    let Some(cluster) = Cluster::start() else { return };
    let bench = Bench::new(&suite().replace("epochs = 60", "epochs = 400"));
    submit(&bench, &[]);
    let mut node = String::new();
    until("a cell runs", || {
        node = running().pop().unwrap_or_default();
        !node.is_empty()
    });
    cluster.does(&["kill-node", &node]);
    until("all ended", all_ended);
    assert_same_as_a_single_run(&bench);
}

#[test]
fn a_node_that_comes_back_runs_what_it_had_again() {
    let Some(cluster) = Cluster::start() else { return };
    let bench = Bench::new(&suite().replace("epochs = 60", "epochs = 400"));
    // Nobody else can take over.
    cluster.does(&["drain", "n2"]);
    cluster.does(&["drain", "n3"]);
    submit(&bench, &[]);
    until("a cell runs", || !running().is_empty());
    cluster.does(&["kill-node", "n1"]);
    cluster.does(&["start-node", "n1"]);
    until("all ended", all_ended);
    assert_same_as_a_single_run(&bench);
}

#[test]
fn what_is_cancelled_goes_on_when_it_is_submitted_again() {
    let Some(_cluster) = Cluster::start() else { return };
    let suite = suite_text(120, &caml(500, 48)).replace("patience = 50", "patience = 500");
    let bench = Bench::new(&suite.replace("seeds = [1]", "seeds = [1, 2, 3]"));
    submit(&bench, &[]);
    until("three cells run", || running().len() == 3);
    std::thread::sleep(Duration::from_secs(1));
    assert_good(&run(&bench, &["cancel", "tiny.toml"]));
    until("all ended", all_ended);
    // A cell that was cancelled has not failed: it has no record, and a checkpoint.
    let records = bench.records("results");
    assert!(
        records
            .iter()
            .all(|record| record.status == icdbench::record::Status::Ok),
        "{records:?}"
    );
    let is_unfinished = |file: &String| file.ends_with("last.safetensors");
    assert_eq!(
        common::files(&bench.work("results"))
            .iter()
            .filter(|file| is_unfinished(file))
            .count(),
        3
    );
    submit(&bench, &[]);
    until("all ended", all_ended);
    assert_same_as_a_single_run(&bench);
}

#[test]
fn a_partition_that_there_is_not_is_said_before_anything_is_queued() {
    let Some(_cluster) = Cluster::start() else { return };
    let bench = Bench::new(&suite());
    let output = run(&bench, &[&SUBMIT[..], &["--", "--partition=gpu"]].concat());
    common::assert_fails(&output, 2, &["invalid partition", "Nothing was queued"]);
    assert!(all_ended());
}

/// SLURM looks at time limits twice a minute: this takes some minutes.
#[test]
#[ignore = "takes minutes: SLURM's shortest time limit is one"]
fn a_task_that_runs_out_of_its_time_goes_on_from_its_checkpoint_to_the_end() {
    let Some(_cluster) = Cluster::start() else { return };
    let suite = suite_text(400, &caml(1200, 96)).replace("patience = 50", "patience = 1200");
    let bench = Bench::new(&suite.replace("seeds = [1]", "seeds = [1, 2, 3]"));
    let arguments = [
        "submit",
        "tiny.toml",
        "--on",
        "slurm",
        "--no-estimate",
        "--minutes",
        "1",
        "--notice",
        "20",
        "--checkpoint-every",
        "1",
    ];
    assert_good(&run(&bench, &arguments));
    until_within(15, "all ended", all_ended);
    for task in 0..3 {
        let log = bench.path(&format!("results/submissions/tiny-1/logs/cells-1-{task}.log"));
        let log = std::fs::read_to_string(log).unwrap();
        let told: Vec<&str> = log
            .lines()
            .filter(|line| line.starts_with("icdbench: ") || line.contains("stopp"))
            .collect();
        println!("{}", told.join("\n"));
        assert!(log.contains("sitting 2") && log.ends_with("ended with 0\n"), "{log}");
    }
    assert_same_as_a_single_run(&bench);
}
