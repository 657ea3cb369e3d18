//! The entries of a dictionary: which tokens each is made of, and where a note has them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::config::Config;
use crate::models::evidence::EvidenceNote;

/// Most different tokens of a span that smaller bags are made of.
const MOST_FOR_PARTS: usize = 12;

/// The form in which a span is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// Its tokens one after another.
    Sequence,
    /// All of its tokens close together.
    Bag,
    /// Some of its tokens close together.
    Part,
}

/// Entries by what finds them, and for each the codes that it speaks for.
#[derive(Debug)]
pub(super) struct Entries {
    longest: usize,
    window: usize,
    sequences: HashMap<Vec<i32>, u32>,
    /// By the rarest token: the other tokens, and the entry.
    bags: HashMap<i32, Vec<(Vec<i32>, u32)>>,
    /// Where the pairs of each entry begin; one more than there are entries.
    starts: Vec<u32>,
    /// The code of each pair.
    codes: Vec<u32>,
}

/// An entry that a note has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Match {
    entry: u32,
    /// The tokens of one place where it was found, ascending.
    pub(super) places: Vec<usize>,
}

impl Entries {
    /// The entries of the notes' evidence, and the share of each pair. Entries that no code is left for are dropped.
    pub(super) fn fit(config: &Config, notes: &[EvidenceNote]) -> (Self, Vec<f64>) {
        let mut wanted: BTreeMap<(Form, Vec<i32>), BTreeSet<u32>> = BTreeMap::new();
        for (note, span) in notes
            .iter()
            .flat_map(|note| note.spans.iter().map(move |span| (note, span)))
        {
            let tokens = note.span(span);
            let set: BTreeSet<i32> = tokens.iter().copied().collect();
            let bag: Vec<i32> = set.into_iter().collect();
            let mut add = |form: Form, tokens: Vec<i32>| {
                wanted.entry((form, tokens)).or_default().insert(span.code);
            };
            if bag.is_empty() {
                continue;
            }
            if tokens.len() <= config.longest {
                add(Form::Sequence, tokens);
            }
            if bag.len() <= config.bag {
                add(Form::Bag, bag.clone());
            }
            let some = &bag[..bag.len().min(MOST_FOR_PARTS)];
            for part in parts(some, config.part)
                .into_iter()
                .filter(|part| part.len() < bag.len())
            {
                add(Form::Part, part);
            }
        }
        let mut frequency: HashMap<i32, u32> = HashMap::new();
        for note in notes {
            for token in note.tokens.iter().copied().collect::<HashSet<i32>>() {
                *frequency.entry(token).or_default() += 1;
            }
        }
        let mut all = Self {
            longest: config.longest,
            window: config.window,
            sequences: HashMap::new(),
            bags: HashMap::new(),
            starts: vec![0],
            codes: Vec::new(),
        };
        let entries: Vec<_> = wanted.into_iter().collect();
        for (entry, ((form, tokens), _)) in entries.iter().enumerate() {
            all.add(entry as u32, *form, tokens, &frequency);
        }
        // How many notes have each entry, and of these how many have each of its codes.
        let mut having = vec![0u32; entries.len()];
        let mut hits: Vec<BTreeMap<u32, u32>> = vec![BTreeMap::new(); entries.len()];
        for note in notes {
            let codes: HashSet<u32> = note.codes.iter().copied().collect();
            for Match { entry, .. } in all.matches(&note.tokens) {
                having[entry as usize] += 1;
                for &code in entries[entry as usize].1.iter().filter(|code| codes.contains(code)) {
                    *hits[entry as usize].entry(code).or_default() += 1;
                }
            }
        }
        let mut shares = Vec::new();
        for (entry, ((form, _), _)) in entries.iter().enumerate() {
            let weight = if *form == Form::Part { config.part_weight } else { 1.0 };
            let notes = f64::from(having[entry]) + config.smoothing[*form as usize];
            for (&code, &count) in &hits[entry] {
                all.codes.push(code);
                shares.push(weight * f64::from(count) / notes);
            }
            all.starts.push(all.codes.len() as u32);
        }
        // A parameter without elements is none: one pair that no entry has.
        if shares.is_empty() {
            all.codes.push(0);
            shares.push(0.0);
        }
        (all, shares)
    }

    fn add(&mut self, entry: u32, form: Form, tokens: &[i32], frequency: &HashMap<i32, u32>) {
        if form == Form::Sequence {
            self.sequences.insert(tokens.to_vec(), entry);
            return;
        }
        let rarity = |token: &&i32| (frequency.get(*token).copied().unwrap_or(0), **token);
        let Some(&rarest) = tokens.iter().min_by_key(rarity) else {
            return;
        };
        let others = tokens.iter().copied().filter(|&token| token != rarest).collect();
        self.bags.entry(rarest).or_default().push((others, entry));
    }

    /// The entries that a note has, each once, in the order of the entries.
    pub(super) fn matches(&self, note: &[i32]) -> Vec<Match> {
        let mut found: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for start in 0..note.len() {
            for end in start + 1..=note.len().min(start + self.longest) {
                if let Some(&entry) = self.sequences.get(&note[start..end]) {
                    found.entry(entry).or_insert_with(|| (start..end).collect());
                }
            }
        }
        let mut places: HashMap<i32, Vec<usize>> = HashMap::new();
        for (place, &token) in note.iter().enumerate() {
            places.entry(token).or_default().push(place);
        }
        for (rarest, at) in &places {
            for (others, entry) in self.bags.get(rarest).into_iter().flatten() {
                if let Some(nearest) = self.nearest(at, others, &places) {
                    found.insert(*entry, nearest);
                }
            }
        }
        found
            .into_iter()
            .map(|(entry, places)| Match { entry, places })
            .collect()
    }

    /// The place of a bag's rarest token that all others are nearest to, with theirs; `None` where one is beyond the window.
    fn nearest(&self, at: &[usize], others: &[i32], places: &HashMap<i32, Vec<usize>>) -> Option<Vec<usize>> {
        let of_others: Vec<&Vec<usize>> = others.iter().map(|other| places.get(other)).collect::<Option<_>>()?;
        let around = |&place: &usize| {
            let mut chosen = vec![place];
            let mut furthest = 0;
            for of_other in &of_others {
                let next = of_other.partition_point(|&other| other < place);
                let sides = [next.checked_sub(1), (next < of_other.len()).then_some(next)];
                let nearest = sides
                    .into_iter()
                    .flatten()
                    .map(|side| of_other[side])
                    .min_by_key(|other| other.abs_diff(place))?;
                furthest = furthest.max(nearest.abs_diff(place));
                chosen.push(nearest);
            }
            chosen.sort_unstable();
            chosen.dedup();
            (furthest <= self.window).then_some((furthest, chosen))
        };
        at.iter()
            .filter_map(around)
            .min_by_key(|(furthest, _)| *furthest)
            .map(|(_, chosen)| chosen)
    }

    /// The pairs of an entry.
    pub(super) fn pairs(&self, found: &Match) -> Range<usize> {
        self.starts[found.entry as usize] as usize..self.starts[found.entry as usize + 1] as usize
    }

    /// The code of a pair.
    pub(super) fn code(&self, pair: usize) -> usize {
        self.codes[pair] as usize
    }
}

/// All subsets of 1 to `most` tokens.
fn parts(tokens: &[i32], most: usize) -> Vec<Vec<i32>> {
    let mut all: Vec<Vec<i32>> = vec![Vec::new()];
    for &token in tokens {
        for index in 0..all.len() {
            if all[index].len() < most {
                let mut longer = all[index].clone();
                longer.push(token);
                all.push(longer);
            }
        }
    }
    all.retain(|part| !part.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::evidence::EvidenceSpan;

    fn note(tokens: &[i32], codes: &[u32], spans: &[(u32, &[u32])]) -> EvidenceNote {
        let span = |&(code, places): &(u32, &[u32])| EvidenceSpan {
            code,
            places: places.to_vec(),
        };
        EvidenceNote {
            tokens: tokens.to_vec(),
            codes: codes.to_vec(),
            spans: spans.iter().map(span).collect(),
        }
    }

    fn config() -> Config {
        Config {
            longest: 4,
            bag: 4,
            window: 3,
            part: 2,
            smoothing: [0.2, 1.5, 1.0],
            part_weight: 0.3,
            prior: 0.1,
        }
    }

    #[test]
    fn a_share_is_that_of_the_notes_that_have_the_span() {
        // Tokens 5 6 are evidence of code 0 in one note; two more have them, one of which has the code.
        let notes = [
            note(&[1, 5, 6, 2], &[0], &[(0, &[1, 2])]),
            note(&[5, 6], &[0, 1], &[]),
            note(&[3, 5, 6], &[1], &[]),
            note(&[6, 9, 9, 9, 9, 9, 5], &[0], &[]),
        ];
        let config = Config {
            part: 0,
            smoothing: [0.5, 0.5, 0.5],
            ..config()
        };
        let (entries, shares) = Entries::fit(&config, &notes);
        // As it stands and as a bag: the last note has the tokens too far apart for both.
        assert_eq!(shares, [2.0 / 3.5, 2.0 / 3.5]);
        let found = entries.matches(&[8, 6, 8, 5]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].places, [1, 3]);
        assert_eq!(
            entries
                .pairs(&found[0])
                .map(|pair| entries.code(pair))
                .collect::<Vec<_>>(),
            [0]
        );
        assert_eq!(entries.matches(&[6, 8, 8, 8, 8, 5]), []);
        assert_eq!(entries.matches(&[]), []);
    }

    #[test]
    fn parts_are_the_smaller_bags() {
        assert_eq!(parts(&[1, 2, 3], 2).len(), 6);
        assert_eq!(parts(&[1, 2, 3], 0), Vec::<Vec<i32>>::new());
        let notes = [note(&[5, 6, 7], &[0], &[(0, &[0, 1, 2])])];
        let config = config();
        let (entries, shares) = Entries::fit(&config, &notes);
        // One as it stands, one bag, six parts.
        assert_eq!(shares.len(), 8);
        assert_eq!(
            shares
                .iter()
                .filter(|share| (**share - 0.3 / 2.0).abs() < 1e-12)
                .count(),
            6
        );
        assert_eq!(entries.matches(&[7]).len(), 1);
    }
}
