//! What becomes of a bad configuration: exit code 64, every diagnostic, and nothing bound.

use super::PULSEGATE;
use std::process::Output;

fn pulsegate(command: &str, yaml: &[u8]) -> Output {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("pulsegate.yaml");
    std::fs::write(&file, yaml).expect("a file");
    PULSEGATE.command().args([command, "--config"]).arg(file).output().expect("it runs")
}

fn refused(yaml: &[u8], words: &[&str]) {
    for command in ["check", "run"] {
        let output = pulsegate(command, yaml);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{command}: {told}");
        for word in words {
            assert!(told.contains(word), "{command}: {word:?} not in:\n{told}");
        }
    }
}

#[test]
fn every_mistake_is_told_at_once_with_line_and_neighbour() {
    let yaml = b"
listeners:
  - address: 127.0.0.1:70000
  - address: 127.0.0.1:18081
    limts: {}
routes:
  - upstream: ordres
  - match: { path: /a }
    upstream: orders
  - match: { path: /a }
    upstream: orders
upstreams:
  orders:
    backends: [\"127.0.0.1:1\", \"nonsense\"]
    readiness: { path: /ready, period: 5, fast_perid: 1s }
";
    refused(
        yaml,
        &[
            "yaml:3: listeners.0.address",
            "yaml:5: listeners.1.limts: found the unknown key `limts`",
            "did you mean `limits`?",
            "yaml:7: routes.0.upstream: found \"ordres\", which is not defined",
            "did you mean `orders`?",
            "upstreams.orders.readiness.fast_perid",
            "did you mean `fast_period`?",
            "such as 500ms, 2s or 1m",
        ],
    );
}

#[test]
fn broken_files_are_told_apart() {
    refused(b"listeners: [", &["YAML that cannot be read"]);
    refused(b"", &["an empty file"]);
    refused(b"\xff\xfe", &["not UTF-8"]);
    refused(&vec![b'#'; 2 << 20], &["a file of 2097152 bytes"]);
    refused(b"a: &a [x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b]\n", &["the unknown key"]);
    refused(b"listeners: []\nlisteners: []\n", &["duplicate"]);
    let missing = PULSEGATE.command().args(["check", "--config", "/nowhere.yaml"]).output().expect("it runs");
    assert_eq!(missing.status.code(), Some(64));
}

#[test]
fn two_listeners_on_one_port_are_refused_before_anything_is_bound() {
    refused(
        b"listeners: [{ address: \"127.0.0.1:18080\" }, { address: \"127.0.0.1:18080\" }]\nroutes: [{ respond: {} }]\n",
        &["which another listener has already"],
    );
}

#[test]
fn a_busy_port_is_a_sentence_and_not_a_panic() {
    let busy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = busy.local_addr().expect("an address");
    let yaml = format!("listeners: [{{ address: \"{address}\" }}]\nadmin: off\nroutes: [{{ respond: {{}} }}]\n");
    let output = pulsegate("run", yaml.as_bytes());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("in use"), "{told}");
}

#[test]
fn unset_variables_and_nameless_tls_are_errors() {
    let yaml = b"listeners: [{ address: \"127.0.0.1:1\" }]\nroutes: [{ upstream: a }]\nupstreams: { a: { backends: [\"${NOBODY_SETS_THIS}\", \
                 \"127.0.0.1:2\"], tls: {} } }\n";
    refused(yaml, &["${NOBODY_SETS_THIS}, which is not set", "no name to verify"]);
}

#[test]
fn a_pasted_kubernetes_probe_is_understood() {
    let yaml = b"
listeners: [{ address: \"127.0.0.1:18080\" }]
routes: [{ upstream: a }]
upstreams:
  a:
    backends: [\"127.0.0.1:1\"]
    readinessProbe:
      httpGet: { path: /healthz, port: 8080, httpHeaders: [{ name: X, value: y }] }
      initialDelaySeconds: 3
      periodSeconds: 4
";
    let output = pulsegate("check", yaml);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success()
            && told.contains("GET http://…:8080/healthz")
            && told.contains("every 4s")
            && told.contains("3 failures out"),
        "{told}"
    );
    refused(
        &[&yaml[..], b"      exec: { command: [x] }\n"].concat().replace_named_port(),
        &["the named port \"http\""],
    );
}

trait NamedPort {
    fn replace_named_port(self) -> Vec<u8>;
}

impl NamedPort for Vec<u8> {
    fn replace_named_port(self) -> Vec<u8> {
        String::from_utf8_lossy(&self).replace("port: 8080", "port: http").into_bytes()
    }
}

#[test]
fn the_example_is_good_and_the_generated_documents_are_current() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = PULSEGATE.command().args(["check", "--config"]).arg(root.join("conf/pulsegate.yaml")).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (file, made) in
        [("docs/reference.md", pulsegate::config::reference()), ("conf/reference.yaml", pulsegate::config::example())]
    {
        if std::env::var_os("PULSEGATE_BLESS").is_some() {
            std::fs::write(root.join(file), &made).expect("a file");
        }
        let kept = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(kept == made, "{file} is stale: run `make docs`");
    }
}

#[test]
fn a_route_must_not_edit_the_framing() {
    refused(
        b"listeners: [{ address: \"127.0.0.1:18080\" }]\nroutes:\n  - respond: {}\n    request_headers: { remove: [Content-Length], set: { transfer-encoding: chunked } }\n    response_headers: { add: { Connection: close } }\n",
        &["request_headers.remove: found \"Content-Length\"", "request_headers.set", "response_headers.add: found \"Connection\""],
    );
}

#[test]
fn a_takeover_that_would_be_given_up_too_early_is_a_warning() {
    let yaml = |more: &str| {
        format!("listeners: [{{ address: \"127.0.0.1:18081\" }}]\nroutes: [{{ respond: {{ body: ok }} }}]\n{more}")
    };
    let told = |more: &str| String::from_utf8_lossy(&pulsegate("check", yaml(more).as_bytes()).stderr).into_owned();
    assert!(!told("").contains("upgrade"));
    let short = told("upgrade: { timeout: 4s }\n");
    assert!(short.contains("upgrade.timeout: found 4s, no longer than start.wait (5s)"), "{short}");
}

#[test]
fn a_file_may_be_named_without_its_option() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("my.yaml");
    std::fs::write(&file, "listeners: [{ address: \"127.0.0.1:18080\" }]\nroutes: [{ respond: {} }]\n")
        .expect("a file");
    let check =
        |arguments: &[&std::ffi::OsStr]| PULSEGATE.command().arg("check").args(arguments).output().expect("it runs");
    let named = check(&[file.as_os_str()]);
    assert!(named.status.success(), "{}", String::from_utf8_lossy(&named.stderr));
    assert!(String::from_utf8_lossy(&named.stdout).contains("route */: answer 200"));
    assert!(!check(&["--config".as_ref(), file.as_os_str(), file.as_os_str()]).status.success(), "one of both");
}

#[test]
fn the_proxy_protocol_needs_proxies_to_believe_and_connections_of_its_own() {
    refused(
        b"listeners:\n  - { address: \"127.0.0.1:18080\", proxy_protocol: {} }\n  - { address: \"127.0.0.1:18081\", proxy_protocol: { from: [\"10.0.0.0/40\"] } }\n\
          routes: [{ upstream: a }]\nupstreams: { a: { backends: [\"127.0.0.1:1\"], protocol: http2, send_proxy_protocol: v2 } }\n",
        &[
            "proxy_protocol.from: found nobody",
            "proxy_protocol.from.0: found \"10.0.0.0/40\"",
            "send_proxy_protocol: found a PROXY header with `protocol: http2`",
        ],
    );
}
