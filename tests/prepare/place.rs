//! Where a prepared data set goes: never in the export, never over other files, never half.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};

use icdbench::data::prepared::{MANIFEST, Manifest, TABLE};
use icdbench::data::registry;
use icdbench::data::synthetic::exports::Shape;
use icdbench::prepare::{self, Error, Prepared, Request, Watcher};

use super::support::{export, made_by, prepare as prepared, rows, settings, try_prepare, try_prepare_with};

#[test]
fn a_second_run_does_nothing_and_any_change_makes_it_anew() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("mimic3"), scratch.path().join("set"));
    export(&from, &settings(Shape::Mimic3, 60));
    let registry = registry().unwrap();
    let again = |rules: &[&str]| try_prepare_with(&registry, "mimic3-full", rules, (&from, &to), None).unwrap();
    let Prepared::Made(first) = again(&[]) else { panic!() };
    let written = fs::metadata(to.join(TABLE)).unwrap().modified().unwrap();
    let Prepared::Unchanged(second) = again(&[]) else {
        panic!("it was made again");
    };
    assert_eq!(first, second);
    assert_eq!(written, fs::metadata(to.join(TABLE)).unwrap().modified().unwrap());

    // Touched and the same: not again. Another rule, another byte, a damaged table: again.
    let notes = from.join("NOTEEVENTS.csv");
    let bytes = fs::read(&notes).unwrap();
    fs::write(&notes, &bytes).unwrap();
    assert!(matches!(again(&[]), Prepared::Unchanged(_)));
    assert!(matches!(again(&["addenda=laat"]), Prepared::Made(_)));
    assert!(matches!(again(&[]), Prepared::Made(_)));
    let text = String::from_utf8(bytes).unwrap();
    fs::write(&notes, text.replacen("Admission Date", "admission date", 1)).unwrap();
    assert!(matches!(again(&[]), Prepared::Made(_)));
    let mut table = fs::read(to.join(TABLE)).unwrap();
    let middle = table.len() / 2;
    table[middle] ^= 1;
    fs::write(to.join(TABLE), table).unwrap();
    assert!(matches!(again(&[]), Prepared::Made(_)));
    assert!(matches!(again(&[]), Prepared::Unchanged(_)));
}

#[test]
fn a_file_that_came_since_counts() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("mimic3"), scratch.path().join("set"));
    export(&from, &settings(Shape::Mimic3, 60));
    let titles = from.join("D_ICD_DIAGNOSES.csv");
    let kept = fs::read(&titles).unwrap();
    fs::remove_file(&titles).unwrap();
    let registry = registry().unwrap();
    let again = || try_prepare_with(&registry, "mimic3-full", &[], (&from, &to), None).unwrap();
    assert!(matches!(again(), Prepared::Made(_)));
    assert!(matches!(again(), Prepared::Unchanged(_)));
    fs::write(&titles, kept).unwrap();
    assert!(matches!(again(), Prepared::Made(_)));
}

#[test]
fn the_same_export_gives_the_same_bytes_plain_or_gzip() {
    use std::io::Write;
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    export(&from, &settings(Shape::Mimic3, 60));
    let (plain, _) = prepared("mimic3-full", &[], &from, &scratch.path().join("plain"));
    for entry in fs::read_dir(&from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".csv") && name != "splits.csv" {
            let bytes = fs::read(&path).unwrap();
            let file = fs::File::create(from.join(format!("{}.gz", name.to_lowercase()))).unwrap();
            let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            // Two members, as some tools write.
            gzip.write_all(&bytes[..bytes.len() / 2]).unwrap();
            let file = gzip.finish().unwrap();
            let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            gzip.write_all(&bytes[bytes.len() / 2..]).unwrap();
            gzip.finish().unwrap();
            fs::remove_file(path).unwrap();
        }
    }
    let (gzip, _) = prepared("mimic3-full", &[], &from, &scratch.path().join("gzip"));
    assert_eq!((plain.table, plain.fingerprint), (gzip.table, gzip.fingerprint));
}

/// Stops at the so many-th question.
struct StopAt(AtomicU64);

impl Watcher for StopAt {
    fn stop(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

#[test]
fn what_is_stopped_leaves_nothing_and_what_is_killed_is_never_taken_for_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("mimic3"), scratch.path().join("set"));
    export(&from, &settings(Shape::Mimic3, 600));
    let registry = registry().unwrap();
    let request = Request {
        dataset: registry.find("mimic3-full").unwrap(),
        registry: &registry,
        changes: &[],
        from: &from,
        to: &to,
        data: None,
        made_by: made_by(),
    };
    for at in 0..3 {
        let stopped = prepare::prepare(&request, &StopAt(AtomicU64::new(at)));
        assert!(matches!(stopped, Err(Error::Stopped)), "{at}");
        assert!(!to.join(MANIFEST).exists() && !to.join(TABLE).exists());
        assert!(!to.join(".unfinished").exists());
    }
    // As a kill leaves it: texts half spilled, a table without a manifest.
    fs::create_dir(to.join(".unfinished")).unwrap();
    fs::write(to.join(".unfinished/texts"), "half").unwrap();
    fs::write(to.join(TABLE), "half").unwrap();
    assert!(Manifest::read(&to).is_err());
    let Prepared::Made(manifest) = prepare::prepare(&request, &super::support::Silent).unwrap() else {
        panic!();
    };
    assert_eq!(rows(&to).len() as u64, manifest.table.rows);
    assert!(!to.join(".unfinished").exists());
}

#[test]
fn the_export_is_never_written_to_and_others_files_stay() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    export(&from, &settings(Shape::Mimic3, 60));
    let refused = |to: &std::path::Path| try_prepare("mimic3-full", &[], &from, to).unwrap_err();
    assert!(matches!(refused(&from), Error::Inside { .. }));
    assert!(matches!(refused(&from.join("sub/set")), Error::Inside { .. }));
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(&from, &link).unwrap();
    assert!(matches!(refused(&link.join("set")), Error::Inside { .. }));
    assert!(matches!(
        refused(&scratch.path().join("nowhere/../mimic3/set")),
        Error::Inside { .. }
    ));
    assert!(!scratch.path().join("nowhere").exists());
    let linked = scratch.path().join("linked");
    fs::create_dir(&linked).unwrap();
    fs::write(scratch.path().join("keep"), "mine").unwrap();
    std::os::unix::fs::symlink(scratch.path().join("keep"), linked.join(".lock")).unwrap();
    assert!(matches!(refused(&linked), Error::Occupied { .. }));
    assert_eq!(fs::read_to_string(scratch.path().join("keep")).unwrap(), "mine");
    let mine = scratch.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.tex"), "years").unwrap();
    assert!(matches!(refused(&mine), Error::Occupied { .. }));
    assert_eq!(fs::read_dir(&mine).unwrap().count(), 1);
    // Read-only, as an export should lie.
    fs::set_permissions(&from, fs::Permissions::from_mode(0o500)).unwrap();
    prepared("mimic3-full", &[], &from, &scratch.path().join("set"));
}

#[test]
fn what_is_prepared_is_its_owners_whatever_the_umask() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("mimic3"), scratch.path().join("set"));
    export(&from, &settings(Shape::Mimic3, 60));
    // A directory that was open to all before is closed.
    fs::create_dir(&to).unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o777)).unwrap();
    prepared("mimic3-full", &[], &from, &to);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&to), 0o700);
    for entry in fs::read_dir(&to).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// As a disk that is full: no file may grow beyond some kilobytes.
#[test]
fn a_disk_without_room_is_named_and_nothing_half_written_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (scratch.path().join("mimic3"), scratch.path().join("set"));
    export(&from, &settings(Shape::Mimic3, 400));
    let prepare = |limit: &str| {
        std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -f {limit}; exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_icdbench"))
            .args(["data", "prepare", "mimic3-full", "--from"])
            .arg(&from)
            .arg("--to")
            .arg(&to)
            .output()
            .unwrap()
    };
    // Blocks of 512 bytes: for next to nothing, for some of the texts, for more of them.
    for limit in ["8", "64", "200"] {
        let output = prepare(limit);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{limit}: {said}");
        assert!(
            said.contains("cannot write") && said.contains("free space"),
            "{limit}: {said}"
        );
        assert!(
            !to.join(MANIFEST).exists() && !to.join(".unfinished").exists(),
            "{limit}"
        );
    }
    let output = prepare("unlimited");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(rows(&to).len() as u64, Manifest::read(&to).unwrap().table.rows);
}
