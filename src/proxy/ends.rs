//! What did pingora's errors mean on the wire? One table from its error types to how an attempt ended.

use h2::Reason;
use pingora::{Error, ErrorType};
use pulsegate_core::http::chunks::MalformedBody;
use pulsegate_core::http::response_watch::Malformed;
use pulsegate_core::traffic::outcome::AttemptEnd;

/// A connection could not be had. (TLS is not pingora's: `secure`.)
pub(super) fn of_connect(error: &Error) -> AttemptEnd {
    match error.etype() {
        // Out of file descriptors or ports, or a mistake of ours: the backend was never asked.
        ErrorType::InternalError | ErrorType::SocketError | ErrorType::BindError => AttemptEnd::Ours,
        ErrorType::ConnectTimedout => AttemptEnd::ConnectFailed { timed_out: true },
        _ => AttemptEnd::ConnectFailed { timed_out: false },
    }
}

/// Did the client's body break the rules (the core's `http::chunks`), or its connection?
pub(super) fn is_malformed_body(error: &Error) -> bool {
    because_of::<MalformedBody>(error).is_some()
}

/// The exchange broke before a response head was complete.
pub(super) fn before_head(error: &Error, reused: bool) -> AttemptEnd {
    match error.etype() {
        ErrorType::InvalidHTTPHeader => AttemptEnd::InvalidResponse,
        _ => match because_of::<Malformed>(error) {
            Some(Malformed::HeadTooLarge) => AttemptEnd::HeadTooLarge,
            Some(Malformed::Head | Malformed::Body) => AttemptEnd::InvalidResponse,
            None => AttemptEnd::ResetBeforeHead { reused },
        },
    }
}

/// A stream of an HTTP/2 connection broke before its head.
pub(super) fn before_head_of_stream(error: &h2::Error) -> AttemptEnd {
    match error.reason() {
        Some(Reason::REFUSED_STREAM) if error.is_reset() => AttemptEnd::NotProcessed { excused: false },
        // h2 gives this error to the streams that the goodbye left out, and to those who come behind it.
        Some(_) if error.is_go_away() && error.is_remote() => AttemptEnd::NotProcessed { excused: true },
        _ if error.is_library() => AttemptEnd::InvalidResponse,
        _ => AttemptEnd::ResetBeforeHead { reused: false },
    }
}

/// Why a connection that we watch ended the reading, if it did.
fn because_of<T: std::error::Error + 'static>(error: &Error) -> Option<&T> {
    error.root_cause().downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let connect = |etype| of_connect(&Error::new(etype));
        assert_eq!(connect(ErrorType::ConnectRefused), AttemptEnd::ConnectFailed { timed_out: false });
        assert_eq!(connect(ErrorType::ConnectNoRoute), AttemptEnd::ConnectFailed { timed_out: false });
        assert_eq!(connect(ErrorType::ConnectTimedout), AttemptEnd::ConnectFailed { timed_out: true });
        assert_eq!(connect(ErrorType::InternalError), AttemptEnd::Ours);
        assert_eq!(connect(ErrorType::BindError), AttemptEnd::Ours);

        let broken = |etype, reused| before_head(&Error::new(etype), reused);
        assert_eq!(broken(ErrorType::InvalidHTTPHeader, true), AttemptEnd::InvalidResponse);
        assert_eq!(broken(ErrorType::ConnectionClosed, true), AttemptEnd::ResetBeforeHead { reused: true });
        assert_eq!(broken(ErrorType::ReadError, false), AttemptEnd::ResetBeforeHead { reused: false });
        assert_eq!(broken(ErrorType::WriteError, false), AttemptEnd::ResetBeforeHead { reused: false });

        for (flaw, end) in
            [(Malformed::Head, AttemptEnd::InvalidResponse), (Malformed::HeadTooLarge, AttemptEnd::HeadTooLarge)]
        {
            let refused = std::io::Error::new(std::io::ErrorKind::InvalidData, flaw);
            let refused = Error::because(ErrorType::ReadError, "while reading response headers", refused);
            assert_eq!(before_head(&refused, true), end);
        }
    }
}
