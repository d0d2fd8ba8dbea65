//! Whose is a connection to a backend once a request has gone over it? Everybody's, unless it says who the client is: then it serves this
//! client's connection alone, and where that one carries several users, nobody.
//!
//! A connection says so by a PROXY header at its beginning, or because somebody has authenticated himself over it (NTLM, Negotiate): whoever
//! came next would be served as the one before.

use crate::plan::{ConnectionAuth, UpstreamPlan};

/// What ties a request to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ties {
    /// It carries credentials that authenticate the connection that they go over.
    pub authenticates: bool,
    /// The client's connection carries requests of one user, one after the other: HTTP/1, and not from a proxy that speaks for many.
    pub one_user: bool,
}

/// Who may use a connection behind an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Everybody,
    /// The connection of this client.
    Client,
    /// As before, and its next request goes over it, past the balancer.
    BoundClient,
    Nobody,
}

impl Ties {
    /// `asked`: the answer asks for such credentials, or says that they were taken. `known`: its client was bound to it before; whatever the
    /// configuration says by now, it is nobody else's.
    pub(super) fn owner(self, upstream: &UpstreamPlan, asked: bool, known: bool) -> Owner {
        let binds = upstream.connection_auth == ConnectionAuth::Bind && (asked || self.authenticates);
        let bound = known || binds;
        match (bound, upstream.send_proxy_protocol) {
            (true, _) if self.one_user => Owner::BoundClient,
            (true, _) => Owner::Nobody,
            (false, Some(_)) => Owner::Client,
            (false, None) => Owner::Everybody,
        }
    }

    /// May its client own connections that its next request is to go over?
    pub(super) fn may_bind(self, upstream: &UpstreamPlan) -> bool {
        self.one_user && upstream.connection_auth == ConnectionAuth::Bind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::proxy_protocol::Version;

    #[test]
    fn a_connection_that_says_who_its_client_is_serves_nobody_else() {
        let shared = UpstreamPlan::named("pool");
        let introduced = UpstreamPlan { send_proxy_protocol: Some(Version::V2), ..shared.clone() };
        let ignoring = UpstreamPlan { connection_auth: ConnectionAuth::Share, ..shared.clone() };
        let (one, many) = (true, false);
        for (upstream, one_user, [nothing, carried, asked, known]) in [
            (&shared, one, [Owner::Everybody, Owner::BoundClient, Owner::BoundClient, Owner::BoundClient]),
            (&shared, many, [Owner::Everybody, Owner::Nobody, Owner::Nobody, Owner::Nobody]),
            (&introduced, one, [Owner::Client, Owner::BoundClient, Owner::BoundClient, Owner::BoundClient]),
            (&introduced, many, [Owner::Client, Owner::Nobody, Owner::Nobody, Owner::Nobody]),
            (&ignoring, one, [Owner::Everybody, Owner::Everybody, Owner::Everybody, Owner::BoundClient]),
            (&ignoring, many, [Owner::Everybody, Owner::Everybody, Owner::Everybody, Owner::Nobody]),
        ] {
            for (authenticates, seen, expected) in [
                (false, (false, false), nothing),
                (true, (false, false), carried),
                (false, (true, false), asked),
                (true, (true, false), asked),
                (false, (false, true), known),
                (true, (true, true), known),
            ] {
                let ties = Ties { authenticates, one_user };
                assert_eq!(ties.owner(upstream, seen.0, seen.1), expected, "{one_user} {authenticates} {seen:?}");
            }
        }
    }
}
