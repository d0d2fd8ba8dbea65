//! Do the schema, the diagnostics and the example say the same?

use super::*;

#[test]
fn no_diagnostic_speaks_of_types() {
    let mut seen = 0;
    for wrong in [json!(-7), json!(true), json!([[1]]), json!({ "zzz": 1 }), json!("?"), json!(null), json!(1e30)] {
        for path in crate::config::reference::paths(&schema()) {
            let yaml = nested(&path, &wrong).to_string();
            for error in load_text(&yaml, Path::new(".")).map(|_| Vec::new()).unwrap_or_else(|errors| told(&errors)) {
                let foreign = [
                    "Spec",
                    "struct",
                    "enum",
                    "variant",
                    "sequence",
                    "usize",
                    "u16",
                    "u32",
                    "u64",
                    "i64",
                    "expected ",
                    "null",
                    "floating",
                ];
                let word = foreign.iter().find(|word| error.contains(**word) && !error.contains("expected_statuses"));
                assert!(word.is_none(), "{path} = {wrong}: {error}");
                seen += 1;
            }
        }
    }
    assert!(seen > 1000, "only {seen} diagnostics were looked at");
}

/// A document with `value` at `path` (`a.b[].c`, `NAME` for any name).
fn nested(path: &str, value: &Value) -> Value {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let inner = rest.map_or_else(|| value.clone(), |rest| nested(rest, value));
    match first.strip_suffix("[]") {
        Some(name) => json!({ name: [inner] }),
        None => json!({ first: inner }),
    }
}

#[test]
fn the_example_says_every_default_once_it_is_uncommented() {
    let lines = example();
    let yaml: String = lines.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
    let loaded = load_text(&yaml, Path::new(".")).unwrap_or_else(|errors| panic!("{yaml}\n{errors:#?}"));
    let short = "listeners: [{ address: \"0.0.0.0:8080\" }]\nroutes: [{ upstream: mine }]\nupstreams: { mine: { backends: [\"10.0.0.7:8000\"], readiness: { path: /ready } } }\n";
    let mut short = load_text(short, Path::new(".")).expect("a plan").plan;
    // What is not said is shown by its words.
    short.routes[0].name = loaded.plan.routes[0].name.clone();
    // That it was said is all that differs: a total that somebody wrote bounds callers too.
    short.routes[0].timeouts.total_is_written = true;
    assert_eq!(format!("{:#?}", loaded.plan), format!("{short:#?}"));
}

#[test]
fn every_other_way_of_the_example_is_well_indented() {
    let lines = example();
    let twice = |line: &str| {
        let once = line.strip_prefix("# ").unwrap_or(line);
        let indent = once.len() - once.trim_start().len();
        once.trim_start()
            .strip_prefix("# ")
            .map_or_else(|| once.to_owned(), |key| format!("{}{key}", " ".repeat(indent)))
    };
    let yaml: String = lines.lines().filter(|line| !line.starts_with("##")).map(|line| twice(line) + "\n").collect();
    // A word, or settings of its own: both at once are no YAML.
    let both = [
        "tls: inherit",
        "access: true",
        "consecutive_failures: 5",
        "failure_ratio: 50%",
        "document: auto",
        "document: off",
    ];
    let yaml = both.iter().fold(yaml, |yaml, word| yaml.replace(word, word.split_inclusive(':').next().unwrap()));
    crate::config::yaml::parse(&yaml).unwrap_or_else(|error| panic!("{yaml}\n{error:?}"));
}
