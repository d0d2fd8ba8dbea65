//! The gateway changes under way: watched files, what a reload keeps, what it refuses by name, and who may take over.

use super::PULSEGATE;
use super::{pool, pool_with};
use bytes::Bytes;
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;
use support::client::Client;
use support::gateway::Gateway;
use support::raw::{Raw, Step, ok};
use support::{PATIENCE, eventually, free_address};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn answers(gateway: &Gateway, body: &str) {
    eventually(&format!("it answers {body:?}"), async || {
        Client::connect(gateway.address).await.get("/").await.text() == body
    })
    .await;
}

fn respond(body: &str) -> String {
    format!("reload: {{ watch: true }}\nroutes: [{{ respond: {{ body: {body} }} }}]\n")
}

#[tokio::test]
async fn a_watched_file_is_reloaded_refused_when_it_is_bad_and_tried_again() {
    let gateway = PULSEGATE.start(&respond("one")).await;
    gateway.write(&respond("two"));
    answers(&gateway, "two").await;
    gateway.write("reload: { watch: true }\nroutes: [{ upstream: nobody");
    eventually("the half of a file is refused", async || {
        gateway.json("/status").await["last_reload"]["applied"] == false
    })
    .await;
    answers(&gateway, "two").await;
    gateway.write(&respond("three"));
    answers(&gateway, "three").await;
    assert_eq!(gateway.json("/status").await["last_reload"]["applied"], true);
}

#[tokio::test]
async fn a_config_map_swap_is_followed() {
    let gateway = PULSEGATE.start(&respond("one")).await;
    // Turned into what the kubelet lays out: the file is a link through a link that is swapped.
    let (folder, config) = (gateway.folder(), gateway.folder().join("pulsegate.yaml"));
    let text = fs::read_to_string(&config).unwrap();
    for version in ["one", "two"] {
        fs::create_dir(folder.join(version)).unwrap();
        fs::write(folder.join(version).join("pulsegate.yaml"), text.replace("one", version)).unwrap();
    }
    symlink("one", folder.join("..data")).unwrap();
    symlink("..data/pulsegate.yaml", folder.join("link")).unwrap();
    fs::rename(folder.join("link"), &config).unwrap();
    symlink("two", folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    answers(&gateway, "two").await;
}

#[tokio::test]
async fn a_change_that_needs_a_restart_is_refused_by_name() {
    let gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\n").await;
    for (key, yaml) in [("threads", "threads: 3\n"), ("upgrade.directory", "upgrade: { directory: elsewhere }\n")] {
        gateway.reload(&format!("routes: [{{ respond: {{ body: changed }} }}]\n{yaml}")).await;
        let reload = gateway.json("/status").await["last_reload"].clone();
        assert_eq!(reload["applied"], false, "{key}");
        let error = reload["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(&format!("{key}: changed from ")) && error.contains("needs a restart"), "{error}");
        assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "ok", "all or nothing");
    }
}

#[tokio::test]
async fn a_request_in_flight_at_a_removed_backend_finishes() {
    let slow = Raw::start(|_, _| vec![Step::Wait(Duration::from_millis(800)), ok("finished")]).await;
    let other = Raw::start(|_, _| vec![ok("other")]).await;
    let gateway = PULSEGATE.start(&pool(&[slow.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    eventually("the request is at the backend", async || !slow.seen().is_empty()).await;
    gateway.reload(&pool(&[other.address])).await;
    let mut next = Client::connect(gateway.address).await;
    eventually("new requests go to the other one", async || next.get("/").await.text() == "other").await;
    assert_eq!(client.answer().await.text(), "finished");
    assert_eq!(slow.seen().len(), 1);
}

/// A client that was pinned without a configured secret, across a reload and a new binary.
#[tokio::test]
async fn a_sticky_client_stays_pinned_across_a_reload_and_a_takeover() {
    let named = |name: &'static str| Raw::start(move |_, _| vec![ok(name)]);
    let (one, two) = (named("one").await, named("two").await);
    let yaml = pool_with(
        &[one.address, two.address],
        "    balance: { policy: round_robin, sticky: { cookie: pin } }\nupgrade: { directory: takeover }\n",
    );
    let mut gateway = PULSEGATE.start(&yaml).await;
    let first = Client::connect(gateway.address).await.get("/").await;
    let cookie = first.header("set-cookie").expect("a cookie").split(';').next().unwrap_or_default().to_owned();
    let pinned = async |gateway: &Gateway| {
        let mut client = Client::connect(gateway.address).await;
        for _ in 0..6 {
            client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n")).await;
            let answer = client.answer().await;
            assert_eq!((answer.text(), answer.header("set-cookie")), (first.text(), None));
        }
    };
    pinned(&gateway).await;
    gateway.reload(&yaml.replace("period: 300ms", "period: 400ms")).await;
    assert_eq!(gateway.json("/status").await["last_reload"]["applied"], true);
    pinned(&gateway).await;
    let next = gateway.successor(&yaml);
    assert!(gateway.ended().await.success());
    pinned(&next).await;
}

/// What operators have said to one process holds in the next, which listens to them as the first did.
#[tokio::test]
async fn a_takeover_keeps_orders_and_the_next_process_takes_orders_reloads_and_health_questions() {
    let (one, two) = (Raw::start(|_, _| vec![ok("one")]).await, Raw::start(|_, _| vec![ok("two")]).await);
    let yaml = format!("{}upgrade: {{ directory: takeover }}\n", pool(&[one.address, two.address]));
    let folder = tempfile::TempDir::new().expect("a folder");
    let (file, token, health) = (folder.path().join("token"), "a-token-0123456789", free_address());
    fs::write(&file, token).expect("a file");
    let keys = format!(", tokens: [{{ name: ops, file: {} }}], health_address: \"{health}\"", file.display());
    let mut gateway = PULSEGATE.start_guarded(&yaml, &keys, token).await;
    let (first, second) = (one.address.to_string(), two.address.to_string());
    let (code, said) = gateway.command(&["drain", "pool", &first, "--for", "1h", "--reason", "a new disk"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(gateway.command(&["weight", "pool", &second, "7"]).0, 0);
    let before = gateway.backend(&first).await;

    let next = gateway.successor(&yaml);
    assert!(gateway.ended().await.success());
    next.ready().await;
    let after = next.backend(&first).await;
    assert_eq!((&after["standing"], &after["why"]), (&"drained".into(), &"drained by ops: a new disk".into()));
    let until = |backend: &serde_json::Value| {
        let at = backend["order"]["until"]["at"].as_str().unwrap_or_default();
        at.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{error}: {backend}")).as_millisecond()
    };
    assert!(until(&before).abs_diff(until(&after)) < 1_000, "{before} {after}");
    assert_eq!(next.backend(&second).await["weight"], 7);
    assert_eq!(Client::connect(health).await.get("/readyz").await.status, 200);

    assert_eq!(next.command(&["undrain", "pool", &first]).0, 0);
    next.write(&yaml.replace("slow_start:", "slow_stat:"));
    let answer = next.post("/reload", "").await.unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 422") && answer.contains("slow_stat"), "{answer}");
    next.write(&yaml);
    assert_eq!(next.command(&["reload"]).0, 0);
    next.says("reload (admin): reading").await;
    next.says("action=reload").await;
}

/// HTTP/2 to the gateway, known in advance.
async fn http2(gateway: &Gateway) -> (h2::client::SendRequest<Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    (send, tokio::spawn(connection))
}

fn get(gateway: &Gateway) -> http::Request<()> {
    http::Request::get(format!("http://{}/", gateway.address)).body(()).unwrap()
}

#[tokio::test]
async fn http2_clients_are_told_by_goaway_and_what_is_in_flight_finishes() {
    let backend = Raw::start(|_, _| vec![Step::Wait(Duration::from_millis(800)), ok("finished")]).await;
    for takeover in [false, true] {
        let before = backend.seen().len();
        let yaml = pool(&[backend.address]) + "shutdown: { delay: 10s }\nupgrade: { directory: takeover }\n";
        let mut gateway = PULSEGATE.start(&yaml).await;
        let (mut send, connection) = http2(&gateway).await;
        let (answer, _) = send.send_request(get(&gateway), true).unwrap();
        eventually("the request is at the backend", async || backend.seen().len() > before).await;
        let next = takeover.then(|| gateway.successor(&yaml));
        if !takeover {
            gateway.signal(Signal::SIGTERM);
        }
        // Long before the delay is over.
        let mut body = answer.await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "finished");
        let ended = timeout(PATIENCE, connection).await.expect("GOAWAY, and an end").unwrap();
        assert!(ended.is_ok(), "{ended:?}");
        assert!(takeover || !gateway.has_ended(), "the delay is not over");
        assert!(send.ready().await.is_err(), "no further request on it");
        assert!(gateway.ended().await.success());
        drop(next);
    }
}

#[tokio::test]
async fn nobody_else_may_take_over() {
    let gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\nupgrade: { directory: takeover }\n").await;
    let folder = gateway.folder().join("takeover");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let socket = folder.join("takeover.sock");
    let as_nobody = || {
        let script = "import os, socket, sys\nos.setgid(65534); os.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\n\
                      s.settimeout(5)\ns.connect(sys.argv[1])\nprint(s.makefile(\"rb\").read())\n";
        Command::new("python3").args(["-c", script]).arg(&socket).output().expect("python3")
    };
    let said = as_nobody();
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("Permission denied"),
        "the folder keeps others out: {said:?}"
    );
    // Even where somebody has opened the folder: the peer is looked at.
    for (path, mode) in [(gateway.folder(), 0o755), (folder, 0o755), (socket.clone(), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let said = as_nobody();
    let answer = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(answer.contains("refused") && answer.contains("runs as user 65534"), "{said:?}");
    eventually("it is logged", async || gateway.output().contains("takeover refused: ")).await;
    assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "ok");
}

#[tokio::test]
async fn a_takeover_says_what_it_lacks() {
    let gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\nupgrade: { directory: takeover }\n").await;
    let mut nowhere = gateway.successor("routes: [{ respond: { body: ok } }]\n");
    assert_eq!(nowhere.ended().await.code(), Some(1));
    assert!(nowhere.output().contains("no upgrade.directory is configured"), "{}", nowhere.output());
    // An instance of another port in the same folder, started plainly.
    let yaml =
        fs::read_to_string(gateway.folder().join("pulsegate.yaml")).unwrap() + "upgrade: { directory: takeover }\n";
    let other = yaml
        .replace(&gateway.address.to_string(), &free_address().to_string())
        .replace(&gateway.admin.to_string(), &free_address().to_string());
    fs::write(gateway.folder().join("other.yaml"), other).unwrap();
    let plain =
        PULSEGATE.command().args(["run", "--config"]).arg(gateway.folder().join("other.yaml")).output().unwrap();
    let said = String::from_utf8_lossy(&plain.stderr).into_owned();
    assert!(said.contains("another Pulsegate answers at") && said.contains("--takeover"), "{said}");
}

#[tokio::test]
async fn the_service_manager_is_told_who_serves_and_a_takeover_from_nobody_is_a_start() {
    let folder = tempfile::TempDir::new().unwrap();
    let manager = tokio::net::UnixDatagram::bind(folder.path().join("notify")).unwrap();
    let (address, config) = (free_address(), folder.path().join("pulsegate.yaml"));
    let yaml =
        format!("listeners: [{{ address: \"{address}\" }}]\nadmin: off\nroutes: [{{ respond: {{ body: ok }} }}]\n");
    fs::write(&config, yaml).unwrap();
    let start = || {
        tokio::process::Command::new(PULSEGATE.path())
            .args(["run", "--takeover", "--config"])
            .arg(&config)
            .env("NOTIFY_SOCKET", folder.path().join("notify"))
            .env("RUNTIME_DIRECTORY", folder.path())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    };
    let told = async || {
        let mut text = vec![0; 512];
        let read = timeout(PATIENCE, manager.recv(&mut text)).await.expect("in time").unwrap();
        String::from_utf8_lossy(&text[..read]).into_owned()
    };
    let ready = |process: &tokio::process::Child| format!("MAINPID={}\nREADY=1\n", process.id().unwrap());
    let mut first = start();
    assert_eq!(told().await, ready(&first));
    let mut second = start();
    assert_eq!(told().await, ready(&second), "the main process is the new one");
    assert!(first.wait().await.unwrap().success());
    assert_eq!(Client::connect(address).await.get("/").await.text(), "ok");
    let pid = nix::unistd::Pid::from_raw(second.id().unwrap().cast_signed());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(told().await, "STOPPING=1\n", "not when it was succeeded, only when it stops");
    assert!(second.wait().await.unwrap().success());
    assert!(!folder.path().join("takeover/takeover.sock").exists(), "the last one takes its socket away");
}
