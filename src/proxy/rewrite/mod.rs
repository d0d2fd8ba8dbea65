//! What do the heads look like on the other side? The request's for the backend, the response's for the client.
//!
//! Framing is made anew for each side; what travels is decided by the core (`http::forwarding`). Nothing is copied that only ends here.

mod answered;
mod edited;
mod onward;
mod path;
mod trailers;

pub(super) use answered::{Answered, Interim};
pub(super) use onward::Onward;
pub(super) use path::{replaced, rewritten_path};
pub(super) use trailers::{request_trailers, response_trailers};
