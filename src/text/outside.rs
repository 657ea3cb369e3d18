//! Words that a vocabulary lacks (Zhang et al. 2020, section 3.2: 49.2 a note of the open BERT vocabulary, 0.93 of one from
//! the notes).

use std::collections::HashSet;

use super::wordpiece::{Asked, Cleaning};

/// How many of a text's words, as BERT tells words apart, a vocabulary does not have whole.
pub fn words_outside(text: &str, vocabulary: &HashSet<String>, lowercase: bool) -> usize {
    let asked = Asked {
        lowercase,
        strip_accents: None,
        split_chinese: None,
    };
    let words = Cleaning::asked(asked).words(text);
    words.iter().filter(|word| !vocabulary.contains(*word)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_each_time_they_come_and_pieces_do_not_make_one() {
        let vocabulary: HashSet<String> = ["the", "pain", "##ful", ".", "noted"].map(str::to_owned).into();
        let text = "The painful knee. Pain noted, painful.";
        assert_eq!(words_outside(text, &vocabulary, true), 4); // painful, knee, the comma, painful
        assert_eq!(words_outside(text, &vocabulary, false), 6); // The and Pain too
        assert_eq!(words_outside("", &vocabulary, true), 0);
    }
}
