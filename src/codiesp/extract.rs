//! From how much each token speaks for a code to the span that is given as its evidence.

use serde::{Deserialize, Serialize};

/// How a span is cut around the token that speaks most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// A token belongs to the span while it speaks at least this share of the most.
    pub share: f64,
    /// Tokens that speak less and lie between two that belong to it.
    pub gap: usize,
    /// Most characters of the span.
    pub most_characters: usize,
}

impl Rule {
    /// The span around the token with the greatest weight, the first of equals: tokens with at least `share` of its weight
    /// are added on either side, over at most `gap` others at a time, while the span stays short enough. `tokens` are the
    /// characters of each; `None` where there is none.
    pub fn span(&self, weights: &[f32], tokens: &[[u32; 2]]) -> Option<[u32; 2]> {
        let count = weights.len().min(tokens.len());
        let (weights, tokens) = (&weights[..count], &tokens[..count]);
        let greatest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let peak = weights.iter().position(|&weight| weight == greatest)?;
        let speaks = |place: usize| f64::from(weights[place]) >= self.share * f64::from(greatest);
        let fits = |first: usize, last: usize| {
            (tokens[last][1].saturating_sub(tokens[first][0])) as usize <= self.most_characters
        };
        let (mut first, mut last) = (peak, peak);
        // In turns, so that neither side takes all the room.
        loop {
            let after = (last + 1..count.min(last + 2 + self.gap))
                .find(|&place| speaks(place))
                .filter(|&place| fits(first, place));
            if let Some(place) = after {
                last = place;
            }
            let before = (first.saturating_sub(1 + self.gap)..first)
                .rev()
                .find(|&place| speaks(place))
                .filter(|&place| fits(place, last));
            if let Some(place) = before {
                first = place;
            }
            if after.is_none() && before.is_none() {
                return Some([tokens[first][0], tokens[last][1]]);
            }
        }
    }
}

/// The span of a text that is most like a title, letter by letter: the token that shares most with a word of the title, and
/// its neighbours that share half of their letters' triples with one. `None` where nothing is alike.
pub fn like_title(title: &str, tokens: &[&str], places: &[[u32; 2]]) -> Option<[u32; 2]> {
    /// Shorter words say nothing.
    const LEAST_LETTERS: usize = 4;
    const ALIKE: f64 = 0.5;
    let words: Vec<Vec<[char; 3]>> = title
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.chars().count() >= LEAST_LETTERS)
        .map(triples)
        .collect();
    let alike = |token: &&str| {
        let own = match token.chars().count() >= LEAST_LETTERS {
            true => triples(token),
            false => return 0.0,
        };
        words.iter().map(|word| dice(&own, word)).fold(0.0, f64::max)
    };
    let likeness: Vec<f64> = tokens.iter().map(alike).collect();
    let greatest = likeness.iter().copied().fold(0.0, f64::max);
    if greatest == 0.0 {
        return None;
    }
    let peak = likeness.iter().position(|&found| found == greatest)?;
    let first = (0..peak)
        .rev()
        .take_while(|&place| likeness[place] >= ALIKE)
        .last()
        .unwrap_or(peak);
    let last = (peak + 1..tokens.len())
        .take_while(|&place| likeness[place] >= ALIKE)
        .last()
        .unwrap_or(peak);
    Some([places[first][0], places[last][1]])
}

/// Three letters in a row each, in lower case, ordered.
fn triples(word: &str) -> Vec<[char; 3]> {
    let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    let mut triples: Vec<[char; 3]> = letters.windows(3).map(|three| [three[0], three[1], three[2]]).collect();
    triples.sort_unstable();
    triples
}

/// Twice what two ordered lists share over what they hold.
fn dice(one: &[[char; 3]], other: &[[char; 3]]) -> f64 {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < one.len() && j < other.len() {
        match one[i].cmp(&other[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                i += 1;
                j += 1;
            }
        }
    }
    2.0 * f64::from(shared) / (one.len() + other.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: [[u32; 2]; 6] = [[0, 3], [4, 7], [8, 12], [13, 15], [16, 20], [30, 35]];

    fn rule(share: f64, gap: usize, most_characters: usize) -> Rule {
        Rule {
            share,
            gap,
            most_characters,
        }
    }

    #[test]
    fn a_span_grows_around_the_token_that_speaks_most() {
        let weights = [0.0, 0.2, 0.4, 0.05, 0.3, 0.2];
        assert_eq!(rule(0.9, 0, 99).span(&weights, &TOKENS), Some([8, 12]));
        assert_eq!(rule(0.5, 0, 99).span(&weights, &TOKENS), Some([4, 12]));
        assert_eq!(rule(0.5, 1, 99).span(&weights, &TOKENS), Some([4, 35]));
        assert_eq!(rule(0.5, 1, 16).span(&weights, &TOKENS), Some([4, 20]));
        assert_eq!(rule(0.5, 1, 3).span(&weights, &TOKENS), Some([8, 12]));
        assert_eq!(rule(0.5, 1, 16).span(&[], &[]), None);
    }

    #[test]
    fn a_title_is_found_by_its_letters() {
        let tokens = ["paciente", "con", "hipertension", "arterial", "y", "diabetes"];
        let places = [[0, 8], [9, 12], [13, 25], [26, 34], [35, 36], [37, 45]];
        assert_eq!(
            like_title("Essential (primary) hypertension", &tokens, &places),
            Some([13, 25])
        );
        assert_eq!(like_title("Arterial hypertension", &tokens, &places), Some([13, 34]));
        assert_eq!(like_title("Xyz", &tokens, &places), None);
        assert_eq!(like_title("Diabetes mellitus", &[], &[]), None);
    }
}
