//! The published lists of admissions, where a copy of them is at hand, and lists of a few lines where not.

use std::fs;
use std::path::{Path, PathBuf};

use icdbench::data::synthetic::Part;
use icdbench::data::synthetic::exports::{ExportSettings, GENERATED, OWN_SPLIT, Shape};
use icdbench::data::{PARTS, Registry, SplitList, SyntheticSettings, registry};
use icdbench::prepare::Error;

use super::support::{export, settings, step, try_prepare_with};

/// The lists, if they are here.
fn lists() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let here = found.join("splits").is_dir();
    if !here {
        println!("skipped: no published lists of admissions here");
    }
    here.then_some(found)
}

#[test]
fn every_published_list_has_its_published_counts() {
    let Some(data) = lists() else { return };
    let registry = registry().unwrap();
    for (name, counts) in [
        ("mimic3-full", [47_723, 1_631, 3_372]),
        ("mimic3-full-coded", [47_719, 1_631, 3_372]),
        ("mimic3-50", [8_066, 1_573, 1_729]),
        ("mimic3-clean", [38_401, 5_577, 8_734]),
        ("mimic4-icd9", [154_542, 21_980, 32_804]),
        ("mimic4-icd10", [89_099, 13_378, 19_802]),
    ] {
        let list = SplitList::read(name, registry.split(name).unwrap(), Some(&data)).unwrap();
        for (place, count) in counts.into_iter().enumerate() {
            let found = list.iter().filter(|(_, part)| usize::from(*part) == place).count();
            assert_eq!(found, count, "{name} {}", PARTS[place]);
        }
    }
}

/// The contamination that the leakage guards are for.
#[test]
fn the_clean_sets_test_admissions_are_in_the_full_sets_training_part() {
    let Some(data) = lists() else { return };
    let registry = registry().unwrap();
    let read = |name| SplitList::read(name, registry.split(name).unwrap(), Some(&data)).unwrap();
    let (full, clean) = (read("mimic3-full"), read("mimic3-clean"));
    let test = clean.iter().filter(|(_, part)| *part == 2).map(|(id, _)| full.part(id));
    let mut counts = [0; 3];
    for part in test {
        counts[usize::from(part.unwrap())] += 1;
    }
    assert_eq!(counts, [8_382, 116, 236]);
}

/// A set over all admissions of a published list, in short notes.
fn whole(name: &str, shape: Shape, version: Option<u8>, data: &Path, to: &Path) {
    let registry = registry().unwrap();
    let list = SplitList::read(name, registry.split(name).unwrap(), Some(data)).unwrap();
    let part = |part: u8| [Part::Train, Part::Dev, Part::Test][usize::from(part)];
    let mut listed: Vec<(u32, Part)> = list.iter().map(|(id, at)| (id.parse().unwrap(), part(at))).collect();
    listed.sort_by_key(|(id, _)| *id);
    let settings = ExportSettings {
        shape,
        notes: SyntheticSettings {
            seed: 1,
            notes: listed.len() as u32,
            median_words: 1,
        },
        variants: 1,
        others: 0,
        listed,
        version,
    };
    export(to, &settings);
    // As if it were the real export: the published list is to be read, not the generator's own.
    fs::remove_file(to.join(OWN_SPLIT)).unwrap();
}

#[test]
fn prepared_sets_have_exactly_the_published_sizes() {
    let Some(data) = lists() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    whole("mimic3-full", Shape::Mimic3, None, &data, &from);
    let registry = registry().unwrap();
    let sizes = |name: &str, rules: &[&str]| {
        let to = scratch.path().join("set");
        let _ = fs::remove_dir_all(&to);
        let prepared = try_prepare_with(&registry, name, rules, (&from, &to), Some(&data)).unwrap();
        let icdbench::prepare::Prepared::Made(manifest) = prepared else {
            panic!()
        };
        let sizes: Vec<u64> = manifest.parts.iter().map(|part| part.notes).collect();
        (sizes, manifest)
    };
    let (full, manifest) = sizes("mimic3-full", &[]);
    assert_eq!(full, [47_723, 1_631, 3_372]);
    assert_eq!(step(&manifest, "documents without a code, kept"), 4);
    assert_eq!(manifest.parts[0].without_codes, 4);
    let (coded, manifest) = sizes("mimic3-full", &["without-codes=drop"]);
    assert_eq!(coded, [47_719, 1_631, 3_372]);
    assert_eq!(step(&manifest, "documents without a code, left out"), 4);
    assert_eq!(
        sizes("mimic3-full", &["split={ published = \"mimic3-full-coded\" }"]).0,
        [47_719, 1_631, 3_372]
    );
    assert_eq!(sizes("mimic3-50", &[]).0, [8_066, 1_573, 1_729]);
    assert_eq!(sizes("mimic3-clean", &[]).0, [38_401, 5_577, 8_734]);
}

#[test]
fn prepared_mimic4_sets_have_exactly_the_published_sizes() {
    let Some(data) = lists() else { return };
    let registry = registry().unwrap();
    for (name, version, counts) in [
        ("mimic4-icd9", 9, [154_542, 21_980, 32_804]),
        ("mimic4-icd10", 10, [89_099, 13_378, 19_802]),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("mimic4"), scratch.path().join("set"));
        whole(name, Shape::Mimic4, Some(version), &data, &from);
        let prepared = try_prepare_with(&registry, name, &["min-count=1"], (&from, &to), Some(&data)).unwrap();
        let icdbench::prepare::Prepared::Made(manifest) = prepared else {
            panic!()
        };
        // Admissions: one of several notes counts once, as in the list.
        let rows = super::support::rows(&to);
        for (place, part) in PARTS.iter().enumerate() {
            let of_part = rows.iter().filter(|row| row.split == *part);
            let admissions: std::collections::BTreeSet<&str> = of_part.map(|row| row.admission.as_str()).collect();
            assert_eq!(admissions.len(), counts[place], "{name} {part}");
        }
        assert_eq!(manifest.patients_in_several_parts, 0);
    }
}

/// A registry whose list is a file of our own.
fn small(files: &str, counts: [u64; 3]) -> Registry {
    let whole = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets.toml")).unwrap();
    let entry = format!(
        "\n[split.mine]\ntitle = \"mine\"\nsource = \"nowhere\"\ncounts = {{ train = {}, dev = {}, test = {} }}\n{files}\n",
        counts[0], counts[1], counts[2]
    );
    // Before the encoders, whose tables end the file.
    Registry::parse(&(whole + &entry), "datasets.toml").unwrap()
}

fn sha256(path: &Path) -> String {
    icdbench::data::prepared::file_sha256(path).unwrap()
}

#[test]
fn a_list_that_is_off_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    export(&from, &settings(Shape::Mimic3, 60));
    let own = fs::read_to_string(from.join(OWN_SPLIT)).unwrap();
    fs::remove_file(from.join(GENERATED)).unwrap();
    let data = scratch.path().join("data");
    fs::create_dir(&data).unwrap();
    let path = data.join("list.csv");
    let ids = |text: &str| {
        let count = |part: &str| text.lines().filter(|line| line.ends_with(part)).count() as u64;
        [count(",train"), count(",dev"), count(",test")]
    };
    let attempt = |text: &str, counts: [u64; 3], changed: bool| {
        fs::write(&path, text).unwrap();
        let hash = match changed {
            true => "0".repeat(64),
            false => sha256(&path),
        };
        let files = format!(
            "[[split.mine.copy]]\nfiles = [{{ path = \"list.csv\", id = \"hadm_id\", column = \"split\", sha256 = \"{hash}\" }}]"
        );
        let to = scratch.path().join("set");
        let rules = ["split={ published = \"mine\" }"];
        try_prepare_with(&small(&files, counts), "mimic3-full", &rules, (&from, &to), Some(&data))
    };
    let counts = ids(&own);
    attempt(&own, counts, false).map_err(|error| error.to_string()).unwrap();
    let refused = |text: &str, counts: [u64; 3], changed: bool, expected: &str| {
        let error = attempt(text, counts, changed).map(|_| ()).unwrap_err();
        let message = icdbench_message(&error);
        assert!(message.contains(expected), "{message}");
    };
    refused(&own, counts, true, "sha256");
    refused(
        &own,
        [counts[0] + 1, counts[1], counts[2]],
        false,
        "admissions for train",
    );
    let line = own.lines().nth(1).unwrap();
    refused(
        &format!("{own}{line}\n"),
        counts,
        false,
        "an identifier that came before",
    );
    let id = line.split(',').next().unwrap();
    let other = if line.ends_with("train") { "test" } else { "train" };
    refused(
        &format!("{own}{id},{other}\n"),
        counts,
        false,
        "an identifier that is in another part too",
    );
    refused(&own.replacen(",train", ",trian", 1), counts, false, "another part");
    refused(&own.replacen("hadm_id", "id", 1), counts, false, "no column `hadm_id`");
    refused(
        &own.replacen(id, "", 1),
        counts,
        false,
        "something other than an identifier",
    );
    let unknown = format!("{own}999999,train\n");
    refused(&unknown, ids(&unknown), false, "1 of its");
}

fn icdbench_message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        message += &format!(": {next}");
        cause = next.source();
    }
    message
}

/// As pandas writes a Feather file: Arrow's format, compressed with LZ4.
#[test]
fn a_list_in_feather_is_read_as_one_in_csv() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
    use std::sync::Arc;

    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("list.feather");
    let write = |ids: Vec<Option<i64>>, parts: Vec<&str>| {
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("_id", Arc::new(Int64Array::from(ids)) as ArrayRef, true),
            ("split", Arc::new(StringArray::from(parts)) as ArrayRef, true),
        ])
        .unwrap();
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    };
    let read = |counts| {
        let files = format!(
            "[[split.mine.copy]]\nfiles = [{{ path = \"list.feather\", id = \"_id\", column = \"split\", names = {{ val = \"dev\" }}, \
             sha256 = \"{}\" }}]",
            sha256(&path)
        );
        let registry = small(&files, counts);
        SplitList::read("mine", registry.split("mine").unwrap(), Some(scratch.path()))
            .map_err(|error| error.to_string())
    };
    write(
        vec![Some(7), Some(3), Some(5), Some(4)],
        vec!["train", "val", "test", "train"],
    );
    let list = read([2, 1, 1]).unwrap();
    let part = |id: &str| list.part(id).map(|part| PARTS[usize::from(part)]);
    assert_eq!(
        [part("7"), part("3"), part("5"), part("9")],
        [Some("train"), Some("dev"), Some("test"), None]
    );
    assert!(read([3, 1, 1]).unwrap_err().contains("admissions for train"));
    write(vec![Some(7), None], vec!["train", "val"]);
    assert!(read([1, 1, 0]).unwrap_err().contains("another type"));
    write(vec![Some(7), Some(7)], vec!["train", "val"]);
    assert!(read([1, 1, 0]).unwrap_err().contains("in another part too"));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(read([1, 1, 0]).unwrap_err().contains("an Arrow file"));
}
