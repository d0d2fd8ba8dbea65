//! Where does a URL lead? It is never repeated when it is none: it may be a secret.

use pulsegate_core::plan::HttpTarget;

/// What a URL looks like.
pub const ALLOWED: &str = "http://HOST/PATH or https://HOST/PATH, such as https://hooks.example.com/restart";

/// # Errors
/// What was found instead.
pub fn target(text: &str) -> Result<HttpTarget, &'static str> {
    let uri: http::Uri = text.parse().map_err(|_| "no URL")?;
    let https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err("a URL without http:// or https://"),
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a URL with a user in it (write an Authorization header under `headers`)");
    }
    let host = match uri.host() {
        Some(host) if !host.is_empty() => host.to_owned(),
        _ => return Err("a URL without a host"),
    };
    let path = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    Ok(HttpTarget { https, host, port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }), path })
}
