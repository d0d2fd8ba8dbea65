//! What do we tell a backend of HTTP/2 about ourselves, and how much of a connection is used?

use h2::client::Builder;
use pulsegate_core::http::response_head;

/// What a backend may have under way towards us on one stream, bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// As much as HTTP/2 knows. It never binds: a stream whose client does not read fills its own window and holds up nobody else.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// So many streams on one connection, whatever the backend takes: h2 gives the connection's window back by halves, and as many full
/// streams leave one of them.
pub(super) const STREAMS: usize = (CONNECTION_WINDOW / 2 / STREAM_WINDOW) as usize;
/// What we may have under way towards it on one stream, bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// So many bytes of uploads that the backend may not have taken leave too little of a connection's window for another upload: the half of what a
/// backend begins with.
pub(super) const UPLOADED: usize = 32 * 1024;
/// What h2 says of the number of streams until the backend has stated one: no backend can state this.
pub(super) const UNSTATED: usize = usize::MAX - 1;

/// A client, as which we begin. `head_limit`: of the heads of answers.
pub(super) fn client(head_limit: usize) -> Builder {
    let mut client = Builder::new();
    client
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(UNSTATED)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(response_head::of_library(head_limit)).unwrap_or(u32::MAX))
        .enable_push(false);
    client
}
