//! Many processes on one results directory, as on a shared file system: the system's own locks fail, clocks differ by ten
//! minutes, and processes are killed all the time. No byte differs, and no cell is trained twice to its end.
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use common::inject::{At, Count, Inject, Kind, build};
use common::{Bench, assert_good, caml, logistic_regression, suite_text};

const PROCESSES: usize = 8;
const KILLS: usize = 60;

/// One of the machines.
struct Machine {
    child: Child,
    _count: Count,
}

impl Machine {
    /// Its clock is ten minutes ahead of the others' where its number is odd; no system lock can be had anywhere.
    fn start(bench: &Bench, number: usize, told: Sender<serde_json::Value>) -> Self {
        let mut command = bench.command(&[
            "--json",
            "run",
            "tiny.toml",
            "--no-report",
            "--checkpoint-every",
            "0.05",
        ]);
        let fault = Inject {
            kind: Kind::Lock,
            at: At::From(1),
            errno: libc::ENOLCK,
            path: None,
            process: None,
        };
        let count = fault.command(&mut command);
        let ahead = if number % 2 == 1 { "600" } else { "0" };
        command
            .env("ICDBENCH_INJECT_CLOCK", ahead)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            for line in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                let _ = told.send(line);
            }
        });
        Self { child, _count: count }
    }

    /// The program and its worker at once, as when a machine loses its power.
    fn kill(mut self) {
        // SAFETY: a signal to a group that was made for this child, which was not waited for yet.
        unsafe { libc::kill(-(self.child.id() as i32), libc::SIGKILL) };
        self.child.wait().unwrap();
    }
}

/// The keys of the cells that were run to their end, one for each time.
fn ended(told: &Receiver<serde_json::Value>) -> Vec<String> {
    let is_written = |line: &serde_json::Value| line["found"] == false;
    told.try_iter()
        .filter(is_written)
        .map(|line| line["key"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn sixty_kills_among_eight_processes_leave_the_bytes_of_a_single_run_and_no_cell_is_trained_twice_to_its_end() {
    if build().is_none() {
        return;
    }
    let suite =
        suite_text(120, &(logistic_regression(3) + &caml(40, 24))).replace("seeds = [1]", "seeds = [1, 2, 3, 4, 5, 6]");
    let bench = Bench::new(&suite);
    let (tell, told) = channel();
    let mut machines: Vec<Machine> = (0..PROCESSES)
        .map(|number| Machine::start(&bench, number, tell.clone()))
        .collect();
    let mut random = 1_u64;
    for _ in 0..KILLS {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(50 + (random >> 33) % 200));
        let number = (random >> 40) as usize % PROCESSES;
        let next = Machine::start(&bench, number, tell.clone());
        std::mem::replace(&mut machines[number], next).kill();
    }
    for machine in &mut machines {
        assert!(machine.child.wait().unwrap().success());
    }
    std::thread::sleep(Duration::from_millis(200)); // Until their last lines are read.
    let mut keys = ended(&told);
    let times = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(times, keys.len(), "a cell was trained twice to its end");
    assert_good(&bench.run(&["--results", "single", "run", "tiny.toml", "--no-report"]));
    assert_eq!(bench.results("results").len(), 36);
    assert!(bench.results("results") == bench.results("single"), "other bytes");
    assert_good(&bench.run(&["check"]));
}
