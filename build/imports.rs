//! Which files each file's code can reach, from its imports and the paths in it.
//!
//! A path leads to the file that defines what it names: a `mod.rs` that only passes a name on is passed by. Code
//! that implements a type or trait of another file is reached from that file, since a method call names no file.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{Import, Module, modules};

/// The name of this crate in its own program.
const CRATE: &str = env!("CARGO_PKG_NAME");

/// Of each file of the crate the files that it can reach directly. Files that only tests see are left out.
pub fn imports(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules(&["src/lib.rs", "src/main.rs"], files);
    let map = Map { modules: &modules };
    let mut reached = map.named();
    for (from, to) in (0..modules.len()).flat_map(|at| map.implemented(at)) {
        reached.entry(from).or_default().insert(to);
    }
    within(files, reached)
}

/// Of each file of the crate the files that its own lines name: what it cannot be understood without.
pub fn named(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules(&["src/lib.rs", "src/main.rs"], files);
    within(files, Map { modules: &modules }.named())
}

/// Without what is no file of the crate, and without each file itself.
fn within(
    files: &BTreeMap<String, Vec<u8>>,
    mut found: BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<String, BTreeSet<String>> {
    for (file, found) in &mut found {
        found.remove(file);
        found.retain(|found| files.contains_key(found));
    }
    found
}

struct Map<'a> {
    modules: &'a [Module],
}

type Seen = BTreeSet<(usize, Vec<String>)>;

impl Map<'_> {
    /// Of each file the files that its modules' imports and paths lead to.
    fn named(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (at, module) in self.modules.iter().enumerate() {
            named.entry(module.file.clone()).or_default().extend(self.reached(at));
        }
        named
    }

    /// The files that a module's imports and paths lead to.
    fn reached(&self, at: usize) -> BTreeSet<String> {
        let module = &self.modules[at];
        let mut found = BTreeSet::new();
        for import in &module.imports {
            if import.name == "*" {
                found.extend(self.all_of(at, &import.path));
            } else if !import.public || module.names.contains(&import.name) {
                // What is only passed on is reached by those who take it from here.
                found.extend(self.resolve(at, &import.path, &mut Seen::new()));
            }
        }
        for path in &module.paths {
            found.extend(self.resolve(at, path, &mut Seen::new()));
        }
        let folder = module.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        found.extend(module.embedded.iter().map(|name| format!("{folder}/{name}")));
        found
    }

    /// Pairs of the file of a type, or of a trait of a type from elsewhere, and the file of this module that
    /// implements something for it.
    fn implemented(&self, at: usize) -> Vec<(String, String)> {
        let module = &self.modules[at];
        let mut pairs = Vec::new();
        for [of, target] in &module.impls {
            let is_own = matches!(target.as_slice(), [name] if module.items.contains(name));
            let types = self.resolve(at, target, &mut Seen::new());
            let from = match types.is_empty() && !is_own {
                true => self.resolve(at, of, &mut Seen::new()),
                false => types,
            };
            pairs.extend(from.into_iter().map(|from| (from, module.file.clone())));
        }
        pairs
    }

    /// The files that define what a path names, as the module `at` sees it.
    fn resolve(&self, at: usize, path: &[String], seen: &mut Seen) -> BTreeSet<String> {
        let Some((first, rest)) = path.split_first() else {
            return BTreeSet::new();
        };
        if !seen.insert((at, path.to_vec())) {
            return BTreeSet::new();
        }
        match first.as_str() {
            "crate" => self.walk(self.root(at), rest, seen),
            "self" | "super" => self.walk(at, path, seen),
            name if name == CRATE => self.walk(0, rest, seen),
            _ => self.find(at, path, seen).unwrap_or_default(),
        }
    }

    /// The files that define what a path from the module `at` on names. A module alone is no file: what is used of
    /// it, its path says.
    fn walk(&self, at: usize, path: &[String], seen: &mut Seen) -> BTreeSet<String> {
        let module = &self.modules[at];
        let Some((first, rest)) = path.split_first() else {
            return BTreeSet::new();
        };
        match first.as_str() {
            "self" => self.walk(at, rest, seen),
            "super" => self.walk(module.parent.unwrap_or(at), rest, seen),
            // A name that no line defines comes from a macro that is called there.
            _ => self
                .find(at, path, seen)
                .unwrap_or_else(|| BTreeSet::from([module.file.clone()])),
        }
    }

    /// The same, but `None` where no line of the module gives the path's first name.
    fn find(&self, at: usize, path: &[String], seen: &mut Seen) -> Option<BTreeSet<String>> {
        let module = &self.modules[at];
        let (first, rest) = path.split_first()?;
        let mut found = None;
        let child = module.children.get(first);
        if let Some(child) = child {
            found
                .get_or_insert_with(BTreeSet::new)
                .extend(self.walk(*child, rest, seen));
        }
        // Only a module goes on; at its end a path may also name what has the same name, such as `tune::tune`.
        if child.is_some() && !rest.is_empty() {
            return found;
        }
        if module.items.contains(first) {
            found.get_or_insert_with(BTreeSet::new).insert(module.file.clone());
        }
        let is_other_crate = |import: &&Import| child.is_none() && import.path[0] == *first;
        let named = module.imports.iter().filter(|import| import.name == *first);
        for import in named.filter(|import| !is_other_crate(import)) {
            let whole = [&import.path[..], rest].concat();
            found
                .get_or_insert_with(BTreeSet::new)
                .extend(self.resolve(at, &whole, seen));
        }
        let is_here =
            |first: &String| ["crate", "self", "super"].contains(&&**first) || module.children.contains_key(first);
        let globs = module.imports.iter().filter(|import| import.name == "*");
        let mut globs = globs.filter(|import| import.path.first().is_some_and(is_here));
        found.or_else(|| {
            globs.find_map(|import| {
                let whole = [&import.path[..], path].concat();
                Some(self.resolve(at, &whole, seen)).filter(|from| !from.is_empty())
            })
        })
    }

    /// The files of every name in a module.
    fn all_of(&self, at: usize, path: &[String]) -> BTreeSet<String> {
        let anything = "*".to_owned();
        let whole = [path, &[anything][..]].concat();
        let mut found = self.resolve(at, &whole, &mut Seen::new());
        if let Some(module) = self.modules.iter().position(|module| found.contains(&module.file)) {
            for import in &self.modules[module].imports {
                found.extend(self.resolve(module, &import.path, &mut Seen::new()));
            }
        }
        found
    }

    fn root(&self, at: usize) -> usize {
        let mut at = at;
        while let Some(parent) = self.modules[at].parent {
            at = parent;
        }
        at
    }
}
