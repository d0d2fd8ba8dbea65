//! What does an accepted head say? A second, deliberately naive reading, which shares no code with the strict check, and the promises
//! that hold for requests and answers alike.

/// A head, split as the simplest reader would do it.
pub struct Head<'a> {
    pub first_line: &'a str,
    /// Names in lower case, values without the white space around them.
    pub fields: Vec<(String, &'a [u8])>,
}

/// What lies before and behind the blank line; without one, everything is head.
pub fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    bytes.split_at(end)
}

/// Reads a head that was accepted: whatever is odd about it should have been refused.
pub fn read(head: &[u8]) -> Head<'_> {
    for (at, byte) in head.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(head.get(at + 1), Some(&b'\n'), "a bare CR"),
            b'\n' => assert!(at > 0 && head[at - 1] == b'\r', "a bare LF"),
            0 => panic!("a NUL"),
            _ => {}
        }
    }
    assert!(head.ends_with(b"\r\n\r\n"), "no end");
    let mut lines =
        head[..head.len() - 4].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first_line = lines.next().expect("a first line");
    let fields = lines.map(field).collect();
    // A reason phrase may hold what is not UTF-8; whoever looks at it looks at bytes.
    let text = first_line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    Head { first_line: text, fields }
}

fn field(line: &[u8]) -> (String, &[u8]) {
    let colon = line.iter().position(|byte| *byte == b':').expect("a field without a colon");
    let name = std::str::from_utf8(&line[..colon]).expect("a name that is no text");
    assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()), "the name {name:?}");
    assert!(
        !name.contains(['(', ')', '<', '>', '@', ',', ';', '"', '/', '[', ']', '?', '=', '{', '}', '\\']),
        "{name:?}"
    );
    (name.to_ascii_lowercase(), line[colon + 1..].trim_ascii())
}

impl Head<'_> {
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| *value).collect()
    }

    /// One framing: a length that all its lines agree on, or one `chunked`, or neither. Is it chunked?
    pub fn framing(&self) -> bool {
        let (lengths, codings) = (self.values("content-length"), self.values("transfer-encoding"));
        assert!(lengths.is_empty() || codings.is_empty(), "two framings");
        for length in &lengths {
            let text = std::str::from_utf8(length).expect("a length that is no text");
            let number: u64 = text.parse().expect("a length that is no number");
            assert_eq!(text, number.to_string(), "a length that can be read in two ways");
            assert_eq!(length, &lengths[0], "two lengths");
        }
        assert!(codings.len() <= 1, "two codings");
        assert!(codings.iter().all(|coding| coding.eq_ignore_ascii_case(b"chunked")), "another coding than chunked");
        codings.len() == 1
    }

    /// The forgiving parser behind the check reads the same fields.
    pub fn agrees_with(&self, parsed: &[httparse::Header<'_>]) {
        let parsed: Vec<_> =
            parsed.iter().map(|field| (field.name.to_ascii_lowercase(), field.value.trim_ascii())).collect();
        assert_eq!(self.fields, parsed);
    }
}
