//! Which watchers live through a new plan, and what is told.

use super::*;
use pulsegate_core::base::identity::Address;
use pulsegate_core::plan::{DnsQuery, DnsSource};
use std::sync::Mutex;

fn found(address: &str, weight: u32, backup: bool) -> Found {
    Found { address: Address::Socket(address.parse().unwrap()), weight, backup }
}

fn heard() -> (Arc<Mutex<Vec<Answer>>>, Teller) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let log = said.clone();
    let tell = Arc::new(move |input| match input {
        Input::Discovered { answer, .. } => log.lock().unwrap().push(answer),
        other => panic!("unexpected {other:?}"),
    });
    (said, Teller { tell, upstream: "orders".into(), source: 0, failure: None })
}

#[test]
fn each_address_once_a_primary_before_a_backup_then_the_greater_weight() {
    let tidied = tidy(vec![
        found("10.0.0.2:80", 1, false),
        found("10.0.0.1:80", 9, true),
        found("10.0.0.1:80", 1, false),
        found("10.0.0.2:80", 4, false),
    ]);
    assert_eq!(tidied, [found("10.0.0.1:80", 1, false), found("10.0.0.2:80", 4, false)]);
}

#[test]
fn a_failure_is_said_once_until_something_else_was_said() {
    let (said, mut teller) = heard();
    let failed = |why: &str| Err(why.to_owned());
    for answer in [failed("a"), failed("a"), failed("b"), Ok(vec![]), Ok(vec![]), failed("b")] {
        teller.tell(answer);
    }
    assert_eq!(*said.lock().unwrap(), [failed("a"), failed("b"), Ok(vec![]), Ok(vec![]), failed("b")]);
}

fn file(path: &str) -> SourcePlan {
    SourcePlan::File { path: path.into(), backup: false }
}

fn name(name: &str) -> SourcePlan {
    let query = DnsQuery::Host { name: name.to_owned(), port: 80 };
    SourcePlan::Dns(DnsSource { servers: vec!["127.0.0.1:9".parse().unwrap()], ..DnsSource::of(query) })
}

fn follow(discovery: &mut Discovery, upstreams: &[(&str, &[SourcePlan])]) {
    let named: Vec<(Arc<str>, &[SourcePlan])> =
        upstreams.iter().map(|(name, sources)| ((*name).into(), *sources)).collect();
    let borrowed: Vec<_> = named.iter().map(|(name, sources)| (name, *sources)).collect();
    discovery.follow(&borrowed);
}

/// The watchers as (upstream, position, task).
fn ids(discovery: &Discovery) -> Vec<(String, usize, tokio::task::Id)> {
    discovery.watchers.iter().map(|one| (one.upstream.to_string(), one.position, one.task.id())).collect()
}

#[tokio::test]
async fn equal_watchers_live_on_and_those_that_are_gone_end() {
    let mut discovery = Discovery::telling(|_| {});
    follow(
        &mut discovery,
        &[
            ("orders", &[SourcePlan::Static(vec![]), name("a.test"), file("/nowhere/a.yaml")]),
            ("payments", &[name("a.test")]),
        ],
    );
    let first = ids(&discovery);
    assert_eq!(first.len(), 3, "static backends need no watcher");
    let tasks: Vec<_> = discovery.watchers.iter().map(|one| one.task.clone()).collect();

    follow(
        &mut discovery,
        &[
            ("payments", &[name("a.test")]),
            ("orders", &[SourcePlan::Static(vec![]), name("b.test"), file("/nowhere/a.yaml")]),
        ],
    );
    let second = ids(&discovery);
    assert!(second.contains(&first[2]) && second.contains(&first[1]), "equal ones are left alone");
    assert!(!second.contains(&first[0]), "another name is another watcher");
    wait_for_end(&tasks[0]).await;

    let moved = vec![file("/nowhere/a.yaml")];
    follow(&mut discovery, &[("orders", &moved)]);
    assert!(!ids(&discovery).contains(&first[1]), "another position is another watcher");
    drop(discovery);
    for task in &tasks {
        wait_for_end(task).await;
    }
}

async fn wait_for_end(task: &AbortHandle) {
    while !task.is_finished() {
        tokio::task::yield_now().await;
    }
}
