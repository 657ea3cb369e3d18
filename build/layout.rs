//! Brings code that a formatter may write in several ways into one: trailing commas, the order of imports and
//! modules, the braces around a single expression.

use proc_macro2::Delimiter;

use super::tokens::{Tree, text};

/// Words before a parenthesis that is a tuple or an expression, not a call or parameters.
const KEYWORDS: &[&str] = &[
    "as", "break", "dyn", "else", "for", "if", "impl", "in", "let", "match", "move", "mut", "ref", "return", "where",
    "while", "yield",
];

/// The same code in one layout.
pub fn laid_out(trees: Vec<Tree>) -> Vec<Tree> {
    let mut inside: Vec<Tree> = Vec::with_capacity(trees.len());
    for tree in trees {
        let tree = match tree {
            Tree::Group(delimiter, content) => {
                let mut content = laid_out(content);
                if ends_with_idle_comma(delimiter, &content, inside.last()) {
                    content.pop();
                }
                if delimiter == Delimiter::Brace && is_lone_jump(&content) {
                    content.pop();
                }
                Tree::Group(delimiter, content)
            }
            word => word,
        };
        inside.push(tree);
    }
    sorted(unwrapped(without_commas(inside)))
}

/// A comma before the closing delimiter counts only in a tuple of one, and in a macro's `$( .. ,)`.
fn ends_with_idle_comma(delimiter: Delimiter, content: &[Tree], before: Option<&Tree>) -> bool {
    let [first @ .., last] = content else { return false };
    if !last.is(",") || first.is_empty() || before.is_some_and(|tree| tree.is("$")) {
        return false;
    }
    let is_call = match before {
        Some(Tree::Word(word)) => {
            let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
            (is_name && !KEYWORDS.contains(&word.as_str())) || word == ">" || word == "!"
        }
        Some(Tree::Group(delimiter, _)) => *delimiter != Delimiter::Brace,
        None => false,
    };
    delimiter != Delimiter::Parenthesis || is_call || first.iter().any(|tree| tree.is(","))
}

/// `return x;`, `break;` or `continue;` alone between braces: a formatter adds the semicolon with the braces.
fn is_lone_jump(content: &[Tree]) -> bool {
    let is_jump = |tree: &Tree| ["return", "break", "continue"].iter().any(|word| tree.is(word));
    let [first, .., last] = content else { return false };
    is_jump(first) && last.is(";") && content.iter().filter(|tree| tree.is(";")).count() == 1
}

/// Without the commas that end generic arguments and `where` clauses.
fn without_commas(trees: Vec<Tree>) -> Vec<Tree> {
    let mut out: Vec<Tree> = Vec::with_capacity(trees.len());
    let mut in_where = false;
    for tree in trees {
        let is_end = tree.is(";") || tree.inside(Delimiter::Brace).is_some();
        if (tree.is(">") || (in_where && is_end)) && out.last().is_some_and(|last| last.is(",")) {
            out.pop();
        }
        in_where = (in_where || tree.is("where")) && !is_end;
        out.push(tree);
    }
    out
}

/// Match arms and closures without the braces around a single expression, and a comma after each arm in braces.
fn unwrapped(trees: Vec<Tree>) -> Vec<Tree> {
    let mut out: Vec<Tree> = Vec::with_capacity(trees.len());
    let mut trees = trees.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let is_arm = out.last().is_some_and(|last| last.is("=>"));
        let is_closure = out.last().is_some_and(|last| last.is("|") || last.is("||"));
        if tree.inside(Delimiter::Brace).is_none() || !(is_arm || is_closure) {
            out.push(tree);
            continue;
        }
        out.extend(single_expression(tree));
        if is_arm {
            trees.next_if(|next| next.is(","));
            out.push(Tree::Word(",".into()));
        }
    }
    out
}

/// The expression that the braces hold, or the braces with all that they hold.
fn single_expression(tree: Tree) -> Vec<Tree> {
    match tree {
        Tree::Group(Delimiter::Brace, content) if !content.is_empty() && !content.iter().any(|tree| tree.is(";")) => {
            match <[Tree; 1]>::try_from(content) {
                Ok([alone]) => single_expression(alone),
                Err(content) => content,
            }
        }
        tree => vec![tree],
    }
}

/// Imports and module declarations that follow each other in the order of their names, imports one by one.
fn sorted(trees: Vec<Tree>) -> Vec<Tree> {
    let mut out = Vec::with_capacity(trees.len());
    let mut rest = &trees[..];
    let mut at_start = true;
    while let Some(first) = rest.first() {
        let mut lines: Vec<Vec<Tree>> = Vec::new();
        while at_start && let Some((declared, length)) = declaration(rest, lines.first()) {
            lines.extend(declared);
            rest = &rest[length..];
        }
        if lines.is_empty() {
            let is_attribute = first.inside(Delimiter::Bracket).is_some();
            at_start = first.is(";") || first.inside(Delimiter::Brace).is_some() || is_attribute;
            out.push(first.clone());
            rest = &rest[1..];
        }
        lines.sort_by_cached_key(|line| text(line));
        lines.dedup();
        out.extend(lines.into_iter().flatten());
    }
    out
}

/// The `use` or `mod` line that starts here, one line for each name that it imports, and how many trees it takes;
/// `None` where there is none, or one of another kind than `before`.
fn declaration(trees: &[Tree], before: Option<&Vec<Tree>>) -> Option<(Vec<Vec<Tree>>, usize)> {
    let mut start = 0;
    while trees.get(start)?.is("#") && trees.get(start + 1)?.inside(Delimiter::Bracket).is_some() {
        start += 2;
    }
    if trees.get(start)?.is("pub") {
        start += 1 + usize::from(trees.get(start + 1)?.inside(Delimiter::Parenthesis).is_some());
    }
    let kind = trees.get(start)?;
    if before.is_some_and(|line| !line.contains(kind)) {
        return None;
    }
    let end = start + trees[start..].iter().position(|tree| tree.is(";"))?;
    let line = |name: Vec<Tree>| [&trees[..=start], &name[..], &trees[end..=end]].concat();
    let lines = match kind.word()? {
        "mod" if end == start + 2 => vec![trees[..=end].to_vec()],
        "use" => names(&trees[start + 1..end]).into_iter().map(line).collect(),
        _ => return None,
    };
    Some((lines, end + 1))
}

/// The names that a `use` imports, each with its whole path.
pub fn names(tree: &[Tree]) -> Vec<Vec<Tree>> {
    let Some((last, prefix)) = tree.split_last() else {
        return Vec::new();
    };
    match last.inside(Delimiter::Brace) {
        None => vec![tree.to_vec()],
        Some(group) => {
            let parts = group.split(|tree| tree.is(",")).flat_map(names);
            parts.map(|name| [prefix, &name[..]].concat()).collect()
        }
    }
}
