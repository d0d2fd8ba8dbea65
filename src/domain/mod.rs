//! Every decision that Pulsegate makes, and nothing else.
//!
//! The rule of this room: it imports `std` and itself. No clock (time is an argument), no socket, no log, no randomness
//! of its own (seeds are arguments), and nothing in it can fail: it returns values. Hash maps may be looked up but never
//! iterated, so that the same seed gives the same trace.

pub mod access;
pub mod alert;
pub mod answer_watch;
pub mod attempt;
pub mod balance;
pub mod board;
pub mod budget;
pub mod cell;
pub mod chunks;
pub mod combine;
pub mod counter;
pub mod document;
pub mod event;
pub mod forwarding;
pub mod gate;
pub mod glitches;
pub mod grpc;
pub mod grpc_health;
pub mod guard;
pub mod head;
pub mod hex;
pub mod identity;
pub mod latency;
pub mod ledger;
pub mod networks;
pub mod outcome;
pub mod outlier;
pub mod overhead;
pub mod path;
pub mod plan;
pub mod problem;
pub mod proxy_header;
pub mod ramp;
pub mod reading;
pub mod recognition;
pub mod redact;
pub mod rng;
pub mod route;
pub mod schedule;
pub mod series;
pub mod shield;
pub mod snapshot;
pub mod sni;
pub mod split;
pub mod standing;
pub mod standout;
pub mod startup;
pub mod time;
pub mod timings;
pub mod trace;
pub mod verdict;
pub mod window;
