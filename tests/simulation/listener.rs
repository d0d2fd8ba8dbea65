//! Is whoever is told of alerts told the truth, whatever happens? One receiver, who hears all that the board's events come to.
//!
//! It stands behind the board as the gateway's own task does: late where that is late, begun anew where a process hands over, with a
//! picture of the board where backends join. Of each condition it must hear a beginning and an end in turn; and when time has passed and nothing has
//! happened, what it believes to be out must be what is out.

use pulsegate_core::alert::{Alerts, ConditionState, Input, Key, Says, What};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Output, UpstreamReport};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::{AlertRoute, AlertsPlan, UpstreamPlan};
use std::collections::BTreeMap;
use std::sync::Arc;

const NAME: &str = "ops";

#[derive(Default)]
pub struct Listener {
    alerts: Alerts,
    upstreams: Vec<Arc<str>>,
    /// What it believes to hold.
    told: BTreeMap<Key, ConditionState>,
}

impl Listener {
    pub fn reconfigured(&mut self, upstreams: &[UpstreamPlan], now: Timestamp) {
        self.upstreams = upstreams.iter().map(|upstream| upstream.name.clone()).collect();
        self.alerts.reconfigure(plan(), &self.upstreams, &[NAME.into()], now);
    }

    pub fn hear(&mut self, outputs: &[Output], board: &Board, now: Timestamp) {
        let events = outputs.iter().filter_map(|output| match output {
            Output::Report(event) => Input::of(event),
            _ => None,
        });
        let news: Vec<Input> = events.collect();
        let joined = news.iter().any(|input| input.says == Says::Stands(Cause::Unchecked));
        news.into_iter().for_each(|input| self.alerts.handle(input));
        if joined {
            self.look(&board.report(now), now);
        }
        self.pass(now);
    }

    /// Another process goes on with what this one knew. Its board has told nothing so far that it does not see in its picture.
    pub fn handed_over(&mut self, board: &Board, now: Timestamp) {
        let known = self.alerts.export(now);
        self.alerts = Alerts::new(plan(), &self.upstreams);
        self.look(&board.report(now), now);
        self.alerts.import(known, &[NAME.into()], now);
        self.pass(now);
    }

    fn look(&mut self, reports: &[UpstreamReport], now: Timestamp) {
        Input::picture(reports, now).into_iter().for_each(|input| self.alerts.handle(input));
    }

    fn pass(&mut self, now: Timestamp) {
        self.alerts.advance(now);
        while let Some(notice) = self.alerts.poll() {
            assert!(!notice.repeats, "nobody asked to be told again");
            for item in notice.items {
                let before = self.told.get(&item.key).copied();
                match (before, item.state) {
                    (None, ConditionState::Firing | ConditionState::Flapping(_))
                    | (Some(ConditionState::Firing), ConditionState::Flapping(_)) => {
                        self.told.insert(item.key, item.state);
                    }
                    (Some(_), ConditionState::Resolved) => drop(self.told.remove(&item.key)),
                    (Some(_), ConditionState::Still) => {}
                    impossible => panic!("{}: {impossible:?}", item.key),
                }
            }
        }
        let next = self.alerts.next_deadline();
        assert!(next.is_none_or(|next| next > now), "the deadline {next:?} stays behind now {now:?}");
    }

    /// Time passes, and nothing happens.
    pub fn settle(&mut self, board: &Board, now: Timestamp) {
        while let Some(deadline) = self.alerts.next_deadline() {
            self.pass(deadline);
        }
        let reports = board.report(now);
        let backends = || reports.iter().flat_map(|upstream| &upstream.backends);
        for backend in backends() {
            let key = Key {
                upstream: Some(backend.id.upstream.clone()),
                what: What::BackendOut,
                backend: Some(backend.id.address.clone()),
            };
            let told = self.told.contains_key(&key);
            match backend.standing.cause {
                Cause::Ejected | Cause::NotAlive | Cause::Down | Cause::NotReady | Cause::Trial => {
                    assert!(told, "{key} is out ({:?}), and nobody was told", backend.standing.cause);
                }
                // Nobody knows yet: what was told before may hold on.
                Cause::Starting | Cause::Unchecked => {}
                cause => assert!(!told, "{key} stands at {cause:?}, and is told to be out"),
            }
        }
        for key in self.told.keys().filter(|key| key.backend.is_some()) {
            let there = backends().any(|backend| {
                Some(&backend.id.upstream) == key.upstream.as_ref() && Some(&backend.id.address) == key.backend.as_ref()
            });
            assert!(there, "{key} is told, and there is no such backend");
        }
    }
}

fn plan() -> Arc<AlertsPlan> {
    let route = AlertRoute { upstreams: Vec::new(), severities: Vec::new(), receivers: vec![NAME.into()] };
    Arc::new(AlertsPlan { routes: vec![route], repeat_interval: None, ..AlertsPlan::default() })
}
