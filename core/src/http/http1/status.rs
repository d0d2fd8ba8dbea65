//! How is a status said? With the phrase that everybody uses, in a line that lies there whole.

const START: &str = "HTTP/1.1 ";

macro_rules! statuses {
    ($($status:literal => $reason:literal,)*) => {
        /// The whole line of a status that is known, with its ending.
        pub(super) const fn line(status: u16) -> Option<&'static [u8]> {
            Some(match status {
                $($status => concat!("HTTP/1.1 ", $status, " ", $reason, "\r\n").as_bytes(),)*
                _ => return None,
            })
        }
    };
}

statuses! {
    100 => "Continue",
    101 => "Switching Protocols",
    102 => "Processing",
    103 => "Early Hints",
    200 => "OK",
    201 => "Created",
    202 => "Accepted",
    203 => "Non Authoritative Information",
    204 => "No Content",
    205 => "Reset Content",
    206 => "Partial Content",
    207 => "Multi-Status",
    208 => "Already Reported",
    226 => "IM Used",
    300 => "Multiple Choices",
    301 => "Moved Permanently",
    302 => "Found",
    303 => "See Other",
    304 => "Not Modified",
    305 => "Use Proxy",
    307 => "Temporary Redirect",
    308 => "Permanent Redirect",
    400 => "Bad Request",
    401 => "Unauthorized",
    402 => "Payment Required",
    403 => "Forbidden",
    404 => "Not Found",
    405 => "Method Not Allowed",
    406 => "Not Acceptable",
    407 => "Proxy Authentication Required",
    408 => "Request Timeout",
    409 => "Conflict",
    410 => "Gone",
    411 => "Length Required",
    412 => "Precondition Failed",
    413 => "Payload Too Large",
    414 => "URI Too Long",
    415 => "Unsupported Media Type",
    416 => "Range Not Satisfiable",
    417 => "Expectation Failed",
    418 => "I'm a teapot",
    421 => "Misdirected Request",
    422 => "Unprocessable Entity",
    423 => "Locked",
    424 => "Failed Dependency",
    425 => "Too Early",
    426 => "Upgrade Required",
    428 => "Precondition Required",
    429 => "Too Many Requests",
    431 => "Request Header Fields Too Large",
    451 => "Unavailable For Legal Reasons",
    500 => "Internal Server Error",
    501 => "Not Implemented",
    502 => "Bad Gateway",
    503 => "Service Unavailable",
    504 => "Gateway Timeout",
    505 => "HTTP Version Not Supported",
    506 => "Variant Also Negotiates",
    507 => "Insufficient Storage",
    508 => "Loop Detected",
    510 => "Not Extended",
    511 => "Network Authentication Required",
}

/// The phrase of this status; of one that nobody knows, none.
pub fn reason(status: u16) -> &'static [u8] {
    let line = line(status).and_then(|line| line.strip_suffix(b"\r\n"));
    line.and_then(|line| line.get(START.len() + 4..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_phrases() {
        for (status, phrase) in
            [(200, "OK"), (404, "Not Found"), (418, "I'm a teapot"), (511, "Network Authentication Required")]
        {
            assert_eq!(reason(status), phrase.as_bytes());
            assert_eq!(line(status), Some(format!("HTTP/1.1 {status} {phrase}\r\n").as_bytes()));
        }
        for status in [0, 99, 199, 299, 306, 599, 999] {
            assert_eq!((reason(status), line(status)), (&b""[..], None), "{status}");
        }
        assert!((100..600).filter_map(line).all(|line| line.starts_with(START.as_bytes())));
    }
}
