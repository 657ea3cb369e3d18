//! Output that cannot be written never touches a cell: closed pipes, full disks, a terminal that is gone.
#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use common::signals::signalled_in_training;
use common::{Bench, assert_fails, assert_good, caml, logistic_regression, stderr, suite_text};

fn bench() -> Bench {
    Bench::new(&suite_text(60, &(logistic_regression(3) + &caml(2, 8))))
}

/// A shell command in the bench's directory, where `icdbench` is the program.
fn shell(bench: &Bench, command: &str) -> std::process::Output {
    let script = format!("icdbench() {{ {} \"$@\"; }}\n{command}", env!("CARGO_BIN_EXE_icdbench"));
    Command::new("bash")
        .current_dir(bench.directory.path())
        .env("RAYON_NUM_THREADS", "1")
        .args(["-c", &script])
        .output()
        .unwrap()
}

#[test]
fn a_run_whose_output_nobody_reads_ends_in_the_same_bytes() {
    let bench = bench();
    assert_good(&bench.run(&["--quiet", "--results", "undisturbed", "run", "tiny.toml", "--no-report"]));
    let cases = [
        "icdbench --results R run tiny.toml 2>&1 | head -1",
        "icdbench --results R --json run tiny.toml | head -1",
        "icdbench --results R --json run tiny.toml > /dev/full",
        "icdbench --results R run tiny.toml 2> /dev/full",
        "icdbench --results R run tiny.toml >&- 2>&-",
        "icdbench --results R --json run tiny.toml < /dev/null > /dev/full 2> /dev/full",
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let results = format!("results-{number}");
        let output = shell(
            &bench,
            &format!(
                "{}; exit ${{PIPESTATUS[0]}}",
                case.replace(" R ", &format!(" {results} "))
            ),
        );
        assert_eq!(output.status.code(), Some(0), "{case}: {}", stderr(&output));
        assert!(bench.results(&results) == bench.results("undisturbed"), "{case}");
        let again = bench.run(&["--results", &results, "run", "tiny.toml", "--no-report"]);
        assert_good(&again);
    }
}

#[test]
fn a_command_whose_answer_nobody_reads_ends_quietly_and_one_that_cannot_give_it_says_so() {
    let bench = bench();
    for command in [
        "list",
        "--json list",
        "data list",
        "plan tiny.toml --no-estimate",
        "doctor",
        "--help",
    ] {
        let output = shell(
            &bench,
            &format!("icdbench {command} | head -1 > /dev/null; exit ${{PIPESTATUS[0]}}"),
        );
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
        assert_eq!(stderr(&output), "", "{command}");
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = bench.command(&["list"]).stdout(Stdio::from(full)).output().unwrap();
    assert_fails(
        &output,
        2,
        &["standard output: cannot write the answer", "No space left on device"],
    );
}

#[test]
fn a_terminal_that_is_gone_stops_a_run_after_its_step_unless_hangups_are_ignored() {
    let text = suite_text(60, &caml(300, 16).replace("patience = 50", "patience = 300"));
    let bench = Bench::new(&text);
    assert_good(&bench.run(&["--quiet", "--results", "undisturbed", "run", "tiny.toml", "--no-report"]));
    for (results, prefix, expected) in [
        ("stopped", "exec", Some(130)),
        ("ignored", "trap '' HUP; exec", Some(0)),
    ] {
        let program = env!("CARGO_BIN_EXE_icdbench");
        let command = format!("{prefix} {program} --results {results} run tiny.toml --no-report");
        let start = || {
            let mut shell = Command::new("bash");
            shell
                .current_dir(bench.directory.path())
                .env("RAYON_NUM_THREADS", "1")
                .args(["-c", &command])
                .stderr(Stdio::null());
            // Whoever starts the tests may ignore hangups (nohup does), which children inherit.
            // SAFETY: between fork and exec only `signal` is called, which may be.
            unsafe {
                shell.pre_exec(|| {
                    libc::signal(libc::SIGHUP, libc::SIG_DFL);
                    Ok(())
                })
            };
            shell.spawn().unwrap()
        };
        let mut child = signalled_in_training(&bench, results, "-HUP", start);
        assert_eq!(child.wait().unwrap().code(), expected, "{results}");
        assert_good(&bench.run(&["--quiet", "--results", results, "run", "tiny.toml", "--no-report"]));
        assert!(bench.results(results) == bench.results("undisturbed"), "{results}");
    }
}
