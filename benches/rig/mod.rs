//! What do the benches measure on? Pools and boards of a given size, of the core alone.
#![allow(clippy::panic, reason = "a bench that cannot go on says so by panicking")]

mod plan;

use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::base::rng::mix;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output, Steering};
use pulsegate_core::health::order::{Order, Steer};
use pulsegate_core::health::standing::{Cause, Standing};
use pulsegate_core::plan::{BalancePlan, HashBy, Policy};
use pulsegate_core::traffic::cell::Cell;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::load_balancing::{Balancer, PickInput};
use std::sync::Arc;
use std::time::Duration;

pub const POLICIES: [&str; 5] = ["least_request", "round_robin", "peak_ewma", "random", "hash"];

fn policy(name: &str) -> Policy {
    match name {
        "least_request" => Policy::LeastRequest,
        "round_robin" => Policy::RoundRobin,
        "peak_ewma" => Policy::PeakEwma,
        "random" => Policy::Random,
        "hash" => Policy::Hash(HashBy::Path),
        _ => panic!("no policy {name:?}; there are {POLICIES:?}"),
    }
}

fn member(number: u32) -> Arc<Endpoint> {
    let [_, a, b, c] = number.to_be_bytes();
    let id = BackendId { upstream: "pool".into(), address: Address::Socket(([10, a, b, c], 80).into()) };
    Arc::new(Endpoint {
        key: id.key(),
        id,
        weight: 1,
        backup: false,
        standing: Standing { cause: Cause::Up, share: 1.0, earliest_return: None, unprobed: false },
        since: Timestamp::ZERO,
        connection_epoch: 0,
        stranger: false,
        cell: Arc::new(Cell::new()),
    })
}

/// A prepared balancer over `size` fit members.
pub fn balancer(policy_name: &str, size: u32) -> Balancer {
    let members: Arc<[Arc<Endpoint>]> = (0..size).map(member).collect();
    let serving: Vec<(usize, f64)> = (0..size as usize).map(|index| (index, 1.0)).collect();
    let plan = BalancePlan { policy: policy(policy_name), ..BalancePlan::default() };
    Balancer::prepare(&plan, &members, &serving, &[], None)
}

/// The `number`th of a stream of requests.
pub fn pick(balancer: &Balancer, number: u64) -> Option<Arc<Endpoint>> {
    let input = PickInput {
        tried: &[],
        now: Timestamp(number),
        random: mix(number),
        hash: Some(mix(number ^ 7)),
        sticky: None,
        trial_allowed: false,
        last_chance: false,
    };
    balancer.pick(&input).map(|pick| pick.member)
}

/// A board with one upstream, whose backends take turns in going down and coming back.
pub struct Flips {
    board: Board,
    backends: Vec<BackendId>,
    now: Timestamp,
}

impl Flips {
    pub fn new(size: u32) -> Self {
        let backends: Vec<BackendId> = (0..size).map(|number| member(number).id.clone()).collect();
        let plan = plan::of_one_upstream(&backends);
        let now = Timestamp::from_secs(1);
        let mut board = Board::new(7, now);
        board.handle(Input::Reconfigure(Arc::new(plan)), now);
        while board.poll_output().is_some() {}
        Self { board, backends, now }
    }

    /// One backend's standing changes: handled and published.
    pub fn flip(&mut self, number: usize) {
        let down = (number / self.backends.len()).is_multiple_of(2);
        let backend = self.backends[number % self.backends.len()].clone();
        let what = if down { Steer::Order(Order::ForceDown) } else { Steer::Release };
        self.now = self.now + Duration::from_millis(1);
        let steering = Steering { backend, what, by: "bench".into(), lasts: None, reason: None };
        let _ = self.board.steer(&steering, self.now);
        let mut published = false;
        while let Some(output) = self.board.poll_output() {
            published |= matches!(output, Output::Publish(_));
        }
        assert!(published, "a flip is published");
    }
}
