//! Is a request that is let in safe to read? Whatever comes, nothing panics; what is accepted has one meaning.
#![no_main]

use fuzz::{chunked, naive, seeds};
use libfuzzer_sys::fuzz_target;
use pulsegate_core::http::forwarding;
use pulsegate_core::http::head::{Framing, check};
use pulsegate_core::http::networks::Network;
use pulsegate_core::http::path::normalise;
use std::net::IpAddr;

fuzz_target!(init: seeds::requests(), |bytes: &[u8]| {
    let (head, body) = naive::split(bytes);
    chunked::check(bytes);
    chunked::check(body);
    path(bytes);
    if let Ok(framing) = check(head) {
        accepted(head, framing);
    }
});

fn accepted(bytes: &[u8], framing: Framing) {
    let head = naive::read(bytes);
    let parts: Vec<&str> = head.first_line.split(' ').collect();
    let [method, target, version] = parts[..] else { panic!("{:?} is no request line", head.first_line) };
    let hosts = head.values("host");
    assert!(hosts.len() == 1 || (hosts.is_empty() && version == "HTTP/1.0"), "{} hosts", hosts.len());
    for host in &hosts {
        assert!(!host.is_empty() && host.iter().all(|byte| byte.is_ascii_graphic() && !b",@/?#\\".contains(byte)));
    }
    assert_eq!(head.framing(), framing == Framing::Chunked);

    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut parsed = httparse::Request::new(&mut fields);
    assert_eq!(parsed.parse(bytes), Ok(httparse::Status::Complete(bytes.len())));
    assert_eq!((parsed.method, parsed.path), (Some(method), Some(target)));
    head.agrees_with(parsed.headers);

    let path_only = target.split('?').next().unwrap_or_default();
    path(path_only.as_bytes());
    for (name, value) in &head.fields {
        field(name, value, &head);
    }
}

/// Whatever is accepted is final, and nothing in it leads elsewhere.
fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(once) = normalise(text) else { return };
    let twice = normalise(&once.path);
    assert_eq!(twice.as_ref().map(|twice| &*twice.path), Ok(&*once.path), "not final");
    if once.path == "*" {
        return;
    }
    assert!(once.path.starts_with('/') && once.path.len() <= text.len());
    let upper = once.path.to_ascii_uppercase();
    assert!(!upper.contains("%00") && !upper.contains("%2E"));
    // It is reported too where a dot segment has taken it away again.
    assert!(once.has_encoded_slash || !(upper.contains("%2F") || upper.contains("%5C")));
    let decoded = upper.replace("%2F", "/").replace("%5C", "/");
    assert!(!decoded.split('/').any(|segment| segment == "." || segment == ".."), "{} hides a dot segment", once.path);
}

/// No spelling of a name and no list of names tells a backend what is ours to tell.
fn field(name: &str, value: &[u8], head: &naive::Head<'_>) {
    for trusted in [false, true] {
        let folded = name.replace('_', "-");
        if forwarding::request_header_travels(name, trusted, true) && name != folded {
            assert!(forwarding::request_header_travels(&folded, false, true), "{name} is folded to {folded}");
        }
        assert!(!name.contains('_') || !forwarding::request_header_travels(name, trusted, false), "{name}");
    }
    let Ok(text) = std::str::from_utf8(value) else { return };
    for ours in ["host", "content-length", "authorization", "x-request-id", "x-forwarded-for", "forwarded"] {
        assert!(!forwarding::listed_in_connection(text, ours), "{text:?} lists {ours} away");
    }
    client(text);
    for upgrade in head.values("upgrade") {
        let upgrade = std::str::from_utf8(upgrade).unwrap_or_default();
        if let Some(asked) = forwarding::upgrade_asked(Some(text), Some(upgrade)) {
            assert_eq!(asked, upgrade);
            assert!(!asked.split(',').any(|one| one.trim().eq_ignore_ascii_case("h2c")), "{asked:?}");
        }
    }
    if forwarding::acceptable_request_id(text) {
        assert!(text.is_ascii() && !text.contains(['"', ' ', ',', ';']) && text.len() <= 128);
    }
}

/// Only a trusted peer is believed, and only as far as the chain is trusted.
fn client(claims: &str) {
    let trusted = [Network { address: IpAddr::from([10, 0, 0, 0]), prefix: 8 }];
    let stranger = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(forwarding::client_address(stranger, Some(claims), &trusted), stranger);
    let proxy = IpAddr::from([10, 0, 0, 1]);
    let client = forwarding::client_address(proxy, Some(claims), &trusted);
    assert_eq!(client, client.to_canonical());
    let longer = format!("192.0.2.7, {claims}, 198.51.100.1, 10.0.0.9");
    assert_eq!(forwarding::client_address(proxy, Some(&longer), &trusted), IpAddr::from([198, 51, 100, 1]));
}
