//! The scenarios that we ship, and those that cannot be used.

use super::{pulsegate, scenario};
use pulsegate::rehearsal::{json, load, play, text};
use std::fs;

/// Of a scenario file: plays it under a seed, as text and as JSON.
fn told(name: &str, seed: u64) -> (bool, String, String) {
    let rehearsal = load(&scenario(name), None, Some(seed)).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
    let outcome = play(&rehearsal);
    (outcome.as_expected(), text(&outcome), json(&outcome).to_string())
}

#[test]
fn every_scenario_that_we_ship_comes_as_it_expects_whatever_the_seed() {
    let mut played = 0;
    for entry in fs::read_dir(scenario("")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let is_scenario = fs::read_to_string(scenario(&name)).unwrap().contains("\nlength:");
        if !is_scenario || ["too-strict.yaml", "hour.yaml"].contains(&name.as_str()) {
            continue;
        }
        for seed in 1..=20 {
            let (as_expected, text, _) = told(&name, seed);
            assert!(as_expected, "{name} with seed {seed}:\n{text}");
        }
        played += 1;
    }
    assert!(played >= 4, "{played} scenarios were found");
}

/// 3.6 million requests at a hundred backends: what it costs is told by `time pulsegate simulate conf/scenarios/hour.yaml`.
#[test]
fn an_hour_of_a_hundred_backends_is_played() {
    let (as_expected, text, _) = told("hour.yaml", 1);
    assert!(as_expected, "{text}");
    let requests = text.lines().find_map(|line| line.strip_prefix("requests ")?.split(',').next()).unwrap();
    let requests: u64 = requests.parse().unwrap();
    assert!((3_590_000..3_610_000).contains(&requests), "{requests}");
}

#[test]
fn one_seed_tells_one_story_and_another_seed_another() {
    let once = told("dead-and-silent.yaml", 7);
    assert_eq!(once, told("dead-and-silent.yaml", 7));
    assert_ne!(once.1, told("dead-and-silent.yaml", 8).1);
}

#[test]
fn a_broken_expectation_is_an_exit_code_and_a_sentence() {
    let kept = pulsegate(&["simulate", "conf/scenarios/lying-readiness.yaml"]);
    assert_eq!(kept.status.code(), Some(0), "{kept:?}");
    let broken = pulsegate(&["simulate", "conf/scenarios/too-strict.yaml"]);
    assert_eq!(broken.status.code(), Some(1));
    let told = String::from_utf8(broken.stdout).unwrap();
    let sentence = "BROKEN   10.0.0.7:8000 is down at 00:10.000, or up to 100 ms later: orders/10.0.0.7:8000 was up then, and down only at ";
    assert!(told.contains(sentence), "{told}");
    assert!(told.ends_with("1 of 1 expectations broken\n"), "{told}");
}

#[test]
fn json_tells_the_same_to_programs() {
    let output = pulsegate(&["simulate", "conf/scenarios/lying-readiness.yaml", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["version"], &told["as_expected"]), (&1.into(), &true.into()));
    assert!(told["summary"]["ejections"].as_u64().unwrap() >= 1, "{told}");
    let ejected = |moment: &&serde_json::Value| moment["event"] == "backend.ejected";
    let first = told["timeline"].as_array().unwrap().iter().find(ejected).unwrap();
    assert_eq!(first["backend"], "10.0.0.7:8000");
    assert!(first["at_ms"].as_u64().unwrap() >= 10_000, "{first}");
}

/// What is wrong, line by line, beside the configuration of the scenarios.
fn errors(yaml: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(scenario("pool.yaml"), folder.path().join("pool.yaml")).unwrap();
    fs::copy(scenario("named.yaml"), folder.path().join("named.yaml")).unwrap();
    let path = folder.path().join("s.yaml");
    fs::write(&path, yaml).unwrap();
    let found = load(&path, None, None).map(|_| ()).expect_err(yaml);
    let base = format!("{}/", folder.path().display());
    found.iter().map(|one| one.to_string().replace(&base, "")).collect()
}

/// Keys beside a configuration and a length, and everything that is said of them.
const MISTAKES: &[(&str, &[&str])] = &[
    (
        "timeline:\n  - { at: 1s, backend: \"10.0.0.7:8000\", si: down }\n",
        &[
            "s.yaml:4: timeline.0.si: found the unknown key `si`, allowed: at, backend, fail, finds, finds_error, flapping, for, is, order, reload, restart, slow, source, status, upstream, weight",
            "s.yaml:4: timeline.0: found none of `is`, `fail`, `slow`, `flapping`, `restart`, `order`, `weight`, `reload`, `finds` and `finds_error`, allowed: one thing in an entry",
        ],
    ),
    ("timelin: []\n", &["s.yaml:3: timelin: found the unknown key `timelin` (did you mean `timeline`?)"]),
    (
        "timeline:\n  - { at: 1s, backend: \"10.0.0.1:8000\", is: down }\n",
        &[
            "s.yaml:4: timeline.0.backend: found \"10.0.0.1:8000\", which is no backend, allowed: ADDRESS or UPSTREAM/ADDRESS, with * for anything, such as orders/10.0.0.7:8000, orders/10.0.0.8:8000, orders/10.0.0.9:8000",
        ],
    ),
    (
        "timeline:\n  - { at: 1s, backend: \"*\", is: dwon }\n",
        &[
            "s.yaml:4: timeline.0.is: found \"dwon\", allowed: well, down, silent, unreachable, not_ready, lying (did you mean `down`?)",
        ],
    ),
    (
        "timeline:\n  - { at: 1s, is: down }\n  - { at: 2m, backend: \"*\", order: drain, status: 503 }\n",
        &[
            "s.yaml:4: timeline.0.backend: found no `backend`, allowed: whom it happens to",
            "s.yaml:5: timeline.1.at: found 120s, when the rehearsal is over, allowed: less than its length (60s)",
            "s.yaml:5: timeline.1.status: found `status`, which says nothing here, allowed: leave it out",
        ],
    ),
    (
        "timeline:\n  - { at: 1s, upstream: orders, finds: [] }\n",
        &[
            "s.yaml:4: timeline.0.upstream: found the upstream orders, whose backends stand in the configuration, allowed: an upstream that asks a name or a file",
        ],
    ),
    (
        "expect:\n  - { at: 1s, backend: \"*\", standing: ejcted }\n  - { never: down }\n  - { standing: up, backend: \"*\" }\n",
        &[
            "s.yaml:4: expect.0.standing: found \"ejcted\", allowed: forced_down, drained, forced_up, ejected, not_alive, down, draining, not_ready, starting, unchecked, trial, degraded, ramping, up",
            "s.yaml:5: expect.1: found no `backend`, allowed: whose standing it is, such as backend: \"10.0.0.7:8000\"",
            "s.yaml:6: expect.2: found `standing` without `at`, allowed: when it must be there, such as at: 12s",
        ],
    ),
    (
        "load:\n  - { requests_per_second: 5, upstream: users }\n",
        &["s.yaml:4: load.0.upstream: found the unknown upstream \"users\", allowed: orders"],
    ),
    (
        "load:\n  - { requests_per_second: many }\n",
        &["s.yaml:4: load.0.requests_per_second: found \"many\", allowed: a whole number from 0 to 4294967295"],
    ),
    (
        "timeline: [down]\nload: { requests_per_second: 5 }\n",
        &[
            "s.yaml:3: timeline.0: found \"down\", allowed: keys such as `at` (did you mean `{ at: down }`?)",
            "s.yaml:4: load: found a mapping, allowed: a list, such as [a, b]",
        ],
    ),
    ("version: 2\n", &["s.yaml:3: version: found 2, allowed: 1"]),
    (
        "timeline:\n  - { at: 1s, reload: nowhere.yaml }\n",
        &["nowhere.yaml: found no readable file (No such file or directory (os error 2))"],
    ),
];

#[test]
fn a_mistake_is_told_with_its_line() {
    let mut wrong = Vec::new();
    for (keys, expected) in MISTAKES {
        let found = errors(&format!("config: pool.yaml\nlength: 60s\n{keys}"));
        if found != **expected {
            wrong.push(format!("{keys}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_of_which_nothing_is_said_finds_nobody_and_that_is_told() {
    assert_eq!(
        errors("config: named.yaml\nlength: 60s\n"),
        [
            "s.yaml: discovery: found nothing about the upstream orders, which asks dns orders.internal:8000, allowed: what it finds: { upstream: orders, finds: [\"10.0.0.7:8000\"] }"
        ]
    );
}

#[test]
fn a_scenario_that_cannot_be_used_is_exit_code_64() {
    for (path, words) in [
        ("conf/scenarios/nowhere.yaml", "no readable file"),
        ("conf/scenarios/pool.yaml", "no `length`"),
        ("README.md", "YAML"),
    ] {
        let output = pulsegate(&["simulate", path]);
        assert_eq!(output.status.code(), Some(64), "{path}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(words) && told.contains("; nothing was rehearsed"), "{path}: {told}");
    }
    let refused = pulsegate(&["simulate", "conf/scenarios/dns-flap.yaml", "--config", "conf/nowhere.yaml"]);
    assert_eq!(refused.status.code(), Some(64));
}
