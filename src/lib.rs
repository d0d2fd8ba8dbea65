//! Pulsegate: an API gateway's reverse proxy that is obsessed with the health of what stands behind it.
//!
//! The map of the house is in `ARCHITECTURE.md`. In short: the crate `pulsegate-core` makes every decision and touches
//! nothing; [`config`] turns YAML into its plan; [`control`] runs its board; the other rooms are shells around sockets.

pub mod admin;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod discovery;
pub mod file;
pub mod front;
pub mod probe;
pub mod proxy;
pub mod record;
pub mod rehearsal;
pub mod runtime;
pub mod secret;
pub mod telemetry;
pub mod tls;
