//! Reading a release: what a good one gives.

use std::collections::BTreeSet;
use std::fs;

use icdbench::data::{
    CodeChoice, CodeKind, Corpus, DatasetSettings, Evidence, Language, Note, Percentiles, SyntheticSettings, load,
    registry, stats,
};

use super::{Release, assert_says, corpus_of, message, note};

#[test]
fn a_release_is_read_part_by_part_with_codes_in_upper_case() {
    let corpus = Release::new().corpus();
    let parts: Vec<(&str, usize, bool)> = corpus
        .parts
        .iter()
        .map(|p| (p.name.as_str(), p.notes.len(), p.coded))
        .collect();
    let expected = [
        ("train", 8, true),
        ("dev", 4, true),
        ("test", 4, true),
        ("background", 3, false),
    ];
    assert_eq!(parts, expected);
    let first = &corpus.part("train").unwrap().notes[0];
    assert_eq!(first.codes, ["BW03ZZZ", "J18.9", "R05", "R50.9"]);
    assert_eq!(first.patient, first.id);
    let reason = corpus.part("background").unwrap().uncoded_reason.as_deref().unwrap();
    assert_says(
        reason,
        &["backgroundD.tsv", "no codes for this part", "choose another part"],
    );
}

#[test]
fn the_choice_of_codes_selects_the_tables_and_the_evidence() {
    let release = Release::new();
    let diagnoses = release.load(Language::Es, CodeChoice::Diagnoses).unwrap();
    let procedures = release.load(Language::Es, CodeChoice::Procedures).unwrap();
    let of = |corpus: &Corpus| corpus.parts[0].notes[0].clone();
    assert_eq!(of(&diagnoses).codes, ["J18.9", "R05", "R50.9"]);
    assert_eq!(of(&procedures).codes, ["BW03ZZZ"]);
    assert_eq!(of(&procedures).evidence.len(), 1);
    assert!(of(&diagnoses).evidence.iter().all(|e| e.kind == CodeKind::Diagnosis));
}

#[test]
fn evidence_spans_are_characters_of_the_spanish_text_and_empty_ones_are_left_out() {
    let release = Release::new();
    let corpus = release.corpus();
    let leg = &corpus.part("train").unwrap().notes[3];
    let evidence = leg.evidence.iter().find(|e| e.code == "M79.605").unwrap();
    let characters: Vec<char> = leg.text.chars().collect();
    let words: Vec<String> = evidence
        .spans
        .iter()
        .map(|s| characters[s.clone()].iter().collect())
        .collect();
    assert_eq!(words, ["dolor", "pierna izquierda"]);
    let cough = &corpus.part("dev").unwrap().notes[0].evidence[0];
    assert_eq!((cough.code.as_str(), cough.spans.len()), ("R05", 1));
    let english = release.load(Language::En, CodeChoice::Both).unwrap();
    assert!(
        english
            .parts
            .iter()
            .flat_map(|p| &p.notes)
            .all(|n| n.evidence.is_empty())
    );
}

#[test]
fn titles_fall_back_to_the_category_for_diagnoses_only() {
    let corpus = Release::new().corpus();
    assert_eq!(corpus.title("I10"), Some("Essential (primary) hypertension"));
    assert_eq!(corpus.title("J18.9"), Some("Pneumonia, unspecified organism"));
    assert_eq!(corpus.title("R051ZZZ"), None);
    let release = Release::new();
    release.remove("icd10cm/categories.csv");
    let without = release.corpus();
    assert!(without.code_titles.is_empty());
    assert_eq!(without.fingerprint, corpus.fingerprint);
    assert_ne!(without.titles_fingerprint(), corpus.titles_fingerprint());
}

#[test]
fn the_fingerprint_repeats_and_changes_with_one_byte_of_text_or_code() {
    let before = Release::new().corpus().fingerprint;
    assert_eq!(before, Release::new().corpus().fingerprint);
    let release = Release::unsigned();
    let path = "codiesp/background/text_files/made-up-background-3.txt";
    let mut bytes = fs::read(release.path(path)).unwrap();
    bytes[0] = b'm';
    release.write(path, &bytes);
    assert_ne!(before, release.corpus().fingerprint);
    let release = Release::unsigned();
    release.replace_row("codiesp/train/trainD.tsv", 4, "made-up-train-2\te11.8");
    release.replace_row(
        "codiesp/train/trainX.tsv",
        5,
        "made-up-train-2\tDIAGNOSTICO\te11.8\tx\t0 1",
    );
    assert_ne!(before, release.corpus().fingerprint);
}

#[test]
fn every_field_of_a_note_moves_the_fingerprint() {
    let of = |change: fn(&mut Note)| {
        let mut note = note("a", "p", &["A00", "B00"]);
        note.evidence.push(Evidence {
            code: "A00".into(),
            kind: CodeKind::Diagnosis,
            spans: vec![0..4, 5..9],
        });
        change(&mut note);
        corpus_of(vec![("train", vec![note])]).unwrap().fingerprint
    };
    let changes: [fn(&mut Note); 8] = [
        |_| (),
        |note| note.id.push('a'),
        |note| note.patient.push('a'),
        |note| note.text.push('a'),
        |note| note.codes[1] = "B01".into(),
        |note| note.evidence[0].code = "B00".into(),
        |note| note.evidence[0].kind = CodeKind::Procedure,
        |note| note.evidence[0].spans[1].end = 8,
    ];
    let fingerprints: BTreeSet<String> = changes.into_iter().map(of).collect();
    assert_eq!(fingerprints.len(), changes.len());
}

#[test]
fn stats_count_words_codes_and_what_train_does_not_have() {
    let release = Release::new();
    let stats = stats(&release.load(Language::Es, CodeChoice::Diagnoses).unwrap());
    let train = &stats.parts[0];
    assert_eq!((train.notes, train.assignments, train.distinct_codes), (8, 23, 12));
    let bins: Vec<usize> = train.code_frequency.iter().map(|bin| bin.codes).collect();
    assert_eq!(bins[..3], [6, 6, 0]);
    assert!(train.unseen_in_train.is_none());
    let dev = stats.parts[1].unseen_in_train.as_ref().unwrap();
    assert_eq!((dev.codes, dev.assignments), (3, 3));
    assert!(stats.parts[3].codes_per_note.is_none() && stats.parts[3].unseen_in_train.is_none());
    let ten = Percentiles::of((1..=10).collect());
    assert_eq!((ten.p10, ten.p25, ten.p50, ten.p99, ten.max), (1, 3, 5, 10, 10));
    assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
}

#[test]
fn synthetic_notes_need_no_directory_and_follow_from_the_settings() {
    let load_seed = |seed, notes| {
        let settings = SyntheticSettings {
            seed,
            notes,
            median_words: 60,
        };
        load(&DatasetSettings::Synthetic(settings), None, &registry().unwrap())
    };
    let corpus = load_seed(1, 60).unwrap();
    let names: Vec<&str> = corpus.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["train", "dev", "test"]);
    let notes: Vec<_> = corpus.parts.iter().flat_map(|part| &part.notes).collect();
    assert_eq!(notes.len(), 60);
    assert!(notes.iter().all(|note| note.codes.is_sorted_by(|a, b| a < b)));
    assert!(
        notes
            .iter()
            .flat_map(|note| &note.codes)
            .all(|code| corpus.title(code).is_some())
    );
    assert_eq!(corpus.fingerprint, load_seed(1, 60).unwrap().fingerprint);
    assert_ne!(corpus.fingerprint, load_seed(2, 60).unwrap().fingerprint);
    let expected = ["[data.synthetic]", "`notes` is 0"];
    assert_says(&message(load_seed(1, 0).unwrap_err()), &expected);
}
