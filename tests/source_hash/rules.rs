//! What counts and what does not, rule by rule.

use super::hash;

#[track_caller]
fn same(pairs: &[(&str, &str)]) {
    for (one, other) in pairs {
        assert!(
            super::canonical(one).is_some() && super::canonical(other).is_some(),
            "{one}\n{other}"
        );
        assert_eq!(super::canonical(one), super::canonical(other));
        assert_eq!(hash(one), hash(other));
    }
}

#[track_caller]
fn different(pairs: &[(&str, &str)]) {
    for (one, other) in pairs {
        assert_ne!(hash(one), hash(other), "{one}\n{other}");
    }
}

#[test]
fn comments_documentation_and_lints_do_not_count() {
    same(&[
        ("fn f() {}", "// why\n/* a /* b */ */ fn f() { /* c */ }"),
        ("fn f() {}", "//! top\n/// doc\n#[doc = \"x\"] fn f() {}"),
        ("fn f() {}", "#![doc = \"x\"] #![warn(missing_docs)] fn f() {}"),
        (
            "fn f() {}",
            "#[allow(dead_code)] #[inline(always)] #[must_use] #[expect(unused, reason = \"x\")] fn f() {}",
        ),
        ("struct S { a: u8 }", "struct S {\n    /// doc\n    a: u8,\n}"),
        (
            "macro_rules! m { () => { fn f() {} } }",
            "macro_rules! m { () => { /// doc\n fn f() {} } }",
        ),
    ]);
    different(&[
        ("fn f() {}", "#[cold_path] fn f() {}"),
        ("struct S;", "#[derive(Clone)] struct S;"),
        ("struct S { a: u8 }", "struct S { #[serde(default)] a: u8 }"),
        ("fn f() {}", "#[cfg(feature = \"x\")] fn f() {}"),
    ]);
}

#[test]
fn what_only_tests_see_does_not_count() {
    same(&[
        ("fn f() {}", "fn f() {} #[cfg(test)] mod tests { fn g() {} }"),
        ("fn f() {}", "#[cfg(test)] mod tests; fn f() {}"),
        ("fn f() {}", "#[test] fn t() { assert!(1 > 0); } fn f() {}"),
        (
            "fn f() {}",
            "#[derive(Debug)] #[cfg(test)] pub(crate) struct S { a: u8 } fn f() {}",
        ),
        ("fn f() {}", "#[cfg(all(test, unix))] impl S { fn g() {} } fn f() {}"),
        ("fn f() {}", "#[cfg(test)] use a::{b, c}; fn f() {}"),
        ("fn f() {}", "#[cfg(test)] const A: [u8; 2] = [1, 2]; fn f() {}"),
        ("fn f() {}", "#[cfg(test)] const fn g() -> u8 { 1 } fn f() {}"),
        ("fn f() {}", "#[cfg(test)] static A: S = S { a: 1 }; fn f() {}"),
        ("fn f() {}", "#[cfg(test)] macro_rules! m { () => {} } fn f() {}"),
        ("enum E { A, B }", "enum E { A, #[cfg(test)] C(u8), B }"),
        ("struct S { a: u8 }", "struct S { #[cfg(test)] b: Map<u8, u8>, a: u8 }"),
        ("fn f() { a(); b(); }", "fn f() { a(); #[cfg(test)] c(1, 2); b(); }"),
        (
            "fn f() { a(); b(); }",
            "fn f() { a(); #[cfg(test)] { c(); d(); } b(); }",
        ),
        (
            "fn f() { a(); b(); }",
            "fn f() { a(); #[cfg(test)] if x { c(); } else { d(); } b(); }",
        ),
        (
            "fn f() { match x { A => 1, B => 2 } }",
            "fn f() { match x { A => 1, #[cfg(test)] C => { 3 } B => 2 } }",
        ),
        ("", "#![cfg(test)] fn f() {}"),
        ("fn f() {}", "#[cfg_attr(test, derive(Debug))] fn f() {}"),
    ]);
    different(&[
        ("fn f() {}", "#[cfg(not(test))] fn g() {} fn f() {}"),
        ("fn f() {}", "#[cfg(any(test, unix))] fn g() {} fn f() {}"),
        ("fn f() {}", "mod tests { fn g() {} } fn f() {}"),
        ("fn f() {}", "#[cfg(test)] fn g() {} fn f() {} fn h() {}"),
    ]);
}

#[test]
fn commas_before_an_end_do_not_count() {
    same(&[
        (
            "fn f(a: u8, b: u8) { g(a, b) }",
            "fn f(\n    a: u8,\n    b: u8,\n) {\n    g(\n        a,\n        b,\n    )\n}",
        ),
        ("const A: [u8; 1] = [1];", "const A: [u8; 1] = [1,];"),
        ("fn f() { g::<A, B>(1) }", "fn f() { g::<A, B,>(1,) }"),
        ("type T = Map<u8, Vec<u8>>;", "type T = Map<\n    u8,\n    Vec<u8>,\n>;"),
        ("fn f<T>() where T: A, T: B { }", "fn f<T>() where T: A, T: B, { }"),
        ("fn f() { m!(a, b) }", "fn f() { m!(a, b,) }"),
    ]);
    different(&[
        ("fn f() -> (A,) { (a,) }", "fn f() -> (A) { (a) }"),
        ("fn f() { let (a,) = b; }", "fn f() { let (a) = b; }"),
        (
            "macro_rules! m { ($($a:expr,)*) => {} }",
            "macro_rules! m { ($($a:expr)*) => {} }",
        ),
        ("fn f() { (a, b) }", "fn f() { (a b) }"),
    ]);
}

#[test]
fn the_order_and_grouping_of_imports_and_modules_do_not_count() {
    same(&[
        ("use a::{b, c};", "use a::{c, b};"),
        ("use a::b; use a::c;", "use a::{b, c};"),
        (
            "use a::{self, b::{c, d as e}, f::*};",
            "use a::f::*; use a::b::d as e; use a::b::c; use a::{self};",
        ),
        ("pub use b::B; use a::A; fn f() {}", "use a::A; pub use b::B; fn f() {}"),
        ("mod a; pub mod b;", "pub mod b; mod a;"),
        ("fn f() { use a::b; use c::d; }", "fn f() { use c::d; use a::b; }"),
    ]);
    different(&[
        ("use a::b;", "use a::c;"),
        ("use a::b;", "pub use a::b;"),
        ("use a::b;", "use a::b as c;"),
        ("use a::b;", "use a::b::{self};"),
        ("use a::b;", "#[cfg(unix)] use a::b;"),
        ("fn f() { a(); b(); }", "fn f() { b(); a(); }"),
        ("mod a; mod b;", "mod a;"),
    ]);
}

#[test]
fn braces_around_one_expression_do_not_count() {
    same(&[
        (
            "fn f() { match x { A => 1, B => 2, } }",
            "fn f() { match x { A => { 1 } B => { 2 } } }",
        ),
        (
            "fn f() { match x { A => g(), _ => {} } }",
            "fn f() { match x { A => { g() }, _ => {}, } }",
        ),
        (
            "fn f() { match x { A => return 1, _ => break } }",
            "fn f() { match x { A => { return 1; } _ => { break; } } }",
        ),
        (
            "fn f() { match x { A => match y { B => 1 }, C => 2 } }",
            "fn f() { match x { A => { match y { B => 1 } } C => 2 } }",
        ),
        ("fn f() { x.map(|a| a + 1) }", "fn f() { x.map(|a| { a + 1 }) }"),
        (
            "fn f() { x.map(|| unsafe { g() }) }",
            "fn f() { x.map(|| { unsafe { g() } }) }",
        ),
    ]);
    different(&[
        (
            "fn f() { match x { A => 1, _ => 2 } }",
            "fn f() { match x { A => { 1; } _ => 2 } }",
        ),
        (
            "fn f() { match x { A => {} _ => {} } }",
            "fn f() { match x { A => (), _ => () } }",
        ),
        ("fn f() { x.map(|a| { g(); a }) }", "fn f() { x.map(|a| { a }) }"),
        ("fn f() { let g = |a| { b(); c }; }", "fn f() { let g = |a| b(); c; }"),
        ("fn f() { if a { b } else { c } }", "fn f() { if a { c } else { b } }"),
    ]);
}

#[test]
fn a_string_counts_by_its_value_where_it_spans_lines() {
    same(&[("const A: &str = \"a \\\n    b\";", "const A: &str = \"a \\\n  b\";")]);
    different(&[
        ("const A: &str = \"a\n b\";", "const A: &str = \"a\n  b\";"),
        ("const A: &str = r\"a \\\n  b\";", "const A: &str = r\"a \\\n b\";"),
        ("const A: &str = \"a \\\\\n  b\";", "const A: &str = \"a \\\\\n b\";"),
        ("const A: &str = \"a b\";", "const A: &str = \"a  b\";"),
    ]);
}

#[test]
fn operators_are_told_apart() {
    different(&[
        ("fn f() { a && b }", "fn f() { a & &b }"),
        ("fn f() { a || b }", "fn f() { a | b }"),
        ("fn f() { a .. b }", "fn f() { a ..= b }"),
        ("fn f() { a - b }", "fn f() { a + b }"),
        ("fn f() { -a }", "fn f() { a }"),
        ("fn f() { 1.0 }", "fn f() { 1.0f32 }"),
        ("fn f<'a>(x: &'a u8) {}", "fn f<'b>(x: &'b u8) {}"),
        ("fn f() { a = b; }", "fn f() { a == b; }"),
    ]);
    same(&[("fn f() { x\n        .g()?\n        .h() }", "fn f() { x.g()?.h() }")]);
}

#[test]
fn other_files_and_broken_rust_count_by_their_bytes() {
    let hash = |name: &str, text: &str| super::sha256(name, text.as_bytes());
    assert_ne!(hash("src/a.tsv", "// a"), hash("src/a.tsv", "// b"));
    assert_ne!(hash("src/a.rs", "fn f( { // a"), hash("src/a.rs", "fn f( { // b"));
    assert_eq!(hash("src/a.rs", "fn f() {} // a"), hash("src/a.rs", "fn f() {} // b"));
}
