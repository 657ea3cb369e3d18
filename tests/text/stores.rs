//! Files of token ids: what is written is read, what is something else is refused before memory is taken for it.

use icdbench::text::{Normalisation, TokenStore};

use super::{fit_and_encode, invented_notes, words_settings, words_tokenizer};

fn bytes(store: &TokenStore) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.write_to(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> std::io::Result<TokenStore> {
    TokenStore::read_from(&mut &bytes[..], bytes.len() as u64)
}

#[test]
fn what_is_written_is_read() {
    let tokenizer = words_tokenizer(Normalisation::Caml, 1, &["fever and cough"]);
    for notes in [vec![], vec!["fever".to_owned(), String::new()], invented_notes(300)] {
        let store = TokenStore::encode(&tokenizer, &notes, &mut |_, _| {});
        assert_eq!(read(&bytes(&store)).unwrap(), store);
    }
}

#[test]
fn a_file_of_another_length_or_with_other_counts_is_refused() {
    let tokenizer = words_tokenizer(Normalisation::Caml, 1, &["fever and cough"]);
    let store = TokenStore::encode(&tokenizer, &["fever and fever", "cough"], &mut |_, _| {});
    let good = bytes(&store);
    for cut in 0..good.len() {
        assert!(read(&good[..cut]).is_err(), "{cut} bytes");
    }
    // The counts of notes and tokens, and the offsets: a huge number there must not be believed.
    for place in 8..48 {
        let mut changed = good.clone();
        changed[place] ^= 0x40;
        assert!(read(&changed).is_err(), "byte {place}");
    }
}

#[test]
fn the_ids_that_come_with_a_fit_are_those_of_encoding_again() {
    let notes = invented_notes(700); // more than one task's share
    for recipe in [Normalisation::Caml, Normalisation::Edin, Normalisation::None] {
        for min_documents in [1, 3] {
            let (tokenizer, training) = fit_and_encode(&words_settings(recipe, min_documents), &notes).unwrap();
            let again = TokenStore::encode(&tokenizer, &notes, &mut |_, _| {});
            assert!(training.unwrap() == again, "{recipe:?}, {min_documents}");
        }
    }
}
