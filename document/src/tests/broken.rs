//! Bodies that are not what they should be: each is read as far as there is no guessing, and says what is wrong.

use super::shown;
use crate::{MOST_BYTES, field, read};
use proptest::prelude::*;
use pulsegate_core::health::document::Document;
use pulsegate_core::plan::{Assertion, Condition, DocumentPlan};

const JSON: Option<&str> = Some("application/json");

fn understood(body: &[u8], content_type: Option<&str>) -> (String, String) {
    let document = read(body, content_type, &DocumentPlan::default());
    (shown(&document), document.malformed.unwrap_or_default())
}

fn check(body: &[u8], right: &str, objection: &str) {
    let (found, malformed) = understood(body, JSON);
    let body = String::from_utf8_lossy(body).chars().take(80).collect::<String>();
    assert_eq!(found, right, "{body}");
    assert!(malformed.contains(objection), "{body}: {malformed:?}");
    assert_eq!(malformed.is_empty(), objection.is_empty(), "{body}: {malformed:?}");
}

#[test]
fn of_a_name_that_stands_twice_the_worse_counts() {
    check(br#"{"status":"UP","status":"DOWN"}"#, "Plain -DOWN |", "the name \"status\" stands twice");
    check(br#"{"status":"DOWN","status":"UP"}"#, "Plain -DOWN |", "twice");
    let body = br#"{"status":"UP","components":{"db":{"status":"DOWN"},"db":{"status":"UP"}}}"#;
    check(body, "Plain +UP | -db", "the name \"db\" stands twice");
}

#[test]
fn a_document_that_can_be_read_without_guessing_is_read() {
    check(b"\xEF\xBB\xBF{\"status\":\"UP\"}", "Plain +UP |", "");
    check(
        br#"{"status":"DOWN","lag":NaN,"a":[-Infinity,Infinity],"b":"NaN \" Infinity"}"#,
        "Plain -DOWN |",
        "NaN or Infinity",
    );
    check(b"{\"status\":\"DOWN\",\"message\":\"Ger\xE4t\"}", "Plain -DOWN |", "not valid UTF-8");
    check(b"OK", "Plain +OK |", "it is not JSON");
    let latin =
        understood(b"{\"status\":\"DOWN\",\"message\":\"Ger\xE4t\"}", Some("application/json; charset=ISO-8859-1"));
    assert_eq!(latin, ("Plain -DOWN |".to_owned(), String::new()));
    for big in [false, true] {
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let bare: Vec<u8> = r#"{"status":"DOWN"}"#.encode_utf16().flat_map(unit).collect();
        let marked = [unit(0xFEFF).as_slice(), &bare].concat();
        check(&bare, "Plain -DOWN |", "UTF-16");
        check(&marked, "Plain -DOWN |", "UTF-16");
    }
}

#[test]
fn a_document_that_cannot_is_not() {
    check(br#"{"status":"UP"}{"status":"DOWN"}"#, "None |", "more follows behind the JSON document");
    check(br#"{"status":"UP","comp"#, "None |", "ends too early");
    check(br#"{"status":"UP",}"#, "None |", "it is not JSON");
    check(br#"{'status':'UP'}"#, "None |", "it is not JSON");
    check(br#"{"status":1e999}"#, "None |", "it is not JSON: number out of range");
    check(b"\x1F\x8B\x08\x00\x00\x00\x00\x00", "None |", "compressed (gzip), which was not asked for");
    check(b"\x28\xB5\x2F\xFD\x00", "None |", "zstd");
    check(&vec![b' '; MOST_BYTES + 1], "None |", "the body has 65537 bytes; no more than 65536 are read");
    let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    check(deep.as_bytes(), "None |", "nested deeper than 127 levels");
    let deep = ["{\"a\":".repeat(10_000), "1".to_owned(), "}".repeat(10_000)].concat();
    check(deep.as_bytes(), "None |", "nested deeper than 127 levels");
    check(&[0; 100], "None |", "it is not JSON");
}

#[test]
fn a_long_string_is_cut() {
    let long = "x".repeat(MOST_BYTES - 100);
    let document = read(format!(r#"{{"status":"{long}"}}"#).as_bytes(), JSON, &DocumentPlan::default());
    let word = document.overall.unwrap();
    assert_eq!((word.means, word.word.chars().count()), (None, 64));
    assert!(word.word.ends_with('…'));
    let document = read(format!(r#"{{"{long}":"DOWN"}}"#).as_bytes(), JSON, &DocumentPlan::default());
    assert_eq!(document.components[0].name.chars().count(), 100);
    let document =
        read(format!(r#"{{"status":"DOWN","message":"{long}"}}"#).as_bytes(), JSON, &DocumentPlan::default());
    assert_eq!(document.message.unwrap().chars().count(), 200);
}

#[test]
fn of_too_many_components_the_worst_are_kept() {
    let parts: Vec<String> = (0..1000)
        .map(|at| format!(r#""c{at}":{{"status":"{}"}}"#, if at % 300 == 299 { "DOWN" } else { "UP" }))
        .collect();
    let body = format!(r#"{{"status":"DOWN","components":{{{}}}}}"#, parts.join(","));
    let rules = DocumentPlan { critical: vec!["c500".to_owned()], ..DocumentPlan::default() };
    let document = read(body.as_bytes(), None, &rules);
    let names: Vec<_> = document.components.iter().map(|part| part.name.as_str()).collect();
    assert_eq!((names.len(), document.left_out), (100, 900));
    for name in ["c0", "c299", "c599", "c899", "c500"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(names.is_sorted_by_key(|name| name[1..].parse::<u32>().unwrap()));
}

#[test]
fn a_field_is_found_or_not() {
    let body = br#"{"build":{"name":"orders","n":3,"list":[1,"a"]},"twice":1,"twice":2}"#;
    for (path, right) in [
        ("$.build.name", Some("orders")),
        ("$.build.n", Some("3")),
        ("$.build.list", Some(r#"[1,"a"]"#)),
        ("$.twice", Some("1")),
        ("$.build.none", None),
        ("$.build[", None),
        ("", None),
    ] {
        assert_eq!(field(body, path).as_deref(), right, "{path}");
    }
    assert_eq!(field(b"OK", "$"), None);
}

fn rules() -> DocumentPlan {
    let assertion = |path: &str, is| Assertion { path: path.to_owned(), is, degrades: false };
    let assertions = vec![
        assertion("$..a", Condition::Present),
        assertion("$..[?@..[?@..b == $..a]]", Condition::Present),
        assertion("$[?match(@.a, @.b)]", Condition::Below(1.0)),
    ];
    DocumentPlan { assertions, ..DocumentPlan::default() }
}

fn bounded(document: &Document) {
    let short = |text: &str, longest: usize| text.chars().count() <= longest && !text.contains(char::is_control);
    assert!(document.components.len() <= 100);
    for part in &document.components {
        assert!(short(&part.name, 100) && short(&part.said.word, 64), "{part:?}");
        assert!(part.message.as_deref().is_none_or(|message| short(message, 200)), "{part:?}");
    }
    assert!(document.overall.as_ref().is_none_or(|said| short(&said.word, 64)), "{:?}", document.overall);
    assert!(document.message.as_deref().is_none_or(|message| short(message, 200)), "{:?}", document.message);
    assert!(document.malformed.as_deref().is_none_or(|why| short(why, 400)), "{:?}", document.malformed);
    assert!(document.broken_assertions.iter().all(|broken| short(&broken.why, 400)));
}

/// JSON that looks a little like health.
fn documents() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "status",
        "error",
        "data",
        "details",
        "checks",
        "components",
        "name",
        "healthy",
        "message",
        "a",
        "b",
        "failures",
        "info",
        "x\\u0007\\n",
    ]);
    let leaf = prop::sample::select(vec![
        "\"UP\"",
        "\"DOWN: why\"",
        "true",
        "false",
        "null",
        "0",
        "503",
        "1.5",
        "NaN",
        "\"a\"",
        "\"\"",
        "\"password=x1\"",
        "\"postgres://u:p@h/d\"",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(6, 64, 6, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(",")));
        let member = (name.clone(), inner).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        let map = prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")));
        prop_oneof![list, map]
    })
}

proptest! {
    #[test]
    fn noise_is_survived(body in prop::collection::vec(any::<u8>(), 0..300), json: bool) {
        bounded(&read(&body, json.then_some("application/json"), &rules()));
    }

    #[test]
    fn documents_that_look_like_health_are_bounded(body in documents(), cut in 0usize..2000) {
        bounded(&read(body.as_bytes(), None, &rules()));
        let cut = body.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(body.len());
        bounded(&read(&body.as_bytes()[..cut], None, &rules()));
    }
}
