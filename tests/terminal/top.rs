//! `pulsegate top` in a real pseudo-terminal: what an operator sees and does while a backend dies.

use super::PULSEGATE;
use super::pool;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use support::backend::Backend;
use support::gateway::Gateway;
use support::raw::{Raw, ok};
use support::{eventually, free_address};

/// A terminal with `top` in it.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    input: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    program: Box<dyn Child + Send + Sync>,
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a size")
}

impl Terminal {
    fn start(gateway: &Gateway, arguments: &[&str]) -> Self {
        let pair = native_pty_system().openpty(size(24, 80)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(PULSEGATE.path());
        command.args(["top", "--every", "200ms", "--admin", &format!("http://{}", gateway.admin)]);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        let program = pair.slave.spawn_command(command).expect("top");
        let mut output = pair.master.try_clone_reader().expect("its output");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(nonzero(24), nonzero(80), 0)));
        let drawn = screen.clone();
        // It ends with the terminal.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                drawn.lock().unwrap().process(&bytes[..read]);
            }
        });
        let input = pair.master.take_writer().expect("its input");
        Self { master: pair.master, input, screen, program }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Is the screen that of a program, and not the shell's?
    fn is_taken(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).expect("keys");
        self.input.flush().expect("keys");
    }

    async fn shows(&self, text: &str) {
        eventually(&format!("{text:?} is shown"), async || self.text().contains(text)).await;
    }

    async fn line_with(&self, first: &str, second: &str) {
        let has_both = |line: &str| line.contains(first) && line.contains(second);
        eventually(&format!("a line has {first:?} and {second:?}"), async || self.text().lines().any(has_both)).await;
    }

    /// In the table: a message may name the same words before the table shows them, and keys mean what is in the table.
    async fn row_with(&self, address: &str, standing: &str) {
        let is_it = |line: &str| {
            let row = line.trim_start_matches(['>', ' ']);
            row.starts_with("pool ") && row.contains(&format!(" {address} ")) && row.contains(&format!(" {standing} "))
        };
        eventually(&format!("the row of {address} says {standing}"), async || self.text().lines().any(is_it)).await;
    }

    fn resize(&self, rows: u16, cols: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(nonzero(rows), nonzero(cols));
        self.master.resize(size(rows, cols)).expect("a size");
    }

    /// Waits for its end; the exit code.
    async fn ended(&mut self) -> u32 {
        let program = &mut self.program;
        eventually("top ends", async || program.try_wait().expect("top").is_some()).await;
        let code = program.wait().expect("top").exit_code();
        let screen = self.screen.clone();
        eventually("the terminal is given back", async || !screen.lock().unwrap().screen().alternate_screen()).await;
        code
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        if std::thread::panicking() {
            eprintln!("--- the terminal shows:\n{}", self.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_dies_is_explained_and_another_is_drained_by_key() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let mut mortal = Backend::start().await;
    let gateway = PULSEGATE.start(&pool(&[well.address, mortal.address])).await;
    let (first, second) = (well.address.to_string(), mortal.address.to_string());
    let mut top = Terminal::start(&gateway, &["--sort", "standing"]);
    top.shows("1 upstreams, 2 backends, 2 eligible").await;
    assert!(top.is_taken());

    mortal.kill();
    top.row_with(&second, "down").await;
    top.line_with(&second, "> pool").await;
    top.shows("its probes fail: cannot connect").await;
    top.press("e");
    top.shows(&format!("pool {second}: an explanation")).await;
    top.shows("Rule      readiness").await;
    top.press("q");
    top.shows("sorted by standing").await;

    top.press("G");
    top.line_with(&first, "> pool").await;
    top.press("d");
    top.shows(&format!("drain pool {first}? Enter: yes, Esc: no.")).await;
    assert_eq!(gateway.standing_of(&first).await, "up", "nothing is done without a confirmation");
    top.press("new disk\r");
    top.row_with(&first, "drained").await;
    let order = gateway.backend(&first).await["order"].clone();
    assert_eq!((&order["what"], &order["reason"]), (&"drain".into(), &"new disk".into()));
    gateway.says("event=admin.write").await;
    let said = gateway.output();
    let audit = said.lines().find(|line| line.contains("event=admin.write")).unwrap_or_default().to_owned();
    assert!(audit.contains("action=drain") && audit.contains("result=applied"), "{audit}");
    top.press("gu\r");
    eventually("it is undrained", async || gateway.standing_of(&first).await == "up").await;

    top.resize(10, 40);
    top.line_with(&second, "down").await;
    top.press("q");
    assert_eq!(top.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_goes_is_said_with_the_age_and_signals_give_the_terminal_back() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let mut gateway = PULSEGATE.start(&pool(&[well.address])).await;
    let mut by_key = Terminal::start(&gateway, &[]);
    let mut by_signal = Terminal::start(&gateway, &[]);
    for top in [&by_key, &by_signal] {
        top.line_with(&well.address.to_string(), " up ").await;
    }
    gateway.kill().await;
    by_key.shows("CONNECTION LOST, this is ").await;
    by_key.line_with(&well.address.to_string(), " up ").await;
    by_key.press("\u{3}");
    assert_eq!(by_key.ended().await, 0, "Ctrl-C");
    let pid = by_signal.program.process_id().expect("it runs");
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).expect("the process of top");
    assert_eq!(by_signal.ended().await, 143);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_it_prints_one_picture() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let gateway = PULSEGATE.start(&pool(&[well.address])).await;
    gateway.ready().await;
    for arguments in [&["top"][..], &["top", "--once"], &["top", "--filter", "pool"]] {
        let (code, said) = gateway.command(arguments);
        assert_eq!(code, 0, "{said}");
        let mut lines = said.lines();
        assert!(lines.next().is_some_and(|line| line.starts_with("UPSTREAM  BACKEND")), "{said}");
        let row = lines.next().unwrap_or_default();
        assert!(
            row.starts_with(&format!("pool      {}  up ", well.address)) && row.contains("its probes pass"),
            "{said}"
        );
    }
    let (code, said) = gateway.command(&["top", "--filter", "nobody"]);
    assert_eq!((code, said.lines().count()), (0, 1), "{said}");
    let nobody = free_address().to_string();
    let output = PULSEGATE.command().args(["top", "--admin", &nobody]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
}
