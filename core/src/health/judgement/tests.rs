//! The table of statuses, and what documents make of it.

use super::*;
use crate::health::document::{BrokenAssertion, Component, Meaning, Said};
use crate::plan::{HttpCheck, OnMalformed, ProbeKind, UnknownWord, Vocabulary};
use std::time::Duration;

fn plan(expected: &[(u16, u16)], document: Option<DocumentPlan>) -> ProbePlan {
    let check = HttpCheck {
        expected_statuses: expected.to_vec(),
        document: document.map(Box::new),
        ..HttpCheck::of(ProbeKind::Readiness, "/")
    };
    let (success_threshold, failure_threshold) = (1, 1);
    ProbePlan { kind: ProbeCheck::Http(check), success_threshold, failure_threshold, ..ProbePlan::default() }
}

fn verdict(result: ReadingResult, plan: &ProbePlan) -> Verdict {
    judge(&Reading::new(result, Duration::ZERO), plan)
}

fn told(expected: &[(u16, u16)], status: u16, location: Option<&str>) -> String {
    let answer = HttpAnswer { status, location: location.map(str::to_owned), ..HttpAnswer::default() };
    match verdict(ReadingResult::Http(answer), &plan(expected, None)) {
        Verdict::Pass { warning, .. } => warning.map_or_else(|| "passed".to_owned(), |warning| warning.to_string()),
        Verdict::Fail { why, .. } | Verdict::Drain { why } => why.to_string(),
    }
}

#[test]
fn a_status_is_told_beside_what_was_expected() {
    assert_eq!(told(&[(204, 204)], 200, None), "answered 200, expected 204");
    assert_eq!(told(&[(200, 299), (404, 404)], 503, None), "answered 503, expected 200-299 or 404");
    assert_eq!(told(&[(404, 404)], 404, None), "passed");
    assert_eq!(told(&[], 500, None), "answered 500");
    assert!(told(&[], 301, None).starts_with("answered 301 and has no Location"));
    assert!(told(&[], 302, Some("/login")).contains("points to /login"));
}

// ------------------------------------------------------------------ documents

const UP: Option<Meaning> = Some(Meaning::Pass);
const DEGRADED: Option<Meaning> = Some(Meaning::Degraded);
const DRAIN: Option<Meaning> = Some(Meaning::Drain);
const DOWN: Option<Meaning> = Some(Meaning::Fail);
const UNKNOWN: Option<Meaning> = None;
const MEANINGS: [Option<Meaning>; 5] = [UP, DEGRADED, DRAIN, DOWN, UNKNOWN];

fn said(means: Option<Meaning>) -> Said {
    let word = match means {
        Some(Meaning::Pass) => "UP",
        Some(Meaning::Degraded) => "DEGRADED",
        Some(Meaning::Drain) => "OUT_OF_SERVICE",
        Some(Meaning::Fail) => "DOWN",
        None => "WOBBLY",
    };
    Said { word: word.to_owned(), means }
}

fn document(overall: Option<Option<Meaning>>, components: &[(&str, Option<Meaning>)]) -> Document {
    let component = |(name, means): &(&str, Option<Meaning>)| Component {
        name: (*name).to_owned(),
        said: said(*means),
        message: (*means == DOWN).then(|| "connection refused".to_owned()),
    };
    Document {
        vocabulary: Vocabulary::Plain,
        overall: overall.map(said),
        components: components.iter().map(component).collect(),
        ..Document::default()
    }
}

fn weighed(status: u16, document: Document, rules: &DocumentPlan) -> Verdict {
    let answer = HttpAnswer { status, document: Some(Box::new(document)), ..HttpAnswer::default() };
    verdict(ReadingResult::Http(answer), &plan(&[], Some(rules.clone())))
}

/// A verdict as one line.
fn line(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass { warning: None, degraded: None, note: None } => "pass".to_owned(),
        Verdict::Pass { warning: None, degraded: None, note: Some(note) } => format!("pass: {note}"),
        Verdict::Pass { warning: Some(warning), degraded: None, .. } => format!("warn: {warning}"),
        Verdict::Pass { degraded: Some(degraded), .. } => format!("degraded: {degraded}"),
        Verdict::Drain { why } => format!("drain: {why}"),
        Verdict::Fail { kind, severity, why, .. } => format!("{severity:?} {kind:?}: {why}"),
    }
}

fn rules() -> DocumentPlan {
    DocumentPlan { critical: vec!["db".to_owned()], ignore: vec!["mail".to_owned()], ..DocumentPlan::default() }
}

/// Status, word for the whole, components, and what it comes to under [`rules`].
type Row<'a> = (u16, Option<Option<Meaning>>, &'a [(&'a str, Option<Meaning>)], &'a str);

fn weighs(rows: &[Row<'_>]) {
    for (status, overall, components, says) in rows {
        let verdict = weighed(*status, document(*overall, components), &rules());
        assert_eq!(line(&verdict), *says, "{status} {overall:?} {components:?}");
    }
}

#[test]
fn a_document_is_weighed_with_the_status_as_the_anchor() {
    let db = ("db", UP);
    weighs(&[
        (200, Some(UP), &[db], "pass"),
        (200, Some(DOWN), &[db], "NotReady Document: answered 200, but it says DOWN"),
        (
            200,
            Some(DOWN),
            &[db, ("redis", DOWN)],
            "NotReady Document: answered 200, but it says DOWN: redis DOWN (connection refused)",
        ),
        (503, Some(DOWN), &[db, ("redis", DOWN)], "NotReady Status: answered 503: redis DOWN (connection refused)"),
        (500, Some(DOWN), &[], "Down Status: answered 500: DOWN"),
        // The status wins when it says failure.
        (503, Some(UP), &[db], "NotReady Status: answered 503, although it says UP"),
        (404, Some(DOWN), &[("redis", DOWN)], "Down Status: answered 404"),
        // The application decided that it can serve without.
        (200, Some(UP), &[db, ("redis", DOWN)], "pass: passed, although redis DOWN (connection refused)"),
        // But not without what is critical here.
        (
            200,
            Some(UP),
            &[("db", DOWN)],
            "NotReady Document: answered 200, but its critical component fails: db DOWN (connection refused)",
        ),
        (200, Some(UP), &[], "warn: its document names no component \"db\", which is critical here"),
        // A drain is one with 200 and with 503, unless it could not serve anyway.
        (200, Some(DRAIN), &[db], "drain: answered 200, and says OUT_OF_SERVICE"),
        (503, Some(DRAIN), &[db], "drain: answered 503: OUT_OF_SERVICE"),
        (500, Some(DRAIN), &[db], "Down Status: answered 500: OUT_OF_SERVICE"),
        (503, Some(DRAIN), &[("db", DOWN)], "NotReady Status: answered 503: db DOWN (connection refused)"),
        (200, Some(DEGRADED), &[db, ("redis", DEGRADED)], "degraded: DEGRADED: redis DEGRADED"),
    ]);
}

#[test]
fn without_a_word_for_the_whole_the_worst_component_that_counts_decides() {
    let db = ("db", UP);
    weighs(&[
        // Without a word for the whole, the worst that counts.
        (
            200,
            None,
            &[db, ("redis", DOWN)],
            "NotReady Document: answered 200, but it says redis DOWN (connection refused)",
        ),
        (200, None, &[db, ("redis", DEGRADED), ("mail", DOWN)], "degraded: redis DEGRADED"),
        (200, None, &[db, ("mail", DOWN)], "pass"),
        // Ignored components count for nothing.
        (
            200,
            Some(DOWN),
            &[db, ("mail", DOWN)],
            "warn: says DOWN, but only because of components that are ignored here",
        ),
        (
            200,
            Some(DOWN),
            &[db, ("mail", DOWN), ("redis", DOWN)],
            "NotReady Document: answered 200, but it says DOWN: redis DOWN (connection refused)",
        ),
        (
            200,
            Some(DOWN),
            &[db, ("mail", DOWN), ("redis", UNKNOWN)],
            "NotReady Document: answered 200, but it says DOWN",
        ),
        (
            200,
            Some(DOWN),
            &[db, ("outside", DOWN), ("outside/mail", DOWN)],
            "NotReady Document: answered 200, but it says DOWN: outside/mail DOWN (connection refused)",
        ),
    ]);
}

#[test]
fn a_word_that_no_list_knows_is_never_guessed_in_silence() {
    let db = ("db", UP);
    weighs(&[
        // What no list knows is never guessed in silence.
        (
            200,
            Some(UNKNOWN),
            &[db],
            "warn: says \"WOBBLY\", which no list of health words knows; the status alone decides (unknown_word)",
        ),
        (503, Some(UNKNOWN), &[db], "NotReady Status: answered 503: WOBBLY"),
        (
            200,
            None,
            &[db, ("redis", UNKNOWN)],
            "warn: says redis \"WOBBLY\", which no list of health words knows; the status alone decides (unknown_word)",
        ),
    ]);
}

#[test]
fn a_rule_that_names_a_component_means_its_parts_too() {
    let nested = |ignore: &str, critical: &str| DocumentPlan {
        critical: Some(critical).filter(|name| !name.is_empty()).map(str::to_owned).into_iter().collect(),
        ignore: vec![ignore.to_owned()],
        ..DocumentPlan::default()
    };
    let parts = [("db", DOWN), ("db/primary", UP), ("db/replica", DOWN)];
    let only_ignored = "warn: says DOWN, but only because of components that are ignored here";
    for (rules, says) in [
        (nested("db", ""), only_ignored),
        (nested("db/replica", ""), only_ignored),
        (
            nested("db/primary", ""),
            "NotReady Document: answered 200, but it says DOWN: db/replica DOWN (connection refused)",
        ),
        (nested("d", ""), "NotReady Document: answered 200, but it says DOWN: db/replica DOWN (connection refused)"),
        (
            nested("mail", "db/replica"),
            "NotReady Document: answered 200, but its critical component fails: db/replica DOWN (connection refused)",
        ),
    ] {
        assert_eq!(line(&weighed(200, document(Some(DOWN), &parts), &rules)), says, "{rules:?}");
    }
    // A name that stands for a group only is its parts.
    let grouped = document(Some(UP), &[("db/primary", UP), ("db/replica", DOWN)]);
    assert!(matches!(weighed(200, grouped, &rules()), Verdict::Fail { .. }));
}

#[test]
fn an_unclear_document_follows_its_rule_where_the_status_passes() {
    let unclear = |unknown_word, on_malformed| DocumentPlan { unknown_word, on_malformed, ..DocumentPlan::default() };
    let malformed = || Document { malformed: Some("line 1 is no JSON".to_owned()), ..document(None, &[]) };
    let wobbly = || document(Some(UNKNOWN), &[]);
    for (rules, word, garbage) in [
        (unclear(UnknownWord::Pass, OnMalformed::Pass), "warn: ", "warn: "),
        (unclear(UnknownWord::Degraded, OnMalformed::Degraded), "degraded: ", "degraded: "),
        (unclear(UnknownWord::Fail, OnMalformed::Fail), "NotReady Document: ", "NotReady Document: "),
    ] {
        let told = line(&weighed(200, wobbly(), &rules));
        assert!(told.starts_with(word) && told.contains("WOBBLY"), "{told}");
        let told = line(&weighed(200, malformed(), &rules));
        assert!(
            told.starts_with(garbage) && told.contains("with a document that cannot be understood: line 1 is no JSON"),
            "{told}"
        );
        let large = |status| verdict(ReadingResult::BodyTooLarge { status, cap: 9 }, &plan(&[], Some(rules.clone())));
        let told = line(&large(200));
        assert!(told.starts_with(garbage) && told.contains("a body beyond 9 bytes"), "{told}");
        assert_eq!(line(&large(503)), "NotReady Status: answered 503");
        assert_eq!(line(&weighed(503, malformed(), &rules)), "NotReady Status: answered 503");
        // Half a document that says no is a no; one that says yes is worth no more than its rule.
        let half = |overall| Document { overall: Some(said(overall)), ..malformed() };
        assert!(matches!(weighed(200, half(DOWN), &rules), Verdict::Fail { .. }));
        assert!(line(&weighed(200, half(UP), &rules)).starts_with(garbage));
    }
    let off = verdict(ReadingResult::BodyTooLarge { status: 200, cap: 9 }, &plan(&[], None));
    assert_eq!(line(&off), "Down Body: answered 200 with a body beyond 9 bytes");
}

#[test]
fn broken_assertions_fail_or_degrade() {
    let broken = |overall, degrades| Document {
        broken_assertions: vec![BrokenAssertion { why: "$.queue.depth is 2000, not below 1000".to_owned(), degrades }],
        ..document(Some(overall), &[])
    };
    let rules = DocumentPlan::default();
    for (document, says) in [
        (broken(UP, false), "NotReady Document: answered 200, but $.queue.depth is 2000, not below 1000"),
        (broken(UP, true), "degraded: $.queue.depth is 2000, not below 1000"),
        (broken(DRAIN, false), "drain: answered 200, and says OUT_OF_SERVICE"),
        (broken(DOWN, true), "NotReady Document: answered 200, but it says DOWN"),
    ] {
        assert_eq!(line(&weighed(200, document, &rules)), says);
    }
}

#[test]
fn a_deadline_after_the_head_is_an_answer_where_the_head_says_no() {
    let head = |status| line(&verdict(ReadingResult::HeadOnly { status }, &plan(&[], Some(rules()))));
    assert_eq!(head(503), "NotReady Status: answered 503; its body was not complete within 1s");
    assert_eq!(head(500), "Down Status: answered 500; its body was not complete within 1s");
    assert_eq!(head(200), "NotReady Timeout: answered 200, but its body was not complete within 1s");
}

/// Every combination of status, words and rules, against a second account of the rules: what may never happen, and what must.
#[test]
fn no_document_makes_a_failing_status_pass_and_no_passing_status_hides_a_no() {
    let mut rows = 0;
    for_all_documents(|status, overall, redis, mail, rules| {
        let verdict = weighed(status, document(overall, &[("redis", redis), ("mail", mail)]), rules);
        let passed = matches!(verdict, Verdict::Pass { .. });
        if status != 200 {
            assert!(!passed, "{status} {overall:?} {redis:?} {mail:?}: {verdict:?}");
            assert_eq!(
                matches!(verdict, Verdict::Drain { .. }),
                status == 503 && drains(overall, redis, rules),
                "{overall:?} {redis:?}: {verdict:?}"
            );
        } else {
            let redis_is_critical = rules.critical.iter().any(|name| name == "redis");
            let says_no = overall.unwrap_or(redis) >= DRAIN && !only_mail(overall, redis, mail);
            let critical = redis_is_critical && redis >= DRAIN;
            let unknown = overall.map_or(redis == UNKNOWN, |overall| overall == UNKNOWN);
            let refused = unknown && rules.unknown_word == UnknownWord::Fail;
            assert_eq!(
                passed,
                !says_no && !critical && !refused,
                "{overall:?} {redis:?} {mail:?} {rules:?}: {verdict:?}"
            );
            if let Verdict::Pass { warning, .. } = &verdict {
                assert!(!unknown || warning.is_some(), "an unknown word is always told: {overall:?} {redis:?}");
            }
        }
        rows += 1;
    });
    assert_eq!(rows, 4 * 6 * 5 * 5 * 2 * 3);
}

/// `mail` is ignored: only it is as bad as the whole.
fn only_mail(overall: Option<Option<Meaning>>, redis: Option<Meaning>, mail: Option<Meaning>) -> bool {
    overall.is_some_and(|overall| mail >= overall && redis != UNKNOWN && redis < overall)
}

fn drains(overall: Option<Option<Meaning>>, redis: Option<Meaning>, rules: &DocumentPlan) -> bool {
    let critical = rules.critical.iter().any(|name| name == "redis") && redis >= DRAIN;
    overall.unwrap_or(redis) == DRAIN && !critical
}

fn for_all_documents(
    mut each: impl FnMut(u16, Option<Option<Meaning>>, Option<Meaning>, Option<Meaning>, &DocumentPlan),
) {
    let overalls = MEANINGS.map(Some).into_iter().chain([None]);
    for overall in overalls {
        for redis in MEANINGS {
            for mail in MEANINGS {
                for critical in [vec![], vec!["redis".to_owned()]] {
                    for unknown_word in [UnknownWord::Pass, UnknownWord::Degraded, UnknownWord::Fail] {
                        let ignore = vec!["mail".to_owned()];
                        let rules = DocumentPlan {
                            critical: critical.clone(),
                            ignore,
                            unknown_word,
                            ..DocumentPlan::default()
                        };
                        for status in [200, 503, 500, 404] {
                            each(status, overall, redis, mail, &rules);
                        }
                    }
                }
            }
        }
    }
}
