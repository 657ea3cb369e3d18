//! The synthetic data set keeps its promises: the same bytes from the same settings, patients in one part only, evidence
//! for every gold code, none for the mentions that are not coded, and the shape that makes it worth a benchmark.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

use icdbench::data::Note;
use icdbench::data::synthetic::{
    Part, SyntheticError, SyntheticNotes, SyntheticSettings, code_titles, generate, wordings,
};
use proptest::prelude::*;
use regex::Regex;
use sha2::{Digest, Sha256};

/// The size at which the distributions are checked.
static LARGE: LazyLock<SyntheticNotes> = LazyLock::new(|| generated(1, 2_000, 1_600));

fn generated(seed: u64, notes: u32, median_words: u32) -> SyntheticNotes {
    generate(&SyntheticSettings {
        seed,
        notes,
        median_words,
    })
    .unwrap()
}

fn all(notes: &SyntheticNotes) -> impl Iterator<Item = &Note> {
    notes.train.iter().chain(&notes.dev).chain(&notes.test)
}

fn digest(notes: &SyntheticNotes) -> String {
    let mut hash = Sha256::new();
    for part in [Part::Train, Part::Dev, Part::Test] {
        for note in notes.part(part) {
            for field in [&note.id, &note.patient, &note.text, &note.codes.join(" ")] {
                hash.update(field.as_bytes());
                hash.update([0]);
            }
            for evidence in &note.evidence {
                hash.update(format!("{} {:?}\n", evidence.code, evidence.spans));
            }
        }
        hash.update([1]);
    }
    format!("{:x}", hash.finalize())
}

/// Notes of `part` that have each code.
fn frequencies(notes: &[Note]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for code in notes.iter().flat_map(|note| &note.codes) {
        *counts.entry(code.as_str()).or_default() += 1;
    }
    counts
}

fn words(note: &Note) -> usize {
    note.text.split_whitespace().count()
}

fn sorted_lengths(notes: &SyntheticNotes) -> Vec<usize> {
    let mut lengths: Vec<usize> = all(notes).map(words).collect();
    lengths.sort_unstable();
    lengths
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    // A change of these bytes is a change of the data set: raise GENERATOR_VERSION with it.
    assert_eq!(
        digest(&generated(20, 60, 300)),
        "5eb61f5832fd5e08ba689ed274652454abf0eac0f852a042dfc9af078a856d8b"
    );
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        digest(&pool.install(|| generated(21, 80, 120)))
    };
    assert_eq!(with(1), with(5));
}

#[test]
fn another_seed_gives_other_notes() {
    assert_ne!(digest(&generated(20, 60, 100)), digest(&generated(21, 60, 100)));
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let settings = SyntheticSettings {
        seed: 0,
        notes: 29,
        median_words: 100,
    };
    assert_eq!(generate(&settings), Err(SyntheticError::Notes(29)));
    assert!(
        generate(&settings)
            .unwrap_err()
            .to_string()
            .contains("`notes` is 29, expected 30")
    );
    let settings = SyntheticSettings {
        seed: 0,
        notes: 30,
        median_words: 0,
    };
    assert_eq!(generate(&settings), Err(SyntheticError::MedianWords(0)));
}

#[test]
fn suites_must_name_every_setting_and_no_other() {
    let read = |text: &str| toml::from_str::<SyntheticSettings>(text);
    let settings = SyntheticSettings {
        seed: 1,
        notes: 2_000,
        median_words: 1_600,
    };
    assert_eq!(read("seed = 1\nnotes = 2000\nmedian-words = 1600").unwrap(), settings);
    assert!(
        read("seed = 1\nnotes = 2000")
            .unwrap_err()
            .to_string()
            .contains("median-words")
    );
    assert!(read("seed = 1\nnotes = 2000\nmedian-words = 1600\nsize = 3").is_err());
}

#[test]
fn parts_have_their_shares_and_never_share_a_patient() {
    let parts = [Part::Train, Part::Dev, Part::Test];
    let patients = parts.map(|part| {
        LARGE
            .part(part)
            .iter()
            .map(|n| n.patient.as_str())
            .collect::<HashSet<_>>()
    });
    assert!(patients[0].is_disjoint(&patients[1]) && patients[0].is_disjoint(&patients[2]));
    assert!(patients[1].is_disjoint(&patients[2]));
    assert_eq!(parts.map(|part| LARGE.part(part).len()).iter().sum::<usize>(), 2_000);
    for (part, share) in parts.iter().zip([1_400, 200, 400]) {
        assert!(
            LARGE.part(*part).len().abs_diff(share) <= 4,
            "{part:?}: {}",
            LARGE.part(*part).len()
        );
    }
}

#[test]
fn chronic_codes_stay_with_a_patient() {
    let mut kept = (0, 0);
    for pair in LARGE.train.windows(2).filter(|pair| pair[0].patient == pair[1].patient) {
        for code in pair[0]
            .codes
            .iter()
            .filter(|code| ["I10", "E78.5", "E03.9", "J44.9", "Z95.1"].contains(&code.as_str()))
        {
            kept.0 += usize::from(pair[1].codes.contains(code));
            kept.1 += 1;
        }
    }
    assert!(kept.1 > 200 && kept.0 * 100 > kept.1 * 75, "{kept:?}");
}

#[test]
fn conditions_come_together_beyond_their_frequency() {
    let count = |codes: &[&str]| {
        LARGE
            .train
            .iter()
            .filter(|n| codes.iter().all(|code| n.codes.iter().any(|c| c == code)))
            .count() as f64
    };
    let total = LARGE.train.len() as f64;
    for (a, b) in [
        ("E11.22", "Z79.4"),
        ("N18.6", "D63.1"),
        ("I48.91", "Z79.01"),
        ("A41.9", "N39.0"),
    ] {
        let lift = count(&[a, b]) * total / (count(&[a]) * count(&[b]));
        assert!(lift > 1.5, "{a} with {b}: {lift:.2} times as often as by chance");
    }
}

#[test]
fn code_frequencies_are_zipf_like_with_zero_shot_codes() {
    let train = frequencies(&LARGE.train);
    let mut counts: Vec<usize> = train.values().copied().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let notes = LARGE.train.len();
    assert!(
        counts[0] * 5 > notes,
        "the most frequent code is in {} of {notes} notes",
        counts[0]
    );
    assert!(
        counts[9] * 20 > notes && counts[9] * 2 < counts[0],
        "tenth: {}",
        counts[9]
    );
    assert!(
        counts[99] * 5 < counts[9] * 2 && counts[99] >= 15,
        "hundredth: {}",
        counts[99]
    );
    let tail = counts.iter().filter(|&&n| n <= 3).count();
    assert!(tail >= 40, "{tail} codes with one to three training notes");
    let later = frequencies(&LARGE.dev)
        .into_keys()
        .chain(frequencies(&LARGE.test).into_keys());
    let unseen: BTreeSet<&str> = later.filter(|code| !train.contains_key(code)).collect();
    assert!(unseen.len() >= 10, "{} codes are never in train", unseen.len());
}

#[test]
fn notes_have_ten_to_fourteen_codes_on_average() {
    let codes: usize = all(&LARGE).map(|note| note.codes.len()).sum();
    assert!((20_000..28_000).contains(&codes), "{codes} codes in 2,000 notes");
}

#[test]
fn lengths_are_those_of_discharge_summaries() {
    let lengths = sorted_lengths(&LARGE);
    assert!((1_360..=1_840).contains(&lengths[1_000]), "median {}", lengths[1_000]);
    assert!(
        (3_001..5_000).contains(&lengths[1_800]),
        "nine in ten below {}",
        lengths[1_800]
    );
    let beyond = lengths.iter().filter(|&&n| n > 8_192).count();
    assert!((4..60).contains(&beyond), "{beyond} notes beyond 8,192 words");
}

#[test]
fn the_evidence_is_spread_over_the_note() {
    let (mut codes, mut early, mut by_2048) = (0, 0, 0);
    for note in all(&LARGE) {
        let mut first = BTreeMap::new();
        let starts: Vec<usize> = word_starts(&note.text);
        for evidence in &note.evidence {
            let word = starts.partition_point(|&start| start <= evidence.spans[0].start);
            first.entry(&evidence.code).or_insert(word); // evidence is in the order of the text
        }
        codes += first.len();
        early += first.values().filter(|&&word| word <= 512).count();
        by_2048 += first.values().filter(|&&word| word <= 2_048).count();
    }
    let share = |n: usize| n as f64 / codes as f64;
    assert!(
        (0.3..0.6).contains(&share(early)),
        "{:.3} within 512 words",
        share(early)
    );
    assert!(
        (0.8..0.97).contains(&share(by_2048)),
        "{:.3} within 2,048 words",
        share(by_2048)
    );
}

/// Character offsets at which words begin.
fn word_starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut space = true;
    for (at, c) in text.chars().enumerate() {
        if space && !c.is_whitespace() {
            starts.push(at);
        }
        space = c.is_whitespace();
    }
    starts
}

/// What must hold for every note of any size.
fn check_note(note: &Note) -> Result<(), TestCaseError> {
    let characters: Vec<char> = note.text.chars().collect();
    prop_assert!(
        !note.codes.is_empty() && note.codes.is_sorted_by(|a, b| a < b),
        "{}",
        note.id
    );
    prop_assert!(
        note.id
            .strip_prefix(&note.patient)
            .is_some_and(|rest| rest.starts_with('-')),
        "{}",
        note.id
    );
    let mut supported = BTreeSet::new();
    let mut end = 0;
    let mut rest = String::new(); // the text without its evidence
    for evidence in &note.evidence {
        let span = evidence.spans[0].clone();
        prop_assert!(
            evidence.spans.len() == 1 && span.start >= end,
            "{}: evidence out of order",
            note.id
        );
        let named: String = characters[span.clone()].iter().collect();
        prop_assert!(
            wordings(&evidence.code).contains(&named.as_str()),
            "{}: {named:?}",
            note.id
        );
        rest.extend(&characters[end..span.start]);
        rest.push('\u{1}');
        end = span.end;
        supported.insert(evidence.code.clone());
    }
    rest.extend(&characters[end..]);
    prop_assert_eq!(supported.into_iter().collect::<Vec<_>>(), note.codes.clone());
    for code in &note.codes {
        for wording in wordings(code) {
            prop_assert!(
                !names(&rest, wording),
                "{}: {code} is named outside its evidence: {wording:?}",
                note.id
            );
        }
    }
    Ok(())
}

/// Whether the wording stands in the text as whole words.
fn names(text: &str, wording: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(wording)
        .any(|(at, _)| !inside(text[..at].chars().next_back()) && !inside(text[at + wording.len()..].chars().next()))
}

#[test]
fn every_gold_code_is_named_where_the_evidence_says_and_nowhere_else() {
    for note in LARGE.dev.iter().chain(&LARGE.test) {
        check_note(note).unwrap();
    }
}

#[test]
fn coding_every_wording_that_is_found_is_imprecise() {
    let (mut right, mut wrong) = (0, 0);
    for note in LARGE.test.iter().take(40) {
        for (code, _) in code_titles() {
            if wordings(code).iter().any(|wording| names(&note.text, wording)) {
                let gold = note.codes.iter().any(|c| c == code);
                right += usize::from(gold);
                wrong += usize::from(!gold);
            }
        }
    }
    let precision = right as f64 / (right + wrong) as f64;
    assert!((0.3..0.75).contains(&precision), "{precision:.3}");
}

#[test]
fn the_bank_has_distinct_well_formed_codes_and_wordings() {
    let shape = Regex::new(r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$").unwrap();
    let codes: Vec<(&str, &str)> = code_titles().collect();
    assert!(codes.len() >= 320, "{} codes", codes.len());
    assert!(codes.is_sorted_by(|a, b| a.0 < b.0));
    let chapters: BTreeSet<char> = codes.iter().filter_map(|(code, _)| code.chars().next()).collect();
    assert!(
        ('A'..='Z')
            .filter(|letter| !['X'].contains(letter))
            .all(|letter| chapters.contains(&letter))
    );
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for (code, title) in codes {
        assert!(shape.is_match(code), "{code}");
        assert!(title.len() > 4 && title.trim() == title, "{code}: {title:?}");
        assert!((4..=6).contains(&wordings(code).len()), "{code}");
        for wording in wordings(code) {
            assert!(wording.trim() == *wording && wording.len() > 1, "{code}: {wording:?}");
            if let Some(other) = owners.insert(wording.to_lowercase(), code) {
                panic!("{wording:?} stands for both {other} and {code}");
            }
        }
    }
    assert!(wordings("A00.0").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_for_any_seed_and_size(seed: u64, notes in 30u32..90, median in 1u32..900) {
        let data = generated(seed, notes, median);
        prop_assert_eq!(all(&data).count(), notes as usize);
        prop_assert!(!data.train.is_empty() && !data.dev.is_empty() && !data.test.is_empty());
        let mut ids = HashSet::new();
        let mut parts: BTreeMap<&str, Part> = BTreeMap::new();
        for part in [Part::Train, Part::Dev, Part::Test] {
            for note in data.part(part) {
                check_note(note)?;
                prop_assert!(ids.insert(&note.id));
                prop_assert_eq!(*parts.entry(&note.patient).or_insert(part), part);
            }
        }
    }
}
