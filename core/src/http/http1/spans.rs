//! Where in a head do its fields stand? As places in bytes that lie elsewhere: nothing is copied but the names, once, in lower case.
//!
//! What is asked most is what is not there. So every name leaves its mark in 64 bits, and a name without one is answered by a look at them.

use crate::http::fields::{self, Fields};
use crate::http::head::lines::Line;
use crate::http::head::span::Span;

/// The places of one head's fields. It borrows nothing and is used again, so that a head costs no memory that is not there already.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    places: Vec<Place>,
    /// All of them in lower case, one behind the other.
    names: Vec<u8>,
    marks: Marks,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    name: Span,
    value: Span,
    /// Where the name begins among those in lower case.
    lower: u32,
}

impl Spans {
    /// Forgets the fields, and keeps the memory.
    pub fn clear(&mut self) {
        self.places.clear();
        self.names.clear();
        self.marks = Marks::default();
    }

    /// The fields, read in the bytes over which they were found.
    pub const fn over<'a>(&'a self, bytes: &'a [u8]) -> View<'a> {
        View { bytes, spans: self }
    }

    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes a line as it is found. Its name is in lower case only once all are taken, by [`Self::conclude`].
    #[inline]
    pub(super) fn take(&mut self, line: &Line<'_>) {
        self.marks.set(line.name);
        let lower = self.names.len() as u32;
        self.places.push(Place { name: line.name_span(), value: line.value_span(), lower });
        self.names.extend_from_slice(line.name);
    }

    pub(super) fn conclude(&mut self) {
        self.names.make_ascii_lowercase();
    }

    /// The places that may have this name; none, where none has.
    fn candidates(&self, name: &[u8]) -> &[Place] {
        if self.marks.may_have(name) { &self.places } else { &[] }
    }

    fn lower(&self, place: &Place) -> &[u8] {
        let start = place.lower as usize;
        self.names.get(start..start + place.name.len()).unwrap_or_default()
    }

    fn is(&self, place: &Place, name: &[u8]) -> bool {
        place.name.len() == name.len() && self.lower(place) == name
    }
}

/// One bit for each name, by its length, its first and its last letter.
#[derive(Clone, Copy, Debug, Default)]
struct Marks(u64);

impl Marks {
    fn set(&mut self, name: &[u8]) {
        self.0 |= Self::of(name);
    }

    const fn may_have(self, name: &[u8]) -> bool {
        self.0 & Self::of(name) != 0
    }

    /// In either case: 0x20 is what tells a letter's two forms apart.
    #[inline]
    const fn of(name: &[u8]) -> u64 {
        let ([first, ..], [.., last]) = (name, name) else { return 0 };
        let (first, last) = (*first as u32 | 0x20, *last as u32 | 0x20);
        1 << ((name.len() as u32 * 7 + first * 5 + last * 11) % 64)
    }
}

/// Fields with the bytes that they lie in.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    bytes: &'a [u8],
    spans: &'a Spans,
}

impl<'a> View<'a> {
    /// All fields, in order.
    pub fn fields(self) -> impl DoubleEndedIterator<Item = Field<'a>> + ExactSizeIterator {
        self.spans.places.iter().map(move |place| Field { view: self, place })
    }

    /// All lines of this field (its name in lower case), in order.
    pub fn lines<'n>(self, name: &'n str) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a, 'n> {
        let name = name.as_bytes();
        let places = self.spans.candidates(name).iter();
        places.filter(move |place| self.spans.is(place, name)).map(move |place| place.value.of(self.bytes))
    }

    /// The first line of this field.
    pub fn first(self, name: &str) -> Option<&'a [u8]> {
        let name = name.as_bytes();
        let place = self.spans.candidates(name).iter().find(|place| self.spans.is(place, name))?;
        Some(place.value.of(self.bytes))
    }

    /// Is this field there?
    pub fn has(self, name: &str) -> bool {
        let name = name.as_bytes();
        self.spans.candidates(name).iter().any(|place| self.spans.is(place, name))
    }
}

impl Fields for View<'_> {
    type Field<'h>
        = Field<'h>
    where
        Self: 'h;

    fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        (*self).fields()
    }

    fn lines<'h>(&'h self, name: &str) -> impl DoubleEndedIterator<Item = &'h [u8]> {
        (*self).lines(name)
    }

    fn first<'h>(&'h self, name: &str) -> Option<&'h [u8]> {
        (*self).first(name)
    }

    fn has(&self, name: &str) -> bool {
        (*self).has(name)
    }
}

/// One line of them.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    view: View<'a>,
    place: &'a Place,
}

impl<'a> Field<'a> {
    /// In lower case.
    pub fn name(self) -> &'a [u8] {
        self.view.spans.lower(self.place)
    }

    pub fn value(self) -> &'a [u8] {
        self.place.value.of(self.view.bytes)
    }

    /// In the letters in which it came.
    pub fn written_name(self) -> &'a [u8] {
        self.place.name.of(self.view.bytes)
    }

    /// The head in which it lies.
    pub(super) const fn bytes(self) -> &'a [u8] {
        self.view.bytes
    }

    /// Where its whole line stands, ending included, if it came as it would be written: one blank behind the colon, none behind the value. Lines that
    /// stand side by side can be copied in one go.
    #[inline]
    pub fn line(self) -> Option<Span> {
        let (name, value) = (self.place.name.range(), self.place.value.range());
        let as_written = self.view.bytes.get(name.end..value.start) == Some(b": ")
            && self.view.bytes.get(value.end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
        as_written.then(|| Span::new(name.start, value.end + 2))
    }
}

impl fields::Field for Field<'_> {
    fn name(&self) -> &[u8] {
        (*self).name()
    }

    fn value(&self) -> &[u8] {
        (*self).value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::lines::Lines;

    fn spans(text: &str) -> Spans {
        let mut spans = Spans::default();
        let mut lines = Lines::of(text.as_bytes());
        while let Some(line) = lines.field() {
            spans.take(&line);
        }
        spans.conclude();
        spans
    }

    fn lines<'a>(fields: &'a impl Fields, name: &str) -> Vec<&'a [u8]> {
        fields.lines(name).collect()
    }

    #[test]
    fn fields_in_order_and_by_name() {
        let text = "Host: a\r\nX-Own:  1 \r\ncookie: b=c\r\nX-OWN:2\r\nX-Own: \r\n";
        let spans = spans(text);
        let view = spans.over(text.as_bytes());
        assert_eq!(lines(&view, "host"), [b"a"]);
        assert_eq!(lines(&view, "x-own"), [&b"1"[..], b"2", b""]);
        assert_eq!(view.lines("x-own").next_back(), Some(&b""[..]));
        assert_eq!((view.first("x-own"), view.first("x-owm")), (Some(&b"1"[..]), None));
        assert!(view.has("cookie") && !view.has("x-owm") && !view.has("Cookie") && !view.has(""));
        let written: Vec<_> = view.fields().map(|field| std::str::from_utf8(field.written_name()).unwrap()).collect();
        assert_eq!(written, ["Host", "X-Own", "cookie", "X-OWN", "X-Own"]);
        assert!(Fields::fields(&view).all(|field| field.name() == field.written_name().to_ascii_lowercase()));
        let whole: Vec<_> = view.fields().map(|field| field.line().map(|line| line.text(text.as_bytes()))).collect();
        assert_eq!(whole, [Some("Host: a\r\n"), None, Some("cookie: b=c\r\n"), None, Some("X-Own: \r\n")]);
    }

    #[test]
    fn used_again_they_know_nothing_of_the_head_before() {
        let mut spans = spans("Host: a\r\nX: 1\r\n");
        spans.clear();
        assert!(spans.is_empty() && spans.over(b"Host: a\r\nX: 1\r\n").fields().next().is_none());
        assert!(!spans.over(b"").has("host"));
    }

    #[test]
    fn places_of_other_bytes_are_none() {
        let spans = spans("Host: a\r\nX-Own: 1\r\n");
        let field = spans.over(b"Ho").fields().next_back().unwrap();
        assert_eq!((field.written_name(), field.value(), field.line()), (&b""[..], &b""[..], None));
    }

    /// Of the names that every request is asked for, few seem to be in a browser's head that are not.
    #[test]
    fn marks_tell_names_apart() {
        let sent = "Host: a\r\nUser-Agent: a\r\nAccept: a\r\nAccept-Language: a\r\nAccept-Encoding: a\r\nReferer: a\r\n\
             Connection: a\r\nCookie: a\r\nUpgrade-Insecure-Requests: 1\r\nCache-Control: a\r\n";
        let spans = spans(sent);
        let asked = [
            "expect",
            "upgrade",
            "te",
            "trailer",
            "transfer-encoding",
            "content-length",
            "content-type",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "forwarded",
            "x-real-ip",
            "x-request-id",
            "traceparent",
            "tracestate",
            "via",
            "cdn-loop",
            "max-forwards",
            "authorization",
            "proxy-authorization",
            "grpc-timeout",
            "x-client-cert",
        ];
        let seem: Vec<_> = asked.iter().filter(|name| spans.marks.may_have(name.as_bytes())).collect();
        assert!(seem.len() <= 4, "{seem:?}");
        assert!(asked.iter().all(|name| !spans.over(sent.as_bytes()).has(name)));
    }
}
