//! What failing backends cost clients, and the share of the weight that is out, as publications book them.

use super::*;
use crate::traffic::ledger::Ledger;

/// What the snapshot says of its only pool: the share that is out, in per cent, and the requests that failed during detection.
fn booked(rig: &Rig) -> (u32, u64) {
    let pool = &rig.snapshot.as_ref().unwrap().pools[0];
    (pool.share_out / 10_000, pool.ledger.failed_during_detection())
}

fn ledger(rig: &Rig) -> Arc<Ledger> {
    Arc::clone(&rig.snapshot.as_ref().unwrap().pools[0].ledger)
}

/// A client saw a request fail there. True: it counts at once.
fn seen_to_fail(rig: &Rig, last: u8, now: Timestamp) -> bool {
    let pool = &rig.snapshot.as_ref().unwrap().pools[0];
    let member = pool.members.iter().find(|member| member.id == Rig::id(last)).unwrap();
    member.cell.saw_failure(now)
}

#[test]
fn failures_count_when_their_backend_goes_out_and_only_the_last_minutes() {
    let mut rig = Rig::new(upstream(vec![backends(4)], None), s(0));
    // Long before, and elsewhere.
    assert!(!seen_to_fail(&rig, 1, s(10)));
    assert!(!seen_to_fail(&rig, 2, s(99)));
    for _ in 0..3 {
        assert!(!seen_to_fail(&rig, 1, s(100)));
    }
    assert_eq!(booked(&rig), (0, 0));
    rig.traffic(1, &[RESET; 5], false, s(100));
    assert_eq!(rig.cause(1), Cause::Ejected);
    assert_eq!(booked(&rig), (25, 3));
    assert!(seen_to_fail(&rig, 1, s(101)), "it was under way when the backend went out");
    // Neither a publication nor a reload books anything twice, and both keep the ledger.
    let before = ledger(&rig);
    rig.reload(upstream(vec![backends(5)], None), s(102));
    assert_eq!(booked(&rig), (20, 3));
    assert!(Arc::ptr_eq(&before, &ledger(&rig)));
    rig.run(s(111), connected);
    rig.traffic(1, &[Outcome::Success], true, s(111));
    assert!(rig.cause(1).eligible());
    assert_eq!(booked(&rig), (0, 3));
    assert!(!seen_to_fail(&rig, 1, s(112)), "from now on it is in rotation again");
}

#[test]
fn a_backend_that_was_ordered_out_is_not_out_for_failing() {
    let mut rig = Rig::new(upstream(vec![backends(4)], None), s(0));
    assert!(!seen_to_fail(&rig, 1, s(1)));
    rig.steer(1, Steer::Order(Order::ForceDown), None, s(1)).unwrap();
    rig.steer(2, Steer::Order(Order::Drain), None, s(1)).unwrap();
    assert_eq!(booked(&rig), (0, 0));
}

#[test]
fn while_backups_serve_all_of_it_is_out() {
    let tier = |backup| {
        let backend = |last| StaticBackend { backup, ..StaticBackend::at(address(last)) };
        SourcePlan::Static(if backup { vec![backend(3), backend(4)] } else { vec![backend(1), backend(2)] })
    };
    let mut rig = Rig::new(upstream(vec![tier(false), tier(true)], Some(tcp_probe())), s(0));
    rig.run(s(20), |id| match id.address == address(1) || id.address == address(2) {
        true => ReadingResult::ConnectFailed("refused".into()),
        false => ReadingResult::Connected,
    });
    assert_eq!((rig.cause(1), rig.cause(3)), (Cause::Down, Cause::Up));
    assert_eq!(booked(&rig).0, 100);
}
