//! Is this exactly HTTP/1.1, and where does it end? A parser that forgives nothing (RFC 9112), for both directions.
//!
//! Made for the tests alone and sharing no code with the product: it would share its mistakes.

/// One message, its body decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Request line or status line.
    pub start: String,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn holds(&self, line: &str) -> bool {
        line.split_once(": ").is_some_and(|(name, value)| self.fields.iter().any(|(n, v)| n == name && v == value))
    }

    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }
}

/// A message and how many bytes it took; `None` when it is not finished yet.
pub type Parsed = Result<Option<(Message, usize)>, String>;

/// What follows a head.
enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// The request at the start of `bytes`.
pub fn request(bytes: &[u8]) -> Parsed {
    let Some((start, fields, used)) = head(bytes)? else { return Ok(None) };
    let parts: Vec<&str> = start.split(' ').collect();
    let [method, target, "HTTP/1.1"] = parts[..] else { return Err(format!("no request line: {start:?}")) };
    if !is_token(method) || target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("method or target: {start:?}"));
    }
    let hosts: Vec<_> = fields.iter().filter(|(name, _)| name == "host").collect();
    if hosts.len() != 1 || hosts.iter().any(|(_, host)| host.contains([' ', ',', '/', '@'])) {
        return Err(format!("Host: {hosts:?}"));
    }
    let framing = match framing(&fields)? {
        Framing::UntilClose => Framing::None,
        framing => framing,
    };
    body(bytes, start, fields, used, &framing, false)
}

/// The answer at the start of `bytes`; `headless`: to a HEAD; `ended`: the connection has ended behind `bytes`.
pub fn answer(bytes: &[u8], headless: bool, ended: bool) -> Parsed {
    let Some((start, fields, used)) = head(bytes)? else { return Ok(None) };
    let code = start.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or_default();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) || start.get(12..13) != Some(" ") {
        return Err(format!("no status line: {start:?}"));
    }
    let bodiless = code.starts_with('1') || matches!(code, "204" | "304");
    if bodiless && code != "304" && fields.iter().any(|(n, _)| n == "transfer-encoding" || n == "content-length") {
        return Err(format!("a length where there is no body: {fields:?}"));
    }
    let framing = if headless || bodiless { framing(&fields).map(|_| Framing::None)? } else { framing(&fields)? };
    body(bytes, start, fields, used, &framing, ended)
}

type Head = (String, Vec<(String, String)>, usize);

fn head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if find(bytes, b"\n\n").is_some() { Err(format!("bare LF: {}", shown(bytes))) } else { Ok(None) };
    };
    let text = bytes.get(..end).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    let mut clean = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let last = number + 1 == lines.len();
        let line = if last { Some(*line) } else { line.strip_suffix(b"\r") };
        let Some(line) = line.filter(|line| line.iter().all(|b| matches!(b, b'\t' | b' '..=b'~' | 0x80..))) else {
            return Err(format!("a control character in a head: {}", shown(text)));
        };
        clean.push(line.iter().map(|byte| char::from(*byte)).collect::<String>());
    }
    let mut clean = clean.into_iter();
    let start = clean.next().unwrap_or_default();
    let fields = clean.map(|line| field(&line)).collect::<Result<_, _>>()?;
    Ok(Some((start, fields, end + 4)))
}

fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("no colon: {line:?}"))?;
    if is_token(name) {
        Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
    } else {
        Err(format!("name: {line:?}"))
    }
}

fn framing(fields: &[(String, String)]) -> Result<Framing, String> {
    let all = |wanted: &str| fields.iter().filter(|(n, _)| n == wanted).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    match (&all("content-length")[..], &all("transfer-encoding")[..]) {
        ([], []) => Ok(Framing::UntilClose),
        ([], ["chunked"]) => Ok(Framing::Chunked),
        ([length], []) if *length == "0" || !length.starts_with(['0', '+']) => {
            length.parse().map(Framing::Length).map_err(|_| format!("length {length:?}"))
        }
        (lengths, codings) => Err(format!("framing: lengths {lengths:?}, codings {codings:?}")),
    }
}

fn body(
    bytes: &[u8],
    start: String,
    fields: Vec<(String, String)>,
    head: usize,
    framing: &Framing,
    ended: bool,
) -> Parsed {
    let rest = bytes.get(head..).unwrap_or_default();
    let found = match framing {
        Framing::None => Some((Vec::new(), 0)),
        Framing::Length(length) => rest.get(..*length).map(|body| (body.to_vec(), *length)),
        Framing::Chunked => chunks(rest)?,
        Framing::UntilClose => ended.then(|| (rest.to_vec(), rest.len())),
    };
    Ok(found.map(|(body, used)| (Message { start, fields, body }, head + used)))
}

/// The chunks at the start of `bytes`: plain sizes, no extensions, no trailers.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(end) = find(rest, b"\r\n") else { return Ok(None) };
        let digits = std::str::from_utf8(&rest[..end]).unwrap_or_default();
        let plain = !digits.is_empty() && digits.len() <= 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let size = usize::from_str_radix(digits, 16).ok().filter(|_| plain);
        let size = size.ok_or_else(|| format!("chunk size {}", shown(&rest[..end])))?;
        let data = end + 2;
        let Some(chunk) = rest.get(data..).filter(|left| left.len() >= size.saturating_add(2)) else { return Ok(None) };
        if chunk.get(size..size + 2) != Some(b"\r\n") {
            return Err(format!("no CRLF behind a chunk: {}", shown(chunk)));
        }
        body.extend_from_slice(&chunk[..size]);
        at += data + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// For a person, and not too long.
pub fn shown(bytes: &[u8]) -> String {
    bytes.get(..300).unwrap_or(bytes).escape_ascii().to_string()
}

#[test]
fn it_forgives_nothing() {
    let whole = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET";
    let (message, used) = request(whole).unwrap().unwrap();
    assert_eq!((message.body.as_slice(), &whole[used..]), (&b"abc"[..], &b"GET"[..]));
    assert_eq!(request(&whole[..60]), Ok(None), "unfinished");
    for bad in [
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
    ] {
        assert!(request(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(answer(b"HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n\r\n", false, false).is_err());
    assert!(answer(b"HTTP/1.0 200 OK\r\n\r\n", false, true).is_err());
}
