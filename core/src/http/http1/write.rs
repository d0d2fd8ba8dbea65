//! How is a message put on a connection? Line by line into a buffer, by copying alone: nothing is formatted, and lines that came side by side and go
//! on as they are go in one copy.

use super::digits::Digits;
use super::spans::Field;
use super::status;
use crate::http::head::span::Span;
use std::ptr;

/// What takes bytes.
pub trait Out {
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// The first line of a request; we speak HTTP/1.1. `target`: in parts, one behind the other.
pub fn request_line(out: &mut impl Out, method: &[u8], target: &[&[u8]]) {
    out.put(method);
    out.put(b" ");
    target.iter().for_each(|part| out.put(part));
    out.put(b" HTTP/1.1\r\n");
}

/// The first line of an answer, with this phrase.
pub fn status_line(out: &mut impl Out, status: u16, reason: &[u8]) {
    match status::line(status).filter(|_| reason == status::reason(status)) {
        Some(line) => out.put(line),
        None => {
            out.put(b"HTTP/1.1 ");
            out.put(Digits::decimal(u64::from(status)).bytes());
            out.put(b" ");
            out.put(reason);
            out.put(b"\r\n");
        }
    }
}

/// Where it is called with a name that is known there, that one is copied without a call.
#[inline(always)]
pub fn field(out: &mut impl Out, name: &[u8], value: &[u8]) {
    out.put(name);
    out.put(b": ");
    out.put(value);
    out.put(b"\r\n");
}

pub fn number_field(out: &mut impl Out, name: &[u8], number: u64) {
    field(out, name, Digits::decimal(number).bytes());
}

/// Behind the last field of a head.
pub fn head_end(out: &mut impl Out) {
    out.put(b"\r\n");
}

/// In front of so many bytes of data, at least one: none would say that the body ends.
pub fn chunk_start(out: &mut impl Out, length: usize) {
    out.put(Digits::hexadecimal(length as u64).bytes());
    out.put(b"\r\n");
}

/// Behind the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Behind the data of the last chunk, where that body has no trailers.
pub const CHUNK_END_AND_LAST: &[u8] = b"\r\n0\r\n\r\n";

/// The end of a chunked body without trailers. With them: [`LAST_CHUNK`], their fields, and [`head_end`].
pub const LAST: &[u8] = b"0\r\n\r\n";

/// In front of trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n";

/// Copies fields as they came, in their letter case. Neighbours are held back, to go in one copy.
#[derive(Debug, Default)]
pub struct Copier<'a> {
    /// The head, or the trailers, in which those lie that are held back.
    bytes: &'a [u8],
    held: Span,
}

impl<'a> Copier<'a> {
    #[inline(always)]
    pub fn field(&mut self, out: &mut impl Out, of: Field<'a>) {
        match of.line() {
            Some(line) if line.range().start == self.held.range().end && ptr::eq(self.bytes, of.bytes()) => {
                self.held = Span::new(self.held.range().start, line.range().end);
            }
            Some(line) => {
                self.flush(out);
                (self.bytes, self.held) = (of.bytes(), line);
            }
            None => self.anew(out, of),
        }
    }

    /// It is written as it would have come.
    #[cold]
    fn anew(&mut self, out: &mut impl Out, of: Field<'_>) {
        self.flush(out);
        field(out, of.written_name(), of.value());
    }

    /// Puts what is held back: before anything else is put, and in the end.
    #[inline]
    pub fn flush(&mut self, out: &mut impl Out) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            out.put(held.of(self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::http1::{answer, request, spans::Spans};

    /// Keeps what it takes, and counts how often.
    #[derive(Default)]
    struct Counted(Vec<u8>, usize);

    impl Out for Counted {
        fn put(&mut self, bytes: &[u8]) {
            self.0.put(bytes);
            self.1 += 1;
        }
    }

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines() {
        assert_eq!(text(|out| request_line(out, b"GET", &[b"/a", b"?b"])), "GET /a?b HTTP/1.1\r\n");
        assert_eq!(text(|out| status_line(out, 200, b"OK")), "HTTP/1.1 200 OK\r\n");
        assert_eq!(text(|out| status_line(out, 200, b"Fine")), "HTTP/1.1 200 Fine\r\n");
        assert_eq!(text(|out| status_line(out, 299, status::reason(299))), "HTTP/1.1 299 \r\n");
        assert_eq!(text(|out| field(out, b"X-Own", b"1")), "X-Own: 1\r\n");
        assert_eq!(text(|out| number_field(out, b"Content-Length", 1024)), "Content-Length: 1024\r\n");
        assert_eq!(text(head_end), "\r\n");
    }

    #[test]
    fn chunks() {
        let body = text(|out| {
            chunk_start(out, 26);
            out.put(&[b'x'; 26]);
            out.put(CHUNK_END);
            out.put(LAST);
        });
        assert_eq!(body, format!("1a\r\n{}\r\n0\r\n\r\n", "x".repeat(26)));
        assert_eq!([CHUNK_END, LAST].concat(), CHUNK_END_AND_LAST);
        let trailers = text(|out| {
            out.put(LAST_CHUNK);
            field(out, b"x-sum", b"1");
            head_end(out);
        });
        assert_eq!(trailers, "0\r\nx-sum: 1\r\n\r\n");
    }

    #[test]
    fn neighbours_go_in_one_copy() {
        let head =
            b"GET / HTTP/1.1\r\nHOST: a\r\nAccept: b\r\nCookie: c\r\nX:d\r\nY: e\r\nConnection: f\r\nZ: g\r\n\r\n";
        let mut spans = Spans::default();
        request::parse(head, &mut spans).unwrap();
        let (mut out, mut copy) = (Counted::default(), Copier::default());
        for field in spans.over(head).fields().filter(|field| field.name() != b"connection") {
            copy.field(&mut out, field);
        }
        copy.flush(&mut out);
        copy.flush(&mut out);
        assert_eq!(out.0.escape_ascii().to_string(), r"HOST: a\r\nAccept: b\r\nCookie: c\r\nX: d\r\nY: e\r\nZ: g\r\n");
        assert_eq!(out.1, 3 + 4, "three copies, and one field in its parts");
    }

    #[test]
    fn neighbours_are_of_one_head() {
        let heads: [&[u8]; 2] = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n"];
        let spans = heads.map(|head| {
            let mut spans = Spans::default();
            request::parse(head, &mut spans).unwrap();
            spans
        });
        let (mut out, mut copy) = (Vec::new(), Copier::default());
        copy.field(&mut out, spans[0].over(heads[0]).fields().next().unwrap());
        copy.field(&mut out, spans[1].over(heads[1]).fields().next_back().unwrap());
        copy.flush(&mut out);
        assert_eq!(out, b"Host: a\r\nX: b\r\n");
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let mut spans = Spans::default();
        let head = text(|out| {
            request_line(out, b"POST", &[b"/a?b"]);
            field(out, b"Host", b"a");
            number_field(out, b"Content-Length", 7);
            head_end(out);
        });
        let read = request::parse(head.as_bytes(), &mut spans).unwrap();
        assert_eq!((read.method.text(head.as_bytes()), read.target().text(head.as_bytes())), ("POST", "/a?b"));
        let head = text(|out| {
            status_line(out, 404, status::reason(404));
            number_field(out, b"Content-Length", 7);
            head_end(out);
        });
        assert_eq!(answer::parse(head.as_bytes(), false, &mut spans).unwrap().status, 404);
    }
}
