//! Where does a redirect lead? An operator's template, filled in with what the client asked for.

/// The location of a request for `host`, `path` and `query` (with its `?`).
///
/// A location that begins with a client's path stays on the host that was asked: `//evil.example` there would name another one, so leading
/// slashes are one. Slashes that the operator wrote in front of a name of their own (`//cdn.example{path}`) are left.
/// `None`: it needs a host, and a client of HTTP/1.0 sent none. Left empty, what stands behind it would be taken for one.
pub fn location(template: &str, host: &str, path: &str, query: &str) -> Option<String> {
    if host.is_empty() && template.contains("{host}") {
        return None;
    }
    let filled = template.replace("{host}", host).replace("{path}", path).replace("{query}", query);
    let begins_with_path = template.trim_start_matches('/').starts_with("{path}");
    if !begins_with_path || !filled.starts_with("//") {
        return Some(filled);
    }
    Some(format!("/{}", filled.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_path_names_no_other_host() {
        for (template, path, expected) in [
            ("{path}/", "/a", "/a/"),
            ("{path}/", "//evil.com", "/evil.com/"),
            ("{path}{query}", "////evil.com/x", "/evil.com/x?q=//"),
            ("/{path}", "/evil.com", "/evil.com"),
            ("//{path}", "/evil.com", "/evil.com"),
            ("/new{path}", "//a", "/new//a"),
            ("https://{host}{path}", "//a", "https://a.test//a"),
            ("//cdn.test{path}", "/a", "//cdn.test/a"),
            ("{path}", "/", "/"),
            ("{path}", "//", "/"),
        ] {
            let location = location(template, "a.test", path, "?q=//");
            assert_eq!(location.as_deref(), Some(expected), "{template} {path}");
        }
    }

    #[test]
    fn no_path_takes_the_place_of_a_host_that_is_not_there() {
        assert_eq!(location("https://{host}{path}", "", "/evil.com/x", ""), None);
        assert_eq!(location("https://a.test{path}", "", "/x", "").as_deref(), Some("https://a.test/x"));
    }
}
