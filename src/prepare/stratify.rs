//! Iterative stratification: patients are dealt out so that every code is as frequent in each part as its share says
//! (Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-label Data, 2011), by patient as in
//! medical-coding-reproducibility (Edin et al. 2023): test first, then dev of the rest; a patient's codes are those of all
//! admissions, repeated ones counted; the rarest code first, of equals the one that came last; what a part still lacks in
//! all is counted in different codes. Only the draw among equal parts is another generator's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::draft::Draft;
use crate::data::{PARTS, Shares, shuffle};

/// Gives every document the part of its patient.
pub(super) fn assign(draft: &mut Draft, shares: &Shares) {
    let mut patients: BTreeMap<(usize, String), Vec<u32>> = BTreeMap::new();
    for note in &draft.notes {
        // Numbers of patients in the order of numbers, names in that of names.
        let key = (note.subject.len(), note.subject.clone());
        let codes = patients.entry(key).or_default();
        codes.extend(note.codes.iter().map(|code| code.code));
    }
    let (names, codes): (Vec<_>, Vec<_>) = patients.into_iter().map(|((_, name), codes)| (name, codes)).unzip();
    let mut ties = Ties::new(shares.seed);
    let all: Vec<usize> = (0..names.len()).collect();
    let [rest, test] = dealt(&all, &codes, [1.0 - shares.test, shares.test], &mut ties);
    let of_rest = shares.dev / (1.0 - shares.test);
    let [train, dev] = dealt(&rest, &codes, [1.0 - of_rest, of_rest], &mut ties);
    let mut parts: HashMap<&str, u8> = HashMap::new();
    for (part, patients) in [train, dev, test].into_iter().enumerate() {
        parts.extend(
            patients
                .into_iter()
                .map(|patient| (names[patient].as_str(), part as u8)),
        );
    }
    for note in &mut draft.notes {
        note.part = parts.get(note.subject.as_str()).copied();
    }
    let count = names.len() as u64;
    draft.step(format!("patients, dealt out into {}", PARTS.join(", ")), count);
}

/// Deals patients out to two sets. `codes` are of all patients, `patients` those that there are, in their order.
fn dealt(patients: &[usize], codes: &[Vec<u32>], shares: [f64; 2], ties: &mut Ties) -> [Vec<usize>; 2] {
    // By code: how many are left, when it came first, and the places of the patients who have it.
    let mut left: HashMap<u32, (u32, usize)> = HashMap::new();
    let mut holders: HashMap<u32, BTreeSet<usize>> = HashMap::new();
    for (place, &patient) in patients.iter().enumerate() {
        for &code in &codes[patient] {
            let first = left.len();
            left.entry(code).or_insert((0, first)).0 += 1;
            holders.entry(code).or_default().insert(place);
        }
    }
    let wanted = |share: f64| {
        left.iter()
            .map(move |(&code, &(count, _))| (code, f64::from(count) * share))
            .collect()
    };
    let mut wanted: [HashMap<u32, f64>; 2] = shares.map(wanted);
    let mut lacking = shares.map(|share| left.len() as f64 * share);
    // Least frequent first, of equals the one that came last.
    let rank = |code: u32, (count, first): (u32, usize)| (count, usize::MAX - first, code);
    let mut ranked: BTreeSet<(u32, usize, u32)> = left.iter().map(|(&code, &at)| rank(code, at)).collect();
    let mut sets: [Vec<usize>; 2] = Default::default();
    let mut without_codes: Vec<usize> = Vec::new();
    without_codes.extend(patients.iter().filter(|&&patient| codes[patient].is_empty()));
    while let Some(&(.., rarest)) = ranked.first() {
        let of_rarest = holders.remove(&rarest).unwrap_or_default();
        for place in of_rarest.into_iter().rev() {
            let patient = patients[place];
            let needs = [0, 1].map(|set: usize| wanted[set].get(&rarest).copied().unwrap_or(0.0));
            let set = match needs[0].total_cmp(&needs[1]).then(lacking[0].total_cmp(&lacking[1])) {
                std::cmp::Ordering::Greater => 0,
                std::cmp::Ordering::Less => 1,
                std::cmp::Ordering::Equal => ties.draw(),
            };
            sets[set].push(patient);
            lacking[set] -= 1.0;
            for &code in &codes[patient] {
                *wanted[set].entry(code).or_default() -= 1.0;
                if let Some(holders) = holders.get_mut(&code) {
                    holders.remove(&place);
                }
                if let Some(&at) = left.get(&code) {
                    ranked.remove(&rank(code, at));
                    let after = (at.0 - 1, at.1);
                    match after.0 {
                        0 => {
                            left.remove(&code);
                        }
                        _ => {
                            left.insert(code, after);
                            ranked.insert(rank(code, after));
                        }
                    }
                }
            }
        }
    }
    // Those say nothing of any code: they go by the shares.
    for patient in without_codes {
        let sizes = [0, 1].map(|set: usize| sets[set].len() as f64 / shares[set]);
        sets[usize::from(sizes[1] < sizes[0])].push(patient);
    }
    sets
}

/// Which of two equal sets is taken.
struct Ties {
    seed: u64,
    drawn: Vec<usize>,
}

impl Ties {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: Vec::new(),
        }
    }

    fn draw(&mut self) -> usize {
        if self.drawn.is_empty() {
            let mut names: Vec<&str> = ["0", "1"].repeat(512);
            shuffle(&mut names, self.seed);
            self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.drawn = names.into_iter().map(|name| usize::from(name == "1")).collect();
        }
        self.drawn.pop().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_dealt_out_by_the_shares_and_every_patient_once() {
        // 600 patients: code 0 in all, code n in every n-th.
        let codes: Vec<Vec<u32>> = (0..600u32)
            .map(|patient| (0..40).filter(|&code| code == 0 || patient % code == 0).collect())
            .collect();
        let patients: Vec<usize> = (0..600).collect();
        let sets = dealt(&patients, &codes, [0.85, 0.15], &mut Ties::new(10));
        let mut all = sets.concat();
        all.sort_unstable();
        assert_eq!(all, patients);
        for code in 1..40 {
            let count = |set: &Vec<usize>| set.iter().filter(|&&patient| codes[patient].contains(&code)).count();
            let [most, few] = [count(&sets[0]), count(&sets[1])];
            let share = few as f64 / (most + few) as f64;
            assert!(
                (share - 0.15).abs() <= 0.04 + 1.0 / (most + few) as f64,
                "{code}: {share}"
            );
        }
        let again = dealt(&patients, &codes, [0.85, 0.15], &mut Ties::new(10));
        assert_eq!(sets, again);
        // Where both sets want as much, the seed says.
        let halves = |seed| dealt(&patients, &codes, [0.5, 0.5], &mut Ties::new(seed));
        assert_eq!(halves(1), halves(1));
        assert_ne!(halves(1), halves(2));
    }

    /// Worked out by hand from the published steps: the rarest code (3, of equals the last that came) goes first, to the set
    /// that wants most of it.
    #[test]
    fn the_rarest_code_goes_first() {
        let codes = vec![vec![1, 2], vec![1], vec![1, 3], vec![1, 2], vec![]];
        let [most, few] = dealt(&[0, 1, 2, 3, 4], &codes, [0.75, 0.25], &mut Ties::new(1));
        // 3 is wanted .75 and .25: its patient goes to the first set. Then 2, twice, wanted 1.5 and .5: patient 3 to the
        // first, which then wants .5, as the other does, and lacks .25 of 3 codes, the other .75: patient 0 to the other.
        assert_eq!(most[..2], [2, 3]);
        assert_eq!(few[0], 0);
        assert!(most.contains(&1) && most.contains(&4));
    }
}
