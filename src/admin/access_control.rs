//! Who may ask, and how? A Host that cannot be rebound, a token or a certificate where there are any, a scope that suffices, no more often than
//! is decent, and no write on behalf of a foreign page.
//!
//! A page in an operator's browser can make the browser resolve the page's own name to 127.0.0.1 and read whatever listens
//! there (DNS rebinding). Such a request carries the page's name as Host. So a loopback listener answers to IP literals, to
//! `localhost` and to requests without a Host, and to nobody else. A page can also send a POST here without reading the answer
//! (a cross-site write). Browsers say so in `Origin` and `Sec-Fetch-Site`, and cannot be made to leave both out. Other ports of one machine
//! are other sites, too.
//!
//! Wrong tokens of one client are answered 429 after a few, but a right one is let in all the same: a scraper with an old token must not lock
//! out the operator behind the same address. Guessing is bounded by the limit on all requests of a client, and by the length of tokens.

use crate::admin::callers::{Callers, Unknown};
use crate::admin::page::is_page;
use crate::admin::server::{Peer, Shown};
use crate::admin::steer::action_of;
use crate::admin::view::problem;
use crate::clock::Clock;
use crate::telemetry::{AdminWrite, Telemetry, WriteResult};
use arc_swap::ArcSwap;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pulsegate_core::http::client_rate_limit::{Allowance, ClientRateLimiter};
use pulsegate_core::plan::Scope;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Of the audit lines about writes that were denied: a flood of them costs one line in this time.
const QUIET: Duration = Duration::from_secs(1);

/// For the page and, since it says no more than that nothing else may be loaded, for every other answer.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

/// Who asked: the name of the token or of the certificate.
#[derive(Clone, Debug)]
pub struct Who(pub Arc<str>);

#[derive(Debug)]
pub struct AccessControl {
    /// The listener's address is one.
    pub loopback: bool,
    pub callers: Arc<ArcSwap<Callers>>,
    pub telemetry: Arc<Telemetry>,
    pub clock: Clock,
    /// No denied write is logged before this (nanoseconds of the process).
    pub quiet_until: AtomicU64,
    requests: Mutex<ClientRateLimiter>,
    wrong_tokens: Mutex<ClientRateLimiter>,
}

/// The middleware around every page.
pub async fn guard(State(guard): State<Arc<AccessControl>>, mut request: Request, next: Next) -> Response {
    let mut response = match guard.admits(&request) {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(refusal) => {
            guard.audit(&request, &refusal);
            refusal.into_response()
        }
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    Method,
    Host,
    /// Until the client may ask again.
    TooMany(Duration),
    TooManyWrong(Duration),
    NoToken,
    WrongToken,
    Certificate,
    /// Who it is, and what they may not.
    Scope(Arc<str>, Scope),
    CrossSite,
    ContentType,
}

impl AccessControl {
    pub fn new(loopback: bool, callers: Arc<ArcSwap<Callers>>, telemetry: Arc<Telemetry>, clock: Clock) -> Self {
        Self {
            loopback,
            callers,
            telemetry,
            clock,
            quiet_until: AtomicU64::new(0),
            requests: Mutex::default(),
            wrong_tokens: Mutex::default(),
        }
    }

    fn admits(&self, request: &Request) -> Result<Who, Refusal> {
        let write = match *request.method() {
            Method::GET | Method::HEAD => false,
            Method::POST => true,
            _ => return Err(Refusal::Method),
        };
        if self.loopback && !trusted_host(request) {
            return Err(Refusal::Host);
        }
        let who = match request.uri().path() {
            "/livez" | "/readyz" if !write => "anybody".into(),
            _ if is_page(request) => "anybody".into(),
            path => {
                self.often(request)?;
                self.who(request, Scope::needed(write, path))?
            }
        };
        if write {
            write_is_meant(request)?;
        }
        Ok(Who(who))
    }

    /// Every request counts but `/livez` and `/readyz`: to refuse those would take the gateway out of a balancer.
    fn often(&self, request: &Request) -> Result<(), Refusal> {
        let times = self.callers.load().limits.requests_per_second;
        let allowance = Allowance::new(times, Duration::from_secs(1), times.saturating_mul(2));
        self.counted(&self.requests, request, allowance).map_err(Refusal::TooMany)
    }

    fn counted(
        &self,
        limiter: &Mutex<ClientRateLimiter>,
        request: &Request,
        allowance: Option<Allowance>,
    ) -> Result<(), Duration> {
        let Some((Peer(client), allowance)) = request.extensions().get::<Peer>().zip(allowance) else { return Ok(()) };
        let mut limiter = limiter.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.pass(client.ip(), allowance, self.clock.now())
    }

    fn who(&self, request: &Request, needed: Scope) -> Result<Arc<str>, Refusal> {
        let callers = self.callers.load();
        let shown = request.extensions().get::<Shown>().and_then(|Shown(subject)| subject.as_deref());
        match callers.who(request.headers(), shown, self.loopback) {
            Ok(caller) if caller.scopes.allow(needed) => Ok(caller.name),
            Ok(caller) => Err(Refusal::Scope(caller.name, needed)),
            Err(Unknown::NoToken) => Err(Refusal::NoToken),
            Err(Unknown::Certificate) => Err(Refusal::Certificate),
            Err(Unknown::WrongToken) => {
                let times = callers.limits.wrong_tokens_per_minute;
                let allowance = Allowance::new(times, Duration::from_secs(60), times);
                self.counted(&self.wrong_tokens, request, allowance).map_err(Refusal::TooManyWrong)?;
                Err(Refusal::WrongToken)
            }
        }
    }

    /// A write that was denied is counted, and told once in a while.
    fn audit(&self, request: &Request, refusal: &Refusal) {
        if matches!(refusal, Refusal::Method) || *request.method() != Method::POST {
            return;
        }
        let action = action_of(request.uri().path());
        let now = self.clock.now();
        let until = self.quiet_until.load(Ordering::Relaxed);
        let next = (now + QUIET).0;
        let told = now.0 >= until
            && self.quiet_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        match request.extensions().get::<Peer>() {
            Some(Peer(from)) if told => self.telemetry.admin_write(&AdminWrite {
                by: refusal.known().unwrap_or("nobody known"),
                from: *from,
                action,
                what: request.uri().path(),
                result: WriteResult::Denied,
                detail: refusal.title(),
            }),
            _ => self.telemetry.admin_write_counted(action, WriteResult::Denied),
        }
    }
}

impl Refusal {
    /// Who was recognised, and may not.
    fn known(&self) -> Option<&str> {
        match self {
            Self::Scope(name, _) => Some(name),
            _ => None,
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::Method => "Method not allowed",
            Self::Host => "Host not allowed",
            Self::TooMany(_) => "Too many requests",
            Self::TooManyWrong(_) => "Too many wrong tokens",
            Self::Certificate => "Certificate not listed",
            Self::Scope(..) => "Scope too narrow",
            Self::NoToken => "Token required",
            Self::WrongToken => "Token not known",
            Self::CrossSite => "Cross-site write",
            Self::ContentType => "Not JSON",
        }
    }

    fn told(&self) -> (StatusCode, Cow<'static, str>) {
        match self {
            Self::TooMany(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "this client asks more often than admin.limits.requests_per_second allows; Retry-After says when it may again".into(),
            ),
            Self::TooManyWrong(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "this client sent more wrong tokens than admin.limits.wrong_tokens_per_minute allows; a right one is let in at any time".into(),
            ),
            Self::Scope(name, needed) => {
                let word = needed.word();
                let sentence = format!(
                    "{name} may not do this: it needs the scope `{word}`, which the scopes of {name} in admin.tokens or admin.clients do not have"
                );
                (StatusCode::FORBIDDEN, sentence.into())
            }
            other => {
                let (status, sentence) = other.fixed();
                (status, sentence.into())
            }
        }
    }

    const fn fixed(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "this listener answers GET and HEAD, and POST where something can be changed; GET / lists what there is",
            ),
            Self::Host => (
                StatusCode::FORBIDDEN,
                "this listener is bound to loopback and answers only to an IP address or localhost as Host (protection against DNS \
                 rebinding); ask http://127.0.0.1:<port>/",
            ),
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "everything but /livez and /readyz needs one of the tokens of admin.tokens, as Authorization: Bearer <token>, or a \
                 certificate where admin.tls.client_auth asks for one",
            ),
            Self::WrongToken => (
                StatusCode::UNAUTHORIZED,
                "nobody in admin.tokens has this token; one that was changed is known after a reload",
            ),
            Self::Certificate => (
                StatusCode::FORBIDDEN,
                "nobody in admin.clients has a name of this certificate as subject, and there is no token either",
            ),
            Self::CrossSite => (
                StatusCode::FORBIDDEN,
                "a page of another origin sent this (Origin or Sec-Fetch-Site says so); nothing was changed",
            ),
            Self::ContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body of a write is JSON: send Content-Type: application/json, or no body",
            ),
            Self::TooMany(_) | Self::TooManyWrong(_) | Self::Scope(..) => (StatusCode::FORBIDDEN, ""),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, detail) = self.told();
        let mut response = problem(status, self.title(), &detail);
        let fixed = HeaderValue::from_static;
        let more = match self {
            Self::Method => Some((header::ALLOW, fixed("GET, HEAD, POST"))),
            Self::NoToken => Some((header::WWW_AUTHENTICATE, fixed("Bearer realm=\"pulsegate\""))),
            Self::WrongToken => {
                Some((header::WWW_AUTHENTICATE, fixed("Bearer realm=\"pulsegate\", error=\"invalid_token\"")))
            }
            Self::Scope(..) => {
                Some((header::WWW_AUTHENTICATE, fixed("Bearer realm=\"pulsegate\", error=\"insufficient_scope\"")))
            }
            // In whole seconds, and never at once.
            Self::TooMany(wait) | Self::TooManyWrong(wait) => Some((header::RETRY_AFTER, (wait.as_secs() + 1).into())),
            _ => None,
        };
        response.headers_mut().extend(more);
        response
    }
}

/// Sent by a program or by a page of this very listener.
fn write_is_meant(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let site = |value: &HeaderValue| matches!(value.as_bytes(), b"same-origin" | b"none");
    if !headers.get_all("sec-fetch-site").iter().all(site) {
        return Err(Refusal::CrossSite);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let same = |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| same_origin(origin, host));
    if !headers.get_all(header::ORIGIN).iter().all(same) {
        return Err(Refusal::CrossSite);
    }
    let json = |value: &HeaderValue| {
        let essence = value.to_str().ok().and_then(|text| text.split(';').next());
        essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    };
    if headers.get_all(header::CONTENT_TYPE).iter().all(json) { Ok(()) } else { Err(Refusal::ContentType) }
}

/// The authority decides: what terminates TLS in front of us changes the scheme and passes the Host on.
fn same_origin(origin: &str, host: Option<&str>) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

/// A request target with a host of its own (absolute form) must pass as well.
fn trusted_host(request: &Request) -> bool {
    let in_target = request.uri().authority().is_none_or(|authority| trusted(authority.as_str()));
    in_target && trusted_headers(request.headers())
}

fn trusted_headers(headers: &HeaderMap) -> bool {
    headers.get_all(header::HOST).iter().all(|host| host.to_str().is_ok_and(trusted))
}

/// Is this Host (with or without port) an IP literal, `localhost` or empty?
fn trusted(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(ip, port)| ip.parse::<Ipv6Addr>().is_ok() && is_port(port));
    }
    let (name, port) = host.find(':').map_or((host, ""), |colon| host.split_at(colon));
    let name = name.strip_suffix('.').unwrap_or(name);
    is_port(port) && (name.is_empty() || name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok())
}

/// "" or ":" and digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_trusted() {
        for host in [
            "",
            "localhost",
            "LocalHost:9090",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:9090",
            "10.1.2.3:80",
            "[::1]",
            "[::1]:9090",
        ] {
            assert!(trusted(host), "{host}");
        }
    }

    #[test]
    fn names_that_a_stranger_can_point_here_are_not() {
        for host in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:9090.evil.example",
            "[::1].evil.example",
            "[evil.example]",
            "localhost@evil.example",
            "localhost:80, evil.example",
        ] {
            assert!(!trusted(host), "{host}");
        }
    }

    fn guard(loopback: bool, known: &[(&str, &str)]) -> AccessControl {
        let clock = Clock::start();
        let callers = Arc::new(ArcSwap::from_pointee(crate::admin::callers::tests::callers(known)));
        AccessControl::new(loopback, callers, Arc::new(Telemetry::new(None, clock)), clock)
    }

    /// Method, path, Host, token: who it is, or why not.
    #[test]
    fn off_loopback_a_token_is_needed_and_any_host_will_do() {
        use crate::admin::tokens::tests::OPS;
        let right = format!("Bearer {OPS}");
        for (known, token, path, expected) in [
            (&[("ops", OPS)][..], None, "/livez", Ok("anybody")),
            (&[("ops", OPS)], None, "/readyz", Ok("anybody")),
            (&[("ops", OPS)], None, "/metrics", Err(Refusal::NoToken)),
            (&[("ops", OPS)], None, "/livez/x", Err(Refusal::NoToken)),
            (&[("ops", OPS)], Some("Bearer of bad news"), "/metrics", Err(Refusal::WrongToken)),
            (&[("ops", OPS)], Some(right.as_str()), "/metrics", Ok("ops")),
            // No configuration allows this; if one did, nobody would get in.
            (&[], None, "/metrics", Err(Refusal::NoToken)),
            (&[], Some(right.as_str()), "/metrics", Err(Refusal::WrongToken)),
        ] {
            let mut request = Request::builder().uri(path).header(header::HOST, "gateway.example:9090");
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, token);
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            let admitted = guard(false, known).admits(&request).map(|who| who.0.to_string());
            assert_eq!(admitted, expected.map(str::to_owned), "{known:?} {token:?} {path}");
        }
    }

    #[test]
    fn of_a_flood_of_denied_writes_one_is_told() {
        let guard = guard(false, &[]);
        let request = || {
            let mut request = Request::post("/reload").body(axum::body::Body::empty()).unwrap();
            request.extensions_mut().insert(Peer(([127, 0, 0, 1], 1).into()));
            request
        };
        guard.audit(&request(), &Refusal::NoToken);
        let until = guard.quiet_until.load(Ordering::Relaxed);
        assert!(until > 0);
        guard.audit(&request(), &Refusal::NoToken);
        assert_eq!(guard.quiet_until.load(Ordering::Relaxed), until, "the second is counted only");
    }

    #[test]
    fn every_host_header_must_pass() {
        let mut headers = HeaderMap::new();
        assert!(trusted_headers(&headers));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        headers.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(!trusted_headers(&headers));
    }
}
