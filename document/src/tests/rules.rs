//! What the configuration asserts of a document.

use crate::{check_path, read};
use pulsegate_core::plan::{Assertion, Condition, DocumentPlan};

fn broken(body: &str, path: &str, is: Condition) -> String {
    let assertions = vec![Assertion { path: path.to_owned(), is, degrades: false }];
    let document = read(body.as_bytes(), None, &DocumentPlan { assertions, ..DocumentPlan::default() });
    document.broken_assertions.into_iter().map(|broken| broken.why).collect()
}

#[test]
fn conditions() {
    use Condition::{Above, Absent, AtLeast, AtMost, Below, Equals, NotEquals, Present};
    let body = r#"{"queue":{"depth":1500,"lag":[1,2,30]},"mode":"primary","ok":true,"nothing":null,"dsn":"postgres://u:hunter2@h/d"}"#;
    let equals = |text: &str| Equals(text.to_owned());
    let rows = [
        ("$.queue.depth", Below(1501.0), ""),
        ("$.queue.depth", Below(1000.0), "`$.queue.depth` is 1500, which is not below 1000"),
        ("$.queue.depth", AtMost(1500.0), ""),
        ("$.queue.depth", Above(1500.0), "`$.queue.depth` is 1500, which is not above 1500"),
        ("$.queue.depth", AtLeast(1500.0), ""),
        ("$.queue.lag[*]", Below(10.0), "`$.queue.lag[*]` is 30, which is not below 10"),
        ("$.queue.lag[?@ < 3]", Below(10.0), ""),
        ("$.mode", Below(1.0), "`$.mode` is \"primary\", which is no number and must be below 1"),
        ("$.mode", equals("primary"), ""),
        ("$.mode", equals("replica"), "`$.mode` is \"primary\", and must be \"replica\""),
        ("$.mode", NotEquals("primary".to_owned()), "`$.mode` is \"primary\", and must not be \"primary\""),
        ("$.ok", equals("true"), ""),
        ("$.nothing", equals("null"), ""),
        ("$.none", equals("x"), "`$.none` finds nothing"),
        ("$.none", Below(1.0), "`$.none` finds nothing"),
        ("$.none", Absent, ""),
        ("$.nothing", Present, ""),
        ("$.none", Present, "`$.none` finds nothing"),
        ("$.mode", Absent, "`$.mode` is \"primary\", and must be absent"),
        ("$.dsn", Absent, "`$.dsn` is \"postgres://[redacted]@h/d\", and must be absent"),
        ("$.[", Present, "`$.[` is no JSONPath: at byte 2: '[' was not expected here (expected `*` or a name)"),
    ];
    for (path, is, right) in rows {
        assert_eq!(broken(body, path, is.clone()), right, "{path} {is:?}");
    }
}

#[test]
fn without_json_nothing_holds() {
    for body in ["", "OK", "<html></html>", r#"{"a":"#] {
        for is in [Condition::Present, Condition::Absent, Condition::Below(1.0)] {
            let why = broken(body, "$.a", is);
            assert_eq!(why, "`$.a` cannot be looked up: the body holds no JSON that could be read", "{body}");
        }
    }
}

#[test]
fn of_a_name_that_stands_twice_both_must_hold() {
    assert_eq!(broken(r#"{"a":1,"a":9}"#, "$.a", Condition::Below(5.0)), "`$.a` is 9, which is not below 5");
}

#[test]
fn a_path_that_costs_too_much_is_given_up() {
    let list = vec!["0"; 2000].join(",");
    let body = format!(r#"{{"list":[{list}],"text":"{}"}}"#, "a".repeat(50_000));
    for path in ["$.list[?$.list[?$.list[?@ == 1]]]", "$..[?$..*]", "$..*..*..*", "$[?match(@, '(a|a)*b')]"] {
        let why = broken(&body, path, Condition::Present);
        assert_eq!(why, format!("`{path}` was given up: it visits more than 10000 values of this document"));
    }
}

#[test]
fn errors_in_paths_name_their_place() {
    for (path, at, why) in [
        ("", 0, "a path begins with $"),
        ("status", 0, "a path begins with $"),
        ("$.", 2, "the end of the path was not expected here"),
        ("$.a b", 4, "a name with spaces is written in brackets and quotes"),
        ("$.list[?@.a b == 1]", 12, "a name with spaces"),
        ("$.a[", 4, "the end of the path was not expected here"),
        ("$.a[?@.b = 1]", 9, "'=' was not expected here"),
        ("$[?length(@.a)]", 3, "length() gives a value, which must be compared"),
        ("$[?count(@.a) > 1 && match(@.a, 'x') == true]", 21, "match() says yes or no"),
        ("$[?length(@.*) > 1]", 3, "length() takes a literal, or a path that finds one value at most"),
        ("$[?in(@.a, $.b)]", 3, "there is no function in()"),
        ("$[[[[[[[[[[", 9, "more than 8 levels deep"),
    ] {
        let error = check_path(path).expect_err(path);
        assert_eq!(error.at, at, "{path}: {error}");
        assert!(error.why.contains(why), "{path}: {error}");
    }
    assert_eq!(check_path(&format!("$.{}", "a".repeat(600))).unwrap_err().at, 512);
    for path in
        ["$.queue.depth", "$ .a .b [ 1 ]", "$.a[?@.b == 1 && @.c > 1.5 || !@.d]", "$['a b'].c", "$[?length(@.a) > 2]"]
    {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
}
