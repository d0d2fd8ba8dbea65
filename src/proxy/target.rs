//! What does a request ask for? Host, path and query out of the head, in the one form that routing and forwarding share.

use pingora::http::RequestHeader;
use pulsegate_core::http::path::{Normalised, PathRefusal, normalise};
use pulsegate_core::http::problem::Problem;

/// The parts of the request's target. The front has checked the head; what is refused here is the path alone.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Lower case, without port; empty where an HTTP/1.0 client sent none.
    pub host: String,
    /// Normalised.
    pub path: String,
    /// With its `?`; empty where there is none.
    pub query: String,
    pub has_encoded_slash: bool,
}

impl Target {
    /// Of a request whose target is refused.
    pub(super) fn unknown() -> Self {
        Self { host: String::new(), path: String::new(), query: String::new(), has_encoded_slash: false }
    }

    /// # Errors
    /// The path is refused.
    pub(super) fn of(head: &RequestHeader) -> Result<Self, Problem> {
        let raw = std::str::from_utf8(head.raw_path()).map_err(|_| Problem::BadPath)?;
        let (authority, rest) = split_absolute(raw);
        let (path, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
        let path = match path {
            // RFC 9112 §3.2.4: "OPTIONS http://a" is about the server as a whole.
            "" if query.is_empty() && head.method == http::Method::OPTIONS => "*",
            "" => "/",
            path => path,
        };
        let Normalised { path, has_encoded_slash } = normalise(path).map_err(refused)?;
        let host =
            authority.or_else(|| head.headers.get("host").and_then(|host| host.to_str().ok())).unwrap_or_default();
        Ok(Self { host: host_name(host), path: path.into_owned(), query: query.to_owned(), has_encoded_slash })
    }
}

fn refused(_: PathRefusal) -> Problem {
    Problem::BadPath
}

/// "http://a/b" → (Some("a"), "/b").
fn split_absolute(raw: &str) -> (Option<&str>, &str) {
    if raw.starts_with('/') {
        return (None, raw);
    }
    match raw.split_once("://") {
        Some((_, rest)) => {
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            (Some(authority), path)
        }
        None => (None, raw),
    }
}

fn host_name(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(_) => host.split_inclusive(']').next().unwrap_or(host),
        None => host.split(':').next().unwrap_or(host),
    };
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, host: &str) -> Result<Target, Problem> {
        target_of("GET", path, host)
    }

    fn target_of(method: &str, path: &str, host: &str) -> Result<Target, Problem> {
        let mut head = RequestHeader::build(method, path.as_bytes(), None).unwrap();
        head.insert_header("host", host).unwrap();
        Target::of(&head)
    }

    #[test]
    fn the_parts_of_a_target() {
        for (path, host, expected) in [
            ("/a/./b?x=/../", "Api.Example:80", ("api.example", "/a/b", "?x=/../")),
            ("/", "[::1]:80", ("[::1]", "/", "")),
            ("http://other/x?y", "other", ("other", "/x", "?y")),
            ("http://other?y", "other", ("other", "/", "?y")),
            ("*", "a", ("a", "*", "")),
        ] {
            let target = target(path, host).unwrap();
            assert_eq!((&*target.host, &*target.path, &*target.query), expected, "{path}");
        }
        assert_eq!(target("/../x", "a").unwrap_err(), Problem::BadPath);
        assert_eq!(target_of("OPTIONS", "http://a", "a").unwrap().path, "*");
        assert_eq!(target_of("OPTIONS", "http://a/", "a").unwrap().path, "/");
    }
}
