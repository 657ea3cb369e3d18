//! Text as each format must spell it.

use super::latex_letters;

/// Text for an HTML or SVG element, or an attribute in double quotes.
pub fn html(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\n' => escaped.push('\n'),
            other => escaped.push(shown(other)),
        }
    }
    escaped
}

/// A value as JSON inside an element of script: nothing in it ends the element, whatever a name holds.
pub fn script(value: &serde_json::Value) -> String {
    let mut escaped = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escaped += &format!("\\u{:04x}", u32::from(character)),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text with the characters that Markdown or its inline HTML would interpret escaped, on one line.
pub fn markdown(text: &str) -> String {
    let mut escaped = String::new();
    // What would begin a list.
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, after) = text.split_at(digits);
    let marks = match digits {
        0 => ["- ", "+ "],
        _ => [". ", ") "],
    };
    let mut rest = text;
    if let Some(mark) = marks.iter().find(|mark| after.starts_with(**mark)) {
        escaped += &format!("{number}\\{mark}");
        rest = &after[mark.len()..];
    }
    for character in rest.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            other => escaped.push(shown(other)),
        }
    }
    escaped
}

/// Text with LaTeX's special characters escaped, on one line, as it may stand in a cell of a table, the first of a row
/// too: there a bracket or a star would be taken for an argument of the line's end before it.
pub fn latex(text: &str) -> String {
    let text = text.trim_start();
    let mut escaped = String::new();
    let mut before = None;
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '[' | '*' if before.is_none() => escaped += &format!("{{{character}}}"),
            '\\' => escaped += "\\textbackslash{}",
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '`' => escaped += "\\textasciigrave{}",
            '<' => escaped += "\\textless{}",
            '>' => escaped += "\\textgreater{}",
            '|' => escaped += "\\textbar{}",
            // Two of them would be drawn as one other sign.
            '-' | '\'' if before == Some(character) => escaped += &format!("{{}}{character}"),
            other => match shown(other) {
                ascii if ascii.is_ascii() => escaped.push(ascii),
                letter => escaped += &latex_letters::spelled(letter),
            },
        }
        before = Some(character);
    }
    escaped
}

/// What is shown of a character: a space for one that ends a line or a column, the sign for what cannot be shown for one
/// that no format may hold.
pub fn shown(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        // What turns the direction of all that follows.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        control if control.is_control() => '\u{fffd}',
        other => other,
    }
}

/// A field of a CSV file that holds words. Spreadsheets take what starts like this for a formula and run it; with an
/// apostrophe before it they show it.
pub fn csv(field: String) -> String {
    let runs = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    match runs && field.parse::<f64>().is_err() {
        true => format!("'{field}"),
        false => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_or_a_star_at_the_start_of_a_row_is_no_argument_of_the_line_before() {
        assert_eq!(latex("[CLS] head"), "{[}CLS] head");
        assert_eq!(latex(" *starred*"), "{*}starred*");
    }

    #[test]
    fn letters_beyond_ascii_are_set_as_latex_can_set_them() {
        assert_eq!(latex("β = 0.5 µm"), "$\\beta$ = 0.5 $\\mu$m");
        assert_eq!(latex("Müller–Ω"), "Müller--$\\Omega$");
        assert_eq!(latex("中"), "\\icdbenchchar{4E2D}{中}");
        assert_eq!(latex("a--b 5''"), "a-{}-b 5'{}'");
        assert_eq!(latex("a\nb\u{8}"), "a b\\icdbenchchar{FFFD}{\u{fffd}}");
    }

    #[test]
    fn no_format_holds_a_control_character() {
        for escaped in [html("a\u{1}b"), markdown("a\u{1}b")] {
            assert_eq!(escaped, "a\u{fffd}b");
        }
    }

    #[test]
    fn a_dash_that_would_begin_a_list_in_markdown_does_not() {
        assert_eq!(markdown("- not a list"), "\\- not a list");
        assert_eq!(markdown("1. not a list"), "1\\. not a list");
        assert_eq!(markdown("-0.3"), "-0.3");
        assert_eq!(markdown("512 - 1024"), "512 - 1024");
    }

    #[test]
    fn no_value_ends_the_script_that_it_stands_in_and_all_are_read_back() {
        let value = serde_json::json!({ "</script><!--": ["a\"b\\", "&amp;\u{2028}", -1, null] });
        let text = script(&value);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_spreadsheet_runs_no_field() {
        let csv = |field: &str| csv(field.to_owned());
        assert_eq!(csv("=1+1"), "'=1+1");
        assert_eq!(csv("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(csv("-0.25"), "-0.25");
        assert_eq!(csv("-caml"), "'-caml");
        assert_eq!(csv("caml"), "caml");
    }
}
