//! The token cache: hits, misses, damaged files, directories that cannot be written, concurrent writers.

use std::path::{Path, PathBuf};

use icdbench::text::{CacheNotice, Recipe, TokenCache, TokenSource, TokenStore, Tokenizer, content_fingerprint};

use super::{invented_notes, words_settings, words_tokenizer};

fn tokenizer() -> Tokenizer {
    Tokenizer::fit(&words_settings(Recipe::Caml, 1), &invented_notes(50)).unwrap()
}

/// Fills a cache and returns its only file.
fn filled(directory: &Path, notes: &[String]) -> (PathBuf, TokenStore) {
    let cached = TokenCache::new(directory).load_or_encode(&tokenizer(), notes, &mut |_, _| {});
    assert_eq!((cached.source, cached.notices.len()), (TokenSource::Encoded, 0));
    (only_file(directory), cached.store)
}

fn only_file(directory: &Path) -> PathBuf {
    let files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_hit_returns_the_same_store_without_encoding() {
    let directory = tempfile::tempdir().unwrap();
    let cache = TokenCache::new(directory.path().join("deep/cache"));
    let notes = invented_notes(300);
    let mut calls = 0;
    let first = cache.load_or_encode(&tokenizer(), &notes, &mut |_, _| calls += 1);
    assert_eq!((first.source, calls), (TokenSource::Encoded, 2));
    let mut calls = 0;
    let second = cache.load_or_encode(&tokenizer(), &notes, &mut |_, _| calls += 1);
    assert_eq!((second.source, calls), (TokenSource::Cache, 0));
    assert_eq!(first.store, second.store);
    assert!(second.notices.is_empty());
}

#[test]
fn no_notes_at_all_can_be_cached() {
    let directory = tempfile::tempdir().unwrap();
    let (_, store) = filled(directory.path(), &[]);
    assert!(store.is_empty());
    let again = TokenCache::new(directory.path()).load_or_encode(&tokenizer(), &[] as &[String], &mut |_, _| {});
    assert_eq!((again.source, again.store), (TokenSource::Cache, store));
}

#[test]
fn other_texts_or_another_tokenizer_are_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let cache = TokenCache::new(directory.path());
    let notes = invented_notes(20);
    let mut changed = notes.clone();
    changed[7].push('x');
    let other = words_tokenizer(Recipe::Edin, 1, &["cardiitis"]);
    for (tokenizer, notes) in [(tokenizer(), &notes), (tokenizer(), &changed), (other, &notes)] {
        let cached = cache.load_or_encode(&tokenizer, notes, &mut |_, _| {});
        assert_eq!(cached.source, TokenSource::Encoded);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
}

#[test]
fn the_content_fingerprint_sees_order_and_borders() {
    let base = content_fingerprint(&["ab", "c"]);
    assert_eq!(base, content_fingerprint(&["ab".to_owned(), "c".to_owned()]));
    for other in [vec!["c", "ab"], vec!["a", "bc"], vec!["abc"], vec!["ab", "c", ""]] {
        assert_ne!(base, content_fingerprint(&other));
    }
}

/// Damages the only file of a fresh cache and checks that it is reported with `reason` and rebuilt.
fn rejected(damage: impl Fn(&mut Vec<u8>), reason: &str) {
    let directory = tempfile::tempdir().unwrap();
    let notes = invented_notes(40);
    let (path, expected) = filled(directory.path(), &notes);
    let good = std::fs::read(&path).unwrap();
    let mut bytes = good.clone();
    damage(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();

    let cached = TokenCache::new(directory.path()).load_or_encode(&tokenizer(), &notes, &mut |_, _| {});
    assert_eq!(cached.source, TokenSource::Encoded);
    assert_eq!(cached.store, expected);
    let [notice] = cached.notices.as_slice() else {
        panic!("{:?}", cached.notices)
    };
    let message = notice.to_string();
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    assert!(message.contains(reason), "{message}");
    assert_eq!(std::fs::read(&path).unwrap(), good, "rebuilt");
}

#[test]
fn a_file_that_cannot_be_trusted_is_reported_and_rebuilt() {
    rejected(|bytes| bytes.truncate(0), "too short for a token file");
    rejected(|bytes| bytes.truncate(70), "too short for a token file");
    rejected(|bytes| bytes.truncate(bytes.len() - 5), "its header announces");
    rejected(|bytes| bytes.push(0), "its header announces");
    rejected(|bytes| bytes[0] = b'x', "not a token file");
    rejected(|bytes| bytes[8] = 99, "version 99, this program reads 1");
    rejected(|bytes| bytes[20] ^= 1, "another tokenizer or other texts");
    rejected(|bytes| bytes[51] = 255, "its header announces more than fit");
    rejected(|bytes| bytes[100] ^= 1, "does not match its checksum");
    rejected(
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        "does not match its checksum",
    );
    rejected(|bytes| *bytes.last_mut().unwrap() ^= 1, "does not match its checksum");
}

#[test]
fn a_directory_that_cannot_be_written_costs_the_cache_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let notes = invented_notes(20);
    let cached = TokenCache::new(file.join("cache")).load_or_encode(&tokenizer(), &notes, &mut |_, _| {});
    assert_eq!(cached.store, TokenStore::encode(&tokenizer(), &notes, &mut |_, _| {}));
    let last = cached.notices.last().unwrap();
    assert!(matches!(last, CacheNotice::NotWritten { .. }));
    let message = last.to_string();
    assert!(message.starts_with(&file.display().to_string()), "{message}");
    assert!(message.contains("choose another cache directory"), "{message}");
}

#[test]
fn writers_of_the_same_file_at_the_same_time_do_not_disturb_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let notes = invented_notes(200);
    let tokenizer = tokenizer();
    let expected = TokenStore::encode(&tokenizer, &notes, &mut |_, _| {});
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let cached = TokenCache::new(directory.path()).load_or_encode(&tokenizer, &notes, &mut |_, _| {});
                assert_eq!(cached.store, expected);
                assert_eq!(cached.notices, []);
            });
        }
    });
    only_file(directory.path());
    let after = TokenCache::new(directory.path()).load_or_encode(&tokenizer, &notes, &mut |_, _| {});
    assert_eq!((after.source, after.store), (TokenSource::Cache, expected));
}
