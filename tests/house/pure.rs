//! What may a pure crate not touch? A clock, a socket, a file, the environment, another thread, an output, chance of its own.

use crate::plan::{Outside, Plan};
use crate::sources::PACKAGES;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What of `std::net` is a value and no socket.
const ADDRESSES: [&str; 7] =
    ["AddrParseError", "IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];
const OUTPUTS: [&str; 5] = ["dbg", "eprint", "eprintln", "print", "println"];

/// The paths of a crate's files that lead to the world, with their places.
pub fn impurities(plan: &Plan, package: usize) -> Vec<String> {
    let of_package = plan.outside.iter().filter(|outside| plan.sources[outside.file].package == package);
    of_package.filter(|outside| is_impure(&outside.parts)).map(|outside| place(plan, outside)).collect()
}

fn is_impure(parts: &[String]) -> bool {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts[..] {
        ["std" | "core" | "alloc", room, ref rest @ ..] => match room {
            "env" | "fs" | "io" | "os" | "process" | "random" | "thread" => true,
            "net" => !rest.first().is_some_and(|name| ADDRESSES.contains(name)),
            "time" => rest.first() != Some(&"Duration"),
            "collections" | "hash" => rest.contains(&"RandomState"),
            _ => OUTPUTS.contains(&room),
        },
        [name] => OUTPUTS.contains(&name),
        _ => false,
    }
}

/// Files that ask what time it is, in any crate.
pub fn readers_of_the_clock(plan: &Plan) -> BTreeSet<&str> {
    let clocks = ["Instant", "SystemTime", "Timestamp", "Zoned"];
    files(plan, |parts| matches!(parts, [.., clock, now] if now == "now" && clocks.contains(&clock.as_str())))
}

/// Files that name a crate.
pub fn users_of<'plan>(plan: &'plan Plan, crate_: &str) -> BTreeSet<&'plan str> {
    files(plan, |parts| parts[0] == crate_)
}

/// The files that begin tasks on whatever runtime they are called on.
pub fn spawners_of_luck(plan: &Plan) -> BTreeSet<&str> {
    let lucky = |parts: &[&str]| {
        matches!(parts, ["tokio", "spawn", ..] | ["tokio", "task", "spawn", ..] | [.., "Handle", "current"])
    };
    files(plan, |parts| lucky(&parts.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn files(plan: &Plan, matches: impl Fn(&[String]) -> bool) -> BTreeSet<&str> {
    let found = plan.outside.iter().filter(|outside| matches(&outside.parts));
    found.map(|outside| plan.sources[outside.file].path.as_str()).collect()
}

fn place(plan: &Plan, outside: &Outside) -> String {
    format!("{}:{}: {}", plan.sources[outside.file].path, outside.line, outside.parts.join("::"))
}

/// What a crate depends on: name and line of its manifest, for code that is built outside tests.
pub fn dependencies(house: &Path, package: usize) -> Vec<(String, String)> {
    let manifest = Path::new(PACKAGES[package].folder).parent().expect("a folder of sources").join("Cargo.toml");
    let text = fs::read_to_string(house.join(&manifest)).expect("a manifest");
    let lines =
        text.lines().skip_while(|line| *line != "[dependencies]").skip(1).take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, what)| (name.to_owned(), what.to_owned()))
        .collect()
}
