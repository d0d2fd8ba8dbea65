//! What becomes of the process when one of its workers ends? What the others have begun ends well, it says which worker it was, and leaves with exit code 1.
//!
//! A worker ends with its runtime, and no request can bring that about. What can is a failure of the one system call that the runtime must not lose: its wait
//! for sockets. Here it fails once with EBADF, as fault injection of `strace` lets it, and the runtime panics.
#![cfg(target_arch = "x86_64")]

use super::workers::{Frozen, served, spread};
use super::{PULSEGATE, pool};
use nix::libc::{EBADF, EINTR, SYS_epoll_pwait, SYS_epoll_wait};
use nix::sys::ptrace;
use support::gateway::Gateway;
use support::raw::{Gate, Raw, Step, ok};
use support::{client::Client, eventually};

/// Lets the worker's wait for its sockets fail, once.
async fn end_worker(gateway: &Gateway, name: &str) {
    eventually("it waits for its sockets", async || {
        let worker = Frozen::thread(gateway, name);
        let mut registers = ptrace::getregs(worker.0).unwrap();
        // What stopped it has interrupted the call, and its result waits to be returned.
        let waits = [SYS_epoll_wait, SYS_epoll_pwait].contains(&registers.orig_rax.cast_signed())
            && registers.rax.cast_signed() == i64::from(-EINTR);
        if waits {
            registers.rax = i64::from(-EBADF).cast_unsigned();
            ptrace::setregs(worker.0, registers).unwrap();
        }
        waits
    })
    .await;
}

async fn ended_by_a_mistake(gateway: &mut Gateway, name: &str) {
    assert_eq!(gateway.ended().await.code(), Some(1));
    let output = gateway.output();
    assert!(output.contains("event=process.panic") && output.contains(&format!("thread={name}")), "{output}");
    let number = name.trim_start_matches("worker-");
    let sentence = format!("pulsegate: worker {number}, which served connections, ended by a mistake of this program");
    assert!(output.contains(&sentence), "{output}");
}

#[tokio::test]
async fn the_end_of_a_worker_ends_the_process_and_what_others_have_begun_ends_well() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Raw::start(move |head, _| match head.starts_with("GET /held ") {
        true => vec![Step::Until(held.clone()), ok("held")],
        false => vec![ok("served")],
    })
    .await;
    let mut gateway = PULSEGATE.start(&(pool(&[backend.address]) + "threads: 2\n")).await;
    let mut clients = served(&gateway, 2).await;
    assert_eq!(spread(&gateway).await, [1, 1]);
    clients[0].send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n").await;
    eventually("the backend has it", async || backend.seen().len() == 3).await;
    end_worker(&gateway, "worker-1").await;
    clients[1].ended().await;
    gateway.says("leaving: ").await;
    gate.open();
    assert_eq!(clients[0].answer().await.text(), "held");
    ended_by_a_mistake(&mut gateway, "worker-1").await;
}

/// The one that accepts for all has ended, too: nobody is waited for in vain.
#[tokio::test]
async fn the_end_of_the_first_worker_ends_the_process_too() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    for threads in [1, 2] {
        let yaml = format!("{}threads: {threads}\nshutdown: {{ grace: 1h }}\n", pool(&[backend.address]));
        let mut gateway = PULSEGATE.start(&yaml).await;
        let mut client = Client::connect(gateway.address).await;
        assert_eq!(client.get("/").await.text(), "served");
        end_worker(&gateway, "worker-0").await;
        client.ended().await;
        ended_by_a_mistake(&mut gateway, "worker-0").await;
    }
}
