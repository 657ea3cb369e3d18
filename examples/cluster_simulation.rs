//! A suite of 10,000 cells on 500 machines in virtual time: what the rules of the store and of the scripts come to when machines
//! die, tasks are pre-empted, files appear late and some machines are slow. Nothing is trained and no file is locked; the rules
//! are those of `results/lock.rs` and of the scripts of `submit`.
//!
//!     cargo run --release --example cluster_simulation -- reports/cluster-simulation.md

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write;
use std::process::ExitCode;

const MACHINES: usize = 500;
const CELLS: usize = 10_000;
/// Seconds of a task beside its work: the start, planning, reading the notes.
const START: f64 = 20.0;
/// Seconds between two checkpoints.
const CHECKPOINT: f64 = 60.0;
/// Seconds that a lock of another machine must stand still (`results/lock.rs`).
const PATIENCE: f64 = 60.0;
/// Seconds until SLURM has noticed that a machine is gone, and has queued its task again.
const NOTICED: f64 = 120.0;
/// Seconds that a file may take to appear on another machine (NFS's `acdirmax`).
const LATE: f64 = 60.0;
/// Seconds that a machine is away.
const AWAY: f64 = 1800.0;

/// What goes wrong.
#[derive(Clone, Copy)]
struct World {
    name: &'static str,
    /// Seconds between two deaths of a machine, on average; none where infinite.
    death: f64,
    /// Seconds until a running task is pre-empted, on average.
    preemption: f64,
    /// Whether a name that a machine has found missing stays so for it for a while, as NFS keeps such answers.
    late: bool,
    /// Whether the directory is read before a name is believed to be missing still, as the program does.
    anew: bool,
    /// Share of machines that are four times slower.
    slow: f64,
    /// Submissions of the same suite.
    submissions: usize,
}

const WORLDS: [World; 7] = [
    World {
        name: "nothing goes wrong",
        death: f64::INFINITY,
        preemption: f64::INFINITY,
        late: false,
        anew: true,
        slow: 0.0,
        submissions: 1,
    },
    World {
        name: "a tenth of the machines is slow",
        death: f64::INFINITY,
        preemption: f64::INFINITY,
        late: false,
        anew: true,
        slow: 0.1,
        submissions: 1,
    },
    World {
        name: "machines die every two days",
        death: 172_800.0,
        preemption: f64::INFINITY,
        late: false,
        anew: true,
        slow: 0.0,
        submissions: 1,
    },
    World {
        name: "tasks are pre-empted every two hours",
        death: f64::INFINITY,
        preemption: 7200.0,
        late: false,
        anew: true,
        slow: 0.0,
        submissions: 1,
    },
    World {
        name: "two submissions, files appear late",
        death: f64::INFINITY,
        preemption: f64::INFINITY,
        late: true,
        anew: true,
        slow: 0.0,
        submissions: 2,
    },
    World {
        name: "two submissions, files appear late, and no directory is read anew",
        death: f64::INFINITY,
        preemption: f64::INFINITY,
        late: true,
        anew: false,
        slow: 0.0,
        submissions: 2,
    },
    World {
        name: "all but the last of these",
        death: 172_800.0,
        preemption: 7200.0,
        late: true,
        anew: true,
        slow: 0.1,
        submissions: 2,
    },
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        if mean.is_infinite() {
            f64::INFINITY
        } else {
            -mean * (1.0 - self.uniform()).ln()
        }
    }
}

/// A cell in the store.
#[derive(Clone, Default)]
struct Cell {
    /// Seconds of work on a machine of speed 1.
    work: f64,
    /// Of these, done by the last checkpoint.
    kept: f64,
    /// Machine that holds its lock, and since when nobody touches it any more.
    held: Option<usize>,
    still_since: Option<f64>,
    /// When its record was written, and by which machine.
    record: Option<(f64, usize)>,
    /// Times that it was trained to its end.
    ends: u32,
}

struct Machine {
    speed: f64,
    up: bool,
    /// Raised by whatever ends a task early, so that its planned end is not taken for one.
    sitting: u32,
    task: Option<(usize, f64)>,
    /// When its task first looked for its cell's record.
    looked: Option<f64>,
    /// Seconds of work done, lost ones included.
    busy: f64,
}

/// What happens, at a time, in microseconds so that it can be ordered.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ends { machine: usize, sitting: u32 },
    Preempted { machine: usize, sitting: u32 },
    Dies { machine: usize },
    Returns { machine: usize },
    Queued { cell: usize },
    Looks { machine: usize, sitting: u32 },
}

#[derive(Default)]
struct Outcome {
    makespan: f64,
    lost: usize,
    twice: u32,
    again: f64,
    deaths: u32,
    preemptions: u32,
    bound: f64,
}

struct Simulation {
    world: World,
    random: Random,
    cells: Vec<Cell>,
    machines: Vec<Machine>,
    queue: VecDeque<usize>,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    open: usize,
    outcome: Outcome,
}

impl Simulation {
    fn new(world: World, seed: u64) -> Self {
        let mut random = Random(seed);
        // From ten minutes to some hours: seven models at five lengths differ so.
        let cells: Vec<Cell> = (0..CELLS)
            .map(|_| Cell {
                work: 600.0 + random.exponential(3000.0).min(20_000.0),
                ..Cell::default()
            })
            .collect();
        let machines: Vec<Machine> = (0..MACHINES)
            .map(|number| Machine {
                speed: if (number as f64) < world.slow * MACHINES as f64 {
                    0.25
                } else {
                    1.0
                },
                up: true,
                sitting: 0,
                task: None,
                looked: None,
                busy: 0.0,
            })
            .collect();
        // A second submission begins at the other end, and takes turns with the first.
        let queue = (0..CELLS)
            .flat_map(|cell| [cell, CELLS - 1 - cell].into_iter().take(world.submissions))
            .collect();
        let mut new = Self {
            world,
            random,
            cells,
            machines,
            queue,
            events: BinaryHeap::new(),
            open: CELLS,
            outcome: Outcome::default(),
        };
        for machine in 0..MACHINES {
            let death = new.random.exponential(world.death);
            new.at(death, Event::Dies { machine });
        }
        new
    }

    fn at(&mut self, time: f64, event: Event) {
        if time.is_finite() {
            self.events.push(Reverse(((time * 1e6) as u64, event)));
        }
    }

    fn run(mut self) -> Outcome {
        let mut now = 0.0;
        self.hand_out(now);
        while self.open > 0 {
            let Some(Reverse((time, event))) = self.events.pop() else {
                break;
            };
            now = time as f64 / 1e6;
            match event {
                Event::Ends { machine, sitting } if self.machines[machine].sitting == sitting => {
                    self.ends(machine, now)
                }
                Event::Preempted { machine, sitting } if self.machines[machine].sitting == sitting => {
                    self.preempted(machine, now)
                }
                Event::Looks { machine, sitting } if self.machines[machine].sitting == sitting => {
                    self.looks(machine, now)
                }
                Event::Dies { machine } => self.dies(machine, now),
                Event::Returns { machine } => {
                    self.machines[machine].up = true;
                    let death = now + self.random.exponential(self.world.death);
                    self.at(death, Event::Dies { machine });
                }
                Event::Queued { cell } => self.queue.push_back(cell),
                _ => {}
            }
            self.hand_out(now);
        }
        self.outcome.makespan = now;
        self.outcome.lost = self.open;
        let speed: f64 = self.machines.iter().map(|machine| machine.speed).sum();
        let work: f64 = self.cells.iter().map(|cell| cell.work).sum();
        let longest = self.cells.iter().map(|cell| cell.work).fold(0.0, f64::max);
        // List scheduling ends by the mean load and the longest task after it (Graham 1966), here with what each start costs and,
        // of machines that die, the share of the time that they are there.
        let there = 1.0 / (1.0 + AWAY / self.world.death);
        let slowest = self
            .machines
            .iter()
            .map(|machine| machine.speed)
            .fold(f64::INFINITY, f64::min);
        self.outcome.bound = (work + CELLS as f64 * START) / (speed * there) + longest / slowest;
        self.outcome
    }

    /// The scheduler gives free machines what waits longest.
    fn hand_out(&mut self, now: f64) {
        for machine in 0..MACHINES {
            let free = self.machines[machine].up && self.machines[machine].task.is_none();
            let Some(cell) = free.then(|| self.queue.pop_front()).flatten() else {
                if self.queue.is_empty() {
                    return;
                }
                continue;
            };
            self.machines[machine].task = Some((cell, now));
            self.looks(machine, now);
        }
    }

    /// A task at its start, and while it waits for another machine's lock.
    fn looks(&mut self, machine: usize, now: f64) {
        let Some((cell, _)) = self.machines[machine].task else {
            return;
        };
        let world = self.world;
        let looked = self.machines[machine].looked.replace(now);
        let seen = self.cells[cell].record.is_some_and(|(when, by)| {
            // Who never asked for a name has no old answer; an old answer holds for a while.
            let has_old_answer = world.late && !world.anew && looked.is_some_and(|looked| looked < when);
            by == machine || !has_old_answer || now >= when + LATE
        });
        if seen {
            self.frees(machine);
            return;
        }
        match (self.cells[cell].held, self.cells[cell].still_since) {
            // A lock is opened anew at each look, which asks the server.
            (Some(_), None) => self.waits(machine, now + 30.0),
            (Some(_), Some(since)) if now < since + PATIENCE => self.waits(machine, since + PATIENCE),
            _ => self.begins(machine, cell, now),
        }
    }

    fn waits(&mut self, machine: usize, until: f64) {
        let sitting = self.machines[machine].sitting;
        self.at(until, Event::Looks { machine, sitting });
    }

    fn begins(&mut self, machine: usize, cell: usize, now: f64) {
        (self.cells[cell].held, self.cells[cell].still_since) = (Some(machine), None);
        let rest = self.cells[cell].work - self.cells[cell].kept;
        self.machines[machine].task = Some((cell, now));
        self.machines[machine].sitting += 1;
        let sitting = self.machines[machine].sitting;
        let end = now + START + rest / self.machines[machine].speed;
        self.at(end, Event::Ends { machine, sitting });
        let preempted = now + self.random.exponential(self.world.preemption);
        self.at(preempted, Event::Preempted { machine, sitting });
    }

    /// How much a task has done since it began, in seconds of work.
    fn done(&self, machine: usize, now: f64) -> f64 {
        let began = self.machines[machine].task.map_or(now, |(_, began)| began);
        ((now - began - START) * self.machines[machine].speed).max(0.0)
    }

    fn ends(&mut self, machine: usize, now: f64) {
        let Some((cell, _)) = self.machines[machine].task else {
            return;
        };
        self.machines[machine].busy += self.done(machine, now);
        let state = &mut self.cells[cell];
        state.held = None;
        state.kept = state.work;
        state.ends += 1;
        match state.record {
            // A machine that did not see the record made the same one again.
            Some(_) => self.outcome.twice += 1,
            None => {
                state.record = Some((now, machine));
                self.open -= 1;
            }
        }
        self.frees(machine);
    }

    /// Told to end: a checkpoint, and queued again.
    fn preempted(&mut self, machine: usize, now: f64) {
        let Some((cell, _)) = self.machines[machine].task else {
            return;
        };
        let done = self.done(machine, now);
        self.machines[machine].busy += done;
        self.cells[cell].kept = (self.cells[cell].kept + done).min(self.cells[cell].work);
        self.cells[cell].held = None;
        self.outcome.preemptions += 1;
        self.frees(machine);
        self.at(now + 10.0, Event::Queued { cell });
    }

    fn dies(&mut self, machine: usize, now: f64) {
        self.machines[machine].up = false;
        self.at(now + AWAY, Event::Returns { machine });
        if let Some((cell, _)) = self.machines[machine].task {
            self.outcome.deaths += 1;
            if self.cells[cell].held == Some(machine) {
                let done = self.done(machine, now);
                self.machines[machine].busy += done;
                let checkpoint = CHECKPOINT * self.machines[machine].speed;
                let kept = (done / checkpoint).floor() * checkpoint;
                self.cells[cell].kept = (self.cells[cell].kept + kept).min(self.cells[cell].work);
                self.outcome.again += done - kept;
                self.cells[cell].still_since = Some(now);
            }
            self.at(now + NOTICED, Event::Queued { cell });
        }
        self.frees(machine);
    }

    fn frees(&mut self, machine: usize) {
        self.machines[machine].task = None;
        self.machines[machine].looked = None;
        self.machines[machine].sitting += 1;
    }
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("cluster_simulation FILE.md");
        return ExitCode::from(2);
    };
    let mut text = String::from(
        "# 10,000 cells on 500 machines, simulated\n\n\
         Virtual time; nothing is trained. The rules are those of the store's locks and of the scripts that `icdbench submit` writes: a \
         lock of another machine is taken over when it has stood still for 60 s, a checkpoint every 60 s, a task that is told to end \
         keeps how far it is and is queued again, a dead machine's task is queued again after 120 s, and a machine that has \
         found a file missing may be told so for 60 s more, unless it reads the directory anew. Cells take from 10 minutes to 5.7 hours. Made by \
         `cargo run --release --example cluster_simulation -- reports/cluster-simulation.md`, seed 1.\n\n\
         | world | cells lost | trained twice to the end | machines that died at work | pre-emptions | work done again, of all | makespan, h | bound of list scheduling, h | of it |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut good = true;
    for world in WORLDS {
        let simulation = Simulation::new(world, 1);
        let work: f64 = simulation.cells.iter().map(|cell| cell.work).sum();
        let found = simulation.run();
        let share = found.makespan / found.bound;
        good &= found.lost == 0 && (found.twice == 0 || !world.anew) && share <= 1.1;
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.3} % | {:.1} | {:.1} | {:.2} |",
            world.name,
            found.lost,
            found.twice,
            found.deaths,
            found.preemptions,
            100.0 * found.again / work,
            found.makespan / 3600.0,
            found.bound / 3600.0,
            share
        )
        .expect("text");
    }
    text += "\nThe bound is that of list scheduling without a clairvoyant order: all work over all speed, with 20 s for each start and \
             the share of the time that machines are there, and then the longest cell on the slowest machine.\n";
    print!("{text}");
    if let Err(error) = std::fs::write(&path, text) {
        eprintln!("{path}: {error}");
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(!good))
}
