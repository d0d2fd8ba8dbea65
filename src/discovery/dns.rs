//! Who is behind a name? It is resolved again and again, at the pace of its TTL.
//!
//! An answer is complete or it is a failure: part of a set would shrink a pool because a name server was slow. How a set of
//! addresses is asked for is in `names`; here it becomes backends: with the source's port and weight, or those of SRV records
//! (RFC 2782: the lowest priority value is the primary group, the others are backups).

use super::names::{self, Families, NameFailure, ServiceRecord};
use super::{Answer, Teller, tidy};
use hickory_resolver::TokioResolver;
use pulsegate_core::base::identity::Address;
use pulsegate_core::board::Found;
use pulsegate_core::plan::{DnsQuery, DnsSource};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// One look at a name takes no longer than this, whatever the number of servers, search domains and SRV targets.
const LOOK_CAP: Duration = Duration::from_secs(20);

/// Tells who is behind the source, for ever.
pub(super) async fn watch(source: DnsSource, mut teller: Teller) {
    let mut families = Families::default();
    loop {
        let (answer, ttl) = look(&source, &mut families).await;
        teller.tell(answer);
        sleep(pause(&source, ttl)).await;
    }
}

/// One look at a name that was never looked at before.
pub(super) async fn look_once(source: &DnsSource) -> Answer {
    look(source, &mut Families::default()).await.0
}

/// From one look to the next. Failures and empty answers have no TTL: the sooner somebody is found the better.
fn pause(source: &DnsSource, ttl: Option<Duration>) -> Duration {
    ttl.unwrap_or_default().min(source.max_interval).max(source.min_interval)
}

async fn look(source: &DnsSource, families: &mut Families) -> (Answer, Option<Duration>) {
    match timeout(LOOK_CAP, resolve(source, families)).await {
        Ok(Ok((found, ttl))) => {
            let ttl = Some(ttl).filter(|_| !found.is_empty());
            (Ok(tidy(found)), ttl)
        }
        Ok(Err(why)) => (Err(why), None),
        Err(_) => (Err(format!("DNS did not answer within {LOOK_CAP:?} for {}", name_of(&source.query))), None),
    }
}

fn name_of(query: &DnsQuery) -> &str {
    match query {
        DnsQuery::Host { name, .. } | DnsQuery::Srv { name } => name,
    }
}

async fn resolve(source: &DnsSource, families: &mut Families) -> Result<(Vec<Found>, Duration), String> {
    if let DnsQuery::Host { name, port } = &source.query
        && let Ok(ip) = name.parse::<IpAddr>()
    {
        return Ok((vec![found(ip, *port, source.weight, source.backup)], source.max_interval));
    }
    let resolver = names::resolver(&source.servers)?;
    match &source.query {
        DnsQuery::Host { name, port } => {
            let answer = names::addresses(&resolver, name, families).await.map_err(|failure| failure.why)?;
            let found = answer.addresses.into_iter().map(|ip| found(ip, *port, source.weight, source.backup)).collect();
            Ok((found, answer.ttl))
        }
        DnsQuery::Srv { name } => resolve_service(&resolver, name, source.backup, families).await,
    }
}

async fn resolve_service(
    resolver: &TokioResolver,
    name: &str,
    backup: bool,
    families: &mut Families,
) -> Result<(Vec<Found>, Duration), String> {
    let (records, mut ttl) = names::services(resolver, name).await.map_err(|failure| failure.why)?;
    let primary = records.iter().map(|record| record.priority).min();
    let mut all = Vec::new();
    for record in records {
        let answer = match names::addresses(resolver, &record.target, families).await {
            Ok(answer) => answer,
            // A target that left between two records of one zone is simply not there.
            Err(NameFailure { gone: true, .. }) => continue,
            Err(failure) => return Err(format!("{name}: {}", failure.why)),
        };
        ttl = ttl.min(answer.ttl);
        let backup = backup || Some(record.priority) != primary;
        all.extend(answer.addresses.into_iter().map(|ip| found(ip, record.port, weight(&record), backup)));
    }
    Ok((all, ttl))
}

/// RFC 2782 lets 0 mean "hardly ever"; a backend here has a weight of at least 1.
fn weight(record: &ServiceRecord) -> u32 {
    u32::from(record.weight.max(1))
}

fn found(ip: IpAddr, port: u16, weight: u32, backup: bool) -> Found {
    Found { address: Address::Socket(SocketAddr::new(ip, port)), weight, backup }
}

#[cfg(test)]
mod tests;
