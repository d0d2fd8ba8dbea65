//! In which form does a request go on whose head came in another one that is allowed? In origin-form, with a Host made of the target
//! (RFC 9112 §3.2.2) and with the bytes escaped that may not stand in a path or a query: whoever reads it behind us reads the one form.

use super::bytes::line_end;
use super::host::told_of_scheme;
use crate::http::path::{escaped, is_sent_raw};

/// The head anew; `None` where nothing is to be changed, as nearly always. Only for one that [`super::check`] has accepted.
pub fn in_origin_form(head: &[u8]) -> Option<Vec<u8>> {
    let (method, rest) = split_at_blank(head)?;
    // Where most end: what comes behind the target is not looked at.
    let mut bytes = rest.iter().copied().take_while(|byte| *byte != b' ');
    let raw = bytes.by_ref().take_while(|byte| *byte != b'?').any(is_sent_raw) || bytes.any(|byte| byte == b'"');
    if rest.starts_with(b"/") && !raw {
        return None;
    }
    let (target, rest) = split_at_blank(rest)?;
    let (version, fields) = rest.split_at_checked(line_end(rest)?)?;
    let target = std::str::from_utf8(target).ok().filter(|target| *target != "*")?;
    let (absolute, rest) = split_absolute(target);
    let (path, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
    let path = match path {
        // RFC 9112 §3.2.4: "OPTIONS http://a" is about the server as a whole.
        "" if query.is_empty() && method == b"OPTIONS" => "*".to_owned(),
        "" => "/".to_owned(),
        path => escaped(path),
    };
    let mut out = Vec::with_capacity(head.len() + 16);
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(path.as_bytes());
    // The one that parsers refuse there too.
    out.extend_from_slice(query.replace('"', "%22").as_bytes());
    out.push(b' ');
    out.extend_from_slice(version);
    match absolute {
        Some((scheme, authority)) => with_host(fields, &told_of_scheme(authority.as_bytes(), scheme), &mut out),
        None => out.extend_from_slice(fields),
    }
    Some(out)
}

/// The fields behind a request line, with this Host in the place of the client's.
fn with_host(fields: &[u8], host: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\nHost: ");
    out.extend_from_slice(host);
    for line in fields.split_inclusive(|byte| *byte == b'\n').skip(1) {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if !name.eq_ignore_ascii_case(b"host") {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(line.strip_suffix(b"\r\n").unwrap_or(line));
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn split_at_blank(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b' ')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// "http://a/b" → (Some(("http", "a")), "/b").
fn split_absolute(target: &str) -> (Option<(&str, &str)>, &str) {
    let Some((scheme, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return (None, target);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    (Some((scheme, authority)), path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::head::check;

    #[test]
    fn heads_in_another_form() {
        for (from, to) in [
            ("GET http://a/x?y HTTP/1.1\r\nHost: a", "GET /x?y HTTP/1.1\r\nHost: a"),
            (
                "GET HTTP://A.test:80 HTTP/1.1\r\nX: y\r\nhost:a.test.\r\nZ: 1",
                "GET / HTTP/1.1\r\nHost: A.test\r\nX: y\r\nZ: 1",
            ),
            ("GET http://a?x HTTP/1.1\r\nHost: a", "GET /?x HTTP/1.1\r\nHost: a"),
            ("GET https://a:443/ HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nHost: a"),
            ("GET http://a:81/{x} HTTP/1.1\r\nHost: a:81", "GET /%7Bx%7D HTTP/1.1\r\nHost: a:81"),
            ("GET http://a/ HTTP/1.0\r\nX: y", "GET / HTTP/1.0\r\nHost: a\r\nX: y"),
            ("GET http://a/ HTTP/1.0", "GET / HTTP/1.0\r\nHost: a"),
            ("OPTIONS http://a HTTP/1.1\r\nHost: a", "OPTIONS * HTTP/1.1\r\nHost: a"),
            ("OPTIONS http://a/ HTTP/1.1\r\nHost: a", "OPTIONS / HTTP/1.1\r\nHost: a"),
            ("GET /a{b}^\"|`c?{q}` HTTP/1.1\r\nHost: a", "GET /a%7Bb%7D%5E%22%7C%60c?{q}` HTTP/1.1\r\nHost: a"),
            ("GET /a?q=\"a\"?{b}` HTTP/1.1\r\nHost: a", "GET /a?q=%22a%22?{b}` HTTP/1.1\r\nHost: a"),
            ("GET http://a?\" HTTP/1.1\r\nHost: a", "GET /?%22 HTTP/1.1\r\nHost: a"),
        ] {
            let (from, to) = (format!("{from}\r\n\r\n"), format!("{to}\r\n\r\n"));
            assert!(check(from.as_bytes()).is_ok(), "{from}");
            let anew = in_origin_form(from.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&anew), to);
            assert!(check(&anew).is_ok() && in_origin_form(&anew).is_none(), "{to}");
        }
    }

    #[test]
    fn most_heads_stay_as_they_are() {
        for head in [
            "GET / HTTP/1.1\r\nHost: a.",
            "GET /x?u=http://b/{}` HTTP/1.1\r\nHost: a",
            "GET //http://b/ HTTP/1.1\r\nHost: a",
            "GET /x?y HTTP/1.1\r\nHost: a\r\nETag: \"{}\"",
            "OPTIONS * HTTP/1.1\r\nHost: a",
        ] {
            assert_eq!(in_origin_form(format!("{head}\r\n\r\n").as_bytes()), None, "{head}");
        }
    }
}
