//! How do certificates, keys and authorities get from files into TLS, on both sides?
//!
//! A file is read again when it changes, without a reload; while it cannot be used (half written, just being swapped) the last good one
//! stays, because a file must not take out a listener or a pool.

mod client;
mod files;
mod identity;
mod server;
mod subject;

pub use client::{ClientConfigs, has_system_roots, server_name};
pub use files::file_roots;
pub use identity::Identity;
pub use server::{Certificates, HTTP2, Renewal};
pub use subject::{ClientCertificate, Subject};
