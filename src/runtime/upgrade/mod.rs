//! How does a new binary take over without anybody noticing? It asks the old process for its sockets, and says when it is ready.
//!
//! ```text
//! new ── Hello ──────────────► old      over a socket in a folder of ours; each looks at who the other is
//! new ◄── Offer + sockets ──── old      the health that it knows, too
//!     (new: configuration, probes; old: serves on)
//! new ── Ready ──────────────► old
//! new ◄── Farewell ─────────── old      what it has learned since
//!     (new: accepts on the same sockets)
//! new ── Accepting ──────────► old      stops accepting, finishes what is in flight, ends
//! ```
//!
//! Both hold the same listening sockets, so a client that connects meanwhile waits in the one backlog that there is. Whatever goes
//! wrong before `Accepting`, the old process serves on as if nothing had happened.

mod alerts;
mod door;
mod folder;
mod health;
mod history;
mod messages;
#[cfg(test)]
mod recorded;
mod succession;
mod wire;
mod words;

pub(super) use door::{Door, Estate, hand_over, refuse};
pub(super) use folder::folder;
pub(super) use succession::{Sockets, Succession, begin};
