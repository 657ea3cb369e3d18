//! Who the synthetic patients are: their part (train, dev, test), sex, age and the codes of each admission.

use super::bank::{BANK, Cluster, Course};
use super::draw::Draw;
use super::settings::SyntheticSettings;

/// A part of the data; patients never straddle two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// For training, about 70 % of the notes.
    Train,
    /// For choosing settings and thresholds, about 10 %.
    Dev,
    /// For the scores, about 20 %.
    Test,
}

/// A patient before the details are drawn.
pub(super) struct Plan {
    pub(super) admissions: u32,
    pub(super) part: Part,
    /// A zero-shot code (index into the bank) this patient is given; only outside the training part.
    pub(super) held_out: Option<usize>,
}

/// A patient and the codes (sorted indices into the bank) of each admission.
pub(super) struct Patient {
    pub(super) female: bool,
    pub(super) age: u32,
    pub(super) admissions: Vec<Vec<usize>>,
}

/// Admissions in a hundred patients that come 1, 2, 3 and 4 times.
const ADMISSIONS: [u32; 4] = [60, 25, 10, 5];
/// Percent of the notes in train, dev and test.
const SHARES: [u32; 3] = [70, 10, 20];
/// How many patients outside train each zero-shot code is given to, if there are that many.
const HELD_OUT_REPEATS: usize = 3;

/// Lays out all patients so that their admissions add up to the notes asked for.
pub(super) fn plan(settings: &SyntheticSettings) -> Vec<Plan> {
    let mut draw = Draw::new(settings.seed, 0);
    let mut plans = Vec::new();
    let mut left = settings.notes;
    while left > 0 {
        let admissions = (draw.weighted(&ADMISSIONS).map_or(1, |i| i as u32 + 1)).min(left);
        left -= admissions;
        plans.push(Plan {
            admissions,
            part: Part::Train,
            held_out: None,
        });
    }
    let mut order: Vec<usize> = (0..plans.len()).collect();
    draw.shuffle(&mut order);
    share_out(&mut plans, &order, settings.notes);
    let codes: Vec<usize> = (0..BANK.entries.len()).filter(|&i| BANK.entries[i].unseen).collect();
    let holdout = order
        .iter()
        .filter(|&&i| plans[i].part != Part::Train)
        .copied()
        .collect::<Vec<_>>();
    for (turn, &patient) in holdout.iter().take(codes.len() * HELD_OUT_REPEATS).enumerate() {
        plans[patient].held_out = Some(codes[turn % codes.len()]);
    }
    plans
}

/// Gives each patient, in random order, to the part that lacks most notes. No part stays empty from 30 notes on: the
/// part that lacks three notes is served before the others can use up the last patient.
fn share_out(plans: &mut [Plan], order: &[usize], notes: u32) {
    let mut lacking = SHARES.map(|share| i64::from(share) * i64::from(notes));
    for &patient in order {
        let neediest = (0..3)
            .max_by_key(|&part| (lacking[part], std::cmp::Reverse(part)))
            .unwrap_or(0);
        lacking[neediest] -= 100 * i64::from(plans[patient].admissions);
        plans[patient].part = [Part::Train, Part::Dev, Part::Test][neediest];
    }
}

impl Patient {
    /// Draws a planned patient.
    pub(super) fn draw(plan: &Plan, draw: &mut Draw) -> Self {
        let female = draw.percent(52);
        let age = match draw.below(100) {
            0..22 => draw.between(19, 44),
            22..55 => draw.between(45, 64),
            _ => draw.between(65, 94),
        };
        let mut patient = Self {
            female,
            age,
            admissions: Vec::new(),
        };
        let mut clusters: Vec<&str> = Vec::new();
        let mut lasting: Vec<usize> = Vec::new();
        patient.lasting_codes(plan, draw, &mut clusters, &mut lasting);
        for _ in 0..plan.admissions {
            let codes = patient.admission(draw, &clusters, &mut lasting);
            patient.admissions.push(codes);
        }
        patient
    }

    fn lasting_codes(&self, plan: &Plan, draw: &mut Draw, clusters: &mut Vec<&str>, lasting: &mut Vec<usize>) {
        lasting.extend(plan.held_out);
        let weights: Vec<u32> = BANK.chronic.iter().map(|c| c.weight).collect();
        for _ in 0..1 + u32::from(draw.percent(50)) {
            let cluster = &BANK.chronic[draw.weighted(&weights).unwrap_or(0)];
            clusters.push(cluster.name);
            for &(code, percent) in &cluster.members {
                if draw.percent(percent) {
                    self.add(code, lasting);
                }
            }
        }
        for (code, entry) in BANK.entries.iter().enumerate() {
            if entry.lasting() && draw.per_ten_thousand(entry.rate) {
                self.add(code, lasting);
            }
        }
    }

    /// The codes of the next admission; lasting codes that it brings are added to `lasting`.
    fn admission(&self, draw: &mut Draw, clusters: &[&str], lasting: &mut Vec<usize>) -> Vec<usize> {
        let mut codes: Vec<usize> = lasting
            .iter()
            .copied()
            .filter(|&code| BANK.entries[code].unseen || draw.percent(93))
            .collect();
        let weights: Vec<u32> = BANK.episodes.iter().map(|e| self.episode_weight(e, clusters)).collect();
        for _ in 0..1 + u32::from(draw.percent(45)) {
            let episode = &BANK.episodes[draw.weighted(&weights).unwrap_or(0)];
            for &(code, percent) in &episode.members {
                if draw.percent(percent) && self.replace_or_add(code, &mut codes) && BANK.entries[code].lasting() {
                    self.add(code, lasting);
                }
            }
        }
        for (code, entry) in BANK.entries.iter().enumerate() {
            if !entry.lasting() && draw.per_ten_thousand(entry.rate) {
                self.add(code, &mut codes);
            }
        }
        if codes.is_empty() {
            codes.extend(BANK.entries.iter().position(|e| e.code == "R53.83"));
        }
        codes.sort_unstable();
        codes
    }

    /// Four times likelier after a cluster that leads to it; pregnancies only where possible.
    fn episode_weight(&self, episode: &Cluster, clusters: &[&str]) -> u32 {
        if episode.name.starts_with("pregnancy") {
            return if self.female && self.age < 45 {
                8 * episode.weight
            } else {
                0
            };
        }
        let favoured = episode.after.iter().any(|name| clusters.contains(name));
        episode.weight * if favoured { 4 } else { 1 }
    }

    fn eligible(&self, code: usize) -> bool {
        let entry = &BANK.entries[code];
        let fits_age = if self.age < 50 {
            !entry.old_only
        } else {
            !entry.young_only
        };
        fits_age && entry.fits_sex(self.female)
    }

    fn add(&self, code: usize, codes: &mut Vec<usize>) {
        if self.eligible(code) && codes.iter().all(|&other| other != code && !BANK.conflict(code, other)) {
            codes.push(code);
        }
    }

    /// Adds a code of an episode: an exacerbation takes the place of the chronic condition (J44.1 of J44.9).
    fn replace_or_add(&self, code: usize, codes: &mut Vec<usize>) -> bool {
        let new = &BANK.entries[code];
        if !self.eligible(code) || codes.contains(&code) {
            return false;
        }
        let gives_way = |other: usize| {
            let old = &BANK.entries[other];
            new.course == Course::Acute && old.course == Course::Chronic && old.category() == new.category()
        };
        if codes
            .iter()
            .any(|&other| BANK.conflict(code, other) && !gives_way(other))
        {
            return false;
        }
        codes.retain(|&other| !BANK.conflict(code, other));
        codes.push(code);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patients(seed: u64, notes: u32) -> Vec<(Plan, Patient)> {
        let settings = SyntheticSettings {
            seed,
            notes,
            median_words: 60,
        };
        let drawn = |(i, plan): (usize, Plan)| {
            let patient = Patient::draw(&plan, &mut Draw::new(seed, i as u64 + 1));
            (plan, patient)
        };
        plan(&settings).into_iter().enumerate().map(drawn).collect()
    }

    #[test]
    fn no_admission_holds_codes_that_exclude_each_other() {
        for (_, patient) in patients(11, 600) {
            for codes in &patient.admissions {
                for (i, &a) in codes.iter().enumerate() {
                    assert!(
                        codes[i + 1..].iter().all(|&b| a != b && !BANK.conflict(a, b)),
                        "{}",
                        BANK.entries[a].code
                    );
                }
                assert!(codes.iter().all(|&code| patient.eligible(code)) && !codes.is_empty());
            }
        }
    }

    #[test]
    fn parts_take_their_shares_and_none_is_empty() {
        for notes in [30, 31, 47, 100, 2000] {
            let plans = plan(&SyntheticSettings {
                seed: 5,
                notes,
                median_words: 60,
            });
            let count = |part| {
                plans
                    .iter()
                    .filter(|p| p.part == part)
                    .map(|p| p.admissions)
                    .sum::<u32>()
            };
            let (train, dev, test) = (count(Part::Train), count(Part::Dev), count(Part::Test));
            assert_eq!(train + dev + test, notes);
            assert!(dev > 0 && train > test && test > 0, "{notes}: {train} {dev} {test}");
            assert!((100 * dev).abs_diff(10 * notes) <= 400 && (100 * test).abs_diff(20 * notes) <= 400);
        }
    }

    #[test]
    fn only_patients_outside_train_carry_zero_shot_codes() {
        for (plan, patient) in patients(2, 800) {
            let held = patient
                .admissions
                .iter()
                .flatten()
                .any(|&code| BANK.entries[code].unseen);
            assert!(held == plan.held_out.is_some() && !(held && plan.part == Part::Train));
        }
    }
}
