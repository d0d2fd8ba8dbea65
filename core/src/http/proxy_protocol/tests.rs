//! Is every header read as both versions of the protocol say, whole and in pieces?

use super::*;
use proptest::prelude::*;

const V4: &[u8] = &[0x21, 0x11, 0, 12, 192, 0, 2, 7, 198, 51, 100, 9, 0xd4, 0x31, 0x01, 0xbb];

fn header(rest: &[u8]) -> Vec<u8> {
    [&SIGNATURE[..], rest].concat()
}

/// A header over IPv4 with these attachments.
fn attached(attachments: &[u8]) -> Vec<u8> {
    let mut bytes = header(V4);
    bytes[15] = 12 + u8::try_from(attachments.len()).expect("few attachments");
    bytes.extend_from_slice(attachments);
    bytes
}

fn ends(source: &str, destination: &str) -> Option<Ends> {
    Some(Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
}

/// The verdict over the whole, which must not depend on how the bytes come, and not on what follows them.
fn verdict(bytes: &[u8]) -> Parsed {
    let whole = parse(bytes);
    let stepwise = (0..=bytes.len()).map(|end| parse(&bytes[..end])).find(|parsed| *parsed != Parsed::Incomplete);
    assert_eq!(stepwise.unwrap_or(Parsed::Incomplete), whole, "{bytes:?} byte by byte");
    if let Parsed::Header { length, .. } = whole {
        assert_eq!(length, bytes.len(), "{bytes:?}");
        assert_eq!(parse(&[bytes, b"GET / HTTP/1.1\r\n\r\n"].concat()), whole, "{bytes:?} with a request behind");
    }
    whole
}

#[test]
fn headers_and_whom_they_name() {
    let v4 = ends("192.0.2.7:54321", "198.51.100.9:443");
    let v6 = ends("[2001:db8::7]:54321", "[2001:db8::9]:443");
    let long =
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    let longest =
        ends("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    let block_of_v6 = [
        &[0x21, 0x21, 0, 36][..],
        &"2001:db8::7".parse::<Ipv6Addr>().unwrap().octets(),
        &"2001:db8::9".parse::<Ipv6Addr>().unwrap().octets(),
        &[0xd4, 0x31, 0x01, 0xbb],
    ];
    for (bytes, expected) in [
        (b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n".to_vec(), v4),
        (b"PROXY TCP6 2001:db8::7 2001:db8::9 54321 443\r\n".to_vec(), v6),
        (long.into(), longest),
        (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n".to_vec(), ends("0.0.0.0:0", "255.255.255.255:65535")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (b"PROXY UNKNOWN whatever \x00\xff stands here\r\n".to_vec(), None),
        (header(V4), v4),
        (header(&block_of_v6.concat()), v6),
        // Attachments: an authority, none of content, an unknown kind.
        (attached(b"\x02\x00\x03a.b\x04\x00\x00\xee\x00\x01x"), v4),
        // LOCAL, bare, with a block that is to be skipped, and of a family that is not looked at.
        (header(&[0x20, 0x00, 0, 0]), None),
        (header(&[0x20, 0x11, 0, 3, 1, 2, 3]), None),
        (header(&[0x20, 0xff, 0, 0]), None),
        // Kinds that have no address for us: unspecified, datagrams, Unix sockets.
        (header(&[0x21, 0x00, 0, 0]), None),
        (header(&[0x21, 0x00, 0, 2, 9, 9]), None),
        (header(&[0x21, 0x12, 0, 12, 1, 1, 1, 1, 2, 2, 2, 2, 0, 1, 0, 2]), None),
        (header(&[&[0x21, 0x31, 0, 216][..], &[b'x'; 216]].concat()), None),
    ] {
        assert_eq!(verdict(&bytes), Parsed::Header { ends: expected, length: bytes.len() }, "{bytes:?}");
    }
}

#[test]
fn bytes_that_begin_as_a_header_and_are_none_are_malformed() {
    let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!(too_long.len(), LONGEST_LINE + 1);
    for bytes in [
        &b"PROXY TCP4 192.0.2.7 198.51.100.9 54321\r\n"[..],
        b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443 1\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443 \r\n",
        b"PROXY TCP4  192.0.2.7 198.51.100.9 54321 443\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 65536\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.9 +4321 443\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.9 0443 443\r\n",
        b"PROXY TCP4 192.0.2.007 198.51.100.9 1 2\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::9 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 198.51.100.9 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.9 1 2\r\n",
        b"PROXY tcp4 192.0.2.7 198.51.100.9 1 2\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.9 1 2\nX\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4 \xff 198.51.100.9 1 2\r\n",
        too_long.as_bytes(),
        // A wrong version or command, an unassigned family or transport.
        &header(&[0x11, 0x11, 0, 0]),
        &header(&[0x22, 0x11, 0, 0]),
        &header(&[0x21, 0x41, 0, 0]),
        &header(&[0x21, 0x13, 0, 0]),
        // A block that is too short for its addresses, or longer than anybody needs.
        &header(&[0x21, 0x11, 0, 11, 1, 1, 1, 1, 2, 2, 2, 2, 0, 1, 0]),
        &header(&[&[0x21, 0x21, 0, 35][..], &[0; 35]].concat()),
        &header(&[0x21, 0x11, 0x0f, 0xf1]),
        &header(&[0x20, 0x00, 0xff, 0xff]),
        // Attachments that overrun, and a checksum of a wrong length.
        &attached(b"\x02"),
        &attached(b"\x02\x00\x04abc"),
        &attached(b"\x03\x00\x03abc"),
    ] {
        assert_eq!(verdict(bytes), Parsed::Malformed, "{bytes:?}");
    }
}

#[test]
fn the_longest_that_is_read() {
    let block = vec![0; LONGEST - FIXED];
    let bytes = header(&[&[0x20, 0, 0x0f, 0xf0][..], &block].concat());
    assert_eq!(parse(&bytes), Parsed::Header { ends: None, length: LONGEST });
    assert_eq!(parse(&bytes[..LONGEST - 1]), Parsed::Incomplete);
}

#[test]
fn other_bytes_are_no_header() {
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01", b"PROXY\t", b"PRI * HTTP/2.0", b"\r\n\r\nGET", b"proxy "]
    {
        assert_eq!(verdict(bytes), Parsed::Missing, "{bytes:?}");
    }
    assert_eq!(parse(b""), Parsed::Incomplete);
}

#[test]
fn a_checksum_must_be_right() {
    // The check value of CRC-32C that every description of it gives.
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
    let mut bytes = attached(b"\x04\x00\x01x\x03\x00\x04\0\0\0\0\x02\x00\x01y");
    let sum = crc32c(bytes.iter().copied());
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    assert!(matches!(verdict(&bytes), Parsed::Header { ends: Some(_), .. }));
    for flipped in [20, at, bytes.len() - 1] {
        let mut bytes = bytes.clone();
        bytes[flipped] ^= 1;
        assert_eq!(verdict(&bytes), Parsed::Malformed, "byte {flipped} is another");
    }
}

#[test]
fn headers_are_written_as_the_standard_has_them() {
    let v4 = ends("192.0.2.7:54321", "198.51.100.9:443").unwrap();
    assert_eq!(introduction(Version::V1, &v4), b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n");
    assert_eq!(introduction(Version::V2, &v4), header(V4));
    let mapped = ends("[::ffff:192.0.2.7]:54321", "198.51.100.9:443").unwrap();
    assert_eq!(introduction(Version::V2, &mapped), header(V4));
    let mixed = ends("192.0.2.7:1", "[2001:db8::9]:2").unwrap();
    assert_eq!(introduction(Version::V1, &mixed), b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::9 1 2\r\n");
    for version in [Version::V1, Version::V2] {
        assert!(matches!(verdict(&local(version)), Parsed::Header { ends: None, .. }));
    }
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V1), Just(Version::V2)]
}

fn pair() -> impl Strategy<Value = Ends> {
    let v4 = any::<([u8; 4], u16, [u8; 4], u16)>()
        .prop_map(|(a, p, b, q)| Ends { source: (a, p).into(), destination: (b, q).into() });
    // Not one that is IPv4 in disguise: those are written as what they are.
    let v6 = any::<([u16; 8], u16, [u16; 8], u16)>().prop_map(|(a, p, b, q)| {
        let plain = |mut address: [u16; 8]| {
            address[0] |= 0x2000;
            address
        };
        Ends { source: (plain(a), p).into(), destination: (plain(b), q).into() }
    });
    prop_oneof![v4, v6]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_written_header_is_read_back(ends in pair(), version in version()) {
        let bytes = introduction(version, &ends);
        prop_assert_eq!(verdict(&bytes), Parsed::Header { ends: Some(ends), length: bytes.len() });
    }

    /// Nothing panics, no length lies beyond the bytes, no bound is exceeded, and what is settled stays settled.
    #[test]
    fn any_bytes_have_a_verdict(
        begin in prop_oneof![
            Just(Vec::new()),
            Just(LINE_BEGINS.to_vec()),
            Just(header(&[])),
            Just(header(&[0x21, 0x11])),
            Just(header(V4)),
            Just(attached(b"\x03\x00\x04")),
        ],
        rest in proptest::collection::vec(any::<u8>(), 0..200),
        flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut bytes = [begin, rest].concat();
        if let Some(byte) = (!bytes.is_empty()).then(|| flip.0.index(bytes.len())).and_then(|at| bytes.get_mut(at)) {
            *byte ^= flip.1;
        }
        let whole = parse(&bytes);
        if let Parsed::Header { length, .. } = whole {
            prop_assert!(length <= bytes.len() && length <= LONGEST);
        }
        let stepwise = (0..=bytes.len()).map(|end| parse(&bytes[..end])).find(|parsed| *parsed != Parsed::Incomplete);
        prop_assert_eq!(stepwise.unwrap_or(Parsed::Incomplete), whole);
    }
}
