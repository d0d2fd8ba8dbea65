//! Who is it that asks, and what may they? By bearer token, by a verified certificate, or because only this machine's users get here.

mod caller;
mod tokens;

pub use caller::{Caller, Who};

use self::tokens::Tokens;
use crate::tls::Subject;
use axum::http::{HeaderMap, header};
use pulsegate_core::plan::{AdminClient, AdminLimits, AdminPlan, Scopes};
use std::sync::Arc;

/// Everybody who may ask, in force until the next reload.
#[derive(Debug)]
pub struct Callers {
    tokens: Tokens,
    clients: Vec<AdminClient>,
    /// Clients are asked for a certificate.
    certificates: bool,
    pub limits: AdminLimits,
}

/// Why somebody was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    NoToken,
    WrongToken,
    /// A verified certificate, but nobody's in `admin.clients`.
    Certificate,
}

impl Callers {
    /// # Errors
    /// A sentence for each token that cannot be used.
    pub fn read(plan: &AdminPlan) -> Result<Self, Vec<String>> {
        Ok(Self {
            tokens: Tokens::read(&plan.tokens)?,
            clients: plan.clients.clone(),
            certificates: plan.tls.as_ref().is_some_and(|tls| tls.client_auth.is_some()),
            limits: plan.limits,
        })
    }

    /// `shown`: the certificate of the connection, verified. A caller that sends a token as well is the token's owner.
    ///
    /// # Errors
    /// Why nobody is recognised.
    pub fn who(&self, headers: &HeaderMap, shown: Option<&Subject>, loopback: bool) -> Result<Caller, Unknown> {
        if loopback && self.tokens.is_empty() && !self.certificates {
            return Ok(Caller { name: "loopback".into(), scopes: Scopes::ALL });
        }
        match (headers.contains_key(header::AUTHORIZATION), shown) {
            (true, _) => self.tokens.who(headers).ok_or(Unknown::WrongToken),
            (false, Some(subject)) => self.holder(subject),
            (false, None) => Err(Unknown::NoToken),
        }
    }

    /// What the subject is called in the audit log cannot be mistaken for a token's name: those have no `=`.
    fn holder(&self, subject: &Subject) -> Result<Caller, Unknown> {
        if self.clients.is_empty() {
            return Ok(Caller { name: subject.written.as_str().into(), scopes: Scopes::ALL });
        }
        let known = self.clients.iter().find(|client| subject.names.iter().any(|name| **name == *client.subject));
        let caller = |client: &AdminClient| Caller { name: Arc::clone(&client.name), scopes: client.scopes };
        known.map(caller).ok_or(Unknown::Certificate)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    pub use crate::admin::callers::tokens::tests::OPS;
    use crate::admin::callers::tokens::tests::tokens;
    use axum::http::HeaderValue;

    const READ: Scopes = Scopes { metrics: false, read: true, write: false };

    /// Callers with these tokens and nothing else.
    pub fn callers(known: &[(&str, &str)]) -> Callers {
        Callers { tokens: tokens(known), clients: Vec::new(), certificates: false, limits: AdminLimits::default() }
    }

    fn with(known: &[(&str, &str)], clients: &[(&str, &str)]) -> Callers {
        let client = |(name, subject): &(&str, &str)| AdminClient {
            name: (*name).into(),
            subject: (*subject).into(),
            scopes: READ,
        };
        Callers { certificates: true, clients: clients.iter().map(client).collect(), ..callers(known) }
    }

    #[test]
    fn tokens_certificates_and_loopback() {
        let right = format!("Bearer {OPS}");
        let till = Subject { written: "CN=till".to_owned(), names: vec!["till".to_owned(), "till.test".to_owned()] };
        let (none, ops): (&[(&str, &str)], _) = (&[], &[("ops", OPS)][..]);
        let (anybody, till_only) = (&[][..], &[("shop", "till.test")][..]);
        for (what, callers, token, shown, loopback, expected) in [
            ("loopback", callers(none), None, false, true, Ok(("loopback", true))),
            (
                "a token counts nothing where none is known",
                callers(none),
                Some("Basic x"),
                false,
                true,
                Ok(("loopback", true)),
            ),
            ("elsewhere nobody", callers(none), None, false, false, Err(Unknown::NoToken)),
            ("a token", callers(ops), Some(&*right), false, true, Ok(("ops", true))),
            ("no token", callers(ops), None, false, true, Err(Unknown::NoToken)),
            ("a wrong one", callers(ops), Some("Bearer x"), false, true, Err(Unknown::WrongToken)),
            ("any certificate", with(none, anybody), None, true, false, Ok(("CN=till", true))),
            ("no certificate, on loopback too", with(none, anybody), None, false, true, Err(Unknown::NoToken)),
            ("a listed one", with(none, till_only), None, true, false, Ok(("shop", false))),
            ("one that is not listed", with(ops, &[("x", "other")]), None, true, true, Err(Unknown::Certificate)),
            ("with a token it may", with(ops, &[("x", "other")]), Some(&*right), true, true, Ok(("ops", true))),
            ("a wrong token beside it", with(ops, till_only), Some("Bearer x"), true, true, Err(Unknown::WrongToken)),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(token) = token {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_str(token).unwrap());
            }
            let who = callers.who(&headers, shown.then_some(&till), loopback);
            let who = who.map(|caller| (caller.name.to_string(), caller.scopes.write));
            assert_eq!(who, expected.map(|(name, write)| (name.to_owned(), write)), "{what}");
        }
    }
}
