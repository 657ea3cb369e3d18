//! Timings drawn from a machine of which the truth is known: what intervals, comparisons and gates of `speed` are held against.

use icdbench::speed::{Pairs, schedule};

/// Random numbers of this file's own.
pub type Stream = crate::stream::Stream<0x5EED_0F71_3E5A_11CE>;

/// What disturbs the runs of a machine.
#[derive(Clone, Copy)]
pub struct Noise {
    pub name: &'static str,
    /// Standard deviation of a run's logarithm.
    pub jitter: f64,
    /// Share of runs that take 1.1 to 1.6 times as long.
    pub tail: f64,
    /// Share of runs at which a stall begins: 1.6 times as long for four runs in the mean.
    pub stalls: f64,
    /// How far the machine's speed wanders and swings, as a standard deviation of its logarithm.
    pub drift: f64,
    /// How much longer the first run of a pair takes.
    pub first: f64,
    /// Standard deviation of the logarithm of a process's speed, which it keeps.
    pub process: f64,
}

/// A machine that nobody else uses.
pub const QUIET: Noise = Noise {
    name: "quiet",
    jitter: 0.02,
    tail: 0.02,
    stalls: 0.0,
    drift: 0.02,
    first: 0.005,
    process: 0.01,
};

/// Like the two shared cores on which this project is built: in timings of 2026-11-25 (`reports/throughput/cpu.jsonl` at revision
/// 7027b3f) half of the repeats lie more than 5 % from their job's median, a tenth above 15 % and a tenth below 12 %. How much
/// processes differ is assumed.
pub const SHARED: Noise = Noise {
    name: "shared",
    jitter: 0.06,
    tail: 0.08,
    stalls: 0.01,
    drift: 0.06,
    first: 0.01,
    process: 0.03,
};

/// A machine whose runs jitter and do nothing else.
#[allow(dead_code)] // not every test that includes this file has it
pub const NORMAL: Noise = Noise {
    name: "normal",
    jitter: 0.06,
    tail: 0.0,
    stalls: 0.0,
    drift: 0.0,
    first: 0.0,
    process: 0.0,
};

/// A machine at work, one run after another.
pub struct Machine<'a> {
    noise: Noise,
    stream: &'a mut Stream,
    run: u32,
    phase: f64,
    wander: f64,
    stalled: bool,
}

impl<'a> Machine<'a> {
    pub fn new(noise: Noise, stream: &'a mut Stream) -> Self {
        let phase = stream.share();
        Self {
            noise,
            stream,
            run: 0,
            phase,
            wander: 0.0,
            stalled: false,
        }
    }

    /// How long the runs of a process that starts now take, where 1 is the mean.
    pub fn process(&mut self) -> f64 {
        (self.noise.process * self.stream.normal()).exp()
    }

    /// The seconds of a run that takes this long where nothing disturbs.
    pub fn run(&mut self, undisturbed: f64) -> f64 {
        let Noise {
            jitter,
            tail,
            stalls,
            drift,
            ..
        } = self.noise;
        self.run += 1;
        let swing = drift * (std::f64::consts::TAU * (self.phase + f64::from(self.run) / 600.0)).sin();
        // A random walk that is drawn back: its standard deviation is `drift`.
        self.wander = 0.999 * self.wander + drift * 0.0447 * self.stream.normal();
        self.stalled = self.stream.share() < if self.stalled { 0.75 } else { stalls };
        let stall = if self.stalled { 1.6 } else { 1.0 };
        let late = match self.stream.share() < tail {
            true => 1.1 + 0.5 * self.stream.share(),
            false => 1.0,
        };
        undisturbed * stall * late * (swing + self.wander + jitter * self.stream.normal()).exp()
    }
}

/// The cells of a grid, by the head's slow-down of each, measured round by round as the gate does: a process a run.
pub fn measure(grid: &[(String, f64)], pairs: usize, noise: Noise, seed: u64) -> Vec<Pairs> {
    let mut stream = Stream::new(seed);
    let mut machine = Machine::new(noise, &mut stream);
    let mut measured: Vec<Pairs> = grid
        .iter()
        .map(|(cell, _)| Pairs {
            cell: cell.clone(),
            seconds: Vec::new(),
        })
        .collect();
    let mut orders: Vec<_> = (0..grid.len() as u64)
        .map(|cell| schedule(2, pairs, seed.wrapping_mul(1000) + cell).into_iter())
        .collect();
    for _ in 0..pairs {
        for (cell, (_, slower)) in grid.iter().enumerate() {
            // From a millisecond to minutes: it cancels.
            let base = 0.001 * 1.4f64.powi(cell as i32);
            let mut pair = [0.0; 2];
            for (place, side) in orders[cell].next().into_iter().flatten().enumerate() {
                let first = if place == 0 { 1.0 + noise.first } else { 1.0 };
                let undisturbed = base * machine.process() * first;
                pair[side] = machine.run(undisturbed * if side == 1 { *slower } else { 1.0 });
            }
            measured[cell].seconds.push((pair[0], pair[1]));
        }
    }
    measured
}

/// A grid of seven models at five lengths, of which one cell may be slower.
pub fn grid(slow: Option<(usize, f64)>) -> Vec<(String, f64)> {
    (0..35)
        .map(|cell| {
            let slower = slow
                .filter(|(place, _)| *place == cell)
                .map_or(1.0, |(_, slower)| slower);
            (
                format!("model {} at length {}", cell / 5 + 1, 512 << (cell % 5)),
                slower,
            )
        })
        .collect()
}
