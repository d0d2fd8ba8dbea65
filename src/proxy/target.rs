//! What does a request ask for? Host, path and query out of the head, in the one form that routing and forwarding share.

use super::message::RequestHead;
use super::text::Text;
use pulsegate_core::http::head::host;
use pulsegate_core::http::path::{Normalised, PathRefusal, normalise};
use pulsegate_core::http::problem::Problem;

/// The parts of the request's target. The front has checked the head and brought it into origin-form; what is refused here is the path alone.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// In its one form, without port; empty where an HTTP/1.0 client sent none.
    pub host: Text,
    /// Normalised.
    pub path: Text,
    /// With its `?`; empty where there is none.
    pub query: Text,
    pub has_encoded_slash: bool,
}

impl Target {
    /// Of a request whose target is refused.
    pub(super) fn unknown() -> Self {
        let [host, path, query] = [""; 3].map(Text::of);
        Self { host, path, query, has_encoded_slash: false }
    }

    /// # Errors
    /// The path is refused.
    pub(super) fn of(head: &RequestHead) -> Result<Self, Problem> {
        let (path, query) = head.target();
        let Normalised { path, has_encoded_slash } = normalise(path).map_err(refused)?;
        Ok(Self {
            host: Text::written(|out| host::canonical_into(head.host(), out)),
            path: Text::of(&path),
            query: Text::of(query),
            has_encoded_slash,
        })
    }
}

fn refused(_: PathRefusal) -> Problem {
    Problem::BadPath
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, host: &str) -> Result<Target, Problem> {
        target_of("GET", path, host)
    }

    fn target_of(method: &str, path: &str, host: &str) -> Result<Target, Problem> {
        let head = http::Request::builder().method(method).uri(path).header("host", host).body(()).unwrap();
        Target::of(&RequestHead::Mapped(Box::new(head.into_parts().0)))
    }

    #[test]
    fn the_parts_of_a_target() {
        for (path, host, expected) in [
            ("/a/./b?x=/../", "Api.Example:80", ("api.example", "/a/b", "?x=/../")),
            ("/", "[::1]:80", ("[::1]", "/", "")),
            ("*", "a", ("a", "*", "")),
            ("/a{b}?{c}", "A.example.:80", ("a.example", "/a%7Bb%7D", "?{c}")),
            ("/", "[2001:DB8::0:1]:80", ("[2001:db8::1]", "/", "")),
        ] {
            let target = target(path, host).unwrap();
            assert_eq!((&*target.host, &*target.path, &*target.query), expected, "{path}");
        }
        assert_eq!(target("/../x", "a").unwrap_err(), Problem::BadPath);
    }
}
