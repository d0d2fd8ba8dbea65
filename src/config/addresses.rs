//! How are addresses written? IP and port, `unix:/path`, networks, and the lists of a backends file.

use super::yaml;
use pulsegate_core::base::identity::Address;
use pulsegate_core::http::networks::Network;
use pulsegate_core::plan::StaticBackend;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What a Unix socket's path may have (sun_path without its NUL), bytes.
const UNIX_PATH: usize = 107;

/// Parses a backend's address.
///
/// # Errors
/// How it should be written.
pub fn backend(text: &str) -> Result<Address, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        let fits = path.starts_with('/') && path.len() <= UNIX_PATH;
        let wrong = || format!("unix: and an absolute path of at most {UNIX_PATH} bytes");
        return fits.then(|| Address::Unix(PathBuf::from(path))).ok_or_else(wrong);
    }
    text.parse().map(Address::Socket).map_err(|_| {
        let name = || format!("a name is written {{ dns: {:?} }}", if text.contains(':') { text } else { "name:port" });
        format!("{SOCKET}, or unix:/path ({})", slip(text).unwrap_or_else(name))
    })
}

/// # Errors
/// How it should be written.
pub(super) fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let hint = slip(text).or_else(|| own_address(text)).map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{SOCKET}{hint}")
    })
}

const SOCKET: &str = "an IP address and a port, such as 10.0.0.7:8000 or [::1]:8000";

/// The usual slips in an address.
fn slip(text: &str) -> Option<String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let rest = rest.split('/').next().unwrap_or_default();
        return Some(format!("leave {scheme}:// out: {rest}"));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if digits && port.parse::<u16>().is_err() {
        return Some(format!("port {port} is beyond 65535"));
    }
    let bare = if text.parse::<std::net::Ipv6Addr>().is_ok() { text } else { host };
    if let Ok(ip) = bare.parse::<IpAddr>()
        && !digits | (bare == text)
    {
        let shown = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
        return Some(format!("the port is missing: {shown}:8000"));
    }
    None
}

/// An address of this machine, written as other programs take it.
fn own_address(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    match host {
        "" | "*" => Some(format!("write 0.0.0.0:{port} for every address of this machine")),
        "localhost" => Some(format!("write 127.0.0.1:{port}")),
        _ => None,
    }
}

/// # Errors
/// How it should be written.
pub(super) fn network(text: &str) -> Result<Network, String> {
    let wrong = || "an address or a network, such as 10.0.0.0/8 or 192.0.2.1".to_owned();
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.unwrap_or(most);
    if prefix > most { Err(wrong()) } else { Ok(Network { address, prefix }) }
}

/// Parses a watched backends file: a YAML list of addresses or `{ address, weight }`.
///
/// # Errors
/// A sentence that says which entry is wrong and how it should be written.
pub fn backends_file(text: &str) -> Result<Vec<StaticBackend>, String> {
    let tree = yaml::parse(text).map_err(|unreadable| {
        let line = unreadable.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        format!("{line}{}", unreadable.why)
    })?;
    let entries = match tree {
        Value::Array(entries) => entries,
        Value::Null => return Ok(Vec::new()),
        _ => return Err("found no list, allowed: a list of addresses or { address, weight }".to_owned()),
    };
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| entry_of(entry).map_err(|why| format!("entry {}: {why}", index + 1)))
        .collect()
}

fn entry_of(entry: &Value) -> Result<StaticBackend, String> {
    let (address, weight, backup) = match entry {
        Value::String(address) => (address.as_str(), None, false),
        Value::Object(fields) => {
            if let Some(unknown) = fields.keys().find(|key| !matches!(key.as_str(), "address" | "weight" | "backup")) {
                return Err(format!("the unknown key `{unknown}`, allowed: address, weight, backup"));
            }
            let address = fields.get("address").and_then(Value::as_str).ok_or("`address` is missing")?;
            let number = |written: &Value| written.as_u64().filter(|weight| *weight <= 65_535);
            let weight = fields.get("weight").map(|written| number(written).ok_or("`weight` must be 0 to 65535"));
            let backup = fields.get("backup").and_then(Value::as_bool).unwrap_or(false);
            (address, weight.transpose()?, backup)
        }
        _ => return Err("allowed: an address or { address, weight }".to_owned()),
    };
    let address = backend(address).map_err(|allowed| format!("found {address:?}, allowed: {allowed}"))?;
    let default = StaticBackend::at(address);
    Ok(StaticBackend { weight: weight.map_or(default.weight, |weight| weight as u32), backup, ..default })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backends_file_is_a_list() {
        let found = backends_file("- 10.0.0.1:80\n- { address: \"unix:/run/a.sock\", weight: 3 }\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].weight, found[1].address.to_string().as_str()), (3, "unix:/run/a.sock"));
        assert_eq!(backends_file("").unwrap(), []);
        for (text, word) in [
            ("a: 1", "list"),
            ("- nonsense", "entry 1"),
            ("- { address: \"10.0.0.1:80\", wait: 1 }", "unknown key `wait`"),
            ("- [", "line"),
            ("- { address: \"10.0.0.1:80\", weight: 70000 }", "weight"),
        ] {
            let error = backends_file(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn networks() {
        assert_eq!(network("10.0.0.0/8").unwrap().prefix, 8);
        assert_eq!(network("::1").unwrap().prefix, 128);
        assert!(network("10.0.0.0/33").is_err());
        assert!(network("x").is_err());
    }
}
