//! The track's files: lines of columns between tabs.

use std::collections::HashSet;

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {found}; expected {expected}")]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// What is wrong with it, without its text.
    pub found: String,
    /// What the line should be.
    pub expected: &'static str,
}

/// A code of a case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The case, as its file is called.
    pub case: String,
    /// The code in lower case.
    pub code: String,
}

/// Where evidence lies, in characters, by its first and its last number. Some evidence of the track has its pieces in another
/// order than the text; then the end is before the start, and the track's rule goes on with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first number.
    pub start: usize,
    /// The last number.
    pub end: usize,
    /// From the least number to the greatest.
    pub hull: [usize; 2],
}

impl Span {
    /// Of evidence in pieces, each from its first character to the one after its last, in the order of the track's file.
    /// Without a piece it is the start of the text.
    pub fn new(pieces: &[[u32; 2]]) -> Self {
        let numbers: Vec<usize> = pieces.iter().flatten().map(|&number| number as usize).collect();
        let of = |number: Option<&usize>| number.copied().unwrap_or(0);
        Self {
            start: of(numbers.first()),
            end: of(numbers.last()),
            hull: [of(numbers.iter().min()), of(numbers.iter().max())],
        }
    }
}

/// A code of a case with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpanEntry {
    /// The case, as its file is called.
    pub case: String,
    /// The code in lower case.
    pub code: String,
    /// Its evidence.
    pub span: Span,
}

/// Codes that count; a run's others are left out before ranks are given.
pub type Codes = HashSet<String>;

const CODES: &str = "a code, and whatever follows after a tab";
const PAIR: &str = "two columns between tabs: the case and a code";
const RUN: &str = "four columns between tabs: the case, start and end of the evidence (`100 115`), its kind, a code";
const GOLD: &str = "five columns between tabs: the case, the kind of the evidence, a code, the evidence, where it lies \
                    (`100 105;120 130`)";

/// The lines with their numbers, without a byte order mark and without empty ones.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !line.trim().is_empty())
}

/// The columns of a line, trimmed.
fn columns<'a, const N: usize>(
    (number, line): (usize, &'a str),
    expected: &'static str,
) -> Result<[&'a str; N], Problem> {
    let problem = |found: String| Problem {
        line: number,
        found,
        expected,
    };
    let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
    let count = columns.len();
    let columns: [&str; N] = columns.try_into().map_err(|_| problem(format!("{count} columns")))?;
    match columns.iter().position(|column| column.is_empty()) {
        Some(place) => Err(problem(format!("column {} is empty", place + 1))),
        None => Ok(columns),
    }
}

/// A list of valid codes: the first column of each line, in lower case.
///
/// # Errors
/// A line that starts with a tab.
pub fn codes(text: &str) -> Result<Codes, Problem> {
    let code = |(line, text): (usize, &str)| match text.split('\t').next().map(str::trim) {
        Some(code) if !code.is_empty() => Ok(code.to_lowercase()),
        _ => Err(Problem {
            line,
            found: "no code".into(),
            expected: CODES,
        }),
    };
    lines(text).map(code).collect()
}

/// A gold file or a run of D or P, in the order of its lines.
///
/// # Errors
/// The first line that is not two columns.
pub fn entries(text: &str) -> Result<Vec<Entry>, Problem> {
    let entry = |line| {
        let [case, code] = columns(line, PAIR)?;
        Ok(Entry {
            case: case.to_owned(),
            code: code.to_lowercase(),
        })
    };
    lines(text).map(entry).collect()
}

/// A run of X.
///
/// # Errors
/// The first line that is not four columns with two numbers in the second.
pub fn span_entries(text: &str) -> Result<Vec<SpanEntry>, Problem> {
    let entry = |line: (usize, &str)| {
        let [case, place, _, code] = columns(line, RUN)?;
        let span = span(place.split(' ')).filter(|_| place.split(' ').count() == 2);
        Ok(SpanEntry {
            case: case.to_owned(),
            code: code.to_lowercase(),
            span: span.ok_or_else(|| misplaced(line.0, RUN))?,
        })
    };
    lines(text).map(entry).collect()
}

/// A gold file of X. Evidence in several pieces counts from the first one's start to the last one's end.
///
/// # Errors
/// The first line that is not five columns with places in the last.
pub fn gold_spans(text: &str) -> Result<Vec<SpanEntry>, Problem> {
    let entry = |line: (usize, &str)| {
        let [case, _, code, _, place] = columns(line, GOLD)?;
        Ok(SpanEntry {
            case: case.to_owned(),
            code: code.to_lowercase(),
            span: span(place.split([' ', ';'])).ok_or_else(|| misplaced(line.0, GOLD))?,
        })
    };
    lines(text).map(entry).collect()
}

/// The numbers of a place, of which there is an even count.
fn span<'a>(numbers: impl Iterator<Item = &'a str>) -> Option<Span> {
    let numbers: Vec<usize> = numbers.map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let hull = [*numbers.iter().min()?, *numbers.iter().max()?];
    let (&start, &end) = (numbers.first()?, numbers.last()?);
    numbers.len().is_multiple_of(2).then_some(Span { start, end, hull })
}

fn misplaced(line: usize, expected: &'static str) -> Problem {
    Problem {
        line,
        found: "no pairs of numbers where the evidence lies".into(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_folded_and_lines_kept_in_their_order() {
        let found = entries("\u{feff}b\tQ64.4\r\n\na\t n39.0 \n").unwrap();
        let pairs: Vec<_> = found.iter().map(|entry| (&*entry.case, &*entry.code)).collect();
        assert_eq!(pairs, [("b", "q64.4"), ("a", "n39.0")]);
        assert_eq!(
            codes("A00\tCholera\nb01\n").unwrap(),
            ["a00", "b01"].map(String::from).into()
        );
    }

    #[test]
    fn evidence_in_pieces_counts_from_its_first_to_its_last_character() {
        let found = gold_spans("a\tDIAGNOSTICO\ts42.90x\tfracturas en hombro\t385 397;405 411\n").unwrap();
        assert_eq!((found[0].span.start, found[0].span.end), (385, 411));
        // As in the track's development part: the first and the last number, and what they lie in.
        let found = gold_spans("a\tDIAGNOSTICO\tb\twords\t2654 2674;691 706\n").unwrap();
        let span = found[0].span;
        assert_eq!((span.start, span.end, span.hull), (2654, 706, [691, 2674]));
        let found = span_entries("a\t100 115\tDIAGNOSTICO\tS43.40\n").unwrap();
        assert_eq!(
            (&*found[0].code, found[0].span.start, found[0].span.end),
            ("s43.40", 100, 115)
        );
    }

    #[test]
    fn a_damaged_line_is_named_without_its_text() {
        let problem = entries("a\tb\nsecret words\n").unwrap_err();
        assert_eq!(
            problem.to_string(),
            "line 2: 1 columns; expected two columns between tabs: the case and a code"
        );
        assert_eq!(entries("a\tb\nc\t\n").unwrap_err().found, "column 2 is empty");
        for place in ["100", "100 115 3 4", "a b", "100  115", "-1 5"] {
            let problem = span_entries(&format!("a\t{place}\tX\tb\n")).unwrap_err();
            assert!(
                problem.to_string().starts_with("line 1: no pairs of numbers"),
                "{place}: {problem}"
            );
        }
        for place in ["1 2;3", "x 2", ""] {
            assert!(gold_spans(&format!("a\tX\tb\tc\t{place}\n")).is_err(), "{place}");
        }
        assert_eq!(codes("\tb\n").unwrap_err().line, 1);
    }
}
