//! Does a field authenticate the connection that it comes over, and not the request? NTLM does by its nature, and Negotiate where it is NTLM
//! or where the server has it so (RFC 4559 §6: a proxy must not share such a connection).
//!
//! A challenge may be one of a list, whose commas also stand between parameters and in quoted strings; credentials are read in the same way,
//! since a backend may.

use crate::http::head::is_token;

/// Does one line of an `Authorization` or `WWW-Authenticate` field, or of a proxy's, name such a scheme?
pub fn binds_connection(line: &[u8]) -> bool {
    // Credentials of other schemes are long, and have no commas most often.
    if !line.contains(&b',') {
        return begins_with_scheme(line);
    }
    let (mut quoted, mut escaped, mut begins) = (false, false, true);
    for (at, &byte) in line.iter().enumerate() {
        if std::mem::take(&mut begins) && begins_with_scheme(line.get(at..).unwrap_or_default()) {
            return true;
        }
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => begins = !quoted,
            _ => {}
        }
    }
    false
}

fn begins_with_scheme(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let end = bytes.iter().position(|byte| !is_token(*byte)).unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at_checked(end).unwrap_or_default();
    let is_parameter = rest.trim_ascii_start().first() == Some(&b'=');
    !is_parameter && (word.eq_ignore_ascii_case(b"ntlm") || word.eq_ignore_ascii_case(b"negotiate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_that_authenticate_a_connection() {
        for (line, binds) in [
            ("NTLM", true),
            ("NTLM TlRMTVNTUAABAAAA", true),
            ("  ntlm\tTlRM==", true),
            ("Negotiate", true),
            ("NEGOTIATE YIIJvwYGKwYBBQUCoIIJszCC", true),
            ("Basic realm=\"x\", NTLM", true),
            ("Negotiate, NTLM, Basic realm=\"x\"", true),
            ("Digest realm=\"a, b\", nonce=\"c\",nTlM", true),
            ("Digest realm=\"a\\\", NTLM\", qop=auth , Negotiate abc==", true),
            (",,NTLM", true),
            ("", false),
            (",", false),
            ("Basic bnRsbQ==", false),
            ("Bearer NTLM", false),
            ("NTLMv9 x", false),
            ("x-Negotiate", false),
            ("Basic realm=\"NTLM\"", false),
            ("Basic realm=\"a, NTLM\"", false),
            ("Basic realm=\"a\\\", NTLM, b\"", false),
            ("Digest realm=\"a\", ntlm=1", false),
            ("Digest realm=\"a\", negotiate = \"x\"", false),
        ] {
            assert_eq!(binds_connection(line.as_bytes()), binds, "{line:?}");
        }
        assert!(binds_connection(b"Basic realm=\"\xe9\", Negotiate"), "bytes, not text");
    }
}
