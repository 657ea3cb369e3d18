//! How often the throughput gate is right and wrong, on simulated machines; writes `reports/speed-gate.md`.
//!
//! Usage: `cargo run --release --example speed_gate_rates -- reports/speed-gate.md`. The same numbers everywhere and every
//! time. Ends with an error, and writes nothing, where the rates are not what the gate promises.

#[path = "../tests/common/gate_rates.rs"]
mod gate_rates;
#[path = "../tests/common/paired_tests.rs"]
mod paired_tests;
#[path = "../tests/common/stream.rs"]
mod stream;
#[path = "../tests/common/timings.rs"]
mod timings;

use std::fmt::Write as _;

use anyhow::{Context, bail, ensure};
use gate_rates::{MARGIN, PAIRS, QUIET_SPREAD, TOLERANCE, adaptive, alarms, chosen, counted_slower};
use gate_rates::{exponents, power, steps};
use paired_tests::{CANDIDATES, found};
use timings::{NORMAL, Noise, QUIET, SHARED};

const MACHINES: [Noise; 2] = [QUIET, SHARED];
const LENGTHS: [u32; 5] = [512, 1024, 2048, 4096, 8192];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file] = arguments.as_slice() else {
        bail!("usage: speed_gate_rates FILE");
    };
    let mut text = String::from(HEAD);
    machines(&mut text)?;
    self_comparisons(&mut text)?;
    slow_downs(&mut text)?;
    tests(&mut text)?;
    others(&mut text)?;
    // What `speed_gate_trial` has written of a real machine stays.
    let before = std::fs::read_to_string(file).unwrap_or_default(); // OK because a file that is not there has no second part
    if let Some(at) = before.find("# On a real machine\n") {
        text = format!("{}\n\n{}", text.trim_end(), &before[at..]);
    }
    std::fs::write(file, &text).with_context(|| file.clone())?;
    print!("{text}");
    Ok(())
}

const HEAD: &str = "\
# How often the throughput gate is right

Simulated machines of which the truth is known. Written by

```sh
cargo run --release --example speed_gate_rates -- reports/speed-gate.md
```

which ends with an error where a rate is worse than the gate promises. `tests/speed_gate.rs` does the same with few runs. Nothing
of this part was timed: what a machine's own A/A comes to, the gate measures before it judges.

";

fn percent(part: usize, of: usize) -> String {
    format!("{:.1}", 100.0 * part as f64 / of as f64)
}

fn machines(text: &mut String) -> anyhow::Result<()> {
    writeln!(
        text,
        "## The machines\n\n\
         A run's logarithm jitters normally; some runs take 1.1 to 1.6 times as long; now and then a stall makes four runs in the \
         mean\n1.6 times as long; the machine's speed wanders and swings; the first run of a pair takes longer; a process \
         keeps a speed that is drawn\nwhen it starts. *Shared* is like the two cores on which this project is built (of its timings \
         of 2026-11-25,\n`reports/throughput/cpu.jsonl` at revision 7027b3f, half lie more than 5 % from their job's median). How much \
         processes differ\nis assumed, not measured.\n\n\
         | machine | jitter (%) | late runs (%) | stalls begin (%) | drift (%) | first run (%) | process (%) | pairs | spread of a pair (%) | \
         mode by default |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    )?;
    for (noise, pairs) in MACHINES.into_iter().zip(PAIRS) {
        let (mode, spread) = chosen(pairs, noise, QUIET_SPREAD);
        let mode = format!("{mode:?}").to_lowercase();
        let shares = [
            noise.jitter,
            noise.tail,
            noise.stalls,
            noise.drift,
            noise.first,
            noise.process,
        ];
        let [jitter, tail, stalls, drift, first, process] = shares.map(|share| 100.0 * share);
        writeln!(
            text,
            "| {} | {jitter} | {tail} | {stalls} | {drift} | {first} | {process} | {pairs} | {:.1} | {mode} |",
            noise.name,
            100.0 * spread
        )?;
    }
    writeln!(
        text,
        "\nThe spread is the standard deviation of a pair's log ratio as the self-comparison measures it; up to {:.0} % a slower \
         cell fails\nthe run, above it the gate informs.\n",
        100.0 * QUIET_SPREAD
    )?;
    Ok(())
}

fn self_comparisons(text: &mut String) -> anyhow::Result<()> {
    writeln!(
        text,
        "## A program against itself (A/A)\n\n\
         200 grids of 35 cells each. An alarm is a one-sided p-value below 5 % of \"slower by more than half the margin of {:.0} %\"; \
         a suspect\nhas a ratio beyond the margin; it fails when new pairs of the suspects have one and a p-value below 5 % after Holm's correction.\n\n\
         | machine | alarms (% of cells) | alarms in 200 cells | grids with an alarm after Holm (%) | \
         grids with a suspect | grids that fail | intervals that hold 1 (%) | called the same (%) |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|",
        100.0 * MARGIN
    )?;
    for (noise, pairs) in MACHINES.into_iter().zip(PAIRS) {
        let a = alarms(200, pairs, noise);
        writeln!(
            text,
            "| {} | {} | {:.1} | {} | {} | {} | {} | {} |",
            noise.name,
            percent(a.uncorrected, a.cells),
            200.0 * a.uncorrected as f64 / a.cells as f64,
            percent(a.after_holm, a.grids),
            a.suspected,
            a.failed,
            percent(a.covered, a.cells),
            percent(a.same, a.cells),
        )?;
        ensure!(
            a.uncorrected * 20 <= a.cells && a.after_holm * 20 <= a.grids && a.failed == 0,
            "self-comparisons on the {} machine: found {a:?}, expected at most 5 % and no failure",
            noise.name
        );
    }
    text.push('\n');
    Ok(())
}

fn slow_downs(text: &mut String) -> anyhow::Result<()> {
    writeln!(
        text,
        "## A slow-down in one of 35 cells\n\n\
         Looks slower: a suspect, with a ratio beyond the margin. Found: as many new pairs of the suspects say so too, beyond chance.\n\n\
         | machine | pairs | slower by (%) | tries | looks slower (%) | found (%) |\n|---|---:|---:|---:|---:|---:|"
    )?;
    for (noise, recommended) in MACHINES.into_iter().zip(PAIRS) {
        let fewer = [12, 16, 24, 32, 48].into_iter().filter(|pairs| *pairs < recommended);
        let rows = fewer.map(|pairs| (pairs, 10, 60));
        for (pairs, slower, tries) in rows.chain([(recommended, 5, 60), (recommended, 10, 200)]) {
            let [looks, found] = power(tries, pairs, noise, 1.0 + f64::from(slower) / 100.0);
            let bold = if tries == 200 { "**" } else { "" };
            writeln!(
                text,
                "| {} | {pairs} | {slower} | {tries} | {} | {bold}{}{bold} |",
                noise.name,
                percent(looks, tries),
                percent(found, tries)
            )?;
            ensure!(
                tries < 200 || found * 20 >= tries * 19,
                "a slow-down of {slower} % on the {} machine: found in {found} of {tries} tries, expected 19 of 20",
                noise.name
            );
        }
    }
    let (three, none) = (counted_slower(2000, 1.03, 0.003), counted_slower(2000, 1.0, 0.003));
    ensure!(
        three == 2000 && none == 0,
        "counted mode: 3 % found in {three} of 2,000 tries and 0 % in {none}"
    );
    writeln!(
        text,
        "\nCounted mode, 5 counts a side that jitter by up to 0.3 %, a tolerance of {:.0} %, 2,000 tries: 3 % more instructions are \
         called slower\nin {three}, as many instructions in {none}.\n",
        100.0 * TOLERANCE
    )?;
    Ok(())
}

fn tests(text: &mut String) -> anyhow::Result<()> {
    writeln!(
        text,
        "## Which paired test\n\n\
         Share of 300 tries (%) in which a test of the log ratios finds a slow-down of 10 % at p < 0.05 / 35, and of 1,000 \
         self-comparisons at\np < 0.05. Sign flips: 1,999 drawn. *Normal* jitters by 6 % without tails, stalls or drift. Winsorised: distances beyond twice their median are cut to that.\n\n\
         | machine | pairs | {} |\n|---|---:|{}",
        CANDIDATES.map(|name| format!("{name}: found | A/A")).join(" | "),
        "---:|---:|".repeat(CANDIDATES.len())
    )?;
    for (noise, pairs) in [(QUIET, 16), (NORMAL, 16), (NORMAL, 24), (SHARED, 32), (SHARED, 48)] {
        let power = found(300, pairs, noise, 1.1, 0.05 / 35.0, 1999);
        let alone = found(1000, pairs, noise, 1.0, 0.05, 499);
        write!(text, "| {} | {pairs} |", noise.name)?;
        for (power, alone) in power.into_iter().zip(alone) {
            write!(text, " {} | {} |", percent(power, 300), percent(alone, 1000))?;
        }
        text.push('\n');
    }
    writeln!(
        text,
        "\nThe gate uses the signed-rank test. Counting signs finds more in few pairs with long tails and less where pairs jitter \
         normally,\nand its intervals are wider; flips need draws. The signed-rank test needs none, and its estimate and interval \
         are of the same\ndistribution.\n"
    )?;
    Ok(())
}

fn others(text: &mut String) -> anyhow::Result<()> {
    writeln!(
        text,
        "## Exponents\n\n1,000 fits of time against length, 9 repeats of each length in rounds; the exponent is 1 or 2.\n\n\
         | machine | lengths | exponent | intervals that hold it (%) | half of an interval, median |\n|---|---:|---:|---:|---:|"
    )?;
    for noise in MACHINES {
        for (lengths, exponent) in [(3, 1.0), (4, 1.0), (5, 1.0), (5, 2.0)] {
            let (held, half) = exponents(1000, &LENGTHS[..lengths], 9, noise, exponent);
            writeln!(
                text,
                "| {} | {lengths} | {exponent} | {} | {half:.3} |",
                noise.name,
                percent(held, 1000)
            )?;
            ensure!(
                (900..=980).contains(&held),
                "intervals of exponents on the {} machine at {lengths} lengths hold {held} of 1,000, expected 900 to 980",
                noise.name
            );
        }
    }
    writeln!(
        text,
        "\n## Medians of cells that are repeated until they are known\n\n\
         1,000 cells, repeated from 10 to 200 times until half of the interval is 3 % of the median; machines without drift and \
         stalls,\nwhere there is one median to hold.\n\n\
         | machine | intervals that hold it (%) | mean repeats |\n|---|---:|---:|"
    )?;
    for noise in MACHINES {
        let (held, repeats) = adaptive(1000, noise, 0.03);
        writeln!(text, "| {} | {} | {repeats:.1} |", noise.name, percent(held, 1000))?;
    }
    writeln!(
        text,
        "\n## Changes in a history\n\n\
         300 series of 30 medians that jitter by 3 %, and a step after two thirds of them.\n\n\
         | step (%) | found within 2 entries (%) | series with a change elsewhere (%) |\n|---:|---:|---:|"
    )?;
    for step in [0, 5, 10, 20] {
        let [near, other] = steps(300, 30, 1.0 + f64::from(step) / 100.0, 0.03);
        let near = if step == 0 { "-".into() } else { percent(near, 300) };
        writeln!(text, "| {step} | {near} | {} |", percent(other, 300))?;
    }
    Ok(())
}
