//! Is there what the documents say there is, and is there not what they say there is not? Each feature that `README.md` compares or denies
//! has its proof here, each figure of `SECURITY.md` its line of code.

use super::markdown::rows;
use super::runbook::source;
use super::{read, repository};
use Proof::{Command, Key, NoKey, Test};
use clap::CommandFactory;
use std::collections::BTreeSet;
use std::fs;

enum Proof {
    /// A key of the reference.
    Key(&'static str),
    /// A command of the program.
    Command(&'static str),
    /// A test, by its file and name.
    Test(&'static str, &'static str),
    /// There is none: no key of the reference has one of these words in it.
    NoKey(&'static [&'static str]),
}

const FEATURES: [(&str, Proof); 20] = [
    ("active HTTP checks", Key("upstreams.NAME.readiness.path")),
    ("ejection by live traffic", Key("upstreams.NAME.passive.minimum_fit")),
    ("the body of a health answer", Key("upstreams.NAME.readiness.document.critical")),
    ("a backend that was never checked", Test("tests/e2e/answers.rs", "requests_wait_while_a_whole_pool_is_unchecked")),
    (
        "health kept over a reload",
        Test(
            "tests/scenarios/main.rs",
            "a_backend_that_is_down_or_ejected_stays_so_across_a_reload_that_changes_its_weight",
        ),
    ),
    ("why is it out, when does it come back", Command("explain")),
    ("HTTP/2 and gRPC, to clients and backends", Key("upstreams.NAME.protocol")),
    ("HTTP/3", NoKey(&["http3", "quic"])),
    ("certificates by name", Key("listeners[].tls.certificates[]")),
    ("ACME", NoKey(&["acme"])),
    ("changed by API or orchestrator", Command("reload")),
    ("rate limits", Key("routes[].rate_limit")),
    ("authentication of users", NoKey(&["jwt", "oidc", "basic_auth", "forward_auth", "login"])),
    ("caching", NoKey(&["cache", "caching"])),
    ("metrics", Key("metrics")),
    ("tracing", Key("tracing.otlp")),
    ("OCSP", NoKey(&["ocsp"])),
    ("revocation lists", NoKey(&["crl", "revocation"])),
    ("compression", NoKey(&["compress", "gzip", "brotli"])),
    ("rewriting by regular expressions", NoKey(&["regex"])),
];

/// Rows of the comparison that no code can prove.
const BEYOND_CODE: [&str; 1] = ["age"];

/// Of each row in `SECURITY.md`, "Fixed in the code": its bound, and the constants that it is.
const BOUNDS: [(&str, &str, &[&str]); 23] = [
    (
        "a PROXY header",
        "107 bytes (version 1), 4 KiB (version 2)",
        &["LONGEST_LINE: usize = 107;", "LONGEST: usize = 4096;"],
    ),
    (
        "connections to backends that rest for one client's connection (`send_proxy_protocol`, `connection_auth`)",
        "8",
        &["AT_MOST: usize = 8;"],
    ),
    ("fields in a backend's response head", "256", &["FIELDS: usize = 256;"]),
    (
        "answers of HTTP/2 backends that clients do not read",
        "256 KiB a stream: in all, times `limits.streams` and the client connections. The window of a connection never binds; it carries 4 095 streams at most",
        &[
            "STREAM_WINDOW: u32 = 256 * 1024;",
            "CONNECTION_WINDOW: u32 = (1 << 31) - 1;",
            "STREAMS: usize = (CONNECTION_WINDOW / 2 / STREAM_WINDOW) as usize;",
        ],
    ),
    (
        "unanswered uploads on one connection to an HTTP/2 backend, beyond which further ones go elsewhere",
        "32 KiB",
        &["UPLOADED: usize = 32 * 1024;"],
    ),
    (
        "uploads of HTTP/2 clients that backends do not take",
        "256 KiB a stream, 1 MiB a connection: in all, times `limits.connections`",
        &["STREAM_WINDOW: u32 = 256 * 1024;", "CONNECTION_WINDOW: u32 = 1024 * 1024;"],
    ),
    (
        "a gRPC call with a deadline, where no `timeouts.total` is written",
        "1 h",
        &["LONGEST_CALL: Duration = Duration::from_secs(3600);"],
    ),
    ("interim answers (1xx) of one attempt", "32", &["AT_MOST: u32 = 32;"]),
    ("a request body kept for a retry", "64 KiB", &["KEPT: usize = 64 * 1024;"]),
    (
        "a body that is read to its end behind an answer of our own",
        "64 KiB, 2 s",
        &["DRAINED_BYTES: u64 = 64 * 1024;", "DRAIN_TIME: Duration = Duration::from_secs(2);"],
    ),
    ("idle connections to all backends", "16 384", &["AT_MOST: usize = 16_384;"]),
    (
        "waiting access-log lines; waiting lines of events",
        "16 MiB each, then they are dropped and counted",
        &["WAITING: i64 = 16 << 20;"],
    ),
    (
        "each file of a reload, or of backends; each file of a look at certificates; threads in files that hang",
        "10 s; 2 s; 128",
        &[
            "PATIENCE: Duration = Duration::from_secs(10);",
            "ONE_FILE: Duration = Duration::from_secs(2);",
            "HANGING: usize = 128;",
        ],
    ),
    (
        "keys that one `rate_limit` counts",
        "131 072: those that used least are forgotten first",
        &["MOST: usize = 1 << 17;"],
    ),
    (
        "admin connections; head; body; life",
        "256; 10 s; 4 KiB; 60 s",
        &[
            "CONNECTIONS: usize = 256;",
            "HEAD: Duration = Duration::from_secs(10);",
            "BODY: usize = 4096;",
            "LIFE: Duration = Duration::from_secs(60);",
        ],
    ),
    (
        "of these, first byte; of one peer that is not loopback; beside them, for `/livez` and `/readyz` alone",
        "1 s; 64; 16",
        &["FIRST_BYTE: Duration = Duration::from_secs(1);", "PER_PEER: usize = 64;", "KEPT: usize = 16;"],
    ),
    (
        "of these, when one that is silent may have to give way",
        "128 have come after it, or nobody else can",
        &["AFTER: u64 = 128;"],
    ),
    (
        "of these, live streams; one that takes nothing",
        "32; cut after 20 s",
        &["STREAMS: usize = 32;", "PATIENCE: Duration = Duration::from_secs(20);"],
    ),
    (
        "events in the page's timeline; series of a backend",
        "200; 180 points of 8 bytes",
        &["KEPT: usize = 200;", "POINTS: usize = 180;"],
    ),
    (
        "a configuration file; files of one configuration",
        "1 MiB; 64",
        &["FILE_BYTES: u64 = 1 << 20;", "FILES: usize = 64;"],
    ),
    ("a watched file of backends", "1 MiB", &["SIZE_CAP: u64 = 1 << 20;"]),
    (
        "removed backends that are remembered",
        "10 000, for 10 minutes",
        &["AT_MOST: usize = 10_000;", "KEPT_FOR: Duration = Duration::from_secs(600);"],
    ),
    ("events kept per backend", "32", &["KEPT: usize = 32;"]),
];

fn proof(feature: &str) -> &'static Proof {
    let found = FEATURES.iter().find(|(name, _)| *name == feature);
    &found.unwrap_or_else(|| panic!("README.md: nothing in tests/documents/claims.rs proves {feature:?}")).1
}

#[test]
fn the_proof_of_every_feature_holds() {
    let reference = pulsegate::config::reference();
    let keys: Vec<String> =
        rows(&reference, "key").into_iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let commands = pulsegate::cli::Cli::command();
    for (feature, proof) in &FEATURES {
        let holds = match proof {
            Key(key) => keys.iter().any(|known| known == key),
            Command(command) => commands.find_subcommand(command).is_some(),
            Test(file, name) => {
                fs::read_to_string(repository().join(file)).is_ok_and(|text| text.contains(&format!("fn {name}(")))
            }
            NoKey(words) => !keys.iter().any(|key| words.iter().any(|word| key.contains(word))),
        };
        assert!(holds, "{feature:?} is no longer as the README says: its proof in tests/documents/claims.rs fails");
    }
}

#[test]
fn every_proof_is_of_something_that_is_claimed() {
    let readme = read("README.md");
    let compared = rows(&readme, "feature").into_iter().flat_map(|row| split(&row[0], "; "));
    let claimed: BTreeSet<String> = compared.chain(denied(&readme)).collect();
    let idle: Vec<_> =
        FEATURES.iter().filter(|(feature, _)| !claimed.contains(*feature)).map(|(name, _)| name).collect();
    assert!(idle.is_empty(), "README.md says nothing of {idle:?}");
}

fn split(cell: &str, by: &str) -> Vec<String> {
    cell.split(by).map(str::to_owned).collect()
}

/// What stands in the README's table of what there is not.
fn denied(readme: &str) -> Vec<String> {
    rows(readme, "there is no").iter().flat_map(|row| split(&row[0], ", ")).collect()
}

#[test]
fn the_comparison_says_no_where_there_is_nothing_and_only_there() {
    let comparison = rows(&read("README.md"), "feature");
    assert!(comparison.len() > 10, "{comparison:?}");
    for row in comparison.iter().filter(|row| !BEYOND_CODE.contains(&&*row[0])) {
        let (features, words): (Vec<_>, Vec<_>) = (row[0].split("; ").collect(), row[1].split("; ").collect());
        assert_eq!(features.len(), words.len(), "{row:?}: a word per feature");
        for (feature, word) in features.iter().zip(words) {
            let absent = matches!(proof(feature), NoKey(_));
            assert_eq!(word == "**no**", absent, "{feature}: the README says {word:?}");
        }
    }
}

#[test]
fn features_that_the_readme_denies_are_those_that_are_absent() {
    let denied: BTreeSet<String> = denied(&read("README.md")).into_iter().collect();
    let absent = FEATURES.iter().filter(|(_, proof)| matches!(proof, NoKey(_)));
    let absent: BTreeSet<String> = absent.map(|(feature, _)| (*feature).to_owned()).collect();
    assert_eq!(denied, absent);
}

#[test]
fn every_fixed_bound_is_that_of_the_code() {
    let code = source("src") + &source("core/src");
    let table = rows(&read("SECURITY.md"), "what");
    let said: Vec<(&str, &str)> = table.iter().map(|row| (&*row[0], &*row[1])).collect();
    assert_eq!(said, BOUNDS.map(|(what, bound, _)| (what, bound)));
    for (what, bound, constants) in BOUNDS {
        for constant in constants {
            assert!(
                code.contains(&format!("const {constant}")),
                "{what} ({bound}): no `const {constant}` in the sources"
            );
        }
    }
}
