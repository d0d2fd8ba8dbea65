//! Where and with what was this measured?

use crate::gateways::Setting;
use crate::peers::{Column, Program};
use std::fs;
use std::process::Command;

/// Today's date.
pub fn today() -> String {
    said("date", &["+%Y-%m-%d"]).unwrap_or_else(|| "an unknown day".to_owned())
}

/// Processor, cores, kernel, huge pages.
pub fn described() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, m)| m);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = said("uname", &["-r"]).unwrap_or_default();
    let huge = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let huge = huge.split(['[', ']']).nth(1).unwrap_or("?").to_owned();
    format!("{cores} cores of {model}, Linux {kernel}, transparent huge pages: {huge}")
}

/// Each program once, with its version.
pub fn versions(setting: &Setting, columns: &[Column]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for column in columns {
        if let Some(version) = version(setting, column.program).filter(|version| !shown.contains(version)) {
            shown.push(version);
        }
    }
    shown.join(", ")
}

fn version(setting: &Setting, program: Program) -> Option<String> {
    let (name, argument) = match program {
        Program::Pulsegate => ("Pulsegate", "--version"),
        Program::Nginx => ("nginx", "-v"),
        Program::Haproxy => ("HAProxy", "-v"),
        Program::NewerNginx => ("newer nginx", "-v"),
        Program::NewerHaproxy => ("newer HAProxy", "-v"),
        Program::Envoy => ("Envoy", "--version"),
        Program::Caddy => ("Caddy", "version"),
        Program::Traefik => ("Traefik", "version"),
        Program::Bare => return Some("pingora 0.9".to_owned()),
    };
    let said = said(&setting.program(program).display().to_string(), &[argument])?;
    let number = said.split([' ', '/', '\n']).find(|word| {
        let word = word.trim_start_matches('v');
        word.starts_with(|letter: char| letter.is_ascii_digit()) && word.contains('.')
    });
    Some(format!("{name} {}", number?.trim_start_matches('v')))
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let both = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&both).trim().to_owned())
}
