//! What is sent, and when is its answer whole?

use std::io;

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;
/// The path whose answer is a MiB; every other is answered by a small one.
pub const LARGE: &str = "/large";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A small answer.
    Get,
    /// An answer of a MiB.
    Large,
    /// A body of so many bytes is sent; a small answer.
    Send(usize),
}

/// Head and body, as they are sent.
pub fn request(ask: Ask, keep: bool) -> Vec<u8> {
    let (method, path, length) = match ask {
        Ask::Get => ("GET", "/orders/4711?expand=items", None),
        Ask::Large => ("GET", LARGE, None),
        Ask::Send(length) => ("POST", "/orders", Some(length)),
    };
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: orders.example.com\r\nUser-Agent: bench/1\r\nAccept: application/json\r\n\
         Accept-Encoding: identity\r\n"
    );
    if let Some(length) = length {
        head += &format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n");
    }
    if !keep {
        head += "Connection: close\r\n";
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.resize(bytes.len() + length.unwrap_or(0), b'x');
    bytes
}

/// The length of an answer, head and body, once its head is here. Anything but a 200 of a known length is an error.
pub fn length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = head_end(bytes) else { return Ok(None) };
    let head = &bytes[..end];
    match content_length(head) {
        Some(length) if head.starts_with(b"HTTP/1.1 200") => Ok(Some(end + length)),
        _ => Err(io::Error::other(format!("an unexpected answer: {}", String::from_utf8_lossy(head)))),
    }
}

/// Where the head ends and the body begins.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

pub fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let lines = head.split(|byte| *byte == b'\n');
    let mut lengths = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then(|| std::str::from_utf8(value).ok()?.trim().parse().ok())?
    });
    lengths.next()
}
