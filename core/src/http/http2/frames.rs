//! Where is an HTTP/2 connection within its frames? Followed by their heads of nine bytes, whatever else they hold: what has begun and is
//! not whole yet, until when it must be, and which streams we have broken.
//!
//! The codec waits for the end of a frame, or of a header block, for ever, and says nothing of either. On HTTP/1 a head has one deadline
//! and a body a limit of silence; these are the same ones. The invariant: whoever sends whole frames, however slowly, has no deadline here,
//! and no number of bytes that leave a head unfinished puts its deadline off.

use crate::base::time::Timestamp;
use std::time::Duration;

const HEAD: usize = 9;
/// What a client sends before its first frame (RFC 9113 §3.4).
const PREFACE: u32 = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
/// A kind that no frame has.
const NO_FRAME: u8 = u8::MAX;
const END_HEADERS: u8 = 4;
/// The stream did not keep to the protocol, or was one too many.
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;

/// One direction of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    head: [u8; HEAD],
    /// Bytes of the head that are there.
    have: usize,
    /// Bytes of the payload that are not.
    left: u32,
    /// A header block has begun and not ended.
    block: bool,
    /// The code of a reset, as far as it is there.
    code: u32,
}

/// What became whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Something did.
    pub whole: bool,
    /// Streams that were reset since they did not keep to the protocol, or were too many.
    pub broken: u32,
}

/// Is a stream that was reset with this code counted where its frame is seen?
pub const fn is_broken(code: u32) -> bool {
    matches!(code, PROTOCOL_ERROR | REFUSED_STREAM)
}

/// What has begun and is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amid {
    Nothing,
    /// A frame that carries no body, the head of any frame, a header block.
    Head,
    /// A piece of a body.
    Body,
}

impl Frames {
    /// From a client to us.
    pub const fn of_client() -> Self {
        let mut frames = Self::of_server();
        (frames.head[3], frames.left) = (NO_FRAME, PREFACE);
        frames
    }

    /// From us to a client.
    pub const fn of_server() -> Self {
        Self { head: [0; HEAD], have: 0, left: 0, block: false, code: 0 }
    }

    /// So many bytes passed.
    pub fn take(&mut self, mut bytes: &[u8]) -> Taken {
        let mut taken = Taken::default();
        while let [first, behind @ ..] = bytes {
            if self.left > 0 {
                let (payload, rest) = bytes.split_at(bytes.len().min(self.left as usize));
                self.take_payload(payload);
                bytes = rest;
            } else {
                self.take_head(*first);
                bytes = behind;
            }
            if self.left == 0 && self.have == 0 {
                taken.whole |= !self.block;
                taken.broken += u32::from(self.is_broken_stream());
            }
        }
        taken
    }

    fn take_payload(&mut self, payload: &[u8]) {
        if self.kind() == RST_STREAM {
            self.code = payload.iter().fold(self.code, |code, byte| code << 8 | u32::from(*byte));
        }
        self.left -= payload.len() as u32;
    }

    fn take_head(&mut self, byte: u8) {
        if let Some(at) = self.head.get_mut(self.have) {
            *at = byte;
        }
        self.have += 1;
        if self.have < HEAD {
            return;
        }
        let [high, middle, low, kind, flags, ..] = self.head;
        (self.have, self.code) = (0, 0);
        self.left = u32::from_be_bytes([0, high, middle, low]);
        if matches!(kind, HEADERS | CONTINUATION) {
            self.block = flags & END_HEADERS == 0;
        }
    }

    /// What has begun and is not whole yet.
    pub fn amid(&self) -> Amid {
        match self.left {
            0 if self.have == 0 && !self.block => Amid::Nothing,
            0 => Amid::Head,
            _ if self.kind() == DATA => Amid::Body,
            _ => Amid::Head,
        }
    }

    fn is_broken_stream(&self) -> bool {
        self.kind() == RST_STREAM && is_broken(self.code)
    }

    fn kind(&self) -> u8 {
        let [_, _, _, kind, ..] = self.head;
        kind
    }
}

/// What a client sends, with the time that it has for it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    frames: Frames,
    /// From the first byte of a head to its end.
    head: Duration,
    /// Silence within a piece of a body.
    body: Duration,
    amid: Amid,
    deadline: Timestamp,
}

impl Pace {
    pub const fn new(head: Duration, body: Duration) -> Self {
        Self { frames: Frames::of_client(), head, body, amid: Amid::Nothing, deadline: Timestamp::NEVER }
    }

    /// These bytes came. Returns how many streams the client has reset as broken.
    pub fn take(&mut self, bytes: &[u8], now: Timestamp) -> u32 {
        let before = std::mem::replace(&mut self.amid, Amid::Nothing);
        let taken = self.frames.take(bytes);
        self.amid = self.frames.amid();
        self.deadline = match self.amid {
            Amid::Nothing => Timestamp::NEVER,
            Amid::Head if before == Amid::Head && !taken.whole => self.deadline,
            Amid::Head => now + self.head,
            Amid::Body => now + self.body,
        };
        taken.broken
    }

    /// When what has begun must be whole, or go on; never, while nothing has.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = &[0x82, 0x86, 0x84];

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags, 0, 0, 0, 1]);
        frame.extend(payload);
        frame
    }

    fn amid(bytes: &[u8]) -> Amid {
        let mut whole = Frames::of_server();
        whole.take(bytes);
        let mut dripped = Frames::of_server();
        let _ = bytes.iter().map(|byte| dripped.take(&[*byte])).last();
        assert_eq!(whole.amid(), dripped.amid(), "{bytes:?}");
        whole.amid()
    }

    #[test]
    fn what_has_begun_and_is_not_whole() {
        let headers = frame(HEADERS, END_HEADERS, REQUEST);
        let data = frame(DATA, 0, b"hello");
        for (bytes, expected) in [
            (vec![], Amid::Nothing),
            (headers.clone(), Amid::Nothing),
            (headers[..1].to_vec(), Amid::Head),
            (headers[..9].to_vec(), Amid::Head),
            (headers[..11].to_vec(), Amid::Head),
            (frame(HEADERS, 0, REQUEST), Amid::Head),
            ([frame(HEADERS, 0, REQUEST), frame(CONTINUATION, 0, &[])].concat(), Amid::Head),
            ([frame(HEADERS, 0, REQUEST), frame(CONTINUATION, END_HEADERS, &[])].concat(), Amid::Nothing),
            (data.clone(), Amid::Nothing),
            (data[..8].to_vec(), Amid::Head),
            (data[..9].to_vec(), Amid::Body),
            (data[..13].to_vec(), Amid::Body),
            (frame(DATA, 0, &[]), Amid::Nothing),
            ([headers, data[..10].to_vec()].concat(), Amid::Body),
        ] {
            assert_eq!(amid(&bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_client_begins_with_its_preface() {
        let mut frames = Frames::of_client();
        frames.take(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r");
        assert_eq!(frames.amid(), Amid::Head);
        frames.take(b"\n");
        assert_eq!(frames.amid(), Amid::Nothing);
        frames.take(&frame(HEADERS, END_HEADERS, REQUEST)[..4]);
        assert_eq!(frames.amid(), Amid::Head);
    }

    #[test]
    fn streams_that_were_broken_are_counted_and_those_that_were_let_go_are_not() {
        let reset = |code: u32| frame(RST_STREAM, 0, &code.to_be_bytes());
        let all = [reset(0), reset(1), reset(2), reset(7), reset(8), frame(DATA, 0, &[0, 0, 0, 1])].concat();
        assert_eq!(Frames::of_server().take(&all).broken, 2);
        let mut dripped = Frames::of_server();
        assert_eq!(all.iter().map(|byte| dripped.take(&[*byte]).broken).sum::<u32>(), 2);
    }

    #[test]
    fn a_head_has_one_deadline_and_a_body_one_for_every_silence() {
        let at = Timestamp::from_secs;
        let mut pace = Pace::new(Duration::from_secs(10), Duration::from_secs(30));
        pace.take(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", at(1));
        assert_eq!(pace.deadline(), Timestamp::NEVER);
        // Half a head of a frame, then a block without end: no byte puts the deadline off.
        let block = [frame(HEADERS, 0, REQUEST), frame(CONTINUATION, 0, b"x"), frame(CONTINUATION, 0, b"y")].concat();
        for (second, byte) in (2..).zip(&block) {
            pace.take(&[*byte], at(second));
            assert_eq!(pace.deadline(), at(12), "second {second}");
        }
        pace.take(&frame(CONTINUATION, END_HEADERS, &[]), at(50));
        assert_eq!(pace.deadline(), Timestamp::NEVER);
        // A body may come slowly, but not stop.
        let data = frame(DATA, 0, b"hello");
        pace.take(&data[..9], at(60));
        assert_eq!(pace.deadline(), at(90));
        pace.take(&data[9..11], at(80));
        assert_eq!(pace.deadline(), at(110));
        // What follows it begins anew, in the same bytes too.
        pace.take(&[&data[11..], &data[..3]].concat(), at(100));
        assert_eq!(pace.deadline(), at(110));
        pace.take(&[&data[3..], &data[..3]].concat(), at(105));
        assert_eq!(pace.deadline(), at(115));
    }
}
