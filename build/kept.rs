//! Leaves out of a file's code what cannot move a result: documentation, lints and whatever only tests see.

use proc_macro2::Delimiter;

use super::tokens::Tree;

/// Attributes that say nothing to the compiled program. `inline` and `cold` move its speed only: floating-point
/// results do not depend on where a function was compiled.
const SILENT: &[&str] = &[
    "doc", "allow", "warn", "deny", "forbid", "expect", "must_use", "inline", "cold", "rustfmt",
];

/// An attribute, and how many trees it takes.
struct Attribute<'a> {
    inner: bool,
    content: &'a [Tree],
    length: usize,
}

/// The code without what cannot move a result.
pub fn kept(trees: Vec<Tree>) -> Vec<Tree> {
    let mut out = Vec::with_capacity(trees.len());
    let mut at = 0;
    while at < trees.len() {
        let attributes = attributes(&trees[at..]);
        let end = at + attributes.iter().map(|attribute| attribute.length).sum::<usize>();
        if attributes
            .iter()
            .any(|found| found.inner && only_in_tests(found.content))
        {
            return Vec::new();
        }
        if attributes.iter().any(|found| only_in_tests(found.content)) {
            at = end + item_length(&trees[end..]);
            continue;
        }
        for attribute in attributes {
            if !is_silent(attribute.content) {
                out.extend(trees[at..at + attribute.length].iter().cloned());
            }
            at += attribute.length;
        }
        match trees.get(at) {
            Some(Tree::Group(delimiter, inside)) => out.push(Tree::Group(*delimiter, kept(inside.clone()))),
            Some(word) => out.push(word.clone()),
            None => {}
        }
        at += 1;
    }
    out
}

/// The attributes that stand at the start.
fn attributes(trees: &[Tree]) -> Vec<Attribute<'_>> {
    let mut found = Vec::new();
    let mut rest = trees;
    while let [hash, after @ ..] = rest
        && hash.is("#")
    {
        let inner = after.first().is_some_and(|tree| tree.is("!"));
        let Some(content) = after
            .get(usize::from(inner))
            .and_then(|tree| tree.inside(Delimiter::Bracket))
        else {
            break;
        };
        let length = 2 + usize::from(inner);
        found.push(Attribute { inner, content, length });
        rest = &rest[length..];
    }
    found
}

fn is_silent(content: &[Tree]) -> bool {
    let is_listed = |tree: &Tree| SILENT.iter().any(|name| tree.is(name));
    let is_for_tests = |arguments: &Tree| {
        let condition = arguments.inside(Delimiter::Parenthesis).unwrap_or_default();
        condition.first().is_some_and(|tree| tree.is("test")) && condition.get(1).is_some_and(|tree| tree.is(","))
    };
    match content {
        [name, arguments] if name.is("cfg_attr") => is_for_tests(arguments),
        [name, ..] => is_listed(name),
        [] => false,
    }
}

/// `test`, `bench`, `cfg(test)` and `cfg(all(.., test, ..))`.
fn only_in_tests(content: &[Tree]) -> bool {
    fn never_built(condition: &[Tree]) -> bool {
        match condition {
            [word] => word.is("test"),
            [all, of] if all.is("all") => {
                let of = of.inside(Delimiter::Parenthesis).unwrap_or_default();
                of.split(|tree| tree.is(",")).any(never_built)
            }
            _ => false,
        }
    }
    match content {
        [name] => name.is("test") || name.is("bench"),
        [name, condition] if name.is("cfg") => {
            never_built(condition.inside(Delimiter::Parenthesis).unwrap_or_default())
        }
        _ => false,
    }
}

/// How many trees the item, field, variant, arm or statement takes that starts here, its separator included.
fn item_length(trees: &[Tree]) -> usize {
    let is_brace = |tree: &Tree| tree.inside(Delimiter::Brace).is_some();
    let mut start = 0;
    if trees.first().is_some_and(|tree| tree.is("pub")) {
        start = 1 + usize::from(
            trees
                .get(1)
                .is_some_and(|tree| tree.inside(Delimiter::Parenthesis).is_some()),
        );
    }
    let word = |at: usize| trees.get(at).and_then(Tree::word).unwrap_or_default();
    let is_function = ["fn", "unsafe", "async", "extern"].contains(&word(start + 1));
    let ends = |test: &dyn Fn(&Tree) -> bool| trees.iter().position(test).map_or(trees.len(), |at| at + 1);
    match word(start) {
        "const" if !is_function => ends(&|tree| tree.is(";")),
        "use" | "static" | "type" | "let" => ends(&|tree| tree.is(";")),
        "fn" | "struct" | "enum" | "union" | "impl" | "trait" | "mod" | "unsafe" | "extern" | "async" | "const"
        | "macro_rules" => ends(&|tree| tree.is(";") || is_brace(tree)),
        "if" | "for" | "while" | "loop" | "match" => {
            let mut length = ends(&is_brace);
            while trees.get(length).is_some_and(|tree| tree.is("else")) {
                length += trees[length..].iter().position(is_brace).map_or(1, |at| at + 1);
            }
            length
        }
        _ if trees.first().is_some_and(is_brace) => 1,
        _ => to_separator(trees),
    }
}

/// As far as the comma or semicolon that ends a field, variant, arm or statement.
fn to_separator(trees: &[Tree]) -> usize {
    let mut angles = 0usize;
    for (at, tree) in trees.iter().enumerate() {
        let after_arrow = at > 0 && trees[at - 1].is("=>");
        match tree.word() {
            Some("<") => angles += 1,
            Some(">") => angles = angles.saturating_sub(1),
            Some(";") => return at + 1,
            Some(",") if angles == 0 => return at + 1,
            None if after_arrow && tree.inside(Delimiter::Brace).is_some() => {
                return at + 1 + usize::from(trees.get(at + 1).is_some_and(|tree| tree.is(",")));
            }
            _ => {}
        }
    }
    trees.len()
}
