//! Operators steer: what is in force at once, what survives, and what ends by itself.

use super::*;
use crate::traffic::snapshot::Emptiness;

/// Three backends without probes; all are up.
fn three() -> Rig {
    Rig::new(upstream(vec![backends(3)], None), s(0))
}

fn deadline(rig: &mut Rig, now: Timestamp) {
    rig.board.handle_deadline(now);
    rig.drain();
}

fn report(rig: &Rig, last: u8, now: Timestamp) -> BackendReport {
    let reports = rig.board.report(now);
    reports[0].backends.iter().find(|backend| backend.id == Rig::id(last)).cloned().unwrap()
}

fn picked(rig: &Rig) -> Vec<Address> {
    let pool = &rig.snapshot.as_ref().unwrap().pools[0];
    let pick = |random: u64| {
        let random = random.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let input = crate::traffic::load_balancing::PickInput {
            tried: &[],
            now: Timestamp::ZERO,
            random,
            hash: None,
            sticky: None,
            trial_allowed: false,
            last_chance: false,
        };
        pool.pick(&input).map(|pick| pick.member.id.address.clone())
    };
    let mut picked: Vec<Address> = (0..100).filter_map(pick).collect();
    picked.sort();
    picked.dedup();
    picked
}

#[test]
fn an_order_is_published_with_the_call_that_gave_it_and_says_whose_it_is() {
    let mut rig = three();
    let before = rig.publications;
    let told = rig.steer(1, Steer::Order(Order::Drain), Some(600), s(10)).unwrap();
    assert_eq!((rig.cause(1), rig.publications), (Cause::Drained, before + 1));
    assert_eq!(picked(&rig), [address(2), address(3)]);
    assert_eq!((told.standing.cause, &*told.why), (Cause::Drained, "drained by ops: a test"));
    let order = told.order.unwrap();
    assert_eq!((order.what, &*order.by, order.at, order.until), (Order::Drain, "ops", s(10), Some(s(610))));
}

#[test]
fn an_order_ends_at_its_time_and_says_so() {
    let mut rig = three();
    rig.steer(1, Steer::Order(Order::ForceDown), Some(60), s(10)).unwrap();
    rig.steer(2, Steer::Weight(Some(0)), Some(30), s(10)).unwrap();
    deadline(&mut rig, s(39));
    assert_eq!(picked(&rig), [address(3)]);
    deadline(&mut rig, s(40));
    assert_eq!((picked(&rig), rig.cause(1)), (vec![address(2), address(3)], Cause::ForcedDown));
    deadline(&mut rig, s(70));
    assert_eq!(rig.cause(1), Cause::Ramping, "it comes back as after any absence");
    let over = |event: &&EventKind| matches!(event, EventKind::OrderOver { .. });
    assert_eq!(rig.events.iter().filter(over).count(), 2);
    assert_eq!(report(&rig, 1, s(70)).order, None);
    assert_eq!(report(&rig, 1, s(70)).why, "it has no readiness probe", "what was is no reason any more");
}

#[test]
fn orders_survive_a_reload_and_an_absence_and_end_in_it() {
    let mut rig = three();
    rig.steer(1, Steer::Order(Order::Drain), None, s(10)).unwrap();
    rig.steer(1, Steer::Weight(Some(9)), None, s(10)).unwrap();
    rig.steer(3, Steer::Order(Order::ForceDown), Some(60), s(10)).unwrap();
    let mut changed = upstream(vec![backends(3)], Some(tcp_probe()));
    changed.balance.policy = Policy::RoundRobin;
    rig.reload(changed, s(20));
    assert_eq!((rig.cause(1), report(&rig, 1, s(20)).weight), (Cause::Drained, 9));
    rig.reload(upstream(vec![backends(0)], None), s(30));
    rig.reload(upstream(vec![backends(3)], None), s(90));
    let back = report(&rig, 1, s(90));
    assert_eq!((back.standing.cause, back.weight, back.configured_weight), (Cause::Drained, 9, 1));
    assert!(rig.cause(3).eligible(), "its time was over while it was away");
    rig.steer(1, Steer::Release, None, s(91)).unwrap();
    assert_eq!((report(&rig, 1, s(91)).weight, rig.cause(1).eligible()), (1, true));
}

#[test]
fn weight_0_takes_new_traffic_away_and_keeps_the_standing() {
    let mut rig = three();
    let told = rig.steer(1, Steer::Weight(Some(0)), None, s(10)).unwrap();
    assert_eq!((told.standing.cause, told.weight, told.configured_weight), (Cause::Up, 0, 1));
    assert_eq!(picked(&rig), [address(2), address(3)]);
    for last in [2, 3] {
        rig.steer(last, Steer::Weight(Some(0)), None, s(11)).unwrap();
    }
    let pool = rig.snapshot.as_ref().unwrap().pools[0].clone();
    assert_eq!(pool.emptiness, Emptiness::NobodyEligible { earliest_return: None });
    rig.steer(2, Steer::Weight(None), None, s(12)).unwrap();
    assert_eq!(picked(&rig), [address(2)]);
}

#[test]
fn backups_serve_when_every_primary_has_weight_0() {
    let spare = StaticBackend { backup: true, ..StaticBackend::at(address(2)) };
    let first = StaticBackend::at(address(1));
    let mut rig = Rig::new(upstream(vec![SourcePlan::Static(vec![first, spare])], None), s(0));
    assert_eq!(picked(&rig), [address(1)]);
    rig.steer(1, Steer::Weight(Some(0)), None, s(1)).unwrap();
    assert_eq!(picked(&rig), [address(2)]);
}

#[test]
fn a_sticky_client_stays_with_weight_0_where_drains_keep_sessions() {
    let mut plan = upstream(vec![backends(2)], None);
    plan.balance.sticky = Some(StickyPlan::default());
    plan.drain_keeps_sessions = true;
    let mut rig = Rig::new(plan, s(0));
    rig.steer(1, Steer::Weight(Some(0)), None, s(1)).unwrap();
    let input = crate::traffic::load_balancing::PickInput {
        tried: &[],
        now: s(1),
        random: 1,
        hash: None,
        sticky: Some(Rig::id(1).key()),
        trial_allowed: false,
        last_chance: false,
    };
    let pick = |rig: &Rig| rig.snapshot.as_ref().unwrap().pools[0].pick(&input).unwrap().member.id.clone();
    assert_eq!(pick(&rig), Rig::id(1));
    rig.steer(1, Steer::Order(Order::ForceDown), None, s(2)).unwrap();
    assert_eq!(pick(&rig), Rig::id(2), "a force is stronger");
}

#[test]
fn an_unknown_backend_is_refused_with_those_that_there_are() {
    let mut rig = three();
    let nobody = rig.steer(9, Steer::Order(Order::Drain), None, s(1)).unwrap_err();
    assert_eq!(nobody, Refused::NoBackend { known: vec![address(1), address(2), address(3)] });
    let backend = BackendId { upstream: "elsewhere".into(), address: address(1) };
    let steering = Steering { backend, what: Steer::Release, by: "ops".into(), lasts: None, reason: None };
    assert_eq!(rig.board.steer(&steering, s(1)).unwrap_err(), Refused::NoUpstream { known: vec!["pool".into()] });
    rig.steer(1, Steer::Order(Order::ForceUp), None, s(2)).unwrap();
    let other = Refused::AnotherOrder { order: Order::ForceUp, by: "ops".into() };
    assert_eq!(rig.steer(1, Steer::Undrain, None, s(3)).unwrap_err(), other);
    assert_eq!(rig.cause(1), Cause::ForcedUp);
}

#[test]
fn connections_of_a_backend_that_is_down() {
    for (on_down, retired, cut) in
        [(OnDown::Keep, false, false), (OnDown::RetireIdle, true, false), (OnDown::CloseAll, true, true)]
    {
        let mut plan = upstream(vec![backends(2)], None);
        plan.on_down = on_down;
        let mut rig = Rig::new(plan, s(0));
        let member = |rig: &Rig| rig.snapshot.as_ref().unwrap().pools[0].members[0].clone();
        let before = member(&rig);
        rig.steer(1, Steer::Order(Order::Drain), None, s(1)).unwrap();
        assert!(!before.cell.is_cut(before.connection_epoch), "a drain lets it finish");
        rig.steer(1, Steer::Order(Order::ForceDown), None, s(2)).unwrap();
        assert_eq!(member(&rig).connection_epoch > before.connection_epoch, retired, "{on_down:?}");
        assert_eq!(before.cell.is_cut(before.connection_epoch), cut, "{on_down:?}");
        rig.steer(1, Steer::Release, None, s(3)).unwrap();
        let after = member(&rig);
        assert!(!after.cell.is_cut(after.connection_epoch), "what begins now is not cut");
    }
}
