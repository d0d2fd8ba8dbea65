//! Can the test fail? Small houses with one broken wall each, and those that only look broken.

use crate::plan::Plan;
use crate::rules::{self, Recursive};
use crate::{map, papers, pure};

/// A house of shells: files below `src`, each with its text. What the texts do not declare themselves is declared in `lib.rs`.
fn house(files: &[(&str, &str)]) -> Plan {
    let rooms = files.iter().filter_map(|(path, _)| path.split(['/', '.']).next()).filter(|room| *room != "lib");
    let rooms: std::collections::BTreeSet<&str> = rooms.collect();
    let root: String = rooms.iter().map(|room| format!("mod {room};")).collect();
    let files = files.iter().map(|(path, text)| (format!("src/{path}"), (*text).to_owned()));
    Plan::of(&files.chain([("src/lib.rs".to_owned(), root)]).collect())
}

fn file_cycles(files: &[(&str, &str)]) -> Vec<String> {
    rules::file_cycles(&house(files), &[])
}

#[test]
fn a_cycle_of_two_files_is_found_however_its_paths_are_written() {
    for (there, back) in [
        ("use crate::b::B;", "use crate::a::A;"),
        ("use super::b::B;", "fn f(_: crate::a::A) {}"),
        ("use crate::{b::{self, B as C}};", "use super::{a::*};"),
        ("fn f() { crate::b::run() }", "fn f() { println!(\"{}\", crate::a::ONE) }"),
        ("#[serde(with = \"crate::b::words\")] struct A;", "impl crate::a::Trait for u8 {}"),
        ("mod inner { use super::super::b::B; }", "use crate::a as other; fn f() { other::run() }"),
        ("fn f() { use crate::b::B; }", "use self::super::a::A;"),
    ] {
        let broken = file_cycles(&[("a.rs", there), ("b.rs", back)]);
        assert_eq!(broken.len(), 1, "{there} / {back}: {broken:?}");
        assert!(broken[0].contains("src/a.rs:1 → src/b.rs"), "{broken:?}");
    }
}

#[test]
fn a_cycle_behind_re_exports_is_found() {
    let broken = file_cycles(&[
        ("room/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("room/a.rs", "use super::B; pub struct A;"),
        ("room/b.rs", "use crate::room::A; pub struct B;"),
    ]);
    assert_eq!(broken.len(), 1, "{broken:?}");
    let broken = file_cycles(&[
        ("room/mod.rs", "mod a; mod b; pub use a::*; pub use b::*;"),
        ("room/a.rs", "use super::*; pub struct A(B);"),
        ("room/b.rs", "use super::*; pub struct B(Box<A>);"),
    ]);
    assert_eq!(broken.len(), 1, "{broken:?}");
}

#[test]
fn a_folder_that_uses_another_which_uses_its_head_is_a_cycle() {
    let broken = file_cycles(&[
        ("room/mod.rs", "mod a; use a::A; pub struct Head;"),
        ("room/a.rs", "use crate::other::Other; pub struct A;"),
        ("other.rs", "use crate::room::Head; pub struct Other;"),
    ]);
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].starts_with("a cycle of 3 files"), "{broken:?}");
}

#[test]
fn a_child_may_name_what_the_folders_that_it_lies_in_define() {
    let broken = file_cycles(&[
        ("room/mod.rs", "mod a; use a::A; pub struct Head; pub struct Whole(A);"),
        ("room/a.rs", "mod deep; pub use deep::Deep; use super::Head; pub struct A;"),
        ("room/a/deep.rs", "use super::A; use crate::room::{Head, Whole}; pub struct Deep;"),
    ]);
    assert_eq!(broken, [""; 0]);
}

#[test]
fn imports_that_lead_in_a_circle_end() {
    let files = [
        ("a.rs", "pub use crate::b::*; pub use crate::b::x as y; pub use y::z as w;"),
        ("b.rs", "pub use crate::a::*; pub use crate::a::y as x; pub use w::v as z; fn f() { x::y::z::w() }"),
    ];
    assert_eq!(file_cycles(&files).len(), 1);
}

#[test]
fn code_that_only_tests_see_has_no_arrows() {
    let broken = file_cycles(&[
        ("a.rs", "use crate::b::B; #[cfg(test)] mod tests;"),
        ("b.rs", "#[cfg(test)] mod tests { use crate::a::A; } #[cfg(all(test, unix))] use crate::a::A;"),
        ("a/tests.rs", "use crate::c::C;"),
        ("c.rs", "impl C { #[cfg(test)] fn f(_: crate::b::B) {} } use crate::a::A;"),
    ]);
    assert_eq!(broken, [""; 0]);
    let broken = file_cycles(&[("a.rs", "use crate::b::B;"), ("b.rs", "#[cfg(not(test))] use crate::a::A;")]);
    assert_eq!(broken.len(), 1, "{broken:?}");
}

#[test]
fn an_import_of_a_file_for_itself_is_no_re_export() {
    let broken = file_cycles(&[
        ("room/mod.rs", "mod a; mod b; mod c; pub use a::*; pub use b::*; pub use c::*;"),
        ("room/a.rs", "use super::{B, C}; pub struct A;"),
        ("room/b.rs", "use super::C; pub struct B;"),
        ("room/c.rs", "pub struct C;"),
    ]);
    assert_eq!(broken, [""; 0]);
}

#[test]
fn fields_variables_and_comments_are_no_arrows() {
    let broken = file_cycles(&[
        ("a.rs", "use crate::b::B; fn f(b: B) { b.go(); println!(\"{}\", b.a); }"),
        (
            "b.rs",
            "/// See [`crate::a`]. \n fn f() { let a = 1; drop(a); format!(\"{a}\"); } pub(in crate::b) struct B;",
        ),
    ]);
    assert_eq!(broken, [""; 0]);
}

#[test]
fn a_recursive_group_is_let_pass_and_no_longer_named_when_it_is_none() {
    let group = [Recursive { files: &["src/a.rs", "src/b.rs"], reason: "a grammar" }];
    let cycle = house(&[("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")]);
    assert_eq!(rules::file_cycles(&cycle, &group), [""; 0]);
    let larger = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::A;")];
    assert_eq!(rules::file_cycles(&house(&larger), &group).len(), 2);
    assert_eq!(rules::file_cycles(&house(&[("a.rs", ""), ("b.rs", "")]), &group).len(), 1);
}

#[test]
fn a_cycle_of_rooms_needs_no_cycle_of_files() {
    let files = [
        ("a/mod.rs", "mod x; mod y;"),
        ("a/x.rs", "use crate::b::z::Z;"),
        ("a/y.rs", "pub struct Y;"),
        ("b/mod.rs", "pub mod z; mod w;"),
        ("b/z.rs", "pub struct Z;"),
        ("b/w.rs", "use crate::a::y::Y;"),
    ];
    assert_eq!(file_cycles(&files), [""; 0]);
    let broken = rules::room_cycles(&house(&files));
    assert!(broken.len() == 1 && broken[0].contains("src/b/w.rs:1 → src/a/y.rs"), "{broken:?}");
}

#[test]
fn a_type_with_too_many_methods_is_found_in_however_many_blocks() {
    let methods = |from: usize, to: usize| (from..to).map(|n| format!("fn m{n}() {{}}")).collect::<String>();
    let here = format!(
        "mod b; pub struct Long; impl Long {{ {} }} impl Clone for Long {{ {} }}",
        methods(0, 20),
        methods(0, 20)
    );
    let there = |to| format!("use super::Long as Other; impl Other {{ {} #[cfg(test)] fn t() {{}} }}", methods(20, to));
    let plan = |to| house(&[("a.rs", &here), ("a/b.rs", &there(to))]);
    assert_eq!(rules::types(&plan(30)), [""; 0]);
    assert_eq!(rules::types(&plan(31)), ["src/a.rs Long: 31 methods in 2 files"]);
}

#[test]
fn a_type_whose_methods_lie_in_too_many_files_is_found() {
    let spread = |files: usize| {
        let names: Vec<String> = (1..files).map(|n| format!("a/f{n}.rs")).collect();
        let head: String = (1..files).map(|n| format!("mod f{n};")).collect();
        let head = format!("{head} pub struct Wide; impl Wide {{ fn f() {{}} }}");
        let others = names.iter().map(|name| (name.as_str(), "impl super::Wide { fn g() {} }"));
        rules::types(&house(&others.chain([("a.rs", head.as_str())]).collect::<Vec<_>>()))
    };
    assert_eq!(spread(4), [""; 0]);
    assert_eq!(spread(5), ["src/a.rs Wide: 5 methods in 5 files"]);
}

#[test]
fn a_crowded_folder_is_found() {
    let crowd = |files: usize| {
        let names: Vec<String> = (1..files).map(|n| format!("a/f{n}.rs")).collect();
        rules::folders(&house(
            &names.iter().map(|name| (name.as_str(), "")).chain([("a/mod.rs", "")]).collect::<Vec<_>>(),
        ))
    };
    assert_eq!(crowd(20), [""; 0]);
    assert_eq!(crowd(21), ["src/a: 21 files"]);
}

#[test]
fn an_arrow_without_a_line_in_the_map_is_found_and_a_line_without_an_arrow() {
    let plan = house(&[("a.rs", "use crate::b::B;"), ("b.rs", "pub struct B;"), ("c.rs", "")]);
    let differences = |rows: &str| {
        map::differences(
            &plan,
            &map::read(&format!("text\n\n| room | may use | why |\n|---|---|---|\n{rows}\n\n| `x` | `y` |\n")),
        )
    };
    assert_eq!(differences("| `a` | `b` | it must |\n| `b`, `c` | nothing | |"), [""; 0]);
    assert_eq!(
        differences("| `a` | | |\n| `b` | `c` | |\n| `d` | | |"),
        [
            "no row for c",
            "no such room: d",
            "no arrow a → b in the map: src/a.rs:1 → src/b.rs",
            "an arrow that nobody needs: b → c",
        ]
    );
}

#[test]
fn a_core_that_touches_the_world_is_found_under_any_name() {
    let core = |text: &str| {
        let files = [("core/src/lib.rs".to_owned(), text.to_owned())];
        pure::impurities(&Plan::of(&files.into()), 0).len()
    };
    for impure in [
        "use std::fs; ",
        "use std::{net::TcpStream, sync::Arc};",
        "fn f() { std::env::var(\"A\"); }",
        "fn f() { println!(\"x\"); }",
        "use std::time as t; fn f(_: t::Instant) {}",
        "fn f() { vec![std::thread::spawn(g)]; }",
    ] {
        assert!(core(impure) > 0, "{impure}");
    }
    assert_eq!(
        core("use std::net::{IpAddr, SocketAddr}; use std::time::Duration; use std::fmt; use std::sync::Arc;"),
        0
    );
}

#[test]
fn a_second_reader_of_the_clock_is_found_under_any_name() {
    let plan = house(&[
        ("a.rs", "use std::time::Instant as I; fn f() { I::now(); }"),
        ("b.rs", "fn f() { g(tokio::time::Instant::now) }"),
        ("c.rs", "struct Clock; impl Clock { fn now() {} } fn f() { Clock::now(); serde_yaml::from_str(x) }"),
    ]);
    assert_eq!(pure::readers_of_the_clock(&plan), ["src/a.rs", "src/b.rs"].into());
    assert_eq!(pure::users_of(&plan, "serde_yaml"), ["src/c.rs"].into());
}

#[test]
fn a_path_is_what_is_quoted_and_begins_with_a_folder_of_the_house_or_ends_as_a_file_of_it() {
    let first = ["src", "http"].map(str::to_owned).into();
    let line = "see `src/lib.rs`, `http/sni` and `text/html`, `old/gone.rs`, `http/1.1`, `src/{a,b}.rs`, `src`, not src/main.rs";
    assert_eq!(papers::paths(line, &first).collect::<Vec<_>>(), ["src/lib.rs", "http/sni", "old/gone.rs"]);
    assert_eq!(papers::comment("let a = 1; // see `src/lib.rs`"), " see `src/lib.rs`");
    assert_eq!(papers::comment("let a = 1;"), "");
}
