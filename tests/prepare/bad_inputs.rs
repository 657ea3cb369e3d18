//! A table of exports that something happened to. Each gives one clear error, or a skip that is counted and said; none a
//! panic, a silent drop, or a word of a note.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use icdbench::data::prepared::{MANIFEST, Manifest, TABLE};
use icdbench::data::synthetic::exports::{ExportSettings, Shape};
use icdbench::data::{DatasetSettings, PreparedSettings, registry};

use super::support::{export, prepare, settings, step, try_prepare};

/// Stands in every note; nothing that is said may have it.
const CANARY: &str = "xylophone";

enum Then {
    /// An error that says so.
    Refused(&'static str),
    /// It is prepared, and this step of the manifest counts so many.
    Counted(&'static str, u64),
    /// It is prepared as if nothing had happened.
    Fine,
}

use Then::{Counted, Fine, Refused};

type Case = (&'static str, &'static str, fn(&Path), Then);

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn change(path: &Path, change: impl FnOnce(String) -> String) {
    let changed = change(text(path));
    fs::write(path, changed).unwrap();
}

fn replace(path: &Path, from: &str, to: &str) {
    change(path, |text| {
        assert!(text.contains(from), "{} has no {from:?}", path.display());
        text.replacen(from, to, 1)
    });
}

/// Changes the fields of the first row of a table of codes.
fn row(path: &Path, edit: impl FnOnce(&mut Vec<String>)) {
    change(path, |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut fields: Vec<String> = lines[1].split(',').map(str::to_owned).collect();
        edit(&mut fields);
        lines[1] = fields.join(",");
        lines.join("\n") + "\n"
    });
}

fn gzip(path: &Path, cut: Option<usize>) {
    let bytes = fs::read(path).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let mut packed = encoder.finish().unwrap();
    if let Some(cut) = cut {
        packed.truncate(packed.len() - cut);
    }
    fs::write(path.with_extension("csv.gz"), packed).unwrap();
    fs::remove_file(path).unwrap();
}

fn in_quotes(path: &Path, bytes: &[u8]) {
    let mut all = fs::read(path).unwrap();
    let place = all.windows(7).position(|window| window == b"History").unwrap();
    all.splice(place..place, bytes.iter().copied());
    fs::write(path, all).unwrap();
}

const N: &str = "NOTEEVENTS.csv";
const D: &str = "DIAGNOSES_ICD.csv";
const P: &str = "PROCEDURES_ICD.csv";
const S: &str = "splits.csv";

const MIMIC3: &[Case] = &[
    // Headers.
    (
        "a missing column",
        N,
        |f| replace(f, "\"TEXT\"", "\"BODY\""),
        Refused("no column `text`"),
    ),
    (
        "a missing column of codes",
        D,
        |f| replace(f, "ICD9_CODE", "CODE"),
        Refused("no column `icd9_code`"),
    ),
    (
        "a missing column of places",
        P,
        |f| replace(f, "SEQ_NUM", "SEQ"),
        Refused("no column `seq_num`"),
    ),
    (
        "a column twice",
        N,
        |f| replace(f, "\"CGID\"", "\"TEXT\""),
        Refused("name of column"),
    ),
    (
        "a column without a name",
        N,
        |f| replace(f, "\"CGID\"", ""),
        Refused("column 9 without a name"),
    ),
    (
        "names in lower case",
        N,
        |f| {
            change(f, |t| {
                let (h, r) = t.split_once('\n').unwrap();
                format!("{}\n{r}", h.to_lowercase())
            })
        },
        Fine,
    ),
    (
        "names without quotes",
        D,
        |f| {
            change(f, |t| {
                let (h, r) = t.split_once('\n').unwrap();
                format!("{}\n{r}", h.replace('"', ""))
            })
        },
        Fine,
    ),
    (
        "columns in another order",
        D,
        |f| {
            change(f, |t| {
                t.lines()
                    .map(|l| {
                        let v: Vec<&str> = l.split(',').collect();
                        format!("{},{},{},{},{}\n", v[4], v[3], v[2], v[1], v[0])
                    })
                    .collect()
            })
        },
        Fine,
    ),
    (
        "a column more",
        D,
        |f| {
            change(f, |t| {
                t.lines()
                    .enumerate()
                    .map(|(i, l)| format!("{l},{}\n", if i == 0 { "NEW" } else { "7" }))
                    .collect()
            })
        },
        Fine,
    ),
    ("a byte order mark", N, |f| change(f, |t| format!("\u{feff}{t}")), Fine),
    (
        "no header",
        D,
        |f| change(f, |t| t.split_once('\n').unwrap().1.to_owned()),
        Refused("the name of column 1 again at column 4"),
    ),
    (
        "an empty file",
        N,
        |f| fs::write(f, "").unwrap(),
        Refused("an empty file"),
    ),
    (
        "an empty table of codes",
        P,
        |f| fs::write(f, "").unwrap(),
        Refused("an empty file"),
    ),
    (
        "a header alone",
        N,
        |f| change(f, |t| t.split_once('\n').unwrap().0.to_owned()),
        Refused("no discharge summary with text"),
    ),
    (
        "a header alone of procedures",
        P,
        |f| change(f, |t| t.split_once('\n').unwrap().0.to_owned()),
        Refused("no code of a document among them"),
    ),
    (
        "a table of another kind",
        N,
        |f| {
            let d = f.with_file_name(D);
            fs::copy(d, f).unwrap();
        },
        Refused("no column `category`"),
    ),
    // Quotes and rows.
    (
        "a quote that is never closed",
        N,
        |f| {
            change(f, |mut t| {
                t.push_str("9,9,9,,,,\"Discharge summary\",\"Report\",,,\"cut");
                t
            })
        },
        Refused("a quote that is never closed"),
    ),
    (
        "something behind a quote",
        D,
        |f| row(f, |v| v[4] = "\"4019\"x".into()),
        Refused("row 2: found something behind a closing quote"),
    ),
    (
        "a quote inside a field",
        D,
        |f| row(f, |v| v[4] = "40\"19".into()),
        Refused("row 2: found a quote inside a field"),
    ),
    (
        "a quote that is not doubled",
        N,
        |f| in_quotes(f, b"he said \"no\" and "),
        Refused("something behind a closing quote"),
    ),
    (
        "a field less",
        D,
        |f| {
            row(f, |v| {
                v.pop();
            })
        },
        Refused("row 2: found 4 fields, expected 5"),
    ),
    (
        "a field more",
        D,
        |f| row(f, |v| v.push("1".into())),
        Refused("row 2: found 6 fields, expected 5"),
    ),
    (
        "line ends of Windows",
        D,
        |f| change(f, |t| t.replace('\n', "\r\n")),
        Fine,
    ),
    (
        "no line end at the end",
        D,
        |f| change(f, |t| t.trim_end().to_owned()),
        Fine,
    ),
    ("empty lines at the end", D, |f| change(f, |t| t + "\n\r\n\n"), Fine),
    (
        "semicolons",
        D,
        |f| change(f, |t| t.replace(',', ";")),
        Refused("something behind a closing quote"),
    ),
    (
        "bytes that are not UTF-8",
        N,
        |f| in_quotes(f, b"\xff\xfe"),
        Refused("bytes that are not UTF-8"),
    ),
    ("a NUL in a text", N, |f| in_quotes(f, b"\0"), Fine),
    // gzip.
    ("gzip", N, |f| gzip(f, None), Fine),
    ("a gzip that is cut off", N, |f| gzip(f, Some(200)), Refused("cut off")),
    (
        "a gzip without its last bytes",
        N,
        |f| gzip(f, Some(4)),
        Refused("cut off"),
    ),
    (
        "a damaged gzip",
        N,
        |f| {
            gzip(f, None);
            let g = f.with_extension("csv.gz");
            let mut b = fs::read(&g).unwrap();
            let m = b.len() / 2;
            for x in &mut b[m..m + 64] {
                *x ^= 0x5a;
            }
            fs::write(g, b).unwrap();
        },
        Refused("damaged"),
    ),
    (
        "a plain file called gzip",
        D,
        |f| fs::rename(f, f.with_extension("csv.gz")).unwrap(),
        Fine,
    ),
    (
        "a gzip called plain",
        D,
        |f| {
            gzip(f, None);
            fs::rename(f.with_extension("csv.gz"), f).unwrap();
        },
        Fine,
    ),
    // Identifiers.
    (
        "an admission as a float",
        D,
        |f| row(f, |v| v[2] += ".0"),
        Refused("row 2: found a admission of another form"),
    ),
    (
        "a subject as a float",
        D,
        |f| row(f, |v| v[1] += ".0"),
        Refused("of another form"),
    ),
    (
        "a code without an admission",
        D,
        |f| row(f, |v| v[2].clear()),
        Refused("row 2: found a code without an admission"),
    ),
    (
        "a code of another subject",
        D,
        |f| row(f, |v| v[1] = "1".into()),
        Refused("an admission with another subject"),
    ),
    (
        "an admission of two subjects",
        N,
        |f| {
            change(f, |mut t| {
                let id = t.lines().nth(1).unwrap().split(',').nth(2).unwrap().to_owned();
                t.push_str(&format!("9,1,{id},,,,\"Discharge summary\",\"Report\",,,\"more\"\n"));
                t
            })
        },
        Refused("other rows give another subject"),
    ),
    (
        "a summary without an admission",
        N,
        |f| {
            change(f, |mut t| {
                t.push_str("9,1,,,,,\"Discharge summary\",\"Report\",,,\"more\"\n");
                t
            })
        },
        Counted("without an admission, left out", 1),
    ),
    (
        "a summary without a subject",
        N,
        |f| {
            change(f, |mut t| {
                t.push_str("9,,7,,,,\"Discharge summary\",\"Report\",,,\"more\"\n");
                t
            })
        },
        Refused("without a subject"),
    ),
    (
        "a summary without text",
        N,
        |f| {
            change(f, |mut t| {
                t.push_str("9,1,7,,,,\"Discharge summary\",\"Report\",,,\" \"\n");
                t
            })
        },
        Counted("without text, left out", 1),
    ),
    (
        "another spelling of the category",
        N,
        |f| change(f, |t| t.replace("Discharge summary", "Discharge Summary")),
        Refused("no discharge summary with text"),
    ),
    (
        "an admission that no part has",
        N,
        |f| {
            change(f, |mut t| {
                t.push_str("9,1,7,,,,\"Discharge summary\",\"Report\",,,\"more\"\n");
                t
            })
        },
        Counted("that the split mimic3-full does not have, left out", 1),
    ),
    // Codes.
    (
        "procedures as whole numbers",
        P,
        |f| {
            change(f, |t| {
                let strip = |l: &str| {
                    let (start, code) = l.rsplit_once(',').unwrap();
                    format!("{start},{}\n", code.trim_matches('"').trim_start_matches('0'))
                };
                let (head, rows) = t.split_once('\n').unwrap();
                let rows: String = rows.lines().map(strip).collect::<String>().repeat(6);
                format!("{head}\n{rows}")
            });
        },
        Refused("procedure codes of which none begins with 0"),
    ),
    (
        "a code in lower case",
        D,
        |f| row(f, |v| v[4] = "e8788".into()),
        Refused("row 2: found a code of another form"),
    ),
    (
        "two files of one name",
        D,
        |f| {
            fs::copy(f, f.with_file_name("diagnoses_icd.csv")).unwrap();
        },
        Refused("DIAGNOSES_ICD.csv and diagnoses_icd.csv"),
    ),
    (
        "plain and gzip",
        D,
        |f| {
            let keep = fs::read(f).unwrap();
            gzip(f, None);
            fs::write(f, keep).unwrap();
        },
        Refused("DIAGNOSES_ICD.csv and DIAGNOSES_ICD.csv.gz"),
    ),
    (
        "a pipe",
        P,
        |f| {
            fs::remove_file(f).unwrap();
            let made = std::process::Command::new("mkfifo").arg(f).status().unwrap();
            assert!(made.success());
        },
        Refused("it is no regular file"),
    ),
    (
        "a note for a header",
        N,
        |f| {
            change(f, |t| {
                let text = t.split_once('\n').unwrap().1;
                let start = text.find("\"Report\"").unwrap();
                format!("1,2,3,4,5,6,7,8,9,10,{}", &text[start + 11..].trim_start_matches(','))
            });
        },
        Refused("11 columns"),
    ),
    (
        "a code as a float",
        D,
        |f| row(f, |v| v[4] = "4019.0".into()),
        Refused("row 2: found a code of another form"),
    ),
    (
        "a code with a dot",
        P,
        |f| row(f, |v| v[4] = "\"38.93\"".into()),
        Refused("row 2: found a code of another form"),
    ),
    (
        "a code with a space",
        D,
        |f| row(f, |v| v[4] = "\"40 19\"".into()),
        Refused("a code of another form"),
    ),
    (
        "a code that is a sentence",
        D,
        |f| row(f, |v| v[4] = "\"hypertension\"".into()),
        Refused("a code of another form"),
    ),
    (
        "NaN for a code",
        D,
        |f| row(f, |v| v[4] = "<NA>".into()),
        Refused("a code of another form"),
    ),
    (
        "a place that is no number",
        D,
        |f| row(f, |v| v[3] = "first".into()),
        Refused("a place in the list of another form"),
    ),
    (
        "the same row again",
        D,
        |f| {
            change(f, |t| {
                let l = t.lines().nth(1).unwrap().to_owned();
                t + &l + "\n"
            })
        },
        Counted("codes that an admission has again, left out", u64::MAX),
    ),
    // Files and parts.
    (
        "no notes",
        N,
        |f| fs::remove_file(f).unwrap(),
        Refused("no NOTEEVENTS.csv (or .csv.gz)"),
    ),
    (
        "no procedures",
        P,
        |f| fs::remove_file(f).unwrap(),
        Refused("no PROCEDURES_ICD.csv"),
    ),
    (
        "no titles",
        "D_ICD_DIAGNOSES.csv",
        |f| fs::remove_file(f).unwrap(),
        Fine,
    ),
    (
        "a directory in the place of a file",
        N,
        |f| {
            fs::remove_file(f).unwrap();
            fs::create_dir(f).unwrap();
        },
        Refused("cannot read this file"),
    ),
    (
        "an admission twice in the list",
        S,
        |f| {
            change(f, |t| {
                let l = t.lines().nth(1).unwrap().to_owned();
                t + &l + "\n"
            })
        },
        Refused("an identifier that came before"),
    ),
    (
        "an admission in two parts",
        S,
        |f| {
            change(f, |t| {
                let l = t.lines().nth(1).unwrap();
                let id = l.split(',').next().unwrap();
                let other = if l.ends_with("test") { "dev" } else { "test" };
                format!("{t}{id},{other}\n")
            })
        },
        Refused("in another part too"),
    ),
    (
        "a part that there is not",
        S,
        |f| change(f, |t| t + "5,holdout\n"),
        Refused("another part"),
    ),
    (
        "a part without admissions",
        S,
        |f| change(f, |t| t.replace(",dev", ",train")),
        Refused("the part dev is empty"),
    ),
    (
        "a list without its header",
        S,
        |f| change(f, |t| t.split_once('\n').unwrap().1.to_owned()),
        Refused("no column `hadm_id`"),
    ),
];

const MIMIC4: &[Case] = &[
    (
        "another version of the release",
        "hosp/diagnoses_icd.csv",
        |f| replace(f, "icd_version", "version"),
        Refused("no column `icd_version`"),
    ),
    (
        "a version that there is not",
        "hosp/diagnoses_icd.csv",
        |f| row(f, |v| v[4] = "11".into()),
        Refused("row 2: found another version of the ICD, expected 9 or 10"),
    ),
    (
        "no version",
        "hosp/diagnoses_icd.csv",
        |f| row(f, |v| v[4].clear()),
        Refused("another version of the ICD"),
    ),
    (
        "a version as a float",
        "hosp/diagnoses_icd.csv",
        |f| row(f, |v| v[4] = "9.0".into()),
        Refused("a version of the ICD of another form"),
    ),
    (
        "no notes",
        "note/discharge.csv",
        |f| fs::remove_file(f).unwrap(),
        Refused("no note/discharge.csv (or .csv.gz) or discharge.csv"),
    ),
    (
        "no notes module at all",
        "note",
        |f| fs::remove_dir_all(f).unwrap(),
        Refused("MIMIC-IV and MIMIC-IV-Note"),
    ),
    (
        "all files in one place",
        "note/discharge.csv",
        |f| fs::rename(f, f.parent().unwrap().with_file_name("discharge.csv")).unwrap(),
        Fine,
    ),
    (
        "a note without an admission",
        "note/discharge.csv",
        |f| {
            change(f, |mut t| {
                t.push_str("x,1,,DS,1,,,\"more\"\n");
                t
            })
        },
        Counted("without an admission, left out", 1),
    ),
    (
        "notes of none",
        "note/discharge.csv",
        |f| change(f, |t| t.split_once('\n').unwrap().0.to_owned()),
        Refused("no note with text"),
    ),
    (
        "a code with a dot",
        "hosp/diagnoses_icd.csv",
        |f| row(f, |v| v[3] = "I10.".into()),
        Refused("a code of another form"),
    ),
];

fn tried(cases: &[Case], set: &str, settings: &ExportSettings) {
    let scratch = tempfile::tempdir().unwrap();
    let good = scratch.path().join("good");
    export(&good, settings);
    plant(&good);
    let (_, wanted) = prepare(set, &[], &good, &scratch.path().join("good-set"));
    for (number, (what, file, damage, then)) in cases.iter().enumerate() {
        let from = scratch.path().join(format!("{number}"));
        copy(&good, &from);
        damage(&from.join(file));
        let to = scratch.path().join(format!("{number}-set"));
        let found = try_prepare(set, &[], &from, &to);
        match (then, found) {
            (Refused(expected), Err(error)) => {
                let message = whole(&error);
                assert!(message.contains(expected), "{what}: {message}");
                assert!(
                    !message.contains(CANARY) && !message.to_lowercase().contains("canary"),
                    "{what}: {message}"
                );
                assert!(!to.join(MANIFEST).exists(), "{what}: a manifest of what failed");
            }
            (Refused(expected), Ok(_)) => panic!("{what}: prepared, expected {expected:?}"),
            (_, Err(error)) => panic!("{what}: {}", whole(&error)),
            (Counted(name, count), Ok(manifest)) => match count {
                &u64::MAX => assert!(step(&manifest, name) > 0, "{what}"),
                count => assert_eq!(step(&manifest, name), *count, "{what}"),
            },
            (Fine, Ok(_)) => {
                let rows = super::support::rows(&to);
                assert_eq!(rows.len(), wanted.len(), "{what}");
                let codes = |rows: &[icdbench::data::prepared::PreparedNote]| -> Vec<_> {
                    rows.iter()
                        .map(|row| (row.note.clone(), row.split.clone(), row.codes.clone()))
                        .collect()
                };
                assert!(codes(&rows) == codes(&wanted), "{what}: other codes or parts");
            }
        }
    }
}

/// Puts the canary into every note.
fn plant(from: &Path) {
    for file in [from.join(N), from.join("note/discharge.csv")] {
        if file.exists() {
            change(&file, |text| text.replace("History", &format!("{CANARY} History")));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target): (PathBuf, PathBuf) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        match path.is_dir() {
            true => copy(&path, &target),
            false => {
                fs::copy(&path, &target).unwrap();
            }
        }
    }
}

fn whole(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        message += &format!(": {next}");
        cause = next.source();
    }
    message
}

#[test]
fn every_row_of_the_table_of_bad_mimic3_exports_is_answered() {
    tried(MIMIC3, "mimic3-full", &settings(Shape::Mimic3, 60));
}

#[test]
fn every_row_of_the_table_of_bad_mimic4_exports_is_answered() {
    let settings = ExportSettings {
        version: Some(9),
        ..settings(Shape::Mimic4, 60)
    };
    tried(MIMIC4, "mimic4-icd9", &settings);
}

#[test]
fn a_prepared_set_that_something_happened_to_is_not_read() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, data) = (scratch.path().join("mimic3"), scratch.path().join("data"));
    export(&from, &settings(Shape::Mimic3, 60));
    let registry = registry().unwrap();
    let load = |rules: &[&str]| {
        let settings = DatasetSettings::Prepared(PreparedSettings {
            name: "mimic3-full".into(),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            codes: None,
        });
        icdbench::data::load(&settings, Some(&data), &registry)
    };
    let fresh = |rules: &[&str]| {
        let to = data.join("mimic3-full");
        let _ = fs::remove_dir_all(&to);
        prepare("mimic3-full", rules, &from, &to);
        to
    };
    fresh(&[]);
    let corpus = load(&[]).unwrap();
    assert!(corpus.origin.generated && corpus.parts.len() == 3);
    type Damage = fn(&Path);
    let cases: [(&str, Damage, &str); 13] = [
        (
            "notes that are not generated any more",
            |to| replace(&to.join(MANIFEST), "\"generated\": true", "\"generated\": false"),
            "changed since it was written",
        ),
        (
            "another count",
            |to| {
                replace(
                    &to.join(MANIFEST),
                    "\"patients-in-several-parts\": 0",
                    "\"patients-in-several-parts\": 1",
                )
            },
            "changed since it was written",
        ),
        (
            "no manifest",
            |to| fs::remove_file(to.join(MANIFEST)).unwrap(),
            "cannot read this file",
        ),
        (
            "half a manifest",
            |to| change(&to.join(MANIFEST), |text| text[..text.len() / 2].to_owned()),
            "no manifest",
        ),
        (
            "an empty manifest",
            |to| fs::write(to.join(MANIFEST), "").unwrap(),
            "no manifest",
        ),
        (
            "a manifest of the future",
            |to| replace(&to.join(MANIFEST), "\"format\": 1", "\"format\": 2"),
            "format 2",
        ),
        (
            "a key that it has not",
            |to| replace(&to.join(MANIFEST), "\"generated\"", "\"genereted\""),
            "a damaged manifest",
        ),
        (
            "another data set",
            |to| replace(&to.join(MANIFEST), "\"mimic3-full\"", "\"mimic3-50\""),
            "changed since it was written",
        ),
        (
            "another rule",
            |to| replace(&to.join(MANIFEST), "\"addenda\": \"caml\"", "\"addenda\": \"laat\""),
            "changed since it was written",
        ),
        (
            "no table",
            |to| fs::remove_file(to.join(TABLE)).unwrap(),
            "cannot read this file",
        ),
        (
            "half a table",
            |to| {
                let b = fs::read(to.join(TABLE)).unwrap();
                fs::write(to.join(TABLE), &b[..b.len() / 2]).unwrap();
            },
            "the manifest says",
        ),
        (
            "a byte of the table",
            |to| {
                let mut b = fs::read(to.join(TABLE)).unwrap();
                let m = b.len() / 3;
                b[m] ^= 1;
                fs::write(to.join(TABLE), b).unwrap();
            },
            "the manifest says",
        ),
        (
            "another title",
            |to| replace(&to.join("codes.csv"), "Essential", "essential"),
            "the manifest says",
        ),
    ];
    for (what, damage, expected) in cases {
        let to = fresh(&[]);
        damage(&to);
        let error = load(&[]).map(|_| ()).unwrap_err();
        let message = whole(&error);
        assert!(message.contains(expected), "{what}: {message}");
    }
    // What was made by a changed rule is read by a suite that says so, and by no other.
    let to = fresh(&["addenda=laat"]);
    assert_eq!(Manifest::read(&to).unwrap().changed_rules, ["addenda=laat"]);
    assert!(whole(&load(&[]).map(|_| ()).unwrap_err()).contains("prepared by addenda=laat"));
    assert!(whole(&load(&["addenda=edin"]).map(|_| ()).unwrap_err()).contains("the suite means addenda=edin"));
    load(&["addenda=laat"]).unwrap();
    assert!(whole(&load(&["addende=laat"]).map(|_| ()).unwrap_err()).contains("no rule is called \"addende\""));
}

#[test]
fn rules_that_there_are_not_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    export(&from, &settings(Shape::Mimic3, 40));
    for (rule, expected) in [
        (
            "addendum=laat",
            "no rule is called \"addendum\"; expected one of addenda",
        ),
        ("addenda", "expected rule=value"),
        ("min-count=3\nx=4", "on one line"),
        ("addenda=last-first", "unknown variant"),
        ("min-count=ten", "invalid type"),
        ("min-count=-1", "invalid value"),
        ("split={ published = \"mine\" }", "no split is named `mine`"),
        (
            "split={ by-patient = { dev = 0.6, test = 0.6, seed = 1 } }",
            "shares above 0 that leave some for training",
        ),
        ("split={ by-patient = { dev = 0.1 } }", "missing field"),
    ] {
        // Not a generated export: its own list would be taken.
        let _ = fs::remove_file(from.join("GENERATED.txt"));
        let error = try_prepare("mimic3-full", &[rule], &from, &scratch.path().join("set")).unwrap_err();
        assert!(whole(&error).contains(expected), "{rule}: {}", whole(&error));
    }
}

#[test]
fn a_disk_that_is_full_and_a_place_that_cannot_be_written_are_said() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    export(&from, &settings(Shape::Mimic3, 40));
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    let error = try_prepare("mimic3-full", &[], &from, &file.join("set")).unwrap_err();
    assert!(whole(&error).contains("cannot"), "{}", whole(&error));
    // Who is root may write anywhere.
    let closed = scratch.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(closed.join("try"), "").is_err() {
        let error = try_prepare("mimic3-full", &[], &from, &closed.join("set")).unwrap_err();
        assert!(whole(&error).contains("cannot make the directory"), "{}", whole(&error));
    }
}
