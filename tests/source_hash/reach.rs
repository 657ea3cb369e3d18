//! Which files a file's code can reach, on a made-up crate.

use std::collections::BTreeMap;

use super::source::imports::{imports, named};

/// What `src/<file>` reaches directly, without `src/`, the crate being these files.
fn reached(files: &[(&str, &str)], file: &str) -> Vec<String> {
    let files: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|(name, source)| (format!("src/{name}"), source.as_bytes().to_vec()))
        .collect();
    let found = &imports(&files)[&format!("src/{file}")];
    found.iter().map(|name| name["src/".len()..].to_owned()).collect()
}

const LIBRARY: (&str, &str) = ("lib.rs", "pub mod a; mod b; pub mod c;");
/// Passes on what its files define, and defines `own` itself.
const FOLDER: (&str, &str) = (
    "b/mod.rs",
    "mod d; mod e; pub use d::D; pub use e::{E as F, G}; pub use e::e; pub fn own() { helper() } fn helper() {}",
);
const D: (&str, &str) = ("b/d.rs", "pub struct D;");
const E: (&str, &str) = ("b/e.rs", "pub struct E; pub enum G { One } pub fn e() {} make!(made);");

fn reached_by(code: &str) -> Vec<String> {
    reached(
        &[LIBRARY, ("a.rs", code), FOLDER, D, E, ("c.rs", "pub fn c() {}")],
        "a.rs",
    )
}

#[test]
fn a_name_that_is_passed_on_leads_to_the_file_that_defines_it() {
    assert_eq!(reached_by("use crate::b::D;"), ["b/d.rs"]);
    assert_eq!(reached_by("use super::b::F;"), ["b/e.rs"]);
    assert_eq!(
        reached_by("use crate::{b::{D, G}, c};\nfn f() { c::c() }"),
        ["b/d.rs", "b/e.rs", "c.rs"]
    );
}

#[test]
fn a_name_that_a_folder_defines_itself_leads_to_it() {
    assert_eq!(reached_by("use crate::b::own;"), ["b/mod.rs"]);
}

#[test]
fn a_path_in_the_code_counts_like_an_import() {
    assert_eq!(
        reached_by("fn f() -> crate::b::D { crate::c::c(); todo!() }"),
        ["b/d.rs", "c.rs"]
    );
    assert_eq!(reached_by("macro_rules! m { () => { $crate::c::c() } }"), ["c.rs"]);
    assert_eq!(reached_by("use super::b as x; fn f() { x::G::One; }"), ["b/e.rs"]);
}

#[test]
fn a_file_names_no_file_that_implements_something_for_its_types() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A;"),
        ("b.rs", "use crate::a::A; impl A { fn b() {} }"),
    ];
    assert_eq!(reached(&files, "a.rs"), ["b.rs"]);
    let files = files.map(|(name, source)| (format!("src/{name}"), source.as_bytes().to_vec()));
    let named = named(&BTreeMap::from(files));
    assert!(named["src/a.rs"].is_empty());
    assert_eq!(Vec::from_iter(&named["src/b.rs"]), ["src/a.rs"]);
}

#[test]
fn a_module_is_no_file_until_something_of_it_is_used() {
    assert_eq!(reached_by("use crate::{b, c};"), [""; 0]);
    assert_eq!(
        reached_by("use crate::b::{self, D}; fn f() { b::e() }"),
        ["b/d.rs", "b/e.rs"]
    );
}

#[test]
fn every_name_at_once_leads_to_all_of_them() {
    assert_eq!(reached_by("use crate::b::*;"), ["b/d.rs", "b/e.rs", "b/mod.rs"]);
}

#[test]
fn a_name_from_a_macro_leads_to_the_file_that_calls_it() {
    let files = [
        LIBRARY,
        ("a.rs", "use crate::b::made;"),
        ("b.rs", "make!(made);"),
        ("c.rs", ""),
    ];
    assert_eq!(reached(&files, "a.rs"), ["b.rs"]);
}

#[test]
fn a_folder_reaches_what_it_uses_and_not_what_it_passes_on() {
    let files = |code| [("lib.rs", "mod b;"), ("b/mod.rs", code), D, E];
    assert_eq!(
        reached(&files("mod d; mod e; pub use d::D; pub use e::G;"), "b/mod.rs"),
        [""; 0]
    );
    assert_eq!(
        reached(
            &files("mod d; mod e; pub use d::D; use e::G; fn f(x: D) {}"),
            "b/mod.rs"
        ),
        ["b/d.rs", "b/e.rs"]
    );
}

#[test]
fn what_implements_something_for_a_type_or_trait_of_another_file_is_reached_from_there() {
    let files = |code| {
        [
            LIBRARY,
            ("a.rs", "pub struct A; pub trait T {}"),
            ("b.rs", code),
            ("c.rs", ""),
        ]
    };
    let reached = |code| reached(&files(code), "a.rs");
    assert_eq!(reached("use crate::a::A; impl A { fn f(&self) {} }"), ["b.rs"]);
    assert_eq!(reached("impl<X: Fn(u8)> Clone for crate::a::A {}"), ["b.rs"]);
    assert_eq!(reached("use crate::a::T; impl T for Vec<u8> {}"), ["b.rs"]);
    assert_eq!(reached("use crate::a::T; struct B; impl T for B {}"), [""; 0]);
    assert_eq!(reached("use crate::a::T; fn f() -> impl T {}"), [""; 0]);
}

#[test]
fn modules_within_a_file_and_files_within_code_are_followed() {
    assert_eq!(reached_by("mod inner { use super::super::c::c; }"), ["c.rs"]);
    let files = [
        ("lib.rs", "mod a;"),
        ("a.rs", "mod inner { mod deep; }\nfn f() { inner::deep::g() }"),
        ("a/inner/deep.rs", "pub fn g() {}"),
    ];
    assert_eq!(reached(&files, "a.rs"), ["a/inner/deep.rs"]);
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "const X: &str = include_str!(\"x.tsv\");"),
        ("a/x.tsv", ""),
    ];
    assert_eq!(reached(&files, "a/mod.rs"), ["a/x.tsv"]);
}

#[test]
fn files_that_only_tests_see_are_left_out() {
    let files = [
        ("lib.rs", "mod a; #[cfg(test)] mod testing;"),
        ("a.rs", "#[cfg(test)] mod tests { use crate::testing::x; }"),
        ("testing.rs", "pub fn x() {}"),
    ];
    let files = BTreeMap::from(files.map(|(name, source)| (format!("src/{name}"), source.as_bytes().to_vec())));
    let found = imports(&files);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["src/a.rs", "src/lib.rs"]);
    assert!(found["src/a.rs"].is_empty());
}

#[test]
#[should_panic(expected = "src/lib.rs: `mod gone;` is in none of")]
fn a_module_whose_file_cannot_be_found_is_refused() {
    reached(&[("lib.rs", "mod gone;")], "lib.rs");
}
