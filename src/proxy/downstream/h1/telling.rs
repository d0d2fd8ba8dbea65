//! What is an HTTP/1 client told, and how does it leave? A head waits for the first bytes behind it, and goes with them.

use super::H1Client;
use crate::proxy::date;
use crate::proxy::downstream::Gone;
use crate::proxy::message::Told;
use crate::proxy::wire::{Framer, Refused};
use bytes::Bytes;
use pulsegate_core::http::http1::persistence::ends_with_its_head;
use pulsegate_core::http::http1::{status, write};

impl H1Client {
    pub(in crate::proxy::downstream) fn send_continue(&mut self) -> Result<(), Gone> {
        self.wire.out().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        Ok(self.wire.pass()?)
    }

    pub(in crate::proxy::downstream) fn send_interim(&mut self, head: &impl Told) -> Result<(), Gone> {
        let out = self.wire.out();
        status_line(head, out);
        head.fields(out);
        out.extend_from_slice(b"\r\n");
        Ok(self.wire.pass()?)
    }

    /// The head waits for the first bytes of the body, and leaves with them; or when there is nothing else to do.
    pub(in crate::proxy::downstream) fn send_head(&mut self, head: &impl Told, end: bool) -> Result<(), Gone> {
        let status = head.status();
        self.status = Some(status);
        let framer = self.framer(head);
        self.wire.frame(framer);
        let closes = self.closes;
        let out = self.wire.out();
        status_line(head, out);
        head.fields(out);
        if !head.is_dated() {
            write::field(out, b"Date", &date::now());
        }
        if framer == Framer::Chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        out.extend_from_slice(match status {
            101 => b"Connection: Upgrade\r\n".as_slice(),
            426 if closes => b"Connection: Upgrade, close\r\n",
            426 => b"Connection: Upgrade, keep-alive\r\n",
            _ if closes => b"Connection: close\r\n",
            _ => b"Connection: keep-alive\r\n",
        });
        out.extend_from_slice(b"\r\n");
        if end { self.offer(Bytes::new(), true) } else { Ok(()) }
    }

    fn framer(&mut self, head: &impl Told) -> Framer {
        let status = head.status();
        match head.length() {
            _ if status == 101 => Framer::ToTheEnd,
            _ if ends_with_its_head(status, self.head.is_head()) => Framer::Nothing,
            Some(length) => Framer::Length(length),
            None if !self.head.is_http10() => Framer::Chunked,
            // Only HTTP/1.0 gets an answer that does not say where it ends.
            None => {
                self.closes = true;
                Framer::ToTheEnd
            }
        }
    }

    pub(in crate::proxy::downstream) fn offer(&mut self, chunk: Bytes, end: bool) -> Result<(), Gone> {
        self.bytes_out += chunk.len() as u64;
        Ok(self.wire.offer(chunk, end)?)
    }

    pub(in crate::proxy::downstream) fn end_direction(&mut self) -> Result<(), Gone> {
        Ok(self.wire.end_direction()?)
    }
}

fn status_line(head: &impl Told, out: &mut Vec<u8>) {
    write::status_line(out, head.status(), head.reason().unwrap_or_else(|| status::reason(head.status())));
}

impl From<Refused> for Gone {
    fn from(_: Refused) -> Self {
        Self
    }
}
