//! Reading a release that is damaged: each kind of damage has a message of its own.

use std::fs;

use icdbench::data::{CodeChoice, Error, Language, load};

use super::{Release, assert_says, codiesp, corpus_of, message, note};

#[test]
fn without_a_data_directory_the_message_says_how_to_name_one_and_where_to_get_the_data() {
    let release = Release::new();
    let settings = codiesp(Language::Es, CodeChoice::Both);
    let error = load(&settings, None, &release.registry()).unwrap_err();
    assert!(matches!(
        error,
        Error::NoDataDirectory {
            credentialed: false,
            ..
        }
    ));
    let expected = [
        "`codiesp`",
        "--data DIR",
        "ICDBENCH_DATA",
        "tests/fixtures/codiesp in the repository",
    ];
    assert_says(&message(error), &expected);
    let nowhere = release.path("nowhere");
    let error = load(&settings, Some(&nowhere), &release.registry()).unwrap_err();
    assert_says(
        &message(error),
        &["nowhere is not a directory", "--data DIR", "repository"],
    );
}

#[test]
fn a_missing_table_is_named() {
    let release = Release::new();
    release.remove("codiesp/train/trainP.tsv");
    assert_says(
        &release.refusal(),
        &[
            "codiesp/train/trainP.tsv: cannot read this file",
            "fetch",
            "No such file",
        ],
    );
}

#[test]
fn a_table_with_another_checksum_is_refused() {
    let release = Release::new();
    release.replace_row("codiesp/dev/devD.tsv", 1, "made-up-dev-1\tr05.1");
    let expected = [
        "codiesp/dev/devD.tsv: found sha256 ",
        ", expected ",
        "update the registry",
    ];
    assert_says(&release.refusal(), &expected);
}

#[test]
fn a_note_with_one_other_letter_is_refused_by_its_folders_checksum() {
    let release = Release::new();
    let folder = release.path("codiesp/dev/text_files");
    let first = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).min();
    let first = first.unwrap();
    let name = first.file_name().unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&first, text.replacen('a', "e", 1)).unwrap();
    let refusal = release.refusal();
    assert_says(
        &refusal,
        &["codiesp/dev/text_files: found sha256 ", ", expected ", "registry"],
    );
    assert!(!refusal.contains(&name), "file names stay out of messages: {refusal}");
}

#[test]
fn two_notes_whose_texts_were_exchanged_are_refused() {
    let release = Release::new();
    let folder = release.path("codiesp/train/text_files");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let texts = [0, 1].map(|place| fs::read(&files[place]).unwrap());
    fs::write(&files[0], &texts[1]).unwrap();
    fs::write(&files[1], &texts[0]).unwrap();
    assert_says(&release.refusal(), &["codiesp/train/text_files: found sha256 "]);
}

#[test]
fn a_row_with_one_field_is_named_with_its_number() {
    let release = Release::unsigned();
    release.replace_row("codiesp/train/trainD.tsv", 3, "made-up-train-1 r05");
    let refusal = release.refusal();
    let expected = [
        "trainD.tsv, row 3: found 1 field, expected 2 fields separated by tabs",
        "correct the row",
    ];
    assert_says(&refusal, &expected);
    assert!(
        !refusal.contains("made-up-train-1"),
        "ids stay out of messages: {refusal}"
    );
}

#[test]
fn a_code_row_of_a_note_without_text_is_refused() {
    let release = Release::unsigned();
    release.replace_row("codiesp/dev/devP.tsv", 2, "made-up-train-1\t3023");
    let expected = [
        "devP.tsv, row 2: found a note without a text file in this part",
        "expected only notes that have ID.txt",
    ];
    assert_says(&release.refusal(), &expected);
}

#[test]
fn a_code_twice_for_one_note_is_refused_with_both_rows() {
    let release = Release::unsigned();
    release.replace_row("codiesp/train/trainD.tsv", 2, "made-up-train-1\tJ18.9");
    assert_says(
        &release.refusal(),
        &["trainD.tsv, row 2: found the note and code of row 1 again", "once"],
    );
}

#[test]
fn something_that_is_no_code_is_refused_without_quoting_it() {
    let release = Release::unsigned();
    release.replace_row("codiesp/train/trainD.tsv", 2, "made-up-train-1\tfiebre alta");
    let refusal = release.refusal();
    assert_says(
        &refusal,
        &["row 2: found something other than a code", "letters, digits and dots"],
    );
    assert!(!refusal.contains("fiebre"));
}

#[test]
fn evidence_rows_are_checked_against_texts_and_codes() {
    let row = |new: &str| {
        let release = Release::unsigned();
        release.replace_row("codiesp/dev/devX.tsv", 7, new);
        release.refusal()
    };
    let start = "made-up-dev-2\tDIAGNOSTICO\te11.9\tx";
    let cases = [
        (
            format!("{start}\t30 3900"),
            "found the span 30 3900, expected a span inside the note's 84 characters",
        ),
        (format!("{start}\t39 30"), "found the span 39 30"),
        (
            format!("{start}\t30-39"),
            "found offsets of another form, expected offsets as `start end`",
        ),
        (format!("{start}\t30 30"), "found only empty spans"),
        (
            "made-up-dev-2\tDIAGNOSTICO\tz99\tx\t30 39".into(),
            "found a code that the note does not have",
        ),
        (
            "made-up-dev-2\tDIAGNOSIS\te11.9\tx\t30 39".into(),
            "found another kind, expected DIAGNOSTICO or PROCEDIMIENTO",
        ),
    ];
    for (new, expected) in cases {
        assert_says(&row(&new), &["devX.tsv, row 7", expected]);
    }
}

#[test]
fn a_text_that_is_not_utf_8_is_named_with_its_line() {
    let release = Release::new();
    release.write("codiesp/dev/text_files/made-up-dev-2.txt", b"Mujer\nde 68 a\xf1os\n");
    assert_says(
        &release.refusal(),
        &["made-up-dev-2.txt, row 2: found bytes that are not UTF-8"],
    );
}

#[test]
fn a_note_without_text_is_refused() {
    let release = Release::new();
    release.write("codiesp/dev/text_files/made-up-dev-2.txt", b" \n");
    assert_says(
        &release.refusal(),
        &["made-up-dev-2.txt: found a note without text", "at least one word"],
    );
}

#[test]
fn a_file_where_a_folder_should_be_is_an_unreadable_directory() {
    let release = Release::new();
    fs::remove_dir_all(release.path("codiesp/test/text_files")).unwrap();
    release.write("codiesp/test/text_files", b"");
    assert_says(
        &release.refusal(),
        &["codiesp/test/text_files: cannot read this directory", "Not a directory"],
    );
}

#[test]
fn a_stray_file_among_the_notes_is_refused_and_a_hidden_one_ignored() {
    let release = Release::new();
    release.write("codiesp/test/text_files/.DS_Store", b"x");
    release.corpus();
    release.write("codiesp/test/text_files/made-up-test-1.ann", b"x");
    assert_says(
        &release.refusal(),
        &["made-up-test-1.ann: found something other than a note", "ID.txt"],
    );
}

#[test]
fn counts_that_differ_from_the_registry_are_refused() {
    let release = Release::new();
    release.remove("codiesp/background/text_files/made-up-background-1.txt");
    assert_says(
        &release.refusal(),
        &["codiesp/background/text_files: found 2 files, expected 3"],
    );
    let release = Release::unsigned();
    let path = "codiesp/dev/devP.tsv";
    let text = fs::read_to_string(release.path(path)).unwrap();
    release.write(path, text.lines().next().unwrap().as_bytes());
    assert_says(&release.refusal(), &["devP.tsv: found 1 rows, expected 3"]);
}

#[test]
fn a_note_in_two_parts_is_refused_by_position() {
    let parts = vec![
        ("train", vec![note("b", "b", &["A00"]), note("a", "a", &["A00"])]),
        ("test", vec![note("b", "b", &["A00"])]),
    ];
    let expected = [
        "note 1 of part `test` has the same id as note 2 of part `train`",
        "every id once",
    ];
    assert_says(&message(corpus_of(parts).unwrap_err()), &expected);
    let release = Release::unsigned();
    let text = b"Texto inventado.\n";
    release.write("codiesp/background/text_files/made-up-dev-2.txt", text);
    release.remove("codiesp/background/text_files/made-up-background-1.txt");
    let expected = ["note 3 of part `background` has the same id as note 2 of part `dev`"];
    assert_says(&release.refusal(), &expected);
}

#[test]
fn a_table_of_titles_with_another_header_is_refused() {
    let release = Release::unsigned();
    release.replace_row("icd10cm/categories.csv", 1, "code,title");
    assert_says(
        &release.refusal(),
        &[
            "categories.csv, row 1: found another header",
            "ICD10-CM-CODE,description",
        ],
    );
    let release = Release::unsigned();
    release.replace_row("icd10cm/categories.csv", 3, "J18");
    assert_says(
        &release.refusal(),
        &["categories.csv, row 3: found fewer than 2 fields"],
    );
}

#[test]
fn what_editors_and_spreadsheets_add_to_a_table_changes_nothing() {
    let expected = Release::unsigned().corpus().fingerprint;
    let edits: [fn(&str) -> String; 6] = [
        |table| format!("\u{feff}{table}"),
        |table| table.replace('\n', "\r\n"),
        |table| table.replace('\n', "\t\t\n"),
        |table| table.replace('\n', " \n").replace('\t', " \t "),
        |table| format!("{table}\n\n"),
        |table| table.trim_end().to_owned(),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        for table in ["dev/devD.tsv", "train/trainP.tsv", "train/trainX.tsv"] {
            let release = Release::unsigned();
            let path = format!("codiesp/{table}");
            let text = fs::read_to_string(release.path(&path)).unwrap();
            release.write(&path, edit(&text).as_bytes());
            assert_eq!(release.corpus().fingerprint, expected, "{table}, edit {number}");
        }
    }
    let release = Release::unsigned();
    let path = "icd10cm/categories.csv";
    let text = fs::read_to_string(release.path(path)).unwrap();
    release.write(path, format!("\u{feff}{text}").as_bytes());
    assert_eq!(release.corpus().code_titles, Release::new().corpus().code_titles);
}

#[test]
fn a_header_row_is_called_one() {
    for (table, header) in [
        ("codiesp/dev/devD.tsv", "articleID\tICD10-code"),
        ("codiesp/dev/devX.tsv", "articleID\tlabel\tcode\treference\tposition"),
    ] {
        let release = Release::unsigned();
        let text = fs::read_to_string(release.path(table)).unwrap();
        release.write(table, format!("{header}\n{text}").as_bytes());
        assert_says(
            &release.refusal(),
            &[", row 1: found a header row", "delete the header"],
        );
    }
}

#[test]
fn verifying_says_why_a_file_cannot_be_read() {
    let release = Release::new();
    fs::remove_dir_all(release.path("codiesp/test/text_files")).unwrap();
    release.write("codiesp/test/text_files", b"");
    let registry = release.registry();
    let report = icdbench::data::verify(registry.find("codiesp").unwrap(), Some(&release.path(""))).unwrap();
    let reasons: Vec<String> = report
        .entries
        .iter()
        .filter_map(|entry| match &entry.status {
            icdbench::data::Status::Unreadable { reason } => Some(reason.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(reasons.len(), 1);
    assert_says(&reasons[0], &["cannot read this directory", "Not a directory"]);
}
