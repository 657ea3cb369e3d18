//! The real CodiEsp release, where a copy is at hand; otherwise these tests say so and pass.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use icdbench::data::{CodeChoice, Corpus, Evidence, Language, load, registry, stats, verify};

use super::codiesp;

/// `ICDBENCH_DATA`, or the folder that lies beside a working copy of this repository.
fn data_dir() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let directory = std::env::var_os("ICDBENCH_DATA").map_or_else(beside, PathBuf::from);
    let found = directory.join("codiesp").is_dir();
    if !found {
        println!("skipped: no CodiEsp release; set ICDBENCH_DATA to the folder that has codiesp/");
    }
    found.then_some(directory)
}

fn corpus(data_dir: &Path, language: Language, codes: CodeChoice) -> Corpus {
    load(&codiesp(language, codes), Some(data_dir), &registry().unwrap()).unwrap()
}

#[test]
fn the_release_has_the_published_counts() {
    let Some(data_dir) = data_dir() else { return };
    let stats = stats(&corpus(&data_dir, Language::Es, CodeChoice::Diagnoses));
    let sizes: Vec<usize> = stats.parts.iter().map(|part| part.notes).collect();
    assert_eq!(sizes, [500, 250, 250, 2751]);
    let [train, dev] = [&stats.parts[0], &stats.parts[1]];
    assert_eq!((train.assignments, train.distinct_codes), (5639, 1767));
    assert_eq!((dev.assignments, dev.distinct_codes), (2677, 1158));
    assert_eq!((train.notes_without_codes, dev.notes_without_codes), (0, 0));
    let unseen = dev.unseen_in_train.as_ref().unwrap();
    assert_eq!((unseen.codes, unseen.assignments), (427, 477));
}

#[test]
fn the_release_matches_its_checksums() {
    let Some(data_dir) = data_dir() else { return };
    let registry = registry().unwrap();
    let report = verify(registry.find("codiesp").unwrap(), Some(&data_dir)).unwrap();
    let wrong: Vec<_> = report.entries.iter().filter(|entry| !entry.is_ok()).collect();
    assert!(report.ok, "{wrong:?}");
}

#[test]
fn english_texts_have_the_same_notes_and_codes_and_no_evidence() {
    let Some(data_dir) = data_dir() else { return };
    let spanish = corpus(&data_dir, Language::Es, CodeChoice::Both);
    let english = corpus(&data_dir, Language::En, CodeChoice::Both);
    for (spanish, english) in spanish.parts.iter().zip(&english.parts) {
        assert!(
            spanish
                .notes
                .iter()
                .zip(&english.notes)
                .all(|(s, e)| s.id == e.id && s.codes == e.codes)
        );
        assert!(english.notes.iter().all(|note| note.evidence.is_empty()));
    }
    assert_ne!(spanish.fingerprint, english.fingerprint);
}

/// The annotators' reference text is their own copy of the words in the spans. A handful of rows
/// differ from the text in the release itself (a misread space, a corrected word).
#[test]
fn evidence_spans_hold_the_reference_texts() {
    let Some(data_dir) = data_dir() else { return };
    let corpus = corpus(&data_dir, Language::Es, CodeChoice::Both);
    for (part, rows, agreeing) in [("train", 9181, 9177), ("dev", 4477, 4475)] {
        let table = data_dir.join(format!("codiesp/{part}/{part}X.tsv"));
        let table = fs::read_to_string(table).unwrap();
        let notes = &corpus.part(part).unwrap().notes;
        let texts: BTreeMap<&str, Vec<char>> = notes
            .iter()
            .map(|note| (note.id.as_str(), note.text.chars().collect()))
            .collect();
        let mut evidence: BTreeMap<&str, std::slice::Iter<Evidence>> = notes
            .iter()
            .map(|note| (note.id.as_str(), note.evidence.iter()))
            .collect();
        let mut agree = 0;
        for line in table.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let row = evidence.get_mut(fields[0]).unwrap().next().unwrap();
            assert_eq!(row.code, fields[2].to_uppercase());
            let words = row.spans.iter().map(|s| texts[fields[0]][s.clone()].iter().collect());
            let words: Vec<String> = words.collect();
            agree += usize::from(squeezed(&words.join(" ")) == squeezed(fields[3]));
        }
        let count = table.lines().count();
        println!("{part}: {agree} of {count} evidence rows agree with their reference text");
        assert_eq!(count, rows);
        assert_eq!(agree, agreeing);
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
