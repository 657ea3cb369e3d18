//! Where one sentence of a note ends and the next begins.

use super::settings::Sentences;

impl Sentences {
    /// The sentences of a text, in order, without the white space around them.
    pub fn cut(self, text: &str) -> Vec<&str> {
        let lines: Vec<&str> = match self {
            Self::FullStops => vec![text],
            Self::LineEnds | Self::LineEndsAndFullStops => text.lines().collect(),
        };
        let sentences: Vec<&str> = match self {
            Self::LineEnds => lines,
            Self::FullStops | Self::LineEndsAndFullStops => lines.into_iter().flat_map(at_full_stops).collect(),
        };
        let trimmed = sentences.into_iter().map(str::trim);
        trimmed.filter(|sentence| !sentence.is_empty()).collect()
    }
}

/// A text cut behind each `.`, `?` and `!` that white space follows.
fn at_full_stops(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = text;
    let mut after_stop = false;
    let mut start = 0;
    for (place, letter) in text.char_indices() {
        if after_stop && letter.is_whitespace() {
            let (sentence, others) = rest.split_at(place - start);
            sentences.push(sentence);
            (rest, start) = (others, place);
        }
        after_stop = matches!(letter, '.' | '?' | '!');
    }
    sentences.push(rest);
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "Chief complaint:\r\n  chest pain. Temp 37.5\nfor 2 days!  Fever?\n\n \nNone.";

    #[test]
    fn line_ends_and_full_stops_end_sentences_as_the_setting_says() {
        let cut = |sentences: Sentences| sentences.cut(NOTE);
        assert_eq!(
            cut(Sentences::LineEnds),
            [
                "Chief complaint:",
                "chest pain. Temp 37.5",
                "for 2 days!  Fever?",
                "None."
            ]
        );
        assert_eq!(
            cut(Sentences::FullStops),
            [
                "Chief complaint:\r\n  chest pain.",
                "Temp 37.5\nfor 2 days!",
                "Fever?",
                "None."
            ]
        );
        assert_eq!(
            cut(Sentences::LineEndsAndFullStops),
            [
                "Chief complaint:",
                "chest pain.",
                "Temp 37.5",
                "for 2 days!",
                "Fever?",
                "None."
            ]
        );
    }

    #[test]
    fn what_is_empty_has_no_sentence_and_letters_of_several_bytes_stay_whole() {
        for sentences in [
            Sentences::LineEnds,
            Sentences::FullStops,
            Sentences::LineEndsAndFullStops,
        ] {
            assert!(sentences.cut("").is_empty() && sentences.cut(" \n\t\n ").is_empty());
        }
        assert_eq!(
            Sentences::FullStops.cut("Dolor. Fiebré. é\u{a0}"),
            ["Dolor.", "Fiebré.", "é"]
        );
    }
}
