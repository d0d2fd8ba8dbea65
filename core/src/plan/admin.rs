//! Who may ask the admin listener what, and how often?

use std::sync::Arc;

/// What a token or a certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// `/metrics` alone.
    pub metrics: bool,
    /// Everything that is read, metrics too.
    pub read: bool,
    /// Everything that changes something.
    pub write: bool,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Metrics,
    Read,
    Write,
}

/// Nothing said of scopes means all of them.
impl Default for Scopes {
    fn default() -> Self {
        Self::ALL
    }
}

impl Scopes {
    /// Everything.
    pub const ALL: Self = Self { metrics: true, read: true, write: true };

    pub const fn allow(self, needed: Scope) -> bool {
        match needed {
            Scope::Metrics => self.metrics || self.read,
            Scope::Read => self.read,
            Scope::Write => self.write,
        }
    }
}

impl Scope {
    /// Of a request, by whether it writes and its path.
    pub fn needed(writes: bool, path: &str) -> Self {
        match (writes, path) {
            (true, _) => Self::Write,
            (false, "/metrics") => Self::Metrics,
            (false, _) => Self::Read,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Whose a client's certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminClient {
    /// For the audit log.
    pub name: Arc<str>,
    /// Its common name, or one of its alternative names.
    pub subject: Arc<str>,
    pub scopes: Scopes,
}

/// How often one client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminLimits {
    /// 0 = no limit.
    pub requests_per_second: u32,
    /// 0 = no limit.
    pub wrong_tokens_per_minute: u32,
}

impl Default for AdminLimits {
    fn default() -> Self {
        Self { requests_per_second: 200, wrong_tokens_per_minute: 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_what_they_are_good_for() {
        let none = Scopes { metrics: false, read: false, write: false };
        for (scopes, metrics, read, write) in [
            (Scopes::ALL, true, true, true),
            (Scopes { read: true, ..none }, true, true, false),
            (Scopes { write: true, ..none }, false, false, true),
            (Scopes { metrics: true, ..none }, true, false, false),
            (none, false, false, false),
        ] {
            let allowed = [Scope::Metrics, Scope::Read, Scope::Write].map(|needed| scopes.allow(needed));
            assert_eq!(allowed, [metrics, read, write], "{scopes:?}");
        }
    }

    #[test]
    fn requests_need_the_scope_of_what_they_do() {
        for (writes, path, needed) in [
            (false, "/metrics", Scope::Metrics),
            (false, "/metrics/", Scope::Read),
            (false, "/upstreams", Scope::Read),
            (true, "/reload", Scope::Write),
            (true, "/metrics", Scope::Write),
        ] {
            assert_eq!(Scope::needed(writes, path), needed, "{writes} {path}");
        }
    }
}
