//! How is a default written? As an operator would: durations and sizes with their unit, shares in percent, choices by their word.

use pulsegate_core::plan::{
    ConnectionAuth, HalfClosedClients, HashBy, LimitBy, OnDown, OnMalformed, OtlpProtocol, Policy, Protocol, Scope,
    Scopes, SmtpTls, TlsVersion, UnknownWord, WhenNoneEligible,
};
use std::time::Duration;

pub(super) fn secs(span: Duration) -> String {
    format!("{}s", span.as_secs_f64())
}

pub(super) fn millis(span: Duration) -> String {
    format!("{}ms", span.as_secs_f64() * 1e3)
}

pub(super) fn minutes(span: Duration) -> String {
    format!("{}m", span.as_secs_f64() / 60.0)
}

/// `off` where there is none.
pub(super) fn hours(span: Option<Duration>) -> String {
    span.map_or_else(|| "off".to_owned(), |span| format!("{}h", span.as_secs_f64() / 3600.0))
}

/// `none` where there is none.
pub(super) fn deadline(span: Option<Duration>) -> String {
    span.map_or_else(|| "none".to_owned(), secs)
}

/// In the largest unit that leaves a whole number.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

/// To a millionth of a percent: what a binary fraction adds is not meant.
pub(super) fn share(share: f64) -> String {
    format!("{}%", (share * 1e8).round() / 1e6)
}

pub(super) fn list(words: &[String]) -> String {
    format!("[{}]", words.join(", "))
}

/// Whoever may read may see the metrics.
pub(super) fn scopes(scopes: Scopes) -> String {
    let named =
        [(Scope::Metrics, scopes.metrics && !scopes.read), (Scope::Read, scopes.read), (Scope::Write, scopes.write)];
    list(&named.iter().filter(|(_, has)| *has).map(|(scope, _)| scope.word().to_owned()).collect::<Vec<_>>())
}

pub(super) const fn half_closed_clients(clients: HalfClosedClients) -> &'static str {
    match clients {
        HalfClosedClients::Cancel => "cancel",
        HalfClosedClients::Answer => "answer",
    }
}

pub(super) const fn policy(policy: &Policy) -> &'static str {
    match policy {
        Policy::LeastRequest => "least_request",
        Policy::RoundRobin => "round_robin",
        Policy::PeakEwma => "peak_ewma",
        Policy::Random => "random",
        Policy::Hash(_) => "hash",
    }
}

pub(super) fn hash_by(by: &HashBy) -> String {
    match by {
        HashBy::ClientAddress => "client_address".to_owned(),
        HashBy::Path => "path".to_owned(),
        HashBy::Header(name) => format!("header:{name}"),
        HashBy::Cookie(name) => format!("cookie:{name}"),
    }
}

pub(super) fn limit_by(by: &LimitBy) -> String {
    match by {
        LimitBy::Client => "client".to_owned(),
        LimitBy::Route => "route".to_owned(),
        LimitBy::Header(name) => format!("header:{name}"),
    }
}

pub(super) const fn none_eligible(what: WhenNoneEligible) -> &'static str {
    match what {
        WhenNoneEligible::FailClosed => "fail_closed",
        WhenNoneEligible::FailOpen => "fail_open",
        WhenNoneEligible::LastKnownGood => "last_known_good",
    }
}

pub(super) const fn on_down(what: OnDown) -> &'static str {
    match what {
        OnDown::Keep => "keep",
        OnDown::RetireIdle => "retire_idle",
        OnDown::CloseAll => "close_all",
    }
}

pub(super) const fn connection_auth(auth: ConnectionAuth) -> &'static str {
    match auth {
        ConnectionAuth::Bind => "bind",
        ConnectionAuth::Share => "share",
    }
}

pub(super) const fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http1 => "http1",
        Protocol::Http2 => "http2",
    }
}

pub(super) const fn otlp(protocol: OtlpProtocol) -> &'static str {
    match protocol {
        OtlpProtocol::Http => "http",
        OtlpProtocol::Grpc => "grpc",
    }
}

/// As text: YAML would read a number.
pub(super) const fn tls_version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::Tls12 => "\"1.2\"",
        TlsVersion::Tls13 => "\"1.3\"",
    }
}

pub(super) const fn smtp_tls(tls: SmtpTls) -> &'static str {
    match tls {
        SmtpTls::StartTls => "starttls",
        SmtpTls::Implicit => "implicit",
        SmtpTls::None => "none",
    }
}

pub(super) const fn unknown_word(means: UnknownWord) -> &'static str {
    match means {
        UnknownWord::Pass => "pass",
        UnknownWord::Degraded => "degraded",
        UnknownWord::Fail => "fail",
    }
}

pub(super) const fn on_malformed(means: OnMalformed) -> &'static str {
    match means {
        OnMalformed::Pass => "pass",
        OnMalformed::Degraded => "degraded",
        OnMalformed::Fail => "fail",
    }
}
