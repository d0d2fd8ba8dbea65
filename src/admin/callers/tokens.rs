//! Whose token is this? Bearer tokens of the plan, read from their files and variables at the start and at every reload.
//!
//! Kept as keyed hashes under a key of this process, never in clear, and compared by `hmac::verify`, which takes the same time wherever
//! two differ. Every known token is compared, so that the time does not tell whose it nearly was either.

use super::caller::Caller;
use crate::secret;
use axum::http::{HeaderMap, header};
use pulsegate_core::plan::TokenPlan;
use ring_crypto::hmac;
use ring_crypto::rand::SystemRandom;
use std::fmt;
use std::sync::Arc;

/// Shorter ones can be guessed.
const LEAST: usize = 16;

/// The tokens in force.
pub struct Tokens {
    key: hmac::Key,
    known: Vec<(Caller, hmac::Tag)>,
}

impl Tokens {
    /// Reads every token of `plan`.
    ///
    /// # Errors
    /// A sentence for each that cannot be used.
    pub fn read(plan: &[TokenPlan]) -> Result<Self, Vec<String>> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| vec!["admin.tokens: the system gives no random bytes to hash them with".to_owned()])?;
        let mut tokens = Self { key, known: Vec::new() };
        let mut problems = Vec::new();
        for one in plan {
            match secret::read(&one.source).and_then(|text| usable(&text)) {
                Ok(token) => match tokens.owner(token.as_bytes()) {
                    Some(other) => problems.push(format!(
                        "admin.tokens: {} has the token of {}; the audit log could not tell them apart, give it one of its own",
                        one.name, other.name
                    )),
                    None => {
                        let caller = Caller { name: Arc::clone(&one.name), scopes: one.scopes };
                        tokens.known.push((caller, hmac::sign(&tokens.key, token.as_bytes())));
                    }
                },
                Err(why) => problems.push(format!("admin.tokens: the token of {}: {why}", one.name)),
            }
        }
        if problems.is_empty() { Ok(tokens) } else { Err(problems) }
    }

    /// Nobody has one, so nobody needs one.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whose is the bearer token of this request? `None` where it has none, several, or one that nobody has.
    pub fn who(&self, headers: &HeaderMap) -> Option<Caller> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(only), None) = (values.next(), values.next()) else { return None };
        let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| self.owner(token.trim().as_bytes())).flatten()
    }

    fn owner(&self, token: &[u8]) -> Option<Caller> {
        let compare = |owner: Option<Caller>, (caller, tag): &(Caller, hmac::Tag)| {
            let same = hmac::verify(&self.key, token, tag.as_ref()).is_ok();
            if same { Some(caller.clone()) } else { owner }
        };
        self.known.iter().fold(None, compare)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(caller, _)| &caller.name)).finish()
    }
}

/// Of the characters that RFC 6750 allows, and long enough.
fn usable(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    if !text.chars().all(allowed) {
        return Err(
            "found a character that a bearer token cannot have, allowed: letters, digits and - . _ ~ + / =".to_owned()
        );
    }
    if text.len() < LEAST {
        return Err(format!(
            "found {} characters, allowed: at least {LEAST}, and better random ones (openssl rand -hex 32)",
            text.len()
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use pulsegate_core::plan::{Scopes, TokenSource};

    pub const OPS: &str = "0123456789abcdef0123456789abcdef";

    /// The tokens of these names.
    pub fn tokens(known: &[(&str, &str)]) -> Tokens {
        let folder = tempfile::TempDir::new().unwrap();
        let plan = known.iter().map(|(name, token)| {
            let file = folder.path().join(name);
            std::fs::write(&file, format!("{token}\n")).unwrap();
            TokenPlan { name: (*name).into(), source: TokenSource::File(file), scopes: Scopes::ALL }
        });
        Tokens::read(&plan.collect::<Vec<_>>()).unwrap()
    }

    fn who(tokens: &Tokens, values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        tokens.who(&headers).map(|caller| caller.name.to_string())
    }

    #[test]
    fn a_token_has_one_owner() {
        let other = "zzzzzzzzzzzzzzzzzzzz";
        let tokens = tokens(&[("ops", OPS), ("ci", other)]);
        assert_eq!(who(&tokens, &[&format!("Bearer {OPS}")]).as_deref(), Some("ops"));
        assert_eq!(who(&tokens, &[&format!("bearer {other}")]).as_deref(), Some("ci"));
        for wrong in [
            &[][..],
            &["Bearer "],
            &["Bearer"],
            &["Bearer 0123456789abcdef0123456789abcdee"],
            &["Bearer 0123456789abcdef0123456789abcde"],
            &["Bearer 0123456789abcdef0123456789abcdeff"],
            &["Basic 0123456789abcdef0123456789abcdef"],
            &["0123456789abcdef0123456789abcdef"],
            &["Bearer 0123456789abcdef0123456789abcdef", "Bearer zzzzzzzzzzzzzzzzzzzz"],
        ] {
            assert_eq!(who(&tokens, wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn tokens_that_cannot_be_used_say_why() {
        let folder = tempfile::TempDir::new().unwrap();
        let refused = |text: &str| {
            let file = folder.path().join("token");
            std::fs::write(&file, text).unwrap();
            let one = TokenPlan { name: "ops".into(), source: TokenSource::File(file), scopes: Scopes::ALL };
            Tokens::read(&[one]).unwrap_err().remove(0)
        };
        assert!(refused("short").contains("found 5 characters"), "{}", refused("short"));
        assert!(refused("two words are not a token").contains("cannot have"));
        let missing = |source| {
            Tokens::read(&[TokenPlan { name: "ops".into(), source, scopes: Scopes::ALL }]).unwrap_err().remove(0)
        };
        assert!(missing(TokenSource::File("/nowhere/token".into())).contains("/nowhere/token cannot be read"));
        assert!(missing(TokenSource::Env("PULSEGATE_NO_SUCH".into())).contains("PULSEGATE_NO_SUCH is not set"));
        let file = folder.path().join("token");
        std::fs::write(&file, OPS).unwrap();
        let one =
            |name: &str| TokenPlan { name: name.into(), source: TokenSource::File(file.clone()), scopes: Scopes::ALL };
        assert!(Tokens::read(&[one("ops"), one("ci")]).unwrap_err()[0].contains("ci has the token of ops"));
    }

    #[test]
    fn tokens_are_compared_in_constant_time_and_never_shown() {
        let code = include_str!("tokens.rs").split("#[cfg(test)]").next().unwrap();
        assert!(code.contains("hmac::verify(") && !code.contains("token =="), "another comparison than hmac::verify");
        assert_eq!(format!("{:?}", tokens(&[("ops", OPS)])), "[\"ops\"]");
    }
}
