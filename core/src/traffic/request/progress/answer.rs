//! How far is an answer, and what does it say of itself? Awaited, begun, complete, or a tunnel: one of them at a time.

use crate::traffic::outcome::AttemptEnd;

/// What a tunnel came to that both sides have ended.
const SWITCHED: Said = Said { status: 101, sized: false, grpc_status: None };

/// The way of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Awaited,
    /// It is the client's.
    Begun(Said),
    /// The backend has said all; the client may still have to take it.
    Complete(Said),
    /// Both sides have left HTTP, and at least one of them still speaks.
    Tunnel(Speaking),
}

/// Who has not ended its direction of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaking {
    Both,
    Client,
    Backend,
}

/// What an answer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub(super) status: u16,
    /// How long it is.
    pub(super) sized: bool,
    pub(super) grpc_status: Option<u16>,
}

impl Answer {
    /// Both sides leave HTTP behind the head.
    pub fn switch_protocols(&mut self) {
        *self = Answer::Tunnel(Speaking::Both);
    }

    /// Trailers came: what they say counts, whatever the head said.
    pub fn trailers(&mut self, grpc_status: Option<u16>) {
        if let Answer::Begun(said) | Answer::Complete(said) = self {
            said.grpc_status = grpc_status;
        }
    }

    /// The backend has said all. In a tunnel, the client may go on.
    pub fn complete(&mut self) {
        *self = match *self {
            Answer::Begun(said) => Answer::Complete(said),
            Answer::Tunnel(Speaking::Both | Speaking::Client) => Answer::Tunnel(Speaking::Client),
            Answer::Tunnel(Speaking::Backend) => Answer::Complete(SWITCHED),
            answer @ (Answer::Awaited | Answer::Complete(_)) => answer,
        };
    }

    /// The client has said all that it sends through a tunnel. The backend may go on.
    pub fn complete_tunnelled_request(&mut self) {
        *self = match *self {
            Answer::Tunnel(Speaking::Both | Speaking::Backend) => Answer::Tunnel(Speaking::Backend),
            Answer::Tunnel(Speaking::Client) => Answer::Complete(SWITCHED),
            answer @ (Answer::Awaited | Answer::Begun(_) | Answer::Complete(_)) => answer,
        };
    }
}

impl Said {
    pub(super) fn end(self) -> AttemptEnd {
        match (self.status, self.grpc_status) {
            (200, Some(status)) => AttemptEnd::GrpcStatus(status),
            (status, _) => AttemptEnd::Response { status },
        }
    }
}
