//! Is a request that is let in safe to read? Whatever comes, nothing panics; what is accepted has one meaning.
#![no_main]

use fuzz::{chunked, naive, seeds};
use libfuzzer_sys::fuzz_target;
use pulsegate_core::http::forwarding::{self, Rules, names};
use pulsegate_core::http::head::{Framing, check, in_origin_form};
use pulsegate_core::http::http1::upgrade;
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

    if let Some(anew) = in_origin_form(bytes) {
        assert_eq!(check(&anew), Ok(framing), "{}", anew.escape_ascii());
        assert_eq!(in_origin_form(&anew), None, "not final");
    }
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
    assert!(once.path.starts_with('/') && once.path.len() <= text.len() * 3);
    let upper = once.path.to_ascii_uppercase();
    assert!(!upper.contains("%00") && !upper.contains("%2E"));
    // It is reported too where a dot segment has taken it away again.
    assert!(once.has_encoded_slash || !(upper.contains("%2F") || upper.contains("%5C")));
    let decoded = upper.replace("%2F", "/").replace("%5C", "/");
    assert!(!decoded.split('/').any(|segment| segment == "." || segment == ".."), "{} hides a dot segment", once.path);
}

/// No spelling of a name and no list of names tells a backend what is ours to tell.
fn field(name: &str, value: &[u8], head: &naive::Head<'_>) {
    let folded: String = name.chars().map(|of| if of.is_ascii_alphanumeric() { of } else { '-' }).collect();
    assert!(names::fold_alike(name.as_bytes(), folded.as_bytes()));
    for trusted in [false, true] {
        let rules = Rules { trusted, underscores: true, certificates: false, pass: &[] };
        let travels = |rules: &Rules<'_>, name: &str| rules.travels(name.as_bytes(), std::iter::empty());
        if travels(&rules, name) && name != folded {
            assert!(travels(&Rules { trusted: false, ..rules }, &folded), "{name} is folded to {folded}");
        }
        assert!(!name.contains('_') || !travels(&Rules { underscores: false, ..rules }, name), "{name}");
        assert!(
            name == folded || !rules.travels(name.as_bytes(), [folded.as_str()].into_iter()),
            "{name} beside {folded}"
        );
    }
    for ours in ["host", "content-length", "authorization", "x-request-id", "x-forwarded-for", "forwarded"] {
        assert!(!forwarding::ends_where_listed(ours.as_bytes()), "{ours} is listed away");
    }
    client(value);
    let Ok(text) = std::str::from_utf8(value) else { return };
    for upgrade in head.values("upgrade") {
        let upgrade = std::str::from_utf8(upgrade).unwrap_or_default();
        if let Some(asked) = upgrade::asked(std::iter::once(value), Some(upgrade)) {
            assert_eq!(asked, upgrade);
            assert!(!asked.split(',').any(|one| one.trim().eq_ignore_ascii_case("h2c")), "{asked:?}");
            assert!(upgrade::is_answered_by(asked.as_bytes(), std::iter::once(asked.as_bytes())), "{asked:?}");
        }
    }
    if forwarding::acceptable_request_id(text) {
        assert!(text.is_ascii() && !text.contains(['"', ' ', ',', ';']) && text.len() <= 128);
    }
}

/// Only a trusted peer is believed, and only as far as the chain is trusted.
fn client(claims: &[u8]) {
    let trusted = [Network { address: IpAddr::from([10, 0, 0, 0]), prefix: 8 }];
    let stranger = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(forwarding::client_address(stranger, std::iter::once(claims), &trusted), stranger);
    let proxy = IpAddr::from([10, 0, 0, 1]);
    let client = forwarding::client_address(proxy, std::iter::once(claims), &trusted);
    assert_eq!(client, client.to_canonical());
    let lines = [&b"192.0.2.7"[..], claims, b"198.51.100.1, 10.0.0.9"];
    let client = forwarding::client_address(proxy, lines.into_iter(), &trusted);
    assert_eq!(client, IpAddr::from([198, 51, 100, 1]));
}
