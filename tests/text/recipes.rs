//! The recipes against Python's regular expressions, and their documented edge cases by hand.

use icdbench::text::Normalisation;
use proptest::prelude::*;
use serde::Deserialize;

use super::fixture;

#[derive(Deserialize)]
struct Case {
    text: String,
    caml: String,
    edin: String,
}

#[test]
fn both_recipes_agree_with_python() {
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(fixture("recipes.json")).unwrap()).unwrap();
    assert_eq!(cases.len(), 35);
    for case in cases {
        assert_eq!(
            Normalisation::Caml.normalise(&case.text),
            case.caml,
            "caml of {:?}",
            case.text
        );
        assert_eq!(
            Normalisation::Edin.normalise(&case.text),
            case.edin,
            "edin of {:?}",
            case.text
        );
    }
}

#[test]
fn accented_letters_stay_in_caml_and_split_words_in_edin() {
    assert_eq!(Normalisation::Caml.normalise("Café naïve"), "café naïve");
    assert_eq!(Normalisation::Edin.normalise("Café naïve"), "caf na ve");
}

#[test]
fn the_mark_of_deidentification_is_a_word_in_caml_and_gone_in_edin() {
    assert_eq!(Normalisation::Caml.normalise("Dr. ___ saw"), "dr ___ saw");
    assert_eq!(Normalisation::Edin.normalise("Dr. ___ saw"), "dr saw");
    assert_eq!(Normalisation::Caml.normalise("___"), "___");
    assert_eq!(Normalisation::Edin.normalise("___"), "");
}

#[test]
fn an_underscore_joins_numbers_in_caml_and_separates_them_in_edin() {
    assert_eq!(Normalisation::Caml.normalise("1_2 tabs"), "1_2 tabs");
    assert_eq!(Normalisation::Edin.normalise("1_2 tabs"), "1 tabs");
    assert_eq!(Normalisation::Edin.normalise("1_2"), "1 2");
    assert_eq!(Normalisation::Edin.normalise("take 1_2 tabs"), "take tabs");
    assert_eq!(Normalisation::Edin.normalise("take 1_2"), "take 2");
}

#[test]
fn numbers_at_the_ends_survive_in_edin_only() {
    for (text, edin) in [
        ("12 units given", "12 units given"),
        ("units given 12", "units given 12"),
        ("units 12 given", "units given"),
        ("12", "12"),
        // Punctuation leaves a space, which is enough on that side.
        ("(12) units given: 12.", "units given"),
    ] {
        assert_eq!(Normalisation::Edin.normalise(text), edin, "edin of {text:?}");
        let caml = Normalisation::Caml.normalise(text);
        assert!(!caml.contains("12"), "caml of {text:?} is {caml:?}");
    }
}

#[test]
fn numbers_inside_words_survive_in_both() {
    assert_eq!(Normalisation::Caml.normalise("3rd dose, 40mg, x2"), "3rd dose 40mg x2");
    assert_eq!(Normalisation::Edin.normalise("3rd dose, 40mg, x2"), "3rd dose 40mg x2");
}

#[test]
fn none_leaves_every_byte() {
    let text = " Café\r\n\t___ 12 \u{0}";
    assert_eq!(Normalisation::None.normalise(text), text);
}

#[test]
fn recipes_are_written_in_kebab_case() {
    for (name, recipe) in [
        ("\"caml\"", Normalisation::Caml),
        ("\"edin\"", Normalisation::Edin),
        ("\"none\"", Normalisation::None),
    ] {
        assert_eq!(serde_json::from_str::<Normalisation>(name).unwrap(), recipe);
        assert_eq!(serde_json::to_string(&recipe).unwrap(), name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn normalised_words_are_separated_by_single_spaces(text in "[ -~é½\n_]{0,60}") {
        for recipe in [Normalisation::Caml, Normalisation::Edin] {
            let normalised = recipe.normalise(&text);
            let words: Vec<&str> = normalised.split_whitespace().collect();
            prop_assert_eq!(words.join(" "), normalised);
        }
    }

    #[test]
    fn caml_a_second_time_changes_nothing(text in "[ -~é½\n_]{0,60}") {
        let once = Normalisation::Caml.normalise(&text);
        prop_assert_eq!(Normalisation::Caml.normalise(&once), once.clone());
    }
}

#[test]
fn spanish_stems_are_words_without_accents_endings_and_function_words() {
    let stems = |text: &str| Normalisation::SpanishStems.normalise(text);
    assert_eq!(stems("Neumonía de la base"), "neumon base");
    assert_eq!(stems("las NEUMONÍAS bilaterales"), "neumon bilater");
    assert_eq!(stems("fiebre (38,5 ºC) y tos"), "fiebr 38 5 oc tos");
    assert_eq!(stems("SO2 95% CD20+"), "so2 95 % cd20 +");
    // What an ending would leave too little of stays.
    assert_eq!(stems("caso tos rosa"), "caso tos rosa");
    assert_eq!(stems(" \n…"), "");
}
