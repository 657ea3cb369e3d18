//! The hash of a source file, over what the compiler sees of it: comments, documentation, tests and the layout
//! of the text do not count.

use std::str::FromStr;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use sha2::{Digest, Sha256};

use super::{kept, layout};

/// Operators of several characters, each one word here. Those that start with `>` are missing: the end of two lists
/// of generic arguments looks like a shift.
const OPERATORS: &[&str] = &[
    "&&", "||", "->", "=>", "::", "..", "...", "..=", "==", "!=", "<=", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=",
    "<<", "<<=",
];

/// A token, or what a pair of delimiters encloses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// A name, lifetime, literal or operator, as it is written.
    Word(String),
    /// `( .. )`, `[ .. ]` or `{ .. }`.
    Group(Delimiter, Vec<Tree>),
}

impl Tree {
    /// Whether this is that word.
    pub fn is(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Group(..) => None,
        }
    }

    /// What the delimiters of that kind enclose, if they do.
    pub fn inside(&self, delimiter: Delimiter) -> Option<&[Self]> {
        match self {
            Self::Group(found, inside) if *found == delimiter => Some(inside),
            _ => None,
        }
    }
}

/// The code of a file without its tests, documentation and lints; `None` where it is no Rust.
pub fn code(source: &str) -> Option<Vec<Tree>> {
    let stream = TokenStream::from_str(source).ok()?;
    Some(kept::kept(read(stream)))
}

/// The code of a file in one layout, its words a space apart; `None` where it is no Rust.
pub fn canonical(source: &str) -> Option<String> {
    code(source).map(|trees| text(&layout::laid_out(trees)))
}

/// SHA-256 of a file of that name: over its code where it is Rust, otherwise over its bytes.
pub fn sha256(name: &str, bytes: &[u8]) -> String {
    let source = std::str::from_utf8(bytes).ok().filter(|_| name.ends_with(".rs"));
    match source.and_then(canonical) {
        Some(code) => hex(code.as_bytes()),
        None => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The words a space apart.
pub fn text(trees: &[Tree]) -> String {
    let one = |tree: &Tree| match tree {
        Tree::Word(word) => word.clone(),
        Tree::Group(delimiter, inside) => {
            let (open, close) = match delimiter {
                Delimiter::Parenthesis => ("(", ")"),
                Delimiter::Bracket => ("[", "]"),
                Delimiter::Brace => ("{", "}"),
                Delimiter::None => ("", ""),
            };
            format!("{open} {} {close}", text(inside))
        }
    };
    trees.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn read(stream: TokenStream) -> Vec<Tree> {
    let mut tokens = stream.into_iter().peekable();
    let mut trees = Vec::new();
    while let Some(token) = tokens.next() {
        let mut mark = match token {
            TokenTree::Group(group) => {
                trees.push(Tree::Group(group.delimiter(), read(group.stream())));
                continue;
            }
            TokenTree::Ident(name) => {
                trees.push(Tree::Word(name.to_string()));
                continue;
            }
            TokenTree::Literal(literal) => {
                trees.push(Tree::Word(on_one_line(&literal.to_string())));
                continue;
            }
            TokenTree::Punct(mark) => mark,
        };
        let mut word = mark.as_char().to_string();
        while mark.spacing() == Spacing::Joint {
            match tokens.peek() {
                Some(TokenTree::Punct(next)) if OPERATORS.contains(&&*format!("{word}{}", next.as_char())) => {
                    mark = next.clone();
                    word.push(mark.as_char());
                    tokens.next();
                }
                Some(TokenTree::Ident(name)) if word == "'" => {
                    word.push_str(&name.to_string());
                    tokens.next();
                    break;
                }
                _ => break,
            }
        }
        trees.push(Tree::Word(word));
    }
    trees
}

/// A string without the line breaks that a backslash hides, and the indentation after them: neither is in its value.
fn on_one_line(literal: &str) -> String {
    let raw = literal.trim_start_matches(['b', 'c']).starts_with('r');
    if raw || !literal.ends_with('"') || !literal.contains("\\\n") {
        return literal.to_owned();
    }
    let mut line = String::new();
    let mut rest = literal.chars();
    while let Some(character) = rest.next() {
        match (character, rest.as_str().chars().next()) {
            ('\\', Some('\n')) => rest = rest.as_str().trim_start_matches([' ', '\t', '\r', '\n']).chars(),
            ('\\', Some(escaped)) => {
                line.extend(['\\', escaped]);
                rest.next();
            }
            _ => line.push(character),
        }
    }
    line
}
