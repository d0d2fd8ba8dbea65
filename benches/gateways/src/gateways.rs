//! Who is compared? Each with the configuration in `conf/`: one worker, keep-alive both ways, no access log, the rest as it comes.

use crate::ports::free_address;
use crate::process::{Core, Process};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[derive(Debug)]
pub struct Gateway {
    pub name: &'static str,
    pub port: u16,
    pub admin: u16,
    pub process: Process,
    _folder: TempDir,
}

/// All of them, waiting for traffic.
pub fn start(binary: &str, backend: u16) -> Vec<Gateway> {
    let config = |file: &str| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("conf").join(file));
        text.expect("a configuration").replace("@BACKEND@", &backend.to_string())
    };
    let own = std::env::current_exe().expect("our own path");
    let nginx = found("NGINX", "/usr/sbin/nginx");
    let envoy = found("ENVOY", "/usr/bin/envoy");
    vec![
        pulsegate(binary, &config("pulsegate.yaml")),
        gateway("pulsegate watched", Path::new(binary), &config("watched.yaml"), "run --config @CONFIG@"),
        gateway("bare pingora", &own, "", &format!("bare @PORT@ {backend}")),
        gateway("nginx", &nginx, &config("nginx.conf"), "-c @CONFIG@ -p @FOLDER@ -e /dev/null"),
        haproxy(&config("haproxy.cfg")),
        gateway(
            "envoy",
            &envoy,
            &config("envoy.yaml"),
            "-c @CONFIG@ --concurrency 1 --log-level off --disable-hot-restart",
        ),
    ]
}

pub fn pulsegate(binary: &str, config: &str) -> Gateway {
    gateway("pulsegate", Path::new(binary), config, "run --config @CONFIG@")
}

pub fn haproxy(config: &str) -> Gateway {
    gateway("haproxy", &found("HAPROXY", "/usr/sbin/haproxy"), config, "-db -f @CONFIG@")
}

/// `config` and `arguments` have their `@…@` filled in.
fn gateway(name: &'static str, program: &Path, config: &str, arguments: &str) -> Gateway {
    let folder = TempDir::new().expect("a temporary folder");
    let (port, admin) = (free_address().port(), free_address().port());
    let file = folder.path().join("config.yaml");
    let fill = |text: &str| {
        text.replace("@PORT@", &port.to_string())
            .replace("@ADMIN@", &admin.to_string())
            .replace("@FOLDER@", &folder.path().display().to_string())
            .replace("@CONFIG@", &file.display().to_string())
    };
    fs::write(&file, fill(config)).expect("the configuration, filled in");
    let words: Vec<String> = arguments.split(' ').map(fill).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let process = Process::start(program, &words, port, Core::Gateway);
    Gateway { name, port, admin, process, _folder: folder }
}

fn found(variable: &str, usual: &str) -> PathBuf {
    let path = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    assert!(Path::new(&path).exists(), "{path} is missing: run `make bench-needs`, or set {variable}");
    path.into()
}
