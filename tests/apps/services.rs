//! The real parts: PostgreSQL, Redis and application processes, on free ports and in temporary folders, ended with the test.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::needs::tool;
use support::{eventually, free_address};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// A process with all its children (workers of gunicorn), as one group.
#[derive(Debug)]
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Self {
        let child = command.process_group(0).stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}")))
    }

    fn signal(&self, which: Signal) {
        let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), which);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// One instance of an application.
#[derive(Debug)]
pub struct Instance {
    pub address: SocketAddr,
    server: &'static str,
    app: &'static str,
    environment: Vec<(&'static str, String)>,
    fault: PathBuf,
    health: PathBuf,
    log: PathBuf,
    process: Option<Group>,
}

impl Instance {
    pub fn start(&mut self) {
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        let mut command = Command::new(tool(if self.server == "node" { "NODE" } else { "PYTHON" }));
        match self.server {
            "node" => command.args([self.app, &host, &port]),
            "uvicorn" => {
                command.args(["-m", self.server, self.app, "--host", &host, "--port", &port, "--no-access-log"])
            }
            _ => {
                command.args(["-m", self.server, self.app, "--bind", &format!("{host}:{port}")]);
                command.args(["--workers", "1", "--threads", "8"])
            }
        };
        let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).expect("a log file");
        command
            .current_dir(&apps)
            .env("PYTHONPATH", format!("{}:{}", apps.display(), tool("PYTHONPATH")))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NODE_PATH", tool("NODE_PATH"))
            .env("FAULT_FILE", &self.fault)
            .env("HEALTH_FILE", &self.health)
            .envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        self.process = Some(Group::start(&mut command));
    }

    /// Waits until it takes connections.
    pub async fn listens(&self) {
        listens(self.app, self.address).await;
    }

    /// SIGKILL to the server and all its workers.
    pub fn kill(&mut self) {
        self.process = None;
    }

    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, which: Signal) {
        if let Some(process) = &self.process {
            process.signal(which);
        }
    }

    /// From now on its readiness says this word with a 200, whatever is true; `None`: the truth again.
    pub fn says(&self, word: Option<&str>) {
        match word {
            // In one step: a document that is read half way would be another test.
            Some(word) => {
                let half = self.health.with_extension("half");
                std::fs::write(&half, word).and_then(|()| std::fs::rename(&half, &self.health))
            }
            None => std::fs::remove_file(&self.health),
        }
        .expect("the health file");
    }

    /// From now on its work raises; its readiness does not.
    pub fn raise_exceptions(&self) {
        std::fs::write(&self.fault, "").expect("the fault file");
    }
}

/// Two instances of one application.
#[derive(Debug)]
pub struct Stack {
    pub instances: [Instance; 2],
}

/// Everything behind the gateway.
#[derive(Debug)]
pub struct Services {
    pub stacks: Vec<Stack>,
    pub redis: Redis,
    _postgres: Group,
    _folder: TempDir,
}

impl Services {
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (postgres, database) = start_postgres(folder.path());
        let redis = Redis::start_in(folder.path());
        let environment =
            vec![("DATABASE_URL", format!("postgresql://app@{database}/postgres")), ("REDIS_URL", redis.url())];
        let apps =
            [("gunicorn", "flask_app:app"), ("uvicorn", "fastapi_app:app"), ("gunicorn", "django_app:application")];
        let stacks = apps
            .into_iter()
            .map(|(server, app)| Stack {
                instances: [0, 1].map(|number| instance(server, app, number, folder.path(), &environment)),
            })
            .collect();
        let mut services = Self { stacks, redis, _postgres: postgres, _folder: folder };
        listens("PostgreSQL", database).await;
        services.redis.listens().await;
        services.stacks.iter_mut().flat_map(|stack| &mut stack.instances).for_each(Instance::start);
        for instance in services.stacks.iter().flat_map(|stack| &stack.instances) {
            instance.listens().await;
        }
        services
    }
}

/// A Redis that keeps its address over its deaths.
#[derive(Debug)]
pub struct Redis {
    process: Option<Group>,
    address: SocketAddr,
    folder: PathBuf,
}

impl Redis {
    pub fn start_in(folder: &Path) -> Self {
        let mut redis = Self { process: None, address: free_address(), folder: folder.to_owned() };
        redis.start();
        redis
    }

    pub fn start(&mut self) {
        let port = self.address.port().to_string();
        let mut command = Command::new(tool("REDIS_SERVER"));
        command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--dir"]).arg(&self.folder);
        self.process = Some(Group::start(command.stdout(Stdio::null()).stderr(Stdio::null())));
    }

    /// SIGKILL.
    pub fn stop(&mut self) {
        self.process = None;
    }

    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    pub async fn listens(&self) {
        listens("Redis", self.address).await;
    }
}

async fn listens(who: &str, address: SocketAddr) {
    eventually(&format!("{who} listens on {address}"), async || TcpStream::connect(address).await.is_ok()).await;
}

/// One of an application's instances, not started yet.
pub fn instance(
    server: &'static str,
    app: &'static str,
    number: usize,
    folder: &Path,
    environment: &[(&'static str, String)],
) -> Instance {
    let name = app.split(':').next().unwrap_or(app);
    Instance {
        address: free_address(),
        server,
        app,
        environment: environment.to_vec(),
        fault: folder.join(format!("{name}-{number}.fault")),
        health: folder.join(format!("{name}-{number}.health")),
        log: folder.join(format!("{name}-{number}.log")),
        process: None,
    }
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn start_postgres(folder: &Path) -> (Group, SocketAddr) {
    let bin = PathBuf::from(tool("POSTGRES_BIN"));
    let data = folder.join("postgres");
    std::fs::create_dir(&data).expect("a folder");
    let unprivileged = unprivileged_user();
    if let Some((uid, gid)) = unprivileged {
        // The folder above is ours alone otherwise.
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
        std::os::unix::fs::chown(&data, Some(uid), Some(gid)).expect("the ownership of a folder of ours");
    }
    let command = |program: &str| {
        let mut command = Command::new(bin.join(program));
        if let Some((uid, gid)) = unprivileged {
            command.uid(uid).gid(gid);
        }
        command.current_dir(&data).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let made =
        command("initdb").args(["--auth", "trust", "--username", "app", "--no-sync", "--pgdata"]).arg(&data).status();
    assert!(made.is_ok_and(|status| status.success()), "initdb could not make a cluster in {}", data.display());
    let address = free_address();
    let mut server = command("postgres");
    server.arg("-D").arg(&data).arg("-k").arg(&data).args(["-p", &address.port().to_string(), "-c", "fsync=off"]);
    (Group::start(&mut server), address)
}

/// The user to run PostgreSQL as, where we are root.
fn unprivileged_user() -> Option<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |user: &str| {
        let line = passwd.lines().find(|line| line.starts_with(&format!("{user}:")))?;
        let mut fields = line.split(':').skip(2).map(str::parse);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let root = nix::unistd::geteuid().is_root();
    root.then(|| ids("postgres").or_else(|| ids("nobody")).expect("a user `postgres` or `nobody`"))
}
