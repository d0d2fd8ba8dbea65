//! Does the codec of HTTP/1.1 say the same of what it has written as of what it has read, however the bytes come? Heads of requests and of answers are
//! read, written and read again; bodies are decoded whole and in pieces, and what came of chunks is put into chunks anew.
#![no_main]

use fuzz::{naive, pieces::pieces, seeds};
use libfuzzer_sys::fuzz_target;
use pulsegate_core::http::head;
use pulsegate_core::http::http1::answer::{self, AnswerHead};
use pulsegate_core::http::http1::body::Decoder;
use pulsegate_core::http::http1::framing::Framing;
use pulsegate_core::http::http1::request::{self, RequestHead};
use pulsegate_core::http::http1::spans::{Spans, View};
use pulsegate_core::http::http1::write::{self, Copier, Out};

/// Of an answer's head; more than any input has.
const LIMIT: usize = 1 << 20;

fuzz_target!(init: seeds::messages(), |bytes: &[u8]| {
    let (head, behind) = naive::split(bytes);
    requests(bytes, head);
    for to_head in [false, true] {
        answers(bytes, head, to_head);
    }
    bodies(behind);
    bodies(bytes);
});

fn requests(bytes: &[u8], head: &[u8]) {
    let mut spans = Spans::default();
    let parsed = request::parse(head, &mut spans);
    assert_eq!(parsed.as_ref().err(), head::check(head).err().as_ref());
    let start = request::read_start(bytes, &mut Spans::default());
    let Ok(parsed) = parsed else { return assert_eq!(start, None) };
    same_fields(head, spans.over(head));
    let read = request::read(head, &mut spans).expect("it has passed");
    assert_eq!(start.as_ref(), Some(&read), "with what comes behind it");
    assert_eq!(head::head_end(bytes, 0), Some(read.length));
    let bytes = read.anew.as_deref().unwrap_or(head);
    if read.anew.is_none() {
        assert_eq!(read.head, parsed);
    }

    let mut spans = Spans::default();
    assert_eq!(
        request::read(bytes, &mut spans).map(|again| (again.head, again.anew)),
        Ok((read.head, None)),
        "not final"
    );
    let target = [read.head.path.of(bytes), read.head.query.of(bytes)];
    let mut written = Vec::new();
    write::request_line(&mut written, read.head.method.of(bytes), &target);
    copy(spans.over(bytes), &mut written);
    let mut again = Spans::default();
    let head = request::parse(&written, &mut again);
    let told = |head: RequestHead, bytes: &[u8]| {
        let texts = [Some(head.method), Some(head.target()), head.host, head.upgrade];
        let texts = texts.map(|span| span.map(|span| span.of(bytes).to_vec()));
        (texts, head.framing, head.persists, head.expects_continue)
    };
    // We speak HTTP/1.1, in which a host is never missing and a connection stays.
    if !read.head.http10 {
        assert_eq!(head.map(|head| told(head, &written)), Ok(told(read.head, bytes)));
        same_lines(again.over(&written), spans.over(bytes));
    }
}

fn answers(bytes: &[u8], head: &[u8], to_head: bool) {
    let mut spans = Spans::default();
    let parsed = answer::parse(head, to_head, &mut spans);
    assert_eq!(parsed.as_ref().err(), head::check_answer(head, to_head).err().as_ref());
    // A head that ends in bare line feeds ends where no other reader sees it.
    if head::head_end(bytes, 0) == Some(head.len()) {
        let whole = answer::read(bytes, 0, to_head, LIMIT, &mut Spans::default());
        assert_eq!(whole, parsed.map(|parsed| Some((parsed, head.len()))));
        dripped(bytes, head.len(), to_head);
    }
    let Ok(parsed) = parsed else { return };
    same_fields(head, spans.over(head));
    let mut written = Vec::new();
    write::status_line(&mut written, parsed.status, parsed.reason.of(head));
    copy(spans.over(head), &mut written);
    let mut again = Spans::default();
    let read = answer::parse(&written, to_head, &mut again);
    let told =
        |head: AnswerHead, bytes: &[u8]| (head.status, head.reason.of(bytes).to_vec(), head.framing, head.persists);
    if !parsed.http10 {
        assert_eq!(read.map(|read| told(read, &written)), Ok(told(parsed, head)));
        same_lines(again.over(&written), spans.over(head));
    }
}

/// A head in two pieces is not there before its end, unless it is none by its first bytes, and the same then.
fn dripped(bytes: &[u8], end: usize, to_head: bool) {
    let mut spans = Spans::default();
    let whole = answer::read(bytes, 0, to_head, LIMIT, &mut Spans::default());
    for cut in [1, end / 2, end.saturating_sub(3), end - 1] {
        let part = answer::read(&bytes[..cut], 0, to_head, LIMIT, &mut spans);
        assert!(part == Ok(None) || part == whole, "cut at {cut} of {end}: {part:?}");
        assert_eq!(answer::read(bytes, cut, to_head, LIMIT, &mut spans), whole, "cut at {cut} of {end}");
    }
}

fn copy(fields: View<'_>, out: &mut Vec<u8>) {
    let mut copy = Copier::default();
    fields.fields().for_each(|field| copy.field(out, field));
    copy.flush(out);
    write::head_end(out);
}

/// What the simplest reader finds.
fn same_fields(head: &[u8], fields: View<'_>) {
    let naive = naive::read(head);
    let found: Vec<_> =
        fields.fields().map(|field| (String::from_utf8_lossy(field.name()).into_owned(), field.value())).collect();
    assert_eq!(found, naive.fields);
    for (name, _) in &naive.fields {
        assert_eq!(fields.lines(name).collect::<Vec<_>>(), naive.values(name));
        assert_eq!(fields.lines(name).next_back(), naive.values(name).last().copied());
    }
    for absent in ["x-not-there", "", "hos", "host-"] {
        assert_eq!(fields.has(absent), !naive.values(absent).is_empty(), "{absent:?}");
    }
}

fn same_lines(one: View<'_>, other: View<'_>) {
    let lines = |fields: View<'_>| -> Vec<(Vec<u8>, Vec<u8>)> {
        fields.fields().map(|field| (field.written_name().to_vec(), field.value().to_vec())).collect()
    };
    assert_eq!(lines(one), lines(other));
}

/// What came of a body: its data and trailers, whether it is over or malformed.
#[derive(Debug, Default, PartialEq)]
struct Story {
    data: Vec<u8>,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
    over: bool,
    malformed: bool,
}

fn bodies(bytes: &[u8]) {
    for framing in [Framing::None, Framing::Length(7), Framing::Chunked, Framing::UntilClose] {
        let whole = story(framing, [bytes]);
        assert_eq!(story(framing, bytes.chunks(1)), whole, "{framing:?} byte by byte");
        assert_eq!(story(framing, pieces(bytes)), whole, "{framing:?} in pieces");
        if framing == Framing::Chunked && whole.over {
            chunked_anew(&whole);
        }
    }
}

fn story<'p>(framing: Framing, pieces: impl IntoIterator<Item = &'p [u8]>) -> Story {
    let mut decoder = Decoder::keeping_trailers();
    decoder.begin(framing);
    let mut story = Story::default();
    for mut piece in pieces {
        while !piece.is_empty() && !story.over && !story.malformed {
            let Ok(part) = decoder.take(piece) else {
                story.malformed = true;
                break;
            };
            assert!(part.taken > 0 || part.over, "it stands still");
            story.data.extend_from_slice(&piece[part.data]);
            story.over = part.over;
            piece = &piece[part.taken..];
        }
    }
    for field in decoder.trailers().into_iter().flat_map(View::fields) {
        story.trailers.push((field.name().to_vec(), field.value().to_vec()));
    }
    story
}

fn chunked_anew(story: &Story) {
    let mut written = Vec::new();
    for data in pieces(&story.data) {
        write::chunk_start(&mut written, data.len());
        written.put(data);
        written.put(write::CHUNK_END);
    }
    written.put(write::LAST_CHUNK);
    for (name, value) in &story.trailers {
        write::field(&mut written, name, value);
    }
    write::head_end(&mut written);
    assert_eq!(&self::story(Framing::Chunked, [&written[..]]), story);
}
