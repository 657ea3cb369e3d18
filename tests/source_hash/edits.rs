//! Edits of every file of `src`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::str::FromStr;

use proc_macro2::{Spacing, TokenStream, TokenTree};

use super::{canonical, hash, rust_files};

#[track_caller]
fn moves_nothing(edit: impl Fn(&str, &str) -> String) {
    let mut edited = 0;
    for (name, source) in rust_files() {
        let after = edit(&name, &source);
        edited += usize::from(after != source);
        if hash(&after) != hash(&source) {
            let (before, after) = (canonical(&source).unwrap(), canonical(&after).unwrap_or_default());
            let at = before
                .bytes()
                .zip(after.bytes())
                .take_while(|(a, b)| a == b)
                .count()
                .saturating_sub(60);
            let show = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[at.min(text.len())..])
                    .chars()
                    .take(160)
                    .collect::<String>()
            };
            panic!(
                "{name}: the edit moved the hash\n  before: {}\n  after:  {}",
                show(&before),
                show(&after)
            );
        }
    }
    assert!(edited > 20, "the edit changed {edited} files only");
}

fn each_line(source: &str, edit: impl Fn(&str) -> String) -> String {
    source.lines().map(|line| edit(line) + "\n").collect()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn another_comment_or_documentation_line() {
    moves_nothing(|_, source| {
        each_line(source, |line| match is_comment(line) {
            true => format!(
                "{} Said in other words.",
                &line[..line.find(' ').unwrap_or(line.len()).max(line.find("//").unwrap() + 2)]
            ),
            false => line.to_owned(),
        })
    });
}

#[test]
fn no_comment_line() {
    moves_nothing(|_, source| {
        source
            .lines()
            .filter(|line| !is_comment(line))
            .map(|line| line.to_owned() + "\n")
            .collect()
    });
}

#[test]
fn a_lint_and_a_documentation_line_before_every_function() {
    moves_nothing(|_, source| {
        each_line(source, |line| match line.trim_start().starts_with("pub fn ") {
            true => format!("/// More.\n#[allow(unused)]\n#[doc = \"and more\"]\n{line}"),
            false => line.to_owned(),
        })
    });
}

#[test]
fn another_module_of_tests_and_none() {
    let module = "\n#[cfg(test)]\nmod more_tests {\n    use super::*;\n\n    #[test]\n    fn fails() {\n        panic!();\n    }\n}\n";
    moves_nothing(|_, source| source.to_owned() + module);
    // In this source the tests are the last of a file.
    moves_nothing(|_, source| match source.split_once("\n#[cfg(test)]\nmod tests {") {
        Some((code, _)) => code.to_owned(),
        None => source.to_owned(),
    });
}

#[test]
fn one_line() {
    moves_nothing(|_, source| TokenStream::from_str(source).unwrap().to_string());
}

#[test]
fn one_token_a_line() {
    fn print(stream: TokenStream, out: &mut String) {
        for token in stream {
            match token {
                TokenTree::Group(group) => {
                    let text =
                        TokenTree::Group(proc_macro2::Group::new(group.delimiter(), TokenStream::new())).to_string();
                    let (open, close) = (&text[..1], &text[text.len() - 1..]);
                    out.push_str(&format!("{open}\n"));
                    print(group.stream(), out);
                    out.push_str(&format!("{close}\n"));
                }
                TokenTree::Punct(mark) if mark.spacing() == Spacing::Joint => out.push(mark.as_char()),
                token => out.push_str(&format!("{token}\n")),
            }
        }
    }
    moves_nothing(|_, source| {
        let mut out = String::new();
        print(TokenStream::from_str(source).unwrap(), &mut out);
        out
    });
}

#[test]
fn imports_in_reverse() {
    moves_nothing(|_, source| {
        let is_import = |line: &str| line.starts_with("use ") && line.ends_with(';');
        // An attribute goes with its import.
        let mut lines: Vec<String> = Vec::new();
        for line in source.lines() {
            match lines.last_mut() {
                Some(last) if last.starts_with("#[") && is_import(line) => *last = format!("{last}\n{line}"),
                _ => lines.push(line.to_owned()),
            }
        }
        let is_import = |lines: &String| lines.lines().last().is_some_and(is_import);
        let groups = lines.chunk_by(|a, b| is_import(a) && is_import(b));
        let reversed = groups.flat_map(|group| group.iter().rev());
        reversed.map(|line| format!("{line}\n")).collect()
    });
}

#[test]
fn the_formatter_with_other_settings() {
    for settings in [
        "max_width=60",
        "max_width=30,use_small_heuristics=Off,tab_spaces=2",
        "max_width=200,use_small_heuristics=Max,match_block_trailing_comma=true,fn_params_layout=Vertical",
    ] {
        let copy = tempfile::tempdir().unwrap();
        for (name, source) in rust_files() {
            let path = copy.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, source).unwrap();
        }
        // It goes on to every module that a file declares.
        let roots = ["src/lib.rs", "src/main.rs"].map(|root| copy.path().join(root));
        let formatter = Command::new("rustfmt")
            .args(["--edition", "2024", "--config", settings])
            .args(roots)
            .output();
        let Ok(output) = formatter else {
            eprintln!("rustfmt is missing: nothing was compared");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        moves_nothing(|name, _| fs::read_to_string(copy.path().join(name)).unwrap());
    }
}

/// Another word of the same kind; none for what ends and separates.
fn another(word: &str) -> Option<String> {
    const OPERATORS: &[(&str, &str)] = &[
        ("+", "-"),
        ("-", "+"),
        ("*", "/"),
        ("/", "*"),
        ("%", "/"),
        ("&", "*"),
        ("|", "&"),
        ("^", "&"),
        ("!", "-"),
        ("<", ">"),
        (">", "<"),
        ("=", "=="),
        ("==", "!="),
        ("!=", "=="),
        ("<=", "<"),
        ("&&", "||"),
        ("||", "&&"),
        ("+=", "-="),
        ("-=", "+="),
        ("*=", "/="),
        ("/=", "*="),
        ("|=", "&="),
        ("&=", "|="),
        ("<<", "+"),
        ("..", "..="),
        ("..=", ".."),
        ("?", "!"),
        (".", ".."),
        ("=>", "="),
        ("->", "="),
        ("::", ":"),
        (":", "::"),
        ("$", "#"),
    ];
    let first = word.chars().next()?;
    match first {
        '"' | '\'' => Some(format!("{}x{}", &word[..word.len() - 1], &word[word.len() - 1..])),
        'b' | 'c' | 'r' if word.contains(['"', '\'']) => Some(format!("{word}.len()")),
        '0'..='9' => Some(match word.find(['.', '_', 'e']) {
            Some(_) => format!("1{word}"),
            None => format!("{word}1"),
        }),
        _ if first.is_alphabetic() || first == '_' => Some(format!("{word}_x")),
        _ => Some(OPERATORS.iter().find(|(one, _)| *one == word)?.1.to_owned()),
    }
}

/// The words of canonical code: a literal is one word, whatever it holds.
fn words(stream: TokenStream, out: &mut Vec<String>) {
    for token in stream {
        match token {
            TokenTree::Group(group) => words(group.stream(), out),
            token => out.push(token.to_string()),
        }
    }
}

#[test]
fn any_other_name_literal_string_or_operator_moves_the_hash() {
    let mut tried = BTreeSet::new();
    for (name, source) in rust_files() {
        let code = canonical(&source).unwrap();
        assert_eq!(canonical(&code).as_ref(), Some(&code), "{name}: one layout has another");
        let pieces: Vec<&str> = code.split(' ').collect();
        // A few dozen words of each file, other ones in each; all of the smaller files.
        let step = (pieces.len() / 40).max(1);
        for at in (name.len() % step..pieces.len()).step_by(step) {
            let Some(word) = another(pieces[at]) else { continue };
            let mut edited = pieces.clone();
            edited[at] = &word;
            let edited = edited.join(" ");
            // What is no Rust any more counts by its bytes: that says nothing here.
            let Some(after) = canonical(&edited) else { continue };
            assert_ne!(after, code, "{name}: {:?} to {word:?} moved nothing", pieces[at]);
            tried.insert(pieces[at].to_owned());
        }
    }
    assert!(tried.len() > 1000, "{} different words were tried", tried.len());
    for operator in [
        "+", "-", "*", "/", "<", "=", "==", "!", "&", "&&", "?", "..", "::", "=>",
    ] {
        assert!(tried.contains(operator), "{operator} was never tried");
    }
}

#[test]
fn no_name_or_literal_of_the_code_is_left_out() {
    let count = |text: &str| {
        let mut found = Vec::new();
        words(TokenStream::from_str(text).unwrap(), &mut found);
        let mut counts = BTreeMap::new();
        for word in found {
            *counts.entry(word).or_insert(0) += 1;
        }
        counts
    };
    for (name, source) in rust_files().filter(|(name, _)| !name.ends_with("/tests.rs") && !name.contains("/tests/")) {
        // The code by another way: up to the tests, line by line.
        let on_some = ["#[cfg(all(test, target_os = \"linux\"))]", "#[cfg(all(test, unix))]"];
        let code = on_some
            .iter()
            .fold(source.clone(), |code, on| code.replace(on, "#[cfg(test)]"));
        let code = code.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let code = code
            .replace("#[cfg(test)]\nmod tests;", "")
            .replace("#[cfg(test)]\nmod testing;", "")
            .replace("#[cfg(test)]\npub(super) mod testing;", "");
        let code = code.replace("#[inline(always)]", "");
        let silent = ["//", "#![", "#[allow", "#[expect", "#[must_use", "#[inline", "#[doc"];
        let lines = code
            .lines()
            .filter(|line| !silent.iter().any(|start| line.trim_start().starts_with(start)));
        let expected = count(&lines.map(|line| line.to_owned() + "\n").collect::<String>());
        let found = count(&canonical(&source).unwrap());
        // Separators may go, strings that span lines are put on one, and imports one by one repeat their paths.
        let counts = |word: &str| word.starts_with(|c: char| c.is_alphanumeric() || "_\"'".contains(c));
        for (word, times) in expected {
            let is_seen = found.get(&word).is_some_and(|found| *found >= times);
            let is_exempt = !counts(&word) || word.contains("\\\n") || word == "use" || word == "pub";
            assert!(
                is_seen || is_exempt,
                "{name}: the hash does not see {word:?} each of {times} times"
            );
        }
    }
}
