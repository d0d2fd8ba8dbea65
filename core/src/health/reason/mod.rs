//! Why does a probe not pass, and what should its owner know? Values that are compared, so that the same is not said twice; the sentences
//! are made here and nowhere else.

mod document;

pub use document::{
    Cause, Complaint, Degraded, NotUnderstood, Note, Part, Parts, Remark, Says, Unknown, Warnings, Whole,
};

use crate::health::reading::GrpcSaid;
use crate::http::grpc;
use std::fmt;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// In the words of the system, of TLS, or of whoever read the answer.
    Told(String),
    NoConnection {
        within: Duration,
    },
    /// It connected, and that was all.
    NoAnswer {
        within: Duration,
    },
    /// An answer of gRPC to another question.
    AnotherProtocol,
    TooLarge {
        status: u16,
        cap: usize,
    },
    /// The status fails. `cause`: what its document adds; `cut_off`: its body was not complete within this time.
    Status {
        status: u16,
        expected: Vec<(u16, u16)>,
        cause: Option<Cause>,
        cut_off: Option<Duration>,
    },
    /// The status passes, and its body was not complete.
    HeadOnly {
        status: u16,
        within: Duration,
    },
    /// The status passes, and its document does not.
    Document {
        status: u16,
        complaint: Complaint,
    },
    /// The status passes, and its document asks for a drain.
    Drains {
        status: u16,
        whole: Whole,
    },
    /// Another answer of gRPC than SERVING about this service; empty: the server as a whole.
    Grpc {
        said: GrpcSaid,
        service: String,
    },
    AnotherService {
        answers: String,
        expected: String,
    },
    /// It does not say which service it is, in the place where it should.
    NamelessService {
        place: String,
        expected: String,
    },
    /// A silence after a no.
    AfterNo {
        silence: Box<Reason>,
        no: Box<Reason>,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(words) => f.write_str(words),
            Self::NoConnection { within } => write!(f, "no connection within {within:?}"),
            Self::NoAnswer { within } => write!(f, "connected, but no complete answer within {within:?}"),
            Self::AnotherProtocol => f.write_str("an answer of gRPC to another question"),
            Self::TooLarge { status, cap } => write!(f, "answered {status} with a body beyond {cap} bytes"),
            Self::Status { status, expected, cause, cut_off } => tell_status(f, *status, expected, cause, *cut_off),
            Self::HeadOnly { status, within } => {
                write!(f, "answered {status}, but its body was not complete within {within:?}")
            }
            Self::Document { status, complaint } => write!(f, "answered {status}, but {complaint}"),
            Self::Drains { status, whole } => write!(f, "answered {status}, and says {whole}"),
            Self::Grpc { said, service } => tell_grpc(f, said, service),
            Self::AnotherService { answers, expected } => {
                write!(f, "answers as {answers:?}, expected {expected:?}: the address was recycled?")
            }
            Self::NamelessService { place, expected } => {
                write!(f, "does not say which service it is ({place} is missing), expected {expected:?}")
            }
            Self::AfterNo { silence, no } => write!(f, "{silence}; it was saying no before, its last answer: {no}"),
        }
    }
}

fn tell_status(
    f: &mut fmt::Formatter<'_>,
    status: u16,
    expected: &[(u16, u16)],
    cause: &Option<Cause>,
    cut_off: Option<Duration>,
) -> fmt::Result {
    write!(f, "answered {status}")?;
    if !expected.is_empty() {
        write!(f, ", expected {}", ranges(expected))?;
    }
    if let Some(cause) = cause {
        write!(f, "{cause}")?;
    }
    match cut_off {
        Some(within) => write!(f, "; its body was not complete within {within:?}"),
        None => Ok(()),
    }
}

/// "204", "200-299 or 404".
fn ranges(expected: &[(u16, u16)]) -> String {
    let one = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    expected.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn tell_grpc(f: &mut fmt::Formatter<'_>, said: &GrpcSaid, service: &str) -> fmt::Result {
    let asked = Asked(service);
    match said {
        GrpcSaid::Health(0) => write!(f, "answered UNKNOWN for {asked}"),
        GrpcSaid::Health(2) => write!(f, "answered NOT_SERVING for {asked}"),
        GrpcSaid::Health(3) => write!(f, "answered SERVICE_UNKNOWN for {asked}"),
        GrpcSaid::Health(other) => write!(f, "answered the serving status {other} for {asked}, which nobody knows"),
        GrpcSaid::Status { code: grpc::NOT_FOUND, .. } => write!(f, "answered NOT_FOUND for {asked}"),
        GrpcSaid::Status { code, message } => {
            match grpc::status_name(*code) {
                Some(name) => write!(f, "answered {name}")?,
                None => write!(f, "answered the unknown grpc-status {code}")?,
            }
            if message.is_empty() { Ok(()) } else { write!(f, " ({message:?})") }
        }
        GrpcSaid::Http(status) => write!(f, "answered HTTP {status}, which is no answer of gRPC"),
    }
}

/// The service that was asked about.
struct Asked<'a>(&'a str);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("the server as a whole"),
            service => write!(f, "service {service:?}"),
        }
    }
}

/// What to look at, where a failure looks like misconfiguration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    UnknownHost,
    WantsAuthorisation,
    NoEndpoint,
    AnotherMethod,
    /// gRPC: the server knows the name, and no status.
    StatusNeverSet,
    /// Empty: it does not know itself.
    NoService {
        service: String,
    },
    NoHealthService,
    HealthWantsAuthorisation,
    /// HTTP answers there.
    PortOfHttp,
    BehindAuthorisation,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownHost => {
                "the application may not know the Host that is sent (Django: ALLOWED_HOSTS); set readiness.host"
            }
            Self::WantsAuthorisation => {
                "the endpoint wants authorisation; set readiness.headers, or open it to the gateway"
            }
            Self::NoEndpoint => "there is no such endpoint; check readiness.path",
            Self::AnotherMethod => "the endpoint refuses this method; check readiness.method",
            Self::StatusNeverSet => {
                "the server knows the name but was never told its status; let the application set it (HealthServicer.set)"
            }
            Self::NoService { service } => {
                return write!(f, "the server has no {}; check readiness.grpc.service", Asked(service));
            }
            Self::NoHealthService => {
                "the server does not implement grpc.health.v1: add its health service (grpcio-health-checking, \
                 tonic-health, grpc-go's health), or probe by `tcp: true`"
            }
            Self::HealthWantsAuthorisation => {
                "the health service wants authorisation; set readiness.headers, or open it to the gateway"
            }
            Self::PortOfHttp => {
                "this port may speak HTTP and no gRPC; set readiness.port, or readiness.path for an HTTP probe"
            }
            Self::BehindAuthorisation => {
                "something before the service wants authorisation; set readiness.headers, or open it to the gateway"
            }
        })
    }
}
