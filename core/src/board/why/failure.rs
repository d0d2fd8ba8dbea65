//! For what does a probe fail, if several backends can fail for the same? Two that miss one component have one value here, whatever
//! else their answers say.

use crate::plan::ProbeFailure;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::board) enum Failure {
    /// These components of it, by its document.
    Components(Vec<String>),
    /// Its document, which blames no component.
    Document,
    Status(u16),
    CannotConnect,
    NoAnswer,
    Tls,
    AnotherService,
    BrokenAnswer,
    /// It failed before this process.
    Unseen,
}

impl Failure {
    /// Of a probe that failed in this way; `components` are those that fail and count.
    pub(in crate::board) fn of(kind: ProbeFailure, status: Option<u16>, components: &[&str]) -> Self {
        match (kind, status) {
            (ProbeFailure::Status | ProbeFailure::Document, _) if !components.is_empty() => {
                Self::Components(components.iter().map(|name| (*name).to_owned()).collect())
            }
            (ProbeFailure::Document, _) => Self::Document,
            (ProbeFailure::Status, Some(status)) => Self::Status(status),
            (ProbeFailure::Status | ProbeFailure::Body, _) => Self::BrokenAnswer,
            (ProbeFailure::Refused, _) => Self::CannotConnect,
            (ProbeFailure::Timeout, _) => Self::NoAnswer,
            (ProbeFailure::Tls, _) => Self::Tls,
            (ProbeFailure::Identity, _) => Self::AnotherService,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Components(names) => write!(f, "its component {} fails", names.join(", ")),
            Self::Document => f.write_str("its document says so"),
            Self::Status(status) => write!(f, "answered {status}"),
            Self::CannotConnect => f.write_str("cannot connect"),
            Self::NoAnswer => f.write_str("no answer in time"),
            Self::Tls => f.write_str("TLS failed"),
            Self::AnotherService => f.write_str("another service answers"),
            Self::BrokenAnswer => f.write_str("a broken answer"),
            Self::Unseen => f.write_str("failed before this process"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_named_by_what_several_backends_can_share() {
        use ProbeFailure::{Body, Document, Identity, Refused, Status, Timeout, Tls};
        for (kind, status, components, says) in [
            (Status, Some(503), &["db", "queue"][..], "its component db, queue fails"),
            (Document, Some(200), &["db"], "its component db fails"),
            (Document, Some(200), &[], "its document says so"),
            (Status, Some(500), &[], "answered 500"),
            (Status, None, &[], "a broken answer"),
            (Body, Some(200), &["db"], "a broken answer"),
            (Refused, None, &[], "cannot connect"),
            (Timeout, Some(200), &[], "no answer in time"),
            (Tls, None, &[], "TLS failed"),
            (Identity, Some(200), &[], "another service answers"),
        ] {
            assert_eq!(Failure::of(kind, status, components).to_string(), says, "{kind:?} {status:?}");
        }
        assert_eq!(Failure::of(Status, None, &[]), Failure::of(Body, None, &[]), "gRPC says no HTTP status");
        assert_ne!(Failure::of(Status, Some(500), &[]), Failure::of(Status, Some(502), &[]));
    }
}
