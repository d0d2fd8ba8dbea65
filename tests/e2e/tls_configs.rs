//! What `check` says of certificates and keys, before anything is bound.

use super::PULSEGATE;
use rcgen::date_time_ymd;
use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::tls::{Authority, Made, self_signed};
use tempfile::TempDir;

fn named(names: &[&str]) -> Made {
    self_signed(names, |_| ())
}

/// Exit code 0?, and all that `check` prints. `environment`: more variables.
fn check(folder: &Path, yaml: &str, environment: &[(&str, &str)]) -> (bool, String) {
    let file = folder.join("pulsegate.yaml");
    write(&file, yaml).expect("a file");
    let output = PULSEGATE
        .command()
        .args(["check", "--config"])
        .arg(&file)
        .envs(environment.iter().copied())
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), told)
}

fn listener(tls: &str, more: &str) -> String {
    format!("listeners: [{{ address: \"127.0.0.1:18080\", tls: {tls} }}]\nroutes: [{{ respond: {{}} }}]\n{more}")
}

fn upstream(tls: &str) -> String {
    format!(
        "listeners: [{{ address: \"127.0.0.1:18080\" }}]\nroutes: [{{ upstream: a }}]\nupstreams: {{ a: {{ backends: [\"127.0.0.1:1\"], tls: {tls} }} }}\n"
    )
}

/// A folder with pairs that fit and others.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    named(&["a.test", "b.test"]).write(path, "a");
    named(&["b.test"]).write(path, "b");
    named(&[]).write(path, "nameless");
    self_signed(&["old.test"], |params| params.not_after = date_time_ymd(2020, 1, 1)).write(path, "old");
    self_signed(&["early.test"], |params| params.not_before = date_time_ymd(3020, 1, 1)).write(path, "early");
    named(&["open.test"]).write(path, "open");
    set_permissions(path.join("open.key"), Permissions::from_mode(0o644)).expect("permissions");
    write(path.join("ca.pem"), Authority::generate().pem).expect("a file");
    write(path.join("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("a file");
    folder
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let folder = folder();
    for (yaml, words) in [
        (listener("{ certificate: a.crt, key: b.key }", ""), "b.key does not belong to the certificate"),
        (listener("{ certificate: a.crt }", ""), "allowed: `certificate` and `key`, or a list of such pairs"),
        (listener("{}", ""), "allowed: `certificate` and `key`, or a list of such pairs"),
        (
            listener("{ certificate: a.crt, key: a.key, certificates: [] }", ""),
            "allowed: `certificate` and `key`, or a list of such pairs",
        ),
        (listener("{ certificates: [] }", ""), "tls.certificates: found an empty list"),
        (
            listener(
                "{ certificates: [{ certificate: a.crt, key: a.key }, { certificate: none.crt, key: b.key }] }",
                "",
            ),
            "listeners.0.tls.certificates.1: found the certificate",
        ),
        (listener("{ certificate: a.crt, key: a.key, minimum_version: \"1.1\" }", ""), "allowed: 1.2, 1.3"),
        (listener("{ certificate: a.crt, key: a.key, client_auth: {} }", ""), "found no `ca`"),
        (
            listener("{ certificate: a.crt, key: a.key, client_auth: { ca: broken.pem } }", ""),
            "tls.client_auth.ca: found the CA file",
        ),
        (upstream("{ sni: x, ca: broken.pem }"), "holds a certificate that cannot be a root"),
        (upstream("{ sni: x, ca: ca.pem, certificate: a.crt }"), "found one of `certificate` and `key`"),
        (upstream("{ sni: x, ca: ca.pem, certificate: a.crt, key: b.key }"), "does not belong to the certificate"),
        (
            listener("{ certificate: open.crt, key: open.key }", "strict_permissions: true\n"),
            "has mode 0644: every user of this machine may read it",
        ),
    ] {
        let (good, told) = check(folder.path(), &yaml, &[]);
        assert!(!good && told.contains(words), "{words:?} not in:\n{told}\nof\n{yaml}");
    }
}

#[test]
fn files_that_look_wrong_are_warned_of() {
    let folder = folder();
    let pair = |name: &str| format!("{{ certificate: {name}.crt, key: {name}.key }}");
    let pairs = |names: &[&str]| {
        format!("{{ certificates: [{}] }}", names.iter().map(|name| pair(name)).collect::<Vec<_>>().join(", "))
    };
    for (yaml, words) in [
        (listener(&pair("old"), ""), "old.crt, expired at 2020-01-01T00:00:00Z; who verifies it refuses"),
        (listener(&pair("early"), ""), "early.crt, not valid before 3020-01-01T00:00:00Z"),
        (listener(&pair("open"), ""), "has mode 0644: every user of this machine may read it"),
        (
            listener(&pairs(&["a", "b"]), ""),
            "tls.certificates.1: found a second certificate for b.test, which listeners.0.tls.certificates.0 has too",
        ),
        (listener(&pairs(&["a", "nameless"]), ""), "a certificate without a DNS name; no client ever gets it"),
        (upstream("{ sni: x, ca: ca.pem, certificate: open.crt, key: open.key }"), "has mode 0644"),
    ] {
        let (good, told) = check(folder.path(), &yaml, &[]);
        assert!(good && told.contains("warning: ") && told.contains(words), "{words:?} not in:\n{told}");
    }
    let (good, told) = check(folder.path(), &listener(&pairs(&["a"]), "strict_permissions: true\n"), &[]);
    assert!(good && !told.contains("warning"), "{told}");
    assert!(told.contains("a.crt: a.test, b.test; until "), "{told}");
}

#[test]
fn nothing_to_verify_against_is_an_error_and_not_verifying_must_be_written() {
    let folder = folder();
    let rootless = [("SSL_CERT_FILE", "/nowhere/roots.pem"), ("SSL_CERT_DIR", "/nowhere")];
    let (good, told) = check(folder.path(), &upstream("{ sni: x }"), &rootless);
    assert!(!good && told.contains("upstreams.a.tls: found nothing to verify against"), "{told}");
    for tls in ["{ sni: x, ca: ca.pem }", "{ sni: x, verify: false }"] {
        let (good, told) = check(folder.path(), &upstream(tls), &rootless);
        assert!(good, "{tls}: {told}");
    }
    let (good, told) = check(folder.path(), &upstream("{ sni: x, verify: false }"), &[]);
    assert!(good && told.contains("anybody who answers at a backend's address is believed"), "{told}");
}
