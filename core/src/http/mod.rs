//! What do the protocols allow, and what do we say in them? Heads, chunks, paths, forwarding headers, gRPC, the PROXY protocol, on plain bytes and names.

pub mod chunks;
pub mod client_rate_limit;
pub mod fields;
pub mod forwarding;
pub mod grpc;
pub mod head;
pub mod http1;
pub mod http2;
pub mod interim;
pub mod networks;
pub mod own_answer;
pub mod path;
pub mod problem;
pub mod proxy_protocol;
pub mod redact;
pub mod response_head;
pub mod shield;
pub mod sni;
pub mod trace;
