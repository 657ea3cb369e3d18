//! Writing is all or nothing, and the same records give the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use icdbench::report::{Ended, Written, write_report};

use super::*;

fn files_of(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else {
            files.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    files
}

fn write(records: &[Reported], suite: &SuiteText, directory: &Path) -> Written {
    match write_report(records, suite, directory).unwrap() {
        Ended::Written(written) => written,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_suite_without_any_score_is_a_valid_report_that_says_so() {
    let failed = [ended(
        cell("caml", 512, 1),
        Status::OutOfMemory,
        Some("needs 90 GiB, the device has 64"),
    )];
    let suite = suite(Vec::new());
    let page = page(&failed, &suite);
    assert!(page.remarks[0].starts_with("No cell was scored"));
    assert_eq!(page.figures().count(), 0);
    for text in [markdown::page(&page), html::page(&page).unwrap()] {
        assert!(text.contains("out of memory") && !text.contains("NaN"), "{text}");
    }
    let target = tempfile::tempdir().unwrap();
    let written = write(&failed, &suite, target.path());
    assert!(written.files.iter().all(|file| file.exists()));
}

#[test]
fn without_a_record_of_any_cell_nothing_is_written_and_an_older_report_stays() {
    let (records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let report = target.path().join("report");
    let of_another_suite = [scored(cell("caml", 4096, 1), 0.6)];
    for none in [&of_another_suite[..], &[]] {
        assert_eq!(write_report(none, &suite, &report).unwrap(), Ended::NoRecord);
        assert!(!report.exists());
    }
    write(&records, &suite, &report);
    let before = files_of(&report);
    for none in [&of_another_suite[..], &[]] {
        assert_eq!(write_report(none, &suite, &report).unwrap(), Ended::NoRecord);
        assert!(before == files_of(&report));
    }
}

#[test]
fn a_report_without_scores_takes_the_place_of_none_that_has_some() {
    let (records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let report = target.path().join("report");
    assert_eq!(write(&records, &suite, &report).before, None);
    let before = files_of(&report);
    let failed = [ended(cell("caml", 512, 1), Status::Failed, Some("no memory"))];
    let kept = write_report(&failed, &suite, &report).unwrap();
    assert_eq!(kept, Ended::Kept { scored: 5 });
    assert!(before == files_of(&report));
    // Fewer scores are written, and told.
    let fewer = write(&records[1..3], &suite, &report);
    assert_eq!((fewer.before, fewer.coverage.ok), (Some(5), 2));
    // Over a report without scores, or what is no report, anything goes.
    let other = target.path().join("other");
    assert_eq!(write(&failed, &suite, &other).before, None);
    assert_eq!(write(&failed, &suite, &other).before, Some(0));
    fs::write(other.join("scores.csv"), "no,sheet").unwrap();
    assert_eq!(write(&failed, &suite, &other).before, None);
}

#[test]
fn every_csv_file_of_the_page_is_written_beside_it() {
    let (records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let written = write(&records, &suite, target.path());
    let html = fs::read_to_string(target.path().join("index.html")).unwrap();
    let csv = |file: &&std::path::PathBuf| file.extension().is_some_and(|extension| extension == "csv");
    let files: Vec<_> = written.files.iter().filter(csv).collect();
    assert_eq!(files.len(), csv::SHEETS.len());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy();
        assert!(html.contains(&format!("<code>{name}</code>")), "{name}");
    }
}

#[test]
fn the_same_records_give_the_same_bytes_in_any_order_and_old_plots_go() {
    let (mut records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let report = target.path().join("reports").join("lengths");
    let written = write(&records, &suite, &report);
    let first = files_of(&report);
    assert_eq!(first.len(), written.files.len());
    assert_eq!(written.files.last().unwrap(), &report.join("index.html"));
    fs::write(report.join("plots/lengths-of-an-earlier-task.svg"), "old").unwrap();
    records.reverse();
    write(&records, &suite, &report);
    let second = files_of(&report);
    assert!(
        first == second,
        "{:?}",
        first.keys().zip(second.keys()).find(|(a, b)| first[*a] != second[*b])
    );
}

#[test]
fn a_report_that_cannot_be_written_leaves_the_old_one_and_names_the_place() {
    let (records, suite) = mixed();
    let target = tempfile::tempdir().unwrap();
    let report = target.path().join("report");
    write(&records[..2], &suite, &report);
    // A directory stands where a plot belongs, so that replacing fails before the page is reached.
    fs::remove_file(report.join("plots/bins.svg")).unwrap();
    fs::create_dir_all(report.join("plots/bins.svg/occupied")).unwrap();
    let pages = ["index.html", "report.md"].map(|file| fs::read(report.join(file)).unwrap());
    let error = write_report(&records, &suite, &report).unwrap_err();
    assert!(error.to_string().contains("bins.svg"), "{error}");
    assert_eq!(
        pages,
        ["index.html", "report.md"].map(|file| fs::read(report.join(file)).unwrap())
    );
    assert!(
        fs::read_dir(&report)
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with('.') })
    );

    let file = target.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let error = write_report(&records, &suite, &file.join("report")).unwrap_err();
    assert!(error.to_string().contains("cannot create the report"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a directory");
}
