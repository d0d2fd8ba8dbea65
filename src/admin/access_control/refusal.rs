//! Why does a request go no further, and what is its client told?

use crate::admin::view::problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pulsegate_core::plan::Scope;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
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

impl Refusal {
    /// Who was recognised, and may not.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Scope(name, _) => Some(name),
            _ => None,
        }
    }

    pub const fn title(&self) -> &'static str {
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

    fn detail(&self) -> (StatusCode, Cow<'static, str>) {
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
        let (status, detail) = self.detail();
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
