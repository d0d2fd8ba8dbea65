//! Which command asks the same by hand? A line for a shell that sends what the probe sends, to where it sends it.
//!
//! Made from the very request that the probe makes, so that the two cannot drift apart. What no tool can do is said in a note.

use super::check::{header_of, probed_address, protocol_of, tls_of};
use super::request::{self, To};
use ::http::header::{CONNECTION, HOST, HeaderValue};
use pulsegate_core::base::identity::Address;
use pulsegate_core::board::ProbeJob;
use pulsegate_core::http::proxy_protocol::Version;
use pulsegate_core::plan::{GrpcCheck, HttpCheck, ProbeCheck, Protocol, UpstreamTls};

/// A command, and in what it differs from the probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Equivalent {
    pub line: String,
    pub notes: Vec<String>,
}

/// A header whose name holds one of these carries a secret.
const SECRETS: [&str; 10] =
    ["auth", "cookie", "token", "key", "secret", "pass", "session", "signature", "credential", "jwt"];
const MASK: &str = "***";

/// The command for `job`. Values of headers that look like secrets are masked unless `show_secrets`.
pub fn equivalent(job: &ProbeJob, show_secrets: bool) -> Equivalent {
    match &job.probe.kind {
        ProbeCheck::Http(check) => curl(job, check, show_secrets),
        ProbeCheck::Tcp => tcp(job),
        ProbeCheck::Grpc(check) => grpc(job, check),
    }
}

/// The tool that every gRPC service is probed with by hand.
fn grpc(job: &ProbeJob, check: &GrpcCheck) -> Equivalent {
    let mut line = Line::new("grpc-health-probe");
    let address = match probed_address(job) {
        Address::Socket(socket) => socket.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
    };
    line.word(format!("-addr={address}"));
    line.word(format!("-rpc-timeout={}s", job.probe.timeout.as_secs_f64()));
    if !check.service.is_empty() {
        line.word(format!("-service={}", check.service));
    }
    if let Some(tls) = &check.tls {
        line.word("-tls").word(format!("-tls-server-name={}", tls.sni));
        if let Some(ca) = &tls.ca {
            line.word(format!("-tls-ca-cert={}", ca.display()));
        }
        if !tls.verify {
            line.word("-tls-no-verify");
        }
    }
    if !check.headers.is_empty() || check.authority.is_some() {
        line.note("the authority and the metadata of the probe are not sent");
    }
    line.done()
}

/// A command under construction.
struct Line {
    words: Vec<String>,
    notes: Vec<String>,
}

impl Line {
    fn new(command: &str) -> Self {
        Self { words: vec![command.to_owned()], notes: Vec::new() }
    }

    fn word(&mut self, word: impl AsRef<str>) -> &mut Self {
        self.words.push(quoted(word.as_ref()));
        self
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn done(self) -> Equivalent {
        Equivalent { line: self.words.join(" "), notes: self.notes }
    }
}

/// As one word of a POSIX shell.
fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn curl(job: &ProbeJob, check: &HttpCheck, show_secrets: bool) -> Equivalent {
    let address = probed_address(job);
    let mut line = Line::new("curl");
    // Neither ~/.curlrc nor a proxy of the environment, and the path as it is written.
    line.word("-q").word("--silent").word("--show-error").word("--include").word("--noproxy").word("*");
    line.word("--path-as-is").word("--globoff");
    line.word("--max-time").word(format!("{}", job.probe.timeout.as_secs_f64()));
    version(&mut line, check);
    method(&mut line, &check.method);
    if let Some(version) = header_of(job) {
        introduction(&mut line, version);
    }
    headers(&mut line, check, &address, show_secrets);
    if let Some(tls) = &check.tls {
        trust(&mut line, tls);
    }
    place(&mut line, check, &address);
    line.done()
}

fn version(line: &mut Line, check: &HttpCheck) {
    line.word(match (check.protocol, &check.tls) {
        (Protocol::Http1, _) => "--http1.1",
        (Protocol::Http2, None) => "--http2-prior-knowledge",
        (Protocol::Http2, Some(_)) => "--http2",
    });
}

/// With `--request HEAD` curl would wait for a body.
fn method(line: &mut Line, method: &str) {
    match method {
        "GET" => {}
        "HEAD" => {
            line.word("--head");
        }
        other => {
            line.word("--request").word(other);
        }
    }
}

fn introduction(line: &mut Line, version: Version) {
    line.word("--haproxy-protocol");
    line.note(match version {
        Version::V1 => "curl names its own address in the PROXY header, the probe says UNKNOWN",
        Version::V2 => "curl speaks version 1 of the PROXY protocol only, the probe version 2",
    });
}

fn headers(line: &mut Line, check: &HttpCheck, address: &Address, show_secrets: bool) {
    let request = match request::build(check, &To { address, told: None }) {
        Ok(request) => request,
        Err(why) => return line.note(why),
    };
    let mut masked = false;
    for (name, value) in request.headers() {
        // A connection of HTTP/2 has no such header.
        if name == CONNECTION && check.protocol == Protocol::Http2 {
            continue;
        }
        let secret = !show_secrets && is_secret(name.as_str());
        masked |= secret;
        let name = if name == HOST { "Host" } else { name.as_str() };
        line.word("--header").word(header(name, if secret { None } else { Some(value) }));
    }
    if masked {
        line.note("values that look like secrets are masked; --show-secrets writes them");
    }
}

/// A header without a value ends with a semicolon: with a colon curl leaves it out.
fn header(name: &str, value: Option<&HeaderValue>) -> String {
    match value {
        None => format!("{name}: {MASK}"),
        Some(value) if value.is_empty() => format!("{name};"),
        Some(value) => format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())),
    }
}

fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|word| name.contains(word))
}

fn trust(line: &mut Line, tls: &UpstreamTls) {
    match &tls.ca {
        _ if !tls.verify => {
            line.word("--insecure");
        }
        Some(ca) => {
            line.word("--cacert").word(ca.to_string_lossy());
        }
        None => {}
    }
    if let Some(identity) = &tls.identity {
        line.word("--cert").word(identity.certificate.to_string_lossy());
        line.word("--key").word(identity.key.to_string_lossy());
    }
}

/// The URL holds the name that TLS sends and verifies; where the connection goes is said apart.
fn place(line: &mut Line, check: &HttpCheck, address: &Address) {
    let scheme = if check.tls.is_some() { "https" } else { "http" };
    let name = check.tls.as_ref().map(|tls| tls.sni.as_str());
    let url = match (address, name) {
        (Address::Unix(path), name) => {
            line.word("--unix-socket").word(path.to_string_lossy());
            format!("{scheme}://{}{}", name.unwrap_or("localhost"), check.path)
        }
        (Address::Socket(socket), Some(name)) => {
            line.word("--connect-to").word(format!("::{socket}"));
            format!("{scheme}://{}:{}{}", bracketed(name), socket.port(), check.path)
        }
        (Address::Socket(socket), None) => format!("{scheme}://{socket}{}", check.path),
    };
    line.word(url);
}

fn bracketed(name: &str) -> String {
    if name.contains(':') { format!("[{name}]") } else { name.to_owned() }
}

fn tcp(job: &ProbeJob) -> Equivalent {
    let address = probed_address(job);
    let seconds = job.probe.timeout.as_secs_f64().ceil().max(1.0).to_string();
    let mut line = match tls_of(job) {
        Some(tls) => {
            let mut line = Line::new("timeout");
            line.word(&seconds).word("openssl").word("s_client").word("-brief").word("-servername").word(&tls.sni);
            if protocol_of(job) == Protocol::Http2 {
                line.word("-alpn").word("h2");
            }
            match &tls.ca {
                Some(ca) if tls.verify => {
                    line.word("-verify_return_error").word("-CAfile").word(ca.to_string_lossy());
                }
                _ if tls.verify => {
                    line.word("-verify_return_error");
                }
                _ => {}
            }
            if tls.verify {
                line.word("-verify_hostname").word(&tls.sni);
            }
            match &address {
                Address::Socket(socket) => line.word("-connect").word(socket.to_string()),
                Address::Unix(path) => line.word("-unix").word(path.to_string_lossy()),
            };
            line
        }
        None => {
            let mut line = Line::new("nc");
            line.word("-z").word("-v").word("-w").word(&seconds);
            match &address {
                Address::Socket(socket) => line.word(socket.ip().to_string()).word(socket.port().to_string()),
                Address::Unix(path) => line.word("-U").word(path.to_string_lossy()),
            };
            line
        }
    };
    if header_of(job).is_some() {
        line.note("the probe begins with a PROXY header, this command does not");
    }
    line.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::tests::tools::{Checked, http_check};
    use std::path::PathBuf;

    fn socket() -> Address {
        Address::Socket(([127, 0, 0, 1], 9001).into())
    }

    fn line(checked: &Checked, show_secrets: bool) -> Equivalent {
        equivalent(&checked.job(1), show_secrets)
    }

    const OURS: &str = concat!(
        "--header 'Host: 127.0.0.1:9001' --header 'user-agent: pulsegate-probe/",
        env!("CARGO_PKG_VERSION"),
        "' --header 'accept: application/json, application/health+json;q=0.9, text/plain;q=0.8, */*;q=0.1' --header 'x-forwarded-proto: http'"
    );
    const ALWAYS: &str =
        "curl -q --silent --show-error --include --noproxy '*' --path-as-is --globoff --max-time 5 --http1.1";

    #[test]
    fn the_plain_case_is_the_whole_request() {
        let plain = line(&Checked::at(socket(), http_check()), false);
        let expected = format!("{ALWAYS} {OURS} --header 'connection: close' 'http://127.0.0.1:9001/ready?deep=1'");
        assert_eq!(plain, Equivalent { line: expected, notes: Vec::new() });
    }

    #[test]
    fn secrets_are_masked_and_nothing_leaves_its_word() {
        let mut check = http_check();
        check.method = "HEAD".into();
        check.path = "/it's".into();
        check.host = Some("app.test".into());
        check.headers = vec![("X-Api-Key".into(), "s3cret".into()), ("X-Empty".into(), String::new())];
        let checked = Checked::at(socket(), check);
        let masked = line(&checked, false);
        assert!(masked.line.contains("--header 'x-api-key: ***' --header 'x-empty;'"), "{masked:?}");
        assert!(masked.line.contains("--head --header 'Host: app.test'"), "{masked:?}");
        assert!(masked.line.ends_with(r"'http://127.0.0.1:9001/it'\''s'") && masked.notes.len() == 1, "{masked:?}");
        let shown = line(&checked, true);
        assert!(shown.line.contains("'x-api-key: s3cret'") && shown.notes.is_empty(), "{shown:?}");
    }

    #[test]
    fn tls_http2_sockets_and_introductions() {
        let tls = UpstreamTls { sni: "app.test".into(), verify: true, ca: Some("/etc/ca.pem".into()), identity: None };
        let secure = HttpCheck { protocol: Protocol::Http2, tls: Some(tls.clone()), ..http_check() };
        let said = line(&Checked::at(socket(), secure), false).line;
        assert!(said.contains(" --http2 ") && said.contains("'x-forwarded-proto: https'"), "{said}");
        assert!(!said.contains("connection: close"), "{said}");
        let end = "--cacert /etc/ca.pem --connect-to ::127.0.0.1:9001 'https://app.test:9001/ready?deep=1'";
        assert!(said.ends_with(end), "{said}");

        let careless = HttpCheck { tls: Some(UpstreamTls { verify: false, ..tls }), ..http_check() };
        assert!(line(&Checked::at(socket(), careless), false).line.contains(" --insecure "));
        let h2c = HttpCheck { protocol: Protocol::Http2, ..http_check() };
        assert!(line(&Checked::at(socket(), h2c), false).line.contains(" --http2-prior-knowledge "));

        let unix = line(&Checked::at(Address::Unix(PathBuf::from("/run/app.sock")), http_check()), false).line;
        assert!(unix.ends_with("--unix-socket /run/app.sock 'http://localhost/ready?deep=1'"), "{unix}");

        let mut introduced = Checked::at(socket(), http_check());
        introduced.header = Some(Version::V2);
        let said = line(&introduced, false);
        assert!(said.line.contains(" --haproxy-protocol ") && said.notes[0].contains("version 2"), "{said:?}");
    }
}
