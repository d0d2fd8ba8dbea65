//! Which bytes of a connection are a body's data, and where does it end? Chunks are taken off as strictly as everywhere; what is put around the data for
//! the other side is decided there.
//!
//! The invariant: which data come, whether the body ends, and whether it is malformed do not depend on how the bytes were cut into reads.

use super::framing::Framing;
use super::spans::{Spans, View};
use crate::http::chunks::{Chunks, MalformedBody};
use crate::http::head::lines::Lines;
use std::ops::Range;

/// How far a body has come. It is used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    left: Left,
    trailers: Option<Trailers>,
}

/// What is still to come.
#[derive(Clone, Debug, Default)]
enum Left {
    #[default]
    Nothing,
    Bytes(u64),
    Chunks(Chunks),
    /// To the connection's end.
    Everything,
}

#[derive(Clone, Debug, Default)]
struct Trailers {
    text: Vec<u8>,
    spans: Spans,
}

/// What some bytes of the connection were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The first of them that are data, one behind the other.
    pub data: Range<usize>,
    /// So many were taken: up to the next data, or to the end.
    pub taken: usize,
    /// The body has ended, and what is not taken is of another message.
    pub over: bool,
}

impl Decoder {
    /// Of bodies whose trailers matter to nobody.
    pub fn new() -> Self {
        Self::default()
    }

    pub fn keeping_trailers() -> Self {
        Self { trailers: Some(Trailers::default()), ..Self::default() }
    }

    /// Another body begins.
    pub fn begin(&mut self, framing: Framing) {
        self.left = match framing {
            Framing::None | Framing::Length(0) => Left::Nothing,
            Framing::Length(length) => Left::Bytes(length),
            Framing::Chunked => Left::Chunks(Chunks::default()),
            Framing::UntilClose | Framing::Switched => Left::Everything,
        };
        if let Some(trailers) = &mut self.trailers {
            trailers.text.clear();
            trailers.spans.clear();
        }
    }

    /// Takes the next bytes of the connection, up to the end of the first run of data among them.
    ///
    /// # Errors
    /// The body is malformed; nothing more can be said about the connection.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Part, MalformedBody> {
        match &mut self.left {
            Left::Nothing => Ok(Part { over: true, ..Part::default() }),
            Left::Everything => Ok(Part { data: 0..bytes.len(), taken: bytes.len(), over: false }),
            Left::Bytes(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                let over = *left == 0;
                if over {
                    self.left = Left::Nothing;
                }
                Ok(Part { data: 0..here, taken: here, over })
            }
            Left::Chunks(chunks) => {
                let run = chunks.run(bytes)?;
                let over = chunks.done();
                if let Some(trailers) = &mut self.trailers {
                    trailers.text.extend_from_slice(bytes.get(run.trailers).unwrap_or_default());
                    if over {
                        trailers.read();
                    }
                }
                if over {
                    self.left = Left::Nothing;
                }
                Ok(Part { data: run.data, taken: run.taken, over })
            }
        }
    }

    pub const fn is_over(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    /// If the connection ends here: is the body whole?
    pub const fn is_whole_at_the_end(&self) -> bool {
        matches!(self.left, Left::Nothing | Left::Everything)
    }

    /// How much is left, where that is known.
    pub const fn length_left(&self) -> Option<u64> {
        match self.left {
            Left::Nothing => Some(0),
            Left::Bytes(left) => Some(left),
            Left::Chunks(_) | Left::Everything => None,
        }
    }

    /// The trailers of a body that is over, where they are kept.
    pub fn trailers(&self) -> Option<View<'_>> {
        self.trailers.as_ref().map(|trailers| trailers.spans.over(&trailers.text)).filter(|_| self.is_over())
    }
}

impl Trailers {
    /// Finds the fields in lines that have passed as such.
    fn read(&mut self) {
        let mut lines = Lines::of(&self.text);
        while let Some(line) = lines.field() {
            self.spans.take(&line);
        }
        self.spans.conclude();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// What came of a body: its data, its trailers, whether it is over, whether it is malformed, and how much was taken of one that is not.
    #[derive(Debug, Default, PartialEq)]
    struct Story {
        data: Vec<u8>,
        trailers: Vec<(String, Vec<u8>)>,
        over: bool,
        malformed: bool,
        taken: usize,
    }

    /// Reads a body in these pieces; what of a piece is not taken at once is given again, as a buffer would.
    fn told<'p>(decoder: &mut Decoder, framing: Framing, pieces: impl IntoIterator<Item = &'p [u8]>) -> Story {
        let mut story = Story::default();
        decoder.begin(framing);
        for mut piece in pieces {
            while !(piece.is_empty() || story.over || story.malformed) {
                match decoder.take(piece) {
                    Ok(part) => {
                        assert!(part.taken > 0 || part.over, "nothing of {piece:?}");
                        assert!(part.data.end <= part.taken);
                        story.data.extend_from_slice(&piece[part.data]);
                        story.taken += part.taken;
                        story.over = part.over;
                        piece = &piece[part.taken..];
                    }
                    Err(MalformedBody) => (story.malformed, story.taken) = (true, 0),
                }
            }
        }
        assert!(!story.over || (decoder.is_over() && decoder.is_whole_at_the_end()));
        for field in decoder.trailers().into_iter().flat_map(View::fields) {
            let name = String::from_utf8(field.name().to_vec()).unwrap();
            story.trailers.push((name, field.value().to_vec()));
        }
        story
    }

    /// Whole, byte by byte and in pieces that chance cuts: always the same.
    fn read(framing: Framing, bytes: &[u8]) -> Story {
        let mut decoder = Decoder::keeping_trailers();
        let whole = told(&mut decoder, framing, [bytes]);
        assert_eq!(told(&mut decoder, framing, bytes.chunks(1)), whole, "{}", bytes.escape_ascii());
        let mut dice = Rng::new(bytes.len() as u64);
        for _ in 0..4 {
            let at = dice.below(bytes.len() as u32 + 1) as usize;
            let (one, other) = bytes.split_at(at);
            assert_eq!(told(&mut decoder, framing, [one, other]), whole, "{} cut at {at}", bytes.escape_ascii());
        }
        whole
    }

    #[test]
    fn bodies_of_every_framing() {
        for (framing, bytes, data, over, taken) in [
            (Framing::None, "GET", "", true, 0),
            (Framing::Length(0), "GET", "", true, 0),
            (Framing::Length(3), "abcGET", "abc", true, 3),
            (Framing::Length(3), "ab", "ab", false, 2),
            (Framing::UntilClose, "abc", "abc", false, 3),
            (Framing::Switched, "\0\r\n", "\0\r\n", false, 3),
            (Framing::Chunked, "3\r\nabc\r\n0\r\n\r\nGET", "abc", true, 13),
            (Framing::Chunked, "03\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", true, 29),
            (Framing::Chunked, "3;x=\"y\" \t;z\r\nabc\r\n0;x\r\n\r\n", "abc", true, 25),
            (Framing::Chunked, "3\r\nab", "ab", false, 5),
            (Framing::Chunked, "3\r\nabc\r\n0\r\n", "abc", false, 11),
        ] {
            let story = read(framing, bytes.as_bytes());
            let expected = Story { data: data.into(), over, taken, ..Story::default() };
            assert_eq!(story, expected, "{framing:?} {bytes:?}");
        }
    }

    #[test]
    fn data_come_up_to_a_flaw_and_nothing_behind_it() {
        for (bytes, data) in [
            ("x\r\nabc", ""),
            ("3\r\nabcd\r\n", "abc"),
            ("3\r\nabc\r\n3\nabc", "abc"),
            ("3\r\nabc\r\n0\r\nX\r\n\r\n", "abc"),
            ("3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\n", "abc"),
        ] {
            let story = read(Framing::Chunked, bytes.as_bytes());
            assert_eq!((&story.data[..], story.malformed), (data.as_bytes(), true), "{bytes:?}");
        }
    }

    #[test]
    fn trailers_are_kept_where_they_are_asked_for() {
        let body = b"3\r\nabc\r\n0\r\nX-Sum:  1 \r\ngrpc-status: 0\r\nY:\r\n\r\nGET";
        let told_of = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let story = read(Framing::Chunked, body);
        assert_eq!(story.trailers, [told_of("x-sum", "1"), told_of("grpc-status", "0"), told_of("y", "")]);
        let mut decoder = Decoder::keeping_trailers();
        told(&mut decoder, Framing::Chunked, [&body[..]]);
        assert!(decoder.trailers().is_some_and(|trailers| trailers.has("grpc-status")));
        decoder.begin(Framing::None);
        assert!(
            decoder.trailers().is_some_and(|trailers| trailers.fields().next().is_none()),
            "those of the body before"
        );
        let mut decoder = Decoder::new();
        assert!(told(&mut decoder, Framing::Chunked, [&body[..]]).over && decoder.trailers().is_none());
    }

    #[test]
    fn what_the_end_of_the_connection_means() {
        for (framing, bytes, whole, left) in [
            (Framing::None, "", true, Some(0)),
            (Framing::Length(3), "ab", false, Some(1)),
            (Framing::Length(3), "abc", true, Some(0)),
            (Framing::UntilClose, "ab", true, None),
            (Framing::Chunked, "0\r\n", false, None),
            (Framing::Chunked, "0\r\n\r\n", true, Some(0)),
        ] {
            let mut decoder = Decoder::new();
            told(&mut decoder, framing, [bytes.as_bytes()]);
            assert_eq!((decoder.is_whole_at_the_end(), decoder.length_left()), (whole, left), "{framing:?} {bytes:?}");
        }
    }

    /// Bodies that chance has made and changed: whole or in pieces, the same story.
    #[test]
    fn no_cut_changes_what_is_read() {
        const PARTS: [&[u8]; 22] = [
            b"0",
            b"1",
            b"3",
            b"a",
            b"10",
            b";",
            b"x",
            b"=",
            b"\"",
            b" ",
            b"\r\n",
            b"\r\n",
            b"\r\n",
            b"\r",
            b"\n",
            b"abc",
            b"3\r\nabc\r\n",
            b"0\r\n",
            b"X: y\r\n",
            b"\r\n\r\n",
            b"0\r\n\r\n",
            b"000000000000000",
        ];
        let mut dice = Rng::new(7);
        let (mut over, mut malformed) = (0, 0);
        for _ in 0..20_000 {
            let count = dice.below(9);
            let bytes =
                (0..count).flat_map(|_| PARTS[dice.below(PARTS.len() as u32) as usize]).copied().collect::<Vec<_>>();
            let story = read(Framing::Chunked, &bytes);
            over += u32::from(story.over);
            malformed += u32::from(story.malformed);
            let mut whole = Chunks::default();
            assert_eq!(
                (whole.take(&bytes).is_err(), whole.done()),
                (story.malformed, story.over),
                "{}",
                bytes.escape_ascii()
            );
        }
        assert!(over > 300 && malformed > 3_000, "{over} {malformed}");
    }
}
