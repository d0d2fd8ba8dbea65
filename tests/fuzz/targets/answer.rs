//! Is a backend's answer that is passed on safe to read? Whatever comes, nothing panics; what is accepted has one framing.
#![no_main]

use fuzz::{chunked, naive, seeds};
use libfuzzer_sys::fuzz_target;
use pulsegate_core::http::forwarding::response_header_travels;
use pulsegate_core::http::head::check_answer;

fuzz_target!(init: seeds::answers(), |bytes: &[u8]| {
    let (head, body) = naive::split(bytes);
    chunked::check(body);
    if check_answer(head, false).is_ok() {
        accepted(head);
    }
});

fn accepted(bytes: &[u8]) {
    let head = naive::read(bytes);
    let (version, rest) = head.first_line.split_at(8);
    assert!(matches!(version, "HTTP/1.1" | "HTTP/1.0"), "{version}");
    assert!(!head.framing() || version == "HTTP/1.1", "chunks in HTTP/1.0");
    let status: u16 = rest[1..4].parse().expect("a status");
    assert!((100..600).contains(&status), "{status}");

    let mut fields = [httparse::EMPTY_HEADER; 4096];
    let mut parsed = httparse::Response::new(&mut fields);
    assert_eq!(parsed.parse(bytes), Ok(httparse::Status::Complete(bytes.len())));
    assert_eq!(parsed.code, Some(status));
    head.agrees_with(parsed.headers);

    for (name, _) in &head.fields {
        assert!(!response_header_travels(name.as_bytes()) || (name != "connection" && name != "transfer-encoding"));
    }
}
