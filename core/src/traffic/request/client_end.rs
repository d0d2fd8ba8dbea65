//! What does the end of a client's direction mean? It has left, or it has said all and waits for its answer.
//!
//! Whoever closes an HTTP/1 connection sends the same FIN as one that ends only its own direction (RFC 9112 §9.6), so the listener says which
//! of the two is believed. A reset leaves no doubt. Behind a switch of protocols a FIN is the end of one direction and never asked about here.

use crate::plan::HalfClosedClients;

/// How a client's direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEnd {
    /// It sends nothing more: a FIN, or the goodbye of TLS.
    Finished,
    /// It takes nothing any more either.
    Reset,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Left,
    /// It waits for its answer.
    Waits,
    /// It waits for an answer to a request that can never be whole.
    Incomplete,
}

impl ClientEnd {
    /// `owes`: some of the request's body has not come.
    pub fn means(self, half_closed: HalfClosedClients, owes: bool) -> Meaning {
        match (self, half_closed, owes) {
            (Self::Reset, _, _) | (Self::Finished, HalfClosedClients::Cancel, _) => Meaning::Left,
            (Self::Finished, HalfClosedClients::Answer, false) => Meaning::Waits,
            (Self::Finished, HalfClosedClients::Answer, true) => Meaning::Incomplete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fin_is_believed_as_the_listener_says_and_a_reset_always() {
        use HalfClosedClients::{Answer, Cancel};
        for (end, half_closed, whole, owing) in [
            (ClientEnd::Finished, Cancel, Meaning::Left, Meaning::Left),
            (ClientEnd::Finished, Answer, Meaning::Waits, Meaning::Incomplete),
            (ClientEnd::Reset, Cancel, Meaning::Left, Meaning::Left),
            (ClientEnd::Reset, Answer, Meaning::Left, Meaning::Left),
        ] {
            let meant = (end.means(half_closed, false), end.means(half_closed, true));
            assert_eq!(meant, (whole, owing), "{end:?} {half_closed:?}");
        }
    }
}
