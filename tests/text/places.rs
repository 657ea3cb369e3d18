//! Where tokens lie in a note's own text.

use icdbench::text::{LocatedToken, Normalisation, TextSettings, Tokenizer, TokenizerSettings};
use proptest::prelude::*;

use super::fit::fit;

fn words(normalise: Normalisation) -> Tokenizer {
    let settings = TextSettings {
        normalise,
        tokenizer: TokenizerSettings::Words {
            min_documents: 1,
            max_size: None,
        },
    };
    fit(
        &settings,
        &["Dolor torácico, sin fiebre; niño de 7 años con HTA y ÑANDÚ."],
    )
    .unwrap()
}

fn pieces() -> Tokenizer {
    let settings = TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::TrainWordPiece {
            vocabulary: 120,
            min_frequency: 1,
            lowercase: true,
            strip_accents: None,
            split_chinese: None,
        },
    };
    fit(&settings, &["dolor torácico dolor dolorosa", "niño con dolor torácico"]).unwrap()
}

/// The characters of the text at a token.
fn at(text: &str, token: &LocatedToken) -> String {
    let characters = token.characters.clone();
    text.chars().skip(characters.start).take(characters.len()).collect()
}

#[test]
fn tokens_lie_where_their_words_stand() {
    let text = "El niño: dolor TORÁCICO. Sin fiebre, 38º y ñandú";
    let shown = |tokenizer: &Tokenizer| -> Vec<String> {
        tokenizer
            .locate(text)
            .unwrap()
            .iter()
            .map(|token| at(text, token))
            .collect()
    };
    assert_eq!(
        shown(&words(Normalisation::Caml)),
        ["El", "niño", "dolor", "TORÁCICO", "Sin", "fiebre", "38º", "y", "ñandú"]
    );
    assert_eq!(
        shown(&words(Normalisation::SpanishStems)),
        ["niño", "dolor", "TORÁCICO", "Sin", "fiebre", "38º", "ñandú"]
    );
    assert_eq!(shown(&words(Normalisation::None))[..3], ["El", "niño", ":"]);
    let pieces = shown(&pieces());
    assert!(
        pieces.contains(&"TORÁCICO".to_owned()) && pieces.contains(&".".to_owned()),
        "{pieces:?}"
    );
    assert_eq!(words(Normalisation::Edin).locate(text), None);
}

proptest! {
    #[test]
    fn a_located_text_has_the_ids_of_an_encoded_one(text in "(?s).{0,60}") {
        for tokenizer in [words(Normalisation::Caml), words(Normalisation::SpanishStems), words(Normalisation::None), pieces()] {
            let located = tokenizer.locate(&text).unwrap();
            let ids: Vec<u32> = located.iter().map(|token| token.id).collect();
            prop_assert_eq!(&ids, &tokenizer.encode(&text));
            let characters = text.chars().count();
            for pair in located.windows(2) {
                prop_assert!(pair[0].characters.start <= pair[1].characters.start);
            }
            prop_assert!(located.iter().all(|token| token.characters.end <= characters));
        }
    }
}
