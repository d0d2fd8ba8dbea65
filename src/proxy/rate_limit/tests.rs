//! How much a rate limit lets through, in paused time, under races and with a million clients.

use super::*;
use governor::state::StateStore;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::Handle as Runtime;
use tokio::time::advance;

fn plan(requests: u32, burst: u32, by: LimitBy) -> RateLimitPlan {
    RateLimitPlan { id: 1, requests, per: Duration::from_secs(1), burst, by, enforce: true }
}

fn limits() -> Limits {
    Limits::new(Clock::start())
}

fn client(text: &str) -> Key<'static> {
    Key::Client(text.parse().unwrap())
}

/// How many of so many come in now.
fn admitted(limits: &Limits, plan: &RateLimitPlan, key: Key<'_>, asked: u32) -> u32 {
    (0..asked).map(|_| u32::from(limits.take(plan, key).is_ok())).sum()
}

#[tokio::test(start_paused = true)]
async fn a_burst_at_once_then_one_per_interval_to_the_nanosecond() {
    for by in [LimitBy::Route, LimitBy::Client] {
        let (limits, plan) = (limits(), plan(100, 200, by));
        let key = client("192.0.2.1");
        assert_eq!(admitted(&limits, &plan, key, 1000), 200);
        assert_eq!(limits.take(&plan, key), Err(Duration::from_millis(10)));
        advance(Duration::from_millis(9)).await;
        assert_eq!(limits.take(&plan, key), Err(Duration::from_millis(1)));
        advance(Duration::from_millis(1)).await;
        assert_eq!(admitted(&limits, &plan, key, 10), 1);
        advance(Duration::from_secs(1)).await;
        assert_eq!(admitted(&limits, &plan, key, 1000), 100);
        advance(Duration::from_secs(3600)).await;
        assert_eq!(admitted(&limits, &plan, key, 1000), 200, "no more than a burst is saved up");
    }
}

#[tokio::test(start_paused = true)]
async fn the_denied_cost_nothing() {
    let (limits, plan, key) = (limits(), plan(1, 1, LimitBy::Client), client("192.0.2.1"));
    assert_eq!(admitted(&limits, &plan, key, 1), 1);
    for _ in 0..9 {
        advance(Duration::from_millis(100)).await;
        assert_eq!(admitted(&limits, &plan, key, 100), 0, "whoever asks in vain is not punished");
    }
    advance(Duration::from_millis(100)).await;
    assert_eq!(admitted(&limits, &plan, key, 100), 1);
}

#[tokio::test(start_paused = true)]
async fn clients_that_share_a_bucket() {
    let text = |text: &'static str| Key::Text(text.as_bytes());
    for (first, second, shared) in [
        (client("192.0.2.1"), client("192.0.2.1"), true),
        (client("192.0.2.1"), client("192.0.2.2"), false),
        (client("2001:db8:0:1::1"), client("2001:db8:0:1:ffff::9"), true),
        (client("2001:db8:0:1::1"), client("2001:db8:0:2::1"), false),
        (text("key-a"), text("key-a"), true),
        (text("key-a"), text("key-b"), false),
        (text(""), client("192.0.2.1"), false),
        (Key::Everybody, Key::Everybody, true),
    ] {
        let (limits, plan) = (limits(), plan(1, 1, LimitBy::Client));
        assert_eq!(admitted(&limits, &plan, first, 1), 1);
        assert_eq!(admitted(&limits, &plan, second, 1), u32::from(!shared), "{first:?} {second:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_goes_on_under_its_id_and_is_forgotten_without_one() {
    let (limits, old, key) = (limits(), plan(1, 5, LimitBy::Client), client("192.0.2.1"));
    assert_eq!(admitted(&limits, &old, key, 10), 5);
    // The same limit, told only, in a new plan.
    let same = RateLimitPlan { enforce: false, ..old.clone() };
    limits.sweep(|id| id == 1);
    assert_eq!(admitted(&limits, &same, key, 10), 0);
    let other = RateLimitPlan { id: 2, burst: 7, ..old.clone() };
    assert_eq!(admitted(&limits, &other, key, 10), 7);
    limits.sweep(|id| id == 2);
    assert_eq!(limits.by_id.load().len(), 1);
    assert_eq!(admitted(&limits, &other, key, 10), 0);
    assert_eq!(admitted(&limits, &old, key, 10), 5, "it is a new one");
}

#[tokio::test(start_paused = true)]
async fn threads_that_race_get_a_burst_together_and_no_more() {
    for by in [LimitBy::Route, LimitBy::Client] {
        let (limits, plan, key) = (limits(), plan(1000, 5000, by), client("192.0.2.1"));
        let passed = AtomicU32::new(0);
        let race = |runtime: &Runtime| {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let _paused = runtime.enter();
                        passed.fetch_add(admitted(&limits, &plan, key, 2000), Ordering::Relaxed);
                    });
                }
            });
        };
        race(&Runtime::current());
        assert_eq!(passed.swap(0, Ordering::Relaxed), 5000);
        advance(Duration::from_millis(500)).await;
        race(&Runtime::current());
        assert_eq!(passed.load(Ordering::Relaxed), 500);
    }
}

fn buckets(limits: &Limits) -> usize {
    match &**limits.by_id.load().get(&1).unwrap() {
        Limiter::Many(limiter) => limiter.len(),
        Limiter::One(_) => 1,
    }
}

#[tokio::test(start_paused = true)]
async fn a_million_clients_need_bounded_room_and_win_nothing_back_for_the_greedy() {
    let (limits, plan) = (limits(), plan(1, 10, LimitBy::Client));
    let greedy = client("192.0.2.1");
    assert_eq!(admitted(&limits, &plan, greedy, 100), 10);
    for number in 0..1_000_000_u32 {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
        assert!(limits.take(&plan, Key::Client(address.into())).is_ok(), "{address}: light users come in");
        if number % 100_000 == 0 {
            assert!(buckets(&limits) <= buckets::MOST);
        }
    }
    assert!((buckets::MOST / 2..=buckets::MOST).contains(&buckets(&limits)), "{}", buckets(&limits));
    assert_eq!(admitted(&limits, &plan, greedy, 100), 0);
    // Full again, they are as good as never seen.
    advance(Duration::from_secs(5)).await;
    limits.sweep(|_| true);
    assert_eq!(buckets(&limits), 1, "the greedy one");
    advance(Duration::from_secs(10)).await;
    limits.sweep(|_| true);
    assert_eq!(buckets(&limits), 0);
}

#[test]
fn room_is_made_by_those_that_are_full_soonest() {
    let buckets = Buckets::default();
    // One shard: the bits in the middle are equal.
    let put = |key: u64, moment: u64| {
        let _ = buckets.measure_and_replace(&key, |_| Ok::<_, ()>(((), Nanos::from(moment))));
    };
    let has = |key: u64| buckets.measure_and_replace(&key, |known| Err::<((), Nanos), _>(known.is_some())) == Err(true);
    let most = (buckets::MOST / 64) as u64;
    for key in 0..most {
        // Half of them tie.
        put(key, if key % 2 == 0 { 1_000_000 } else { 1_000_000 + key });
    }
    assert!((0..most).all(has));
    put(most, 5);
    let left = (0..most).filter(|key| has(*key)).count() as u64;
    assert_eq!(left, most - most / 4 - 1);
    assert!((0..most).filter(|key| key % 2 == 1).all(has), "the later half is whole");
    assert!(has(most), "the new one is in");
}
