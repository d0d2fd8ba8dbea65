//! Who may ask, and how? A Host that cannot be rebound, a token or a certificate where there are any, a scope that suffices, no more often than
//! is decent, and no write on behalf of a foreign page.
//!
//! Wrong tokens of one client are answered 429 after a few, but a right one is let in all the same: a scraper with an old token must not lock
//! out the operator behind the same address. Guessing is bounded by the limit on all requests of a client, and by the length of tokens.

mod origin;
mod refusal;

use self::origin::{trusted_host, write_is_meant};
use self::refusal::Refusal;
use crate::admin::callers::{Callers, Unknown, Who};
use crate::admin::page::is_page;
use crate::admin::server::{Peer, Shown};
use crate::admin::steer::action_of;
use crate::clock::Clock;
use crate::telemetry::{AdminWrite, Operators, WriteResult};
use arc_swap::ArcSwap;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pulsegate_core::http::client_rate_limit::{Allowance, ClientRateLimiter};
use pulsegate_core::plan::Scope;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Of the audit lines about writes that were denied: a flood of them costs one line in this time.
const QUIET: Duration = Duration::from_secs(1);

/// For the page and, since it says no more than that nothing else may be loaded, for every other answer.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

#[derive(Debug)]
pub struct AccessControl {
    /// The listener's address is one.
    pub loopback: bool,
    pub callers: Arc<ArcSwap<Callers>>,
    pub telemetry: Arc<Operators>,
    pub clock: Clock,
    /// No denied write is logged before this (nanoseconds of the process).
    pub quiet_until: AtomicU64,
    requests: Mutex<ClientRateLimiter>,
    wrong_tokens: Mutex<ClientRateLimiter>,
}

/// The middleware around every page.
pub async fn admitted_only(State(access): State<Arc<AccessControl>>, mut request: Request, next: Next) -> Response {
    let mut response = match access.admits(&request) {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(refusal) => {
            access.audit(&request, &refusal);
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

impl AccessControl {
    pub fn new(loopback: bool, callers: Arc<ArcSwap<Callers>>, telemetry: Arc<Operators>, clock: Clock) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn access(loopback: bool, known: &[(&str, &str)]) -> AccessControl {
        let clock = Clock::start();
        let callers = Arc::new(ArcSwap::from_pointee(crate::admin::callers::tests::callers(known)));
        AccessControl::new(loopback, callers, crate::telemetry::Telemetry::new(None, clock, None).operators, clock)
    }

    /// Method, path, Host, token: who it is, or why not.
    #[test]
    fn off_loopback_a_token_is_needed_and_any_host_will_do() {
        use crate::admin::callers::tests::OPS;
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
            let admitted = access(false, known).admits(&request).map(|who| who.0.to_string());
            assert_eq!(admitted, expected.map(str::to_owned), "{known:?} {token:?} {path}");
        }
    }

    #[test]
    fn of_a_flood_of_denied_writes_one_is_told() {
        let access = access(false, &[]);
        let request = || {
            let mut request = Request::post("/reload").body(axum::body::Body::empty()).unwrap();
            request.extensions_mut().insert(Peer(([127, 0, 0, 1], 1).into()));
            request
        };
        access.audit(&request(), &Refusal::NoToken);
        let until = access.quiet_until.load(Ordering::Relaxed);
        assert!(until > 0);
        access.audit(&request(), &Refusal::NoToken);
        assert_eq!(access.quiet_until.load(Ordering::Relaxed), until, "the second is counted only");
    }
}
