//! How often the throughput gate's statistics are right, on machines of which the truth is known: few runs here, so that what
//! is broken is found. `examples/speed_gate_rates.rs` makes many and writes `reports/speed-gate.md`.

#[path = "common/gate_rates.rs"]
mod gate_rates;
#[path = "common/stream.rs"]
mod stream;
#[path = "common/timings.rs"]
mod timings;

use gate_rates::{
    Alarms, MARGIN, PAIRS, QUIET_SPREAD, adaptive, alarms, chosen, counted_slower, exponents, power, steps,
};
use icdbench::speed::{Mode, Pairs, compare};
use timings::{Machine, Noise, QUIET, SHARED, Stream};

/// `share` of `of`, and three standard errors.
fn at_most(of: usize, share: f64) -> usize {
    let of = of as f64;
    (of * share + 3.0 * (of * share * (1.0 - share)).sqrt()) as usize
}

#[test]
fn a_program_is_hardly_ever_slower_than_itself() {
    for (noise, pairs) in [QUIET, SHARED].into_iter().zip(PAIRS) {
        let found = alarms(12, pairs, noise);
        let Alarms { grids, cells, .. } = found;
        assert_eq!((grids, cells), (12, 420));
        assert!(found.uncorrected * 20 <= cells, "{}: {found:?}", noise.name);
        assert_eq!(found.after_holm, 0, "{}: {found:?}", noise.name);
        assert_eq!(found.failed, 0, "{}: {found:?}", noise.name);
        assert!(
            found.covered >= cells - at_most(cells, 0.05),
            "{}: {found:?}",
            noise.name
        );
        assert!(found.same * 10 >= cells * 6, "{}: {found:?}", noise.name);
        // Intervals that hold everything would pass the above.
        assert!(found.covered < cells, "{}: {found:?}", noise.name);
    }
}

#[test]
fn a_slow_down_of_ten_percent_in_one_cell_is_found() {
    for (noise, pairs) in [QUIET, SHARED].into_iter().zip(PAIRS) {
        let [suspected, failed] = power(20, pairs, noise, 1.10);
        assert!(
            suspected >= failed && failed >= 19,
            "{}: {suspected}, {failed}",
            noise.name
        );
    }
    assert_eq!(power(10, 5, QUIET, 1.10)[1], 0, "five pairs say nothing");
}

#[test]
fn three_percent_are_found_by_counting_and_jitter_is_not() {
    assert_eq!(counted_slower(200, 1.03, 0.003), 200);
    assert_eq!(counted_slower(200, 1.0, 0.003), 0);
}

#[test]
fn only_a_quiet_machine_fails_by_default() {
    assert_eq!(chosen(PAIRS[0], QUIET, QUIET_SPREAD).0, Mode::Fail);
    assert_eq!(chosen(PAIRS[1], SHARED, QUIET_SPREAD).0, Mode::Inform);
}

#[test]
fn without_a_shuffled_order_drift_and_place_would_alarm() {
    // The base always first, and the first run of a pair slower: what the schedule is for.
    let noise = Noise { first: 0.08, ..QUIET };
    let mut stream = Stream::new(1);
    let mut machine = Machine::new(noise, &mut stream);
    let seconds = (0..PAIRS[0]).map(|_| {
        let head = machine.run(1.0 + noise.first);
        (machine.run(1.0), head)
    });
    let biased = Pairs {
        cell: "a".into(),
        seconds: seconds.collect(),
    };
    assert!(compare(&[biased], MARGIN).unwrap()[0].p_slower < 0.001);
    let found = alarms(6, PAIRS[0], noise);
    assert!(found.uncorrected * 20 <= found.cells, "{found:?}");
}

#[test]
fn intervals_of_exponents_hold_them_as_often_as_they_say() {
    for exponent in [1.0, 2.0] {
        let (held, _) = exponents(400, &[512, 1024, 2048, 4096, 8192], 9, SHARED, exponent);
        assert!((360..=392).contains(&held), "{held} of 400 at {exponent}");
    }
}

#[test]
fn intervals_of_medians_hold_them_when_repeating_stops_early() {
    let (held, runs) = adaptive(300, SHARED, 0.03);
    assert!(held >= 300 - at_most(300, 0.08), "{held} of 300");
    assert!((10.0..100.0).contains(&runs), "{runs} repeats");
}

#[test]
fn a_step_of_ten_percent_is_a_change_and_noise_is_none() {
    let [found, others] = steps(20, 30, 1.1, 0.03);
    assert!(found >= 18 && others <= 3, "{found}, {others}");
    assert!(steps(40, 30, 1.0, 0.03)[1] <= 3);
}
