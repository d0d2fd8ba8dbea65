//! What does a gateway read? The files of `conf/`, with their `@…@` filled in.

use super::gateway::Kind;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// What is filled in.
#[derive(Clone, Debug)]
pub struct Filling {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub pool: Vec<SocketAddr>,
    /// Of the first backend; 1 for the others. A changed weight is a changed configuration.
    pub weight: u32,
    pub tls: bool,
    /// With the timeouts of a test on a machine that may be busy; else with those that are compared.
    pub patient: bool,
}

/// The gateway's own configuration file.
pub fn main_file(kind: Kind) -> &'static str {
    match kind {
        Kind::Pulsegate => "pulsegate.yaml",
        Kind::Haproxy => "haproxy.cfg",
        Kind::Nginx => "nginx.conf",
        Kind::Envoy => "envoy.yaml",
    }
}

/// The file that lists the backends.
pub fn pool_file(kind: Kind) -> &'static str {
    if kind == Kind::Envoy { "eds.yaml" } else { main_file(kind) }
}

/// Writes every file of this gateway.
pub fn write(kind: Kind, folder: &Path, filling: &Filling) {
    let files: &[&str] = if kind == Kind::Envoy { &["envoy.yaml", "eds.yaml", "sds.yaml"] } else { &[main_file(kind)] };
    for file in files {
        write_one(file, folder, filling);
    }
}

/// One file, put in its place as a whole: Envoy watches for files that are moved in.
pub fn write_one(file: &str, folder: &Path, filling: &Filling) {
    let template = match file {
        "pulsegate.yaml" => include_str!("conf/pulsegate.yaml"),
        "haproxy.cfg" => include_str!("conf/haproxy.cfg"),
        "nginx.conf" => include_str!("conf/nginx.conf"),
        "envoy.yaml" => include_str!("conf/envoy.yaml"),
        "eds.yaml" => include_str!("conf/envoy-eds.yaml"),
        _ => include_str!("conf/envoy-sds.yaml"),
    };
    let new = folder.join("new");
    fs::write(&new, fill(template, folder, filling)).expect("a configuration file");
    fs::rename(&new, folder.join(file)).expect("a configuration file");
}

fn fill(template: &str, folder: &Path, filling: &Filling) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let Some(line) = chosen(line, filling) else { continue };
        let repeated = line.contains("@BACKEND@") || line.contains("@BACKEND_PORT@");
        for (number, backend) in filling.pool.iter().enumerate().take(if repeated { usize::MAX } else { 1 }) {
            let weight = if number == 0 { filling.weight } else { 1 };
            let line = line
                .replace("@BACKEND@", &backend.to_string())
                .replace("@BACKEND_PORT@", &backend.port().to_string())
                .replace("@NUMBER@", &number.to_string())
                .replace("@WEIGHT@", &weight.to_string())
                .replace("@PORT@", &filling.address.port().to_string())
                .replace("@ADMIN@", &filling.admin.port().to_string())
                .replace("@FOLDER@", &folder.display().to_string());
            text += &line;
            text.push('\n');
        }
    }
    text
}

/// The line without its condition; `None` where that does not hold.
fn chosen<'a>(line: &'a str, filling: &Filling) -> Option<&'a str> {
    let conditions = [
        ("@TLS@", filling.tls),
        ("@PLAIN@", !filling.tls),
        ("@PATIENT@", filling.patient),
        ("@COMPARED@", !filling.patient),
    ];
    let own = conditions.iter().find_map(|(mark, holds)| Some((line.strip_prefix(mark)?, *holds)));
    own.map_or(Some(line), |(line, holds)| holds.then_some(line))
}
