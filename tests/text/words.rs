//! Word vocabularies on three notes whose counts can be checked by eye.

use icdbench::text::{Normalisation, TextSettings, TokenStore, Tokenizer, TokenizerKind, TokenizerSettings};

use super::{fit, invented_notes, words_settings, words_tokenizer};

const NOTES: [&str; 3] = ["Fever and 12 cough cough", "fever, COUGH", "fever ___"];

fn vocabulary(tokenizer: &Tokenizer) -> Vec<&str> {
    (0..tokenizer.size() as u32)
        .map(|id| tokenizer.token(id).unwrap())
        .collect()
}

#[test]
fn ids_go_by_document_frequency_then_alphabet() {
    let tokenizer = words_tokenizer(Normalisation::Caml, 1, &NOTES);
    // `cough` occurs three times, in two notes. `_` sorts before letters.
    assert_eq!(
        vocabulary(&tokenizer),
        ["<pad>", "<unk>", "fever", "cough", "___", "and"]
    );
    assert_eq!(tokenizer.document_frequency().unwrap(), [0, 0, 3, 2, 1, 1]);
    assert_eq!(tokenizer.training_documents(), Some(3));
    assert_eq!((tokenizer.padding(), tokenizer.unknown()), (0, 1));
    assert_eq!((tokenizer.cls(), tokenizer.sep()), (None, None));
    assert_eq!(tokenizer.kind(), TokenizerKind::Words);
    assert_eq!(tokenizer.token(6), None);
}

#[test]
fn a_word_in_too_few_notes_becomes_unknown() {
    let tokenizer = words_tokenizer(Normalisation::Caml, 2, &NOTES);
    assert_eq!(vocabulary(&tokenizer), ["<pad>", "<unk>", "fever", "cough"]);
    // Notes 1 and 3 hold a dropped word each.
    assert_eq!(tokenizer.document_frequency().unwrap(), [0, 2, 3, 2]);
    assert_eq!(tokenizer.encode("Cough and fever, 3 days"), [3, 1, 2, 1]);
}

#[test]
fn max_size_keeps_the_most_frequent_words() {
    let settings = TextSettings {
        normalise: Normalisation::Caml,
        tokenizer: TokenizerSettings::Words {
            min_documents: 1,
            max_size: Some(3),
        },
    };
    let tokenizer = fit(&settings, &NOTES).unwrap();
    assert_eq!(vocabulary(&tokenizer), ["<pad>", "<unk>", "fever", "cough", "___"]);
}

#[test]
fn raw_text_is_split_into_words_and_single_marks() {
    let tokenizer = words_tokenizer(Normalisation::None, 1, &["Na+ 140; ok?!"]);
    assert_eq!(vocabulary(&tokenizer)[2..], ["!", "+", "140", ";", "?", "Na", "ok"]);
    assert_eq!(tokenizer.encode("ok Na??\n na"), [8, 7, 6, 6, 1]);
}

#[test]
fn a_text_cannot_spell_the_special_ids() {
    for recipe in [Normalisation::Caml, Normalisation::Edin, Normalisation::None] {
        let tokenizer = words_tokenizer(recipe, 1, &["fever"]);
        assert!(!tokenizer.encode("<pad> fever").contains(&0), "{recipe:?}");
        assert_eq!(tokenizer.id("<pad>"), None);
    }
}

#[test]
fn out_of_vocabulary_words_are_counted() {
    let tokenizer = words_tokenizer(Normalisation::Caml, 2, &NOTES);
    let store = TokenStore::encode(&tokenizer, &NOTES, &mut |_, _| {});
    assert_eq!((store.count(tokenizer.unknown()), store.token_count()), (2, 8));
}

#[test]
fn the_vocabulary_does_not_depend_on_threads() {
    let notes = invented_notes(300);
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&words_settings(Normalisation::Caml, 3), &notes).unwrap())
    };
    let one = fit(1);
    for _ in 0..3 {
        assert_eq!(vocabulary(&fit(2)), vocabulary(&one));
    }
}

#[test]
fn the_store_keeps_the_order_and_cuts_at_max_length() {
    let notes = invented_notes(600);
    let tokenizer = fit(&words_settings(Normalisation::Caml, 1), &notes).unwrap();
    let mut reports = Vec::new();
    let store = TokenStore::encode(&tokenizer, &notes, &mut |done, all| reports.push((done, all)));
    assert_eq!(reports, [(256, 600), (512, 600), (600, 600)]);
    assert_eq!(store.len(), 600);
    for (index, note) in notes.iter().enumerate() {
        let whole = tokenizer.encode(note);
        assert_eq!(store.lengths()[index], whole.len());
        assert_eq!(store.note(index, usize::MAX), whole);
        assert_eq!(store.note(index, 5), &whole[..whole.len().min(5)]);
    }
}

#[test]
fn empty_notes_keep_their_place_and_are_listed() {
    let tokenizer = words_tokenizer(Normalisation::Edin, 1, &NOTES);
    let store = TokenStore::encode(&tokenizer, &["fever", "", "___", "cough"], &mut |_, _| {});
    assert_eq!(store.lengths(), [1, 0, 0, 1]);
    assert_eq!(store.empty_notes(), [1, 2]);
    assert_eq!(store.note(1, 10), &[] as &[u32]);
}

#[test]
fn debug_output_never_shows_a_token() {
    let tokenizer = words_tokenizer(Normalisation::Caml, 1, &NOTES);
    let store = TokenStore::encode(&tokenizer, &NOTES, &mut |_, _| {});
    assert!(!format!("{tokenizer:?}").contains("fever"));
    assert_eq!(format!("{store:?}"), "TokenStore { notes: 3, tokens: 8, .. }");
}
