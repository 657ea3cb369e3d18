//! The modules of a crate: their files, and the imports and paths of each.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Delimiter;

use super::layout::names;
use super::tokens::{Tree, code};

/// A module of the crate, without what only tests see.
#[derive(Debug, Default)]
pub struct Module {
    /// The file it is written in.
    pub file: String,
    /// The module it is in; none for the crate itself.
    pub parent: Option<usize>,
    /// By name, the place of each module in it among all modules.
    pub children: BTreeMap<String, usize>,
    /// What it defines itself, by name.
    pub items: BTreeSet<String>,
    /// From its `use` lines, at any depth.
    pub imports: Vec<Import>,
    /// The paths in its code.
    pub paths: Vec<Vec<String>>,
    /// Every name in its code, those of imports left out.
    pub names: BTreeSet<String>,
    /// Of each `impl`: the path of the trait, empty without one, and that of the type.
    pub impls: Vec<[Vec<String>; 2]>,
    /// Files that are part of its code, `include_str!` and the like, from the folder that its file is in.
    pub embedded: Vec<String>,
}

/// One name that a module imports.
#[derive(Debug)]
pub struct Import {
    /// The path of what it imports; of a module whose every name it imports.
    pub path: Vec<String>,
    /// The name it gets here; `*` for every name.
    pub name: String,
    /// Whether others may have it from here.
    pub public: bool,
}

/// Every module that can be reached from these files, each the root of a crate.
pub fn modules(roots: &[&str], files: &BTreeMap<String, Vec<u8>>) -> Vec<Module> {
    let mut modules = Vec::new();
    for root in roots.iter().filter(|root| files.contains_key(**root)) {
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        add_file(root, folder, None, files, &mut modules);
    }
    modules
}

/// Adds the module that a file holds and those in it, whose files are in `folder`.
fn add_file(
    file: &str,
    folder: &str,
    parent: Option<usize>,
    files: &BTreeMap<String, Vec<u8>>,
    modules: &mut Vec<Module>,
) -> usize {
    let source = files.get(file).map_or(&[][..], Vec::as_slice);
    let trees = std::str::from_utf8(source).ok().and_then(code).unwrap_or_default();
    add(&trees, file, folder, parent, files, modules)
}

fn add(
    trees: &[Tree],
    file: &str,
    folder: &str,
    parent: Option<usize>,
    files: &BTreeMap<String, Vec<u8>>,
    modules: &mut Vec<Module>,
) -> usize {
    let here = modules.len();
    modules.push(Module {
        file: file.to_owned(),
        parent,
        ..Module::default()
    });
    let mut rest = trees;
    let mut body = Vec::new();
    while let [first, after @ ..] = rest {
        let name = after.first().and_then(Tree::word).filter(|_| first.is("mod"));
        let Some((name, what)) = name.zip(after.get(1)) else {
            body.push(first.clone());
            rest = after;
            continue;
        };
        let inner = format!("{folder}/{name}");
        let candidates = [format!("{inner}.rs"), format!("{inner}/mod.rs")];
        let child = match (
            what.inside(Delimiter::Brace),
            candidates.iter().find(|file| files.contains_key(*file)),
        ) {
            (Some(trees), _) => add(trees, file, &inner, Some(here), files, modules),
            (None, Some(found)) => add_file(found, &inner, Some(here), files, modules),
            (None, None) => panic!(
                "{file}: `mod {name};` is in none of {candidates:?}, so no hash would see it; put it there, or teach \
                 build/modules.rs where it is"
            ),
        };
        modules[here].children.insert(name.to_owned(), child);
        rest = &after[2..];
    }
    modules[here].note_items(&body);
    modules[here].note_code(&body);
    here
}

impl Module {
    /// What is defined and implemented at the top of the module.
    fn note_items(&mut self, trees: &[Tree]) {
        for (at, tree) in trees.iter().enumerate() {
            let after = &trees[at + 1..];
            match tree.word() {
                Some("fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static") => {
                    self.items.extend(after.first().and_then(Tree::word).map(str::to_owned));
                }
                Some("macro_rules") => self.items.extend(after.get(1).and_then(Tree::word).map(str::to_owned)),
                // Not the `impl Trait` of an argument or a result.
                Some("impl") if starts_item(&trees[..at]) => self.impls.extend(implementation(after)),
                _ => {}
            }
        }
    }

    /// Imports, paths, names and embedded files, at any depth.
    fn note_code(&mut self, trees: &[Tree]) {
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            let before = at.checked_sub(1).map(|before| &trees[before]);
            let Tree::Word(word) = tree else {
                if let Tree::Group(_, inside) = tree {
                    self.note_code(inside);
                }
                at += 1;
                continue;
            };
            let ends_before = before.is_none_or(|tree| tree.word().is_none() || tree.is(";") || tree.is("pub"));
            if word == "use" && ends_before {
                let end = at
                    + trees[at..]
                        .iter()
                        .position(|tree| tree.is(";"))
                        .unwrap_or(trees.len() - at);
                let visibility = before.filter(|tree| tree.inside(Delimiter::Parenthesis).is_some());
                let public = before.is_some_and(|tree| tree.is("pub")) || visibility.is_some();
                let imports = names(&trees[at + 1..end]).into_iter();
                self.imports.extend(imports.filter_map(|name| import(&name, public)));
                at = end + 1;
                continue;
            }
            if ["include_str", "include_bytes", "include"].contains(&word.as_str()) {
                let arguments = trees.get(at + 2).and_then(|tree| tree.inside(Delimiter::Parenthesis));
                let name = arguments.and_then(|arguments| arguments.first()?.word());
                self.embedded.extend(name.map(|name| name.trim_matches('"').to_owned()));
            }
            let path = path(&trees[at..]);
            let in_macro = before.is_some_and(|tree| tree.is("$")) && path.first().is_none_or(|first| first != "crate");
            let continues = before.is_some_and(|tree| tree.is("::"));
            at += (2 * path.len()).saturating_sub(1).max(1);
            self.names.extend(path.first().cloned());
            if path.len() > 1 && !in_macro && !continues {
                self.paths.push(path);
            }
        }
    }
}

/// The names that `::` joins from here on; none where no name stands here.
pub fn path(trees: &[Tree]) -> Vec<String> {
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut path = Vec::new();
    while let Some(name) = trees.get(2 * path.len()).and_then(Tree::word).filter(is_name) {
        path.push(name.to_owned());
        if !trees.get(2 * path.len() - 1).is_some_and(|tree| tree.is("::")) {
            break;
        }
    }
    path
}

/// Whether an item may start after these trees.
fn starts_item(before: &[Tree]) -> bool {
    let Some(last) = before.last() else { return true };
    last.inside(Delimiter::Brace).is_some()
        || last.inside(Delimiter::Bracket).is_some()
        || last.is(";")
        || last.is("unsafe")
}

/// One imported name with its whole path.
fn import(trees: &[Tree], public: bool) -> Option<Import> {
    let mut path = path(trees);
    let rest = &trees[(2 * path.len()).saturating_sub(1)..];
    let mut name = path.last()?.clone();
    if name == "self" && path.len() > 1 {
        path.pop();
        name = path.last()?.clone();
    }
    match rest {
        [.., star] if star.is("*") => name = "*".into(),
        [word, alias] if word.is("as") => name = alias.word()?.to_owned(),
        _ => {}
    }
    Some(Import { path, name, public })
}

/// The trait's and the type's path of what follows `impl`.
fn implementation(trees: &[Tree]) -> Option<[Vec<String>; 2]> {
    let end = trees
        .iter()
        .position(|tree| tree.is("where") || tree.inside(Delimiter::Brace).is_some())?;
    let mut angles = 0usize;
    let mut parts = vec![Vec::new()];
    for (at, tree) in trees[..end].iter().enumerate() {
        match tree.word() {
            Some("<") => angles += 1,
            Some(">") => angles = angles.saturating_sub(1),
            Some("for") if angles == 0 && !trees[at + 1].is("<") => parts.push(Vec::new()),
            _ if angles == 0 => parts.last_mut()?.push(tree.clone()),
            _ => {}
        }
    }
    let mut paths = parts.iter().map(|part| {
        let name = part
            .iter()
            .position(|tree| !path(std::slice::from_ref(tree)).is_empty() && !tree.is("dyn"));
        name.map_or(Vec::new(), |at| path(&part[at..]))
    });
    match (paths.next()?, paths.next()) {
        (of, None) => Some([Vec::new(), of]),
        (of, Some(target)) => Some([of, target]),
    }
}
