//! What did an error mean on the wire? One table from pingora's and h2's errors to how an attempt ended.

use h2::Reason;
use pingora::{Error, ErrorType};
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
    }
}
