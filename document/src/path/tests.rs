//! The compliance suite of RFC 9535, errors with their place, and the budget.

use super::super::json::{self, Json};
use super::*;
use std::fs;
use std::path::Path;

fn parsed(text: &str) -> Json {
    json::parse(text).expect("JSON").json
}

fn member<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    json.members().iter().find(|(member, _)| member == name).map(|(_, value)| value)
}

/// Objects are compared whatever their order.
fn sorted(json: &Json) -> serde_json::Value {
    serde_json::from_str(&json.to_string()).expect("what was written can be read")
}

/// What one case of the suite gets wrong.
fn complaint(case: &Json) -> Option<String> {
    let name = member(case, "name").and_then(Json::text).expect("a name");
    let selector = member(case, "selector").and_then(Json::text).expect("a selector");
    let query = parse(selector);
    if member(case, "invalid_selector").is_some() {
        return query.is_ok().then(|| format!("{name}: {selector} is taken"));
    }
    let query = match query {
        Ok(query) => query,
        Err(error) => return Some(format!("{name}: {selector}: {error}")),
    };
    let document = member(case, "document").expect("a document");
    let found: Vec<_> = find(&query, document).expect("within the budget").into_iter().map(sorted).collect();
    let right: Vec<Json> = match (member(case, "result"), member(case, "results")) {
        (Some(result), _) => vec![result.clone()],
        (_, Some(results)) => results.items().to_vec(),
        _ => panic!("{name}: no result"),
    };
    let fits = right.iter().any(|right| right.items().iter().map(sorted).collect::<Vec<_>>() == found);
    (!fits).then(|| format!("{name}: {selector} finds {found:?}"))
}

#[test]
fn the_compliance_suite_holds() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/jsonpath/cts.json");
    let suite = parsed(&fs::read_to_string(file).expect("the suite"));
    let cases = member(&suite, "tests").expect("tests").items();
    assert!(cases.len() > 700, "{} cases", cases.len());
    let complaints: Vec<String> = cases.iter().filter_map(complaint).collect();
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), cases.len(), complaints.join("\n"));
}
