//! A suite's cells as tasks of a scheduler: what it is told, what the tasks come to, and that nothing is queued where
//! something is wrong. Schedulers are played by scripts here; `tests/slurm.rs` has a real one.
#![cfg(unix)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::pretraining::{pretrained, pretraining_suite};
use common::{Bench, assert_fails, assert_good, caml, files, logistic_regression, stderr, stdout, suite_text};
use serde_json::Value;

fn two_runs() -> String {
    suite_text(60, &(logistic_regression(10) + &caml(6, 8))).replace("seeds = [1]", "seeds = [1, 2]")
}

/// A phase's script among all that a dry run for SLURM shows.
fn script_of(text: &str, phase: &str) -> String {
    let begin = format!("=== {phase}.sbatch\n");
    let rest = text.split(&begin).nth(1).unwrap();
    rest.split("=== ").next().unwrap().to_owned()
}

/// A directory of commands that play a scheduler. Each notes its arguments in `called`.
struct Play(PathBuf);

impl Play {
    fn new(bench: &Bench, commands: &[(&str, &str)]) -> Self {
        let directory = bench.path("bin");
        std::fs::create_dir_all(&directory).unwrap();
        for (name, body) in commands {
            let path = directory.join(name);
            let called = directory.join("called");
            let text = format!("#!/bin/sh\necho {name} \"$@\" >> {}\n{body}\n", called.display());
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(directory)
    }

    /// The program with these commands before others.
    fn run(&self, bench: &Bench, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap();
        let mut command = bench.command(arguments);
        command.env("PATH", format!("{}:{path}", self.0.display()));
        command.output().unwrap()
    }

    fn called(&self) -> Vec<String> {
        let called = std::fs::read_to_string(self.0.join("called")).unwrap_or_default();
        called.lines().map(str::to_owned).collect()
    }
}

/// SLURM that takes everything: numbers from 1.
const TAKES: &[(&str, &str)] = &[
    ("scontrol", "echo 'MaxArraySize            = 1001'"),
    (
        "sbatch",
        "case \"$1\" in --test-only) exit 0;; esac\nn=$(grep -c 'sbatch --parsable' \"$(dirname \"$0\")/called\"); echo $n",
    ),
    ("squeue", ""),
    ("scancel", ""),
];

fn submission(bench: &Bench, name: &str) -> PathBuf {
    bench.path("results/submissions").join(name)
}

fn kept(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("submission.json")).unwrap()).unwrap()
}

/// Does what a scheduler would: every task of every phase, in order.
fn work_off(folder: &Path) {
    for phase in kept(folder)["phases"].as_array().unwrap() {
        let name = phase["name"].as_str().unwrap();
        for task in 0..phase["tasks"].as_array().unwrap().len() {
            let mut command = Command::new("sh");
            command.arg(folder.join("task.sh")).args([name, &task.to_string()]);
            let output = command.env("RAYON_NUM_THREADS", "1").output().unwrap();
            assert!(output.status.success(), "{name} {task}: {}", stderr(&output));
        }
    }
}

fn phases(folder: &Path) -> Vec<(String, usize, Vec<u64>)> {
    let phase = |phase: &Value| {
        let after = phase["after"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| place.as_u64().unwrap());
        let tasks = phase["tasks"].as_array().unwrap().len();
        (phase["name"].as_str().unwrap().to_owned(), tasks, after.collect())
    };
    kept(folder)["phases"].as_array().unwrap().iter().map(phase).collect()
}

#[test]
fn the_tasks_of_a_submission_come_to_the_bytes_of_a_single_run() {
    let bench = Bench::new(&two_runs());
    let play = Play::new(&bench, TAKES);
    let submit = ["submit", "tiny.toml", "--on", "slurm"];
    assert_good(&play.run(&bench, &submit));
    let folder = submission(&bench, "tiny-1");
    work_off(&folder);
    assert_good(&bench.run(&["--results", "single", "run", "tiny.toml", "--no-report"]));
    assert_eq!(bench.results("results"), bench.results("single"));
    assert!(
        bench.path("reports/tiny/index.html").is_file(),
        "the last task writes the report"
    );
    // All is done: nothing more is queued.
    let again = play.run(&bench, &submit);
    assert_good(&again);
    assert!(stderr(&again).contains("nothing is queued"), "{}", stderr(&again));
    assert!(!submission(&bench, "tiny-2").exists());
    let told = play.run(&bench, &[&["--json"], &submit[..]].concat());
    assert_good(&told);
    let told: Value = serde_json::from_str(&stdout(&told)).unwrap();
    assert_eq!(
        told,
        serde_json::json!({ "submission": null, "cells": 0, "queued": [] })
    );
    let told = play.run(&bench, &[&["--json"], &submit[..], &["--dry-run"]].concat());
    assert_good(&told);
    let told: Value = serde_json::from_str(&stdout(&told)).unwrap();
    assert_eq!(told, serde_json::json!({ "commands": [], "files": [], "phases": [] }));
    assert_good(&bench.run(&["check"]));
}

#[test]
fn cells_wait_for_the_pretraining_that_they_start_from_and_no_others_do() {
    let suite = pretraining_suite(40, &(pretrained() + &logistic_regression(2)));
    let bench = Bench::new(&suite);
    let play = Play::new(&bench, TAKES);
    assert_good(&play.run(&bench, &["submit", "tiny.toml", "--on", "slurm", "--no-estimate"]));
    let folder = submission(&bench, "tiny-1");
    let expected = [
        ("stages".to_owned(), 1, vec![]),
        ("pretraining-1".to_owned(), 1, vec![0]),
        ("cells-1".to_owned(), 1, vec![1]),
        ("cells-2".to_owned(), 1, vec![0]),
        ("report".to_owned(), 1, vec![2, 3]),
    ];
    assert_eq!(phases(&folder), expected);
    let queued: Vec<String> = play
        .called()
        .into_iter()
        .filter(|line| line.contains("--parsable"))
        .collect();
    for (line, waits) in queued.iter().zip([
        None,
        Some("afterok:1"),
        Some("afterok:2"),
        Some("afterok:1"),
        Some("afterany:3,afterany:4"),
    ]) {
        match waits {
            None => assert!(!line.contains("--dependency"), "{line}"),
            Some(waits) => assert!(line.contains(&format!("--dependency={waits} ")), "{line}"),
        }
    }
    work_off(&folder);
    assert_good(&bench.run(&["--results", "single", "run", "tiny.toml", "--no-report"]));
    assert_eq!(bench.results("results"), bench.results("single"));
}

#[test]
fn an_ensemble_comes_after_its_members() {
    let ensemble = "\n[[ensemble]]\nname = \"both\"\nruns = [\"logistic_regression\", \"caml\"]\nrule = \"noisy-or\"\nmetric = \"map\"\nweights = [0.0, 0.5, 1.0]\n";
    let bench = Bench::new(&(suite_text(60, &(logistic_regression(2) + &caml(2, 8))) + ensemble));
    let play = Play::new(&bench, TAKES);
    let output = play.run(&bench, &["submit", "tiny.toml", "--on", "slurm", "--no-estimate"]);
    assert_good(&output);
    let folder = submission(&bench, "tiny-1");
    let names: Vec<String> = phases(&folder).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["stages", "cells-1", "ensembles", "report"]);
    work_off(&folder);
    assert_eq!(bench.records("results").len(), 3);
}

#[test]
fn what_a_cell_asks_for_is_what_the_suite_says_then_the_options_then_the_estimate() {
    let suite = two_runs()
        .replacen("[evaluation]", "[resources]\nmemory-gib = 3\n\n[evaluation]", 1)
        .replace(
            "[run.model.caml]",
            "[run.resources]\nminutes = 77\ncpus = 4\n[run.model.caml]",
        );
    let bench = Bench::new(&suite);
    let output = bench.run(&[
        "submit",
        "tiny.toml",
        "--on",
        "slurm",
        "--dry-run",
        "--cpus",
        "2",
        "--",
        "--partition=gpu",
        "--account=x y",
    ]);
    assert_good(&output);
    let text = stdout(&output);
    let script = |phase: &str| script_of(&text, phase);
    let (first, second) = (script("cells-1"), script("cells-2"));
    assert!(
        first.contains("--cpus-per-task=\"2\"\n")
            && first.contains("--mem=\"3G\"")
            && first.contains("--time=\"10\"\n"),
        "{first}"
    );
    assert!(
        second.contains("--cpus-per-task=\"4\"\n") && second.contains("--time=\"77\"\n"),
        "{second}"
    );
    assert!(!first.contains("--gres"), "{first}");
    for word in [
        "sbatch --parsable --array=0-1 '--dependency=afterok:<stages>' --partition=gpu '--account=x y'",
        "--signal=\"B:TERM@120\"",
        "--requeue",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // Shown only.
    assert!(!bench.path("results/submissions").exists());
    let wrong = two_runs().replacen("[evaluation]", "[resources]\ncpus = 0\n\n[evaluation]", 1);
    let output = Bench::new(&wrong).run(&["plan", "tiny.toml", "--no-estimate"]);
    assert_fails(&output, 2, &["resources.cpus", "at least 1"]);
}

#[test]
fn an_array_is_cut_where_the_centre_allows_no_larger_one() {
    let mut takes = TAKES.to_vec();
    takes[0] = ("scontrol", "echo 'MaxArraySize            = 3'");
    let bench = Bench::new(&two_runs());
    let play = Play::new(&bench, &takes);
    assert_good(&play.run(
        &bench,
        &[
            "submit",
            "tiny.toml",
            "--on",
            "slurm",
            "--no-estimate",
            "--at-once",
            "2",
        ],
    ));
    let queued: Vec<String> = play
        .called()
        .into_iter()
        .filter(|line| line.contains("cells-1.sbatch") && line.contains("--parsable"))
        .collect();
    assert_eq!(queued.len(), 2, "{queued:?}");
    assert!(
        queued[0].contains("--array=0-2%2 ") && queued[0].ends_with("cells-1.sbatch"),
        "{}",
        queued[0]
    );
    assert!(
        queued[1].contains("--array=0-0%2 ") && queued[1].ends_with("cells-1.sbatch 3"),
        "{}",
        queued[1]
    );
    let report = play
        .called()
        .into_iter()
        .rfind(|line| line.contains("report.sbatch"))
        .unwrap();
    assert!(report.contains("--dependency=afterany:2:3"), "{report}");
}

#[test]
fn where_something_is_refused_nothing_stays_queued_and_no_folder() {
    let bench = Bench::new(&two_runs());
    let submit = ["submit", "tiny.toml", "--on", "slurm", "--no-estimate"];
    // Nothing of SLURM is here.
    let mut command = bench.command(&submit);
    let output = command.env("PATH", "/nonexistent").output().unwrap();
    assert_fails(
        &output,
        2,
        &[
            "sbatch: not found",
            "SLURM is not on this machine",
            "--dry-run",
            "Nothing was queued",
        ],
    );
    // A partition that there is not: said by the test before anything is queued.
    let mut takes = TAKES.to_vec();
    takes[1] = (
        "sbatch",
        "echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1",
    );
    let play = Play::new(&bench, &takes);
    let output = play.run(&bench, &submit);
    assert_fails(&output, 2, &["invalid partition specified", "Nothing was queued"]);
    assert!(
        !play.called().iter().any(|line| line.contains("--parsable")),
        "{:?}",
        play.called()
    );
    // A queue that is full after two.
    takes[1] = (
        "sbatch",
        "case \"$1\" in --test-only) exit 0;; esac\nn=$(grep -c 'sbatch --parsable' \"$(dirname \"$0\")/called\")\n[ $n -le 2 ] || { echo 'sbatch: error: Job submit limit' >&2; exit 1; }\necho $n",
    );
    std::fs::remove_file(play.0.join("called")).unwrap();
    let play = Play::new(&bench, &takes);
    let output = play.run(&bench, &submit);
    assert_fails(
        &output,
        2,
        &["Job submit limit", "was cancelled again: nothing is queued"],
    );
    assert_eq!(play.called().last().unwrap(), "scancel 1 2");
    assert_eq!(
        files(&bench.path("results/submissions"))
            .iter()
            .filter(|file| file.starts_with("tiny"))
            .count(),
        0
    );
    // A suite whose data is not here.
    let codiesp = common::codiesp_suite("dev");
    std::fs::write(bench.path("codiesp.toml"), codiesp).unwrap();
    let output = play.run(
        &bench,
        &[
            "--data",
            "nowhere",
            "submit",
            "codiesp.toml",
            "--on",
            "slurm",
            "--no-estimate",
        ],
    );
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
}

#[test]
fn status_tells_what_store_scheduler_and_logs_know_and_cancel_takes_back() {
    let bench = Bench::new(&two_runs());
    let mut takes = TAKES.to_vec();
    // Job 2 is the array of all four cells.
    takes[2] = (
        "squeue",
        "case \"$*\" in *format=%F) echo 2; echo 3; echo 9; exit;; esac\n\
         echo '2|1|RUNNING|n7|None'; echo '2|2|PENDING||Resources'; echo '9|0|RUNNING|n8|None'",
    );
    let play = Play::new(&bench, &takes);
    assert_good(&play.run(&bench, &["submit", "tiny.toml", "--on", "slurm", "--no-estimate"]));
    let folder = submission(&bench, "tiny-1");
    for phase in ["stages", "cells-1"] {
        assert_good(
            &Command::new("sh")
                .arg(folder.join("task.sh"))
                .args([phase, "0"])
                .output()
                .unwrap(),
        );
    }
    std::fs::write(
        folder.join("logs/cells-1-3.log"),
        "icdbench: task 3\nerror: no space left\n",
    )
    .unwrap();
    let status = play.run(&bench, &["--json", "status", "tiny.toml"]);
    assert_good(&status);
    let told: Value = serde_json::from_str(&stdout(&status)).unwrap();
    let told: Vec<(String, String)> = told["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            (
                cell["state"].as_str().unwrap().into(),
                cell["about"].as_str().unwrap().into(),
            )
        })
        .collect();
    let expected = [
        ("done", ""),
        ("running", "n7"),
        ("pending", "Resources"),
        ("not queued any more", "no space left"),
    ];
    assert_eq!(
        told,
        expected.map(|(state, about)| (state.to_owned(), about.to_owned()))
    );
    let text = stdout(&play.run(&bench, &["status", "tiny.toml"]));
    assert!(
        text.contains("4 cells: 1 done, 1 not queued any more, 1 pending, 1 running."),
        "{text}"
    );
    let cancelled = play.run(&bench, &["--json", "cancel", "tiny.toml"]);
    assert_good(&cancelled);
    let told: Value = serde_json::from_str(&stdout(&cancelled)).unwrap();
    assert_eq!(told["cancelled"], "results/submissions/tiny-1");
    // SLURM has forgotten job 1, which has ended.
    assert_eq!(play.called().last().unwrap(), "scancel 2 3");
    assert_fails(
        &play.run(&bench, &["cancel", "tiny.toml"]),
        2,
        &["no submission of tiny is queued"],
    );
    let text = stdout(&play.run(&bench, &["status", "tiny.toml"]));
    assert!(text.contains("4 cells: 3 cancelled, 1 done."), "{text}");
}

#[test]
fn gnu_parallel_does_it_and_leaves_a_host_out_that_refuses() {
    if Command::new("parallel").arg("--version").output().is_err() {
        eprintln!("skipped: GNU parallel is not here");
        return;
    }
    let bench = Bench::new(&two_runs());
    let output = bench.run(&[
        "submit",
        "tiny.toml",
        "--on",
        "parallel",
        "--no-estimate",
        "--",
        "--sshlogin",
        ":,2/nobody@203.0.113.1.invalid",
    ]);
    assert_good(&output);
    assert_good(&bench.run(&["--results", "single", "run", "tiny.toml", "--no-report"]));
    assert_eq!(bench.results("results"), bench.results("single"));
}

#[test]
fn a_job_file_of_hyperqueue_has_every_task_and_what_it_waits_for() {
    let bench = Bench::new(&two_runs());
    let play = Play::new(&bench, &[("hq", "echo 7")]);
    assert_good(&play.run(
        &bench,
        &[
            "submit",
            "tiny.toml",
            "--on",
            "hyperqueue",
            "--no-estimate",
            "--minutes",
            "30",
        ],
    ));
    let folder = submission(&bench, "tiny-1");
    let job: toml::Value = toml::from_str(&std::fs::read_to_string(folder.join("job.toml")).unwrap()).unwrap();
    let tasks = job["task"].as_array().unwrap();
    let deps = |task: &toml::Value| task.get("deps").map_or(0, |deps| deps.as_array().unwrap().len());
    assert_eq!(tasks.iter().map(deps).collect::<Vec<_>>(), [0, 1, 1, 1, 1, 4]);
    assert!(
        tasks
            .iter()
            .enumerate()
            .all(|(place, task)| task["id"].as_integer() == Some(place as i64))
    );
    assert_eq!(tasks[1]["request"][0]["time_request"].as_str(), Some("30m"));
    assert_eq!(kept(&folder)["queued"][0]["id"], "7");
    // What a worker of it would call.
    for task in tasks {
        let words: Vec<&str> = task["command"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap())
            .collect();
        assert_good(&Command::new(words[0]).args(&words[1..]).output().unwrap());
    }
    assert_eq!(bench.records("results").len(), 4);
}

#[test]
fn hyperqueue_with_two_workers_and_a_killed_task_comes_to_the_bytes_of_a_single_run() {
    let bench = Bench::new(&two_runs());
    let play = Play::new(&bench, &[("hq", "echo 7")]);
    assert_good(&play.run(&bench, &["submit", "tiny.toml", "--on", "hyperqueue", "--no-estimate"]));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/hyperqueue-local");
    let job = submission(&bench, "tiny-1").join("job.toml");
    let output = Command::new(script).arg(job).arg("--kill=--cell-number").output();
    let Some(output) = output.ok().filter(|output| output.status.code() != Some(3)) else {
        eprintln!("skipped: Python's package hyperqueue is not here");
        return;
    };
    assert_good(&output);
    assert!(stderr(&output).contains("killed"), "{}", stderr(&output));
    assert_good(&bench.run(&["--results", "single", "run", "tiny.toml", "--no-report"]));
    assert_eq!(bench.results("results"), bench.results("single"));
}

#[test]
fn a_manifest_of_kubernetes_has_an_indexed_job_whose_pods_make_the_shared_stages_first() {
    let bench = Bench::new(&two_runs());
    let submit = [
        "submit",
        "tiny.toml",
        "--on",
        "kubernetes",
        "--no-estimate",
        "--dry-run",
    ];
    assert_fails(&bench.run(&submit), 2, &["--image"]);
    let with = [
        &submit[..],
        &[
            "--image",
            "registry.example/icdbench:1",
            "--claim",
            "store=/store",
            "--memory-gib",
            "4",
        ],
    ]
    .concat();
    let output = bench.run(&[&["--json"], &with[..]].concat());
    assert_good(&output);
    let shown: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let file = shown["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["name"] == "cells.json")
        .unwrap();
    let manifest: Value = serde_json::from_str(file["text"].as_str().unwrap()).unwrap();
    let job = &manifest["items"][0];
    assert_eq!((&job["apiVersion"], &job["kind"]), (&"batch/v1".into(), &"Job".into()));
    assert_eq!(
        (&job["spec"]["completionMode"], &job["spec"]["completions"]),
        (&"Indexed".into(), &4.into())
    );
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"].as_array().unwrap().len(), 1);
    assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "4Gi");
    assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], "store");
    let wrong = [&submit[..], &["--image", "x", "--claim", "store"]].concat();
    assert_fails(&bench.run(&wrong), 2, &["--claim store", "CLAIM=/path"]);
}

#[test]
fn what_is_queued_stays_whole_whoever_reads_the_answer() {
    let bench = Bench::new(&two_runs());
    let play = Play::new(&bench, TAKES);
    let path = format!("{}:{}", play.0.display(), std::env::var("PATH").unwrap());
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = bench.command(&["submit", "tiny.toml", "--on", "slurm", "--no-estimate"]);
    let status = command.env("PATH", path).stdout(full).status().unwrap();
    assert!(status.success());
    let folder = submission(&bench, "tiny-1");
    assert_eq!(kept(&folder)["queued"].as_array().unwrap().len(), 3);
    assert!(folder.join("task.sh").is_file());
}

#[test]
fn a_task_whose_cell_failed_has_its_record_and_is_not_tried_again() {
    // All scores above the threshold: degenerate, which `run` ends with 5.
    let suite = suite_text(60, &logistic_regression(1)).replace(
        "threshold = { tuned = { objective = \"micro-f1\", grid = { start = 0.0, end = 1.0, points = 100 } } }",
        "threshold = { fixed = 0.0 }",
    );
    let bench = Bench::new(&suite);
    assert_eq!(
        bench.run(&["run", "tiny.toml", "--cell-number", "1"]).status.code(),
        Some(5)
    );
    let play = Play::new(&bench, TAKES);
    assert_good(&play.run(
        &bench,
        &["submit", "tiny.toml", "--on", "slurm", "--no-estimate", "--retry"],
    ));
    let task = submission(&bench, "tiny-1").join("task.sh");
    assert_good(
        &Command::new("sh")
            .arg(task)
            .args(["cells-1", "0", "3"])
            .output()
            .unwrap(),
    );
}

#[test]
fn places_with_odd_names_are_quoted() {
    let bench = Bench::new(&two_runs());
    let folder = "it's 100 %j of #them";
    std::fs::create_dir(bench.path(folder)).unwrap();
    std::fs::copy(bench.path("tiny.toml"), bench.path(folder).join("tiny.toml")).unwrap();
    let play = Play::new(&bench, TAKES);
    let path = format!("{}:{}", play.0.display(), std::env::var("PATH").unwrap());
    for on in ["slurm", "parallel"] {
        if on == "parallel" && Command::new("parallel").arg("--version").output().is_err() {
            continue;
        }
        let mut command = common::program(
            &bench.path(folder),
            &["--results", on, "submit", "tiny.toml", "--on", on, "--no-estimate"],
        );
        assert_good(&command.env("PATH", &path).output().unwrap());
        let submission = bench.path(folder).join(on).join("submissions/tiny-1");
        if on == "slurm" {
            let script = std::fs::read_to_string(submission.join("cells-1.sbatch")).unwrap();
            let output = script.lines().find(|line| line.contains("--output")).unwrap();
            assert!(
                output.starts_with("#SBATCH --output=\"/")
                    && output.contains("100 %%j of")
                    && output.ends_with("cells-1-%a.log\""),
                "{output}"
            );
            work_off(&submission);
        } else {
            let log = std::fs::read_to_string(submission.join("logs/cells-1-0.log")).unwrap();
            assert!(log.contains("[1/4]"), "{log}");
        }
        let done = common::done(&bench.path(folder), &["--results", on, "status", "tiny.toml"]);
        assert!(stdout(&done).contains("4 cells: 4 done."), "{}", stdout(&done));
    }
}

#[test]
fn a_gpu_that_a_task_would_not_find_is_refused() {
    let bench = Bench::new(&two_runs());
    let submit = [
        "submit",
        "tiny.toml",
        "--on",
        "slurm",
        "--no-estimate",
        "--dry-run",
        "--device",
    ];
    assert_fails(
        &bench.run(&[&submit[..], &["cuda:1"]].concat()),
        2,
        &["--device cuda:1", "--device cuda"],
    );
    let output = bench.run(&[&submit[..], &["cuda"]].concat());
    assert_good(&output);
    let text = stdout(&output);
    let script = |phase: &str| script_of(&text, phase);
    assert!(
        script("cells-1").contains("--gres=\"gpu:1\"") && !script("stages").contains("--gres"),
        "{text}"
    );
}

#[test]
fn a_cell_asks_for_as_many_gpus_as_it_has_replicas() {
    let suite = two_runs().replace("accumulate = 2", "accumulate = 2\nreplicas = 4");
    let submit = |suite: &str, device: &str| {
        let line = ["submit", "tiny.toml", "--on", "slurm", "--no-estimate", "--dry-run"];
        Bench::new(suite).run(&[&line[..], &["--device", device]].concat())
    };
    let output = submit(&suite, "cuda");
    assert_good(&output);
    let text = stdout(&output);
    assert!(script_of(&text, "cells-1").contains("--gres=\"gpu:1\""), "{text}");
    assert!(script_of(&text, "cells-2").contains("--gres=\"gpu:4\""), "{text}");
    let line = [
        "submit",
        "tiny.toml",
        "--on",
        "parallel",
        "--no-estimate",
        "--dry-run",
        "--device",
        "cuda",
    ];
    let output = Bench::new(&suite).run(&line);
    assert_good(&output);
    let visible: Vec<String> = (stdout(&output).lines())
        .filter_map(|line| line.split("'CUDA_VISIBLE_DEVICES=").nth(1)?.split('\'').next())
        .map(|devices| {
            // The third place of a host.
            let script = format!("echo {}", devices.replace("{%}", "3"));
            let said = Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
            String::from_utf8(said).unwrap().trim().to_owned()
        })
        .collect();
    assert_eq!(visible, ["2", "8,9,10,11"], "{}", stdout(&output));
    let output = submit(&suite, "flex");
    assert_good(&output);
    assert!(!stdout(&output).contains("--gres"), "{}", stdout(&output));
    for device in ["webgpu", "libtorch", "libtorch-cuda"] {
        let words = ["\"caml\": replicas = 4", "gradients cannot be summed", "cuda or flex"];
        assert_fails(&submit(&suite, device), 2, &words);
    }
    let of_run = suite.replace("[run.model.caml]", "[run.resources]\ngpus = 2\n[run.model.caml]");
    let words = ["run[1].resources.gpus", "2: expected 0, or the replicas", "4"];
    assert_fails(&submit(&of_run, "cuda"), 2, &words);
    let of_suite = suite.replacen("[evaluation]", "[resources]\ngpus = 4\n\n[evaluation]", 1);
    assert_fails(
        &submit(&of_suite, "cuda"),
        2,
        &["resources.gpus", "4: expected 0", "1:"],
    );
    let each = (of_suite.replace("[run.model.caml]", "[run.resources]\ngpus = 4\n[run.model.caml]")).replace(
        "[run.model.logistic_regression]",
        "[run.resources]\ngpus = 1\n[run.model.logistic_regression]",
    );
    let words = ["resources.gpus", "4: expected 0 or 1, or to be left out", "each run"];
    assert_fails(&submit(&each, "cuda"), 2, &words);
    assert_good(&submit(
        &each.replacen("[resources]\ngpus = 4", "[resources]\ngpus = 1", 1),
        "cuda",
    ));
}

#[test]
fn stages_pretrainings_and_cells_can_be_asked_for_by_name() {
    let bench = Bench::new(&pretraining_suite(40, &pretrained()));
    assert_good(&bench.run(&["run", "tiny.toml", "--stages"]));
    assert!(bench.path("results/private/tokens").is_dir() && !bench.path("results/private/pretraining").exists());
    assert_good(&bench.run(&["run", "tiny.toml", "--pretrain", "tiny"]));
    assert!(bench.path("results/private/pretraining").is_dir() && bench.records("results").is_empty());
    assert_good(&bench.run(&["run", "tiny.toml", "--cell-number", "1"]));
    assert_eq!(bench.records("results").len(), 1);
    assert_fails(
        &bench.run(&["run", "tiny.toml", "--cell-number", "2"]),
        2,
        &["--cell-number 2", "cells 1 to 1"],
    );
    assert_fails(
        &bench.run(&["run", "tiny.toml", "--cell-number", "0"]),
        2,
        &["cells 1 to 1"],
    );
    assert_fails(
        &bench.run(&["run", "tiny.toml", "--pretrain", "big"]),
        2,
        &["no [pretrain.big]", "it has tiny"],
    );
}
