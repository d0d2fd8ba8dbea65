//! How is each gateway started? With its configuration in `conf/`, filled in.

use crate::certificate::Certificate;
use crate::peers::{Log, PULSEGATE, Peer, Program, Work};
use crate::ports::free_address;
use crate::process::{Place, Process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[derive(Debug)]
pub struct Gateway {
    pub ports: Ports,
    pub process: Process,
    folder: TempDir,
}

#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub plain: u16,
    pub tls: u16,
    /// HTTP/2 with prior knowledge. Some speak it where they speak HTTP/1 too.
    pub http2: u16,
    pub admin: u16,
}

/// What gateways are started with.
#[derive(Debug)]
pub struct Setting {
    pub pulsegate: PathBuf,
    pub backend: u16,
    pub certificate: Certificate,
}

impl Setting {
    pub fn new(pulsegate: &str, backend: u16) -> Self {
        Self { pulsegate: pulsegate.into(), backend, certificate: Certificate::make() }
    }

    /// With the configuration of `conf/`.
    pub fn start(&self, peer: Peer) -> Gateway {
        let text = match conf(peer) {
            "" => String::new(),
            file => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf").join(file);
                fs::read_to_string(path).expect("a configuration")
            }
        };
        self.start_with(peer, &text)
    }

    /// Pulsegate or another with this configuration. `@…@` is filled in.
    pub fn start_with(&self, peer: Peer, config: &str) -> Gateway {
        let folder = TempDir::new().expect("a temporary folder");
        let [plain, tls, separate, admin] = [(); 4].map(|()| free_address().port());
        let one_port = !peer.column.program.is_nginx() && !peer.column.program.is_haproxy();
        let ports = Ports { plain, tls, http2: if one_port { plain } else { separate }, admin };
        let file = folder.path().join("config.yaml");
        let shown = |path: PathBuf| path.display().to_string();
        let filled = |text: &str| {
            text.replace("@LOG@", log(peer))
                .replace("@WORKERS@", &peer.workers.to_string())
                .replace("@PORT@", &ports.plain.to_string())
                .replace("@TLS@", &ports.tls.to_string())
                .replace("@HTTP2@", &ports.http2.to_string())
                .replace("@ADMIN@", &ports.admin.to_string())
                .replace("@BACKEND@", &self.backend.to_string())
                .replace("@CHAIN@", &shown(self.certificate.chain()))
                .replace("@KEY@", &shown(self.certificate.key()))
                .replace("@BOTH@", &shown(self.certificate.both()))
                .replace("@FOLDER@", &shown(folder.path().to_owned()))
                .replace("@CONFIG@", &shown(file.clone()))
        };
        fs::write(&file, filled(config)).expect("the configuration, filled in");
        let arguments = filled(arguments(peer.column.program));
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let place = if peer.workers == 1 { Place::Gateway } else { Place::Gateways };
        let output = File::options().append(true).create(true).open(folder.path().join("stdout"));
        let output = output.expect("a file for what it prints");
        let process = Process::start(&self.program(peer.column.program), &arguments, ports.plain, place, Some(output));
        Gateway { ports, process, folder }
    }

    pub fn program(&self, program: Program) -> PathBuf {
        match program {
            Program::Pulsegate => self.pulsegate.clone(),
            Program::Bare => std::env::current_exe().expect("our own path"),
            Program::Nginx => found("NGINX", "/usr/sbin/nginx"),
            Program::Haproxy => found("HAPROXY", "/usr/sbin/haproxy"),
            Program::NewerNginx => found("NEWER_NGINX", ".tools/newer/bin/nginx"),
            Program::NewerHaproxy => found("NEWER_HAPROXY", ".tools/newer/bin/haproxy"),
            Program::Envoy => found("ENVOY", "/usr/bin/envoy"),
            Program::Caddy => found("CADDY", ".tools/newer/bin/caddy"),
            Program::Traefik => found("TRAEFIK", ".tools/newer/bin/traefik"),
        }
    }
}

impl Gateway {
    /// Empties what it logged: lines of a run would fill the disk.
    pub fn forget(&self) {
        for name in ["stdout", "access.log"] {
            if let Ok(file) = File::options().write(true).open(self.folder.path().join(name)) {
                let _ = file.set_len(0);
            }
        }
    }
}

/// One worker, no log.
pub fn pulsegate() -> Peer {
    Peer { column: PULSEGATE, log: Log::Off, workers: 1 }
}

fn conf(peer: Peer) -> &'static str {
    match (peer.column.program, peer.column.work) {
        (Program::Pulsegate, _) if peer.log == Log::Watched => "watched.yaml",
        (Program::Pulsegate, _) => "pulsegate.yaml",
        (Program::Nginx, Work::Barest) => "nginx-barest.conf",
        (Program::Nginx | Program::NewerNginx, _) => "nginx.conf",
        (Program::Haproxy, Work::Barest) => "haproxy-barest.cfg",
        (Program::Haproxy | Program::NewerHaproxy, _) => "haproxy.cfg",
        (Program::Envoy, _) => "envoy.yaml",
        (Program::Caddy, _) => "Caddyfile",
        (Program::Traefik, _) => "traefik.yaml",
        (Program::Bare, _) => "",
    }
}

fn arguments(program: Program) -> &'static str {
    match program {
        Program::Pulsegate => "run --config @CONFIG@",
        Program::Nginx | Program::NewerNginx => "-c @CONFIG@ -p @FOLDER@ -e /dev/null",
        Program::Haproxy | Program::NewerHaproxy => "-db -f @CONFIG@",
        Program::Envoy => "-c @CONFIG@ --concurrency @WORKERS@ --log-level off --disable-hot-restart",
        Program::Caddy => "run --adapter caddyfile --config @CONFIG@",
        Program::Traefik => concat!(
            "--providers.file.filename=@CONFIG@ --entryPoints.bench.address=127.0.0.1:@PORT@ --log.level=FATAL ",
            "--serversTransport.maxIdleConnsPerHost=2048 --global.checkNewVersion=false --global.sendAnonymousUsage=false"
        ),
        Program::Bare => "bare @PORT@ @BACKEND@",
    }
}

/// The line of the configuration that says what is logged.
fn log(peer: Peer) -> &'static str {
    match (peer.column.program, peer.log) {
        (Program::Pulsegate, Log::Off) => "false",
        (Program::Pulsegate, _) => "{ format: combined, file: @FOLDER@/access.log }",
        (Program::Nginx | Program::NewerNginx, Log::Off) => "access_log off;",
        (Program::Nginx, _) => "access_log @FOLDER@/access.log combined;",
        (Program::Haproxy, Log::Off) => "",
        (Program::Haproxy, _) => "log stdout format raw local0\n  option httplog",
        _ => "",
    }
}

fn found(variable: &str, usual: &str) -> PathBuf {
    let path = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    assert!(
        Path::new(&path).exists(),
        "{path} is missing: run `make bench-needs` (`bash benches/bring-newer` for the newer ones), or set {variable}"
    );
    path.into()
}
