//! The hash of a source file sees its code, all of its code, and nothing else: every file of `src` is put through
//! edits that cannot move a result and through edits that can.

#[path = "../build/mod.rs"]
mod source;

#[path = "source_hash/edits.rs"]
mod edits;
#[path = "source_hash/reach.rs"]
mod reach;
#[path = "source_hash/rules.rs"]
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::tokens::{canonical, sha256};

/// Every file under `src`, by its path with `/`.
fn files() -> BTreeMap<String, Vec<u8>> {
    fn collect(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else {
                let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
                let name = name.to_str().unwrap().replace('\\', "/");
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files
}

/// The Rust files of `src`, as text.
fn rust_files() -> impl Iterator<Item = (String, String)> {
    let files = files().into_iter().filter(|(name, _)| name.ends_with(".rs"));
    files.map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap()))
}

fn hash(source: &str) -> String {
    sha256("src/a.rs", source.as_bytes())
}

#[test]
fn every_file_of_src_is_read_as_rust() {
    for (name, source) in rust_files() {
        assert!(
            canonical(&source).is_some(),
            "{name}: does not parse, so its comments count"
        );
    }
}

#[test]
fn the_program_knows_the_hash_of_every_file_but_those_of_tests() {
    let files = files();
    let imports = source::imports::imports(&files);
    let built = BTreeMap::from_iter(icdbench::machine::built::SOURCES.iter().copied());
    let mut left_out = BTreeSet::new();
    for (name, bytes) in &files {
        match built.get(name.as_str()) {
            Some(found) => assert_eq!(*found, sha256(name, bytes), "{name}"),
            None => assert!(left_out.insert(name.as_str())),
        }
    }
    assert_eq!(built.len() + left_out.len(), files.len());
    assert!(built.contains_key("src/data/synthetic/bank.tsv") && built.contains_key("src/report/page/page.css"));
    for name in left_out {
        assert!(!imports.contains_key(name));
        let is_for_tests =
            ["/tests.rs", "/testing.rs"].iter().any(|end| name.ends_with(end)) || name.contains("/tests/");
        assert!(
            is_for_tests,
            "{name} has no hash: no `mod` line that is built declares it"
        );
    }
}

#[test]
fn the_program_knows_what_it_was_compiled_with() {
    let profile = icdbench::machine::built::PROFILE;
    assert!(
        profile.contains("opt-level ") && profile.contains("target features "),
        "{profile}"
    );
    assert_eq!(
        profile.contains("debug-assertions true"),
        cfg!(debug_assertions),
        "{profile}"
    );
    let flags = "-C\u{1f}target-cpu=native\u{1f}-Clink-arg=-fuse-ld=lld\u{1f}-C\u{1f}linker=/usr/bin/cc\u{1f}\
                 -L\u{1f}/somewhere\u{1f}--cfg=x\u{1f}--cfg\u{1f}y\u{1f}-Dwarnings\u{1f}-Zfast\u{1f}\
                 --remap-path-prefix=/a=/b";
    let counted = source::flags::that_count(flags.split('\u{1f}'));
    assert_eq!(counted, ["-C target-cpu=native", "--cfg x", "--cfg y", "-Z fast"]);
}
