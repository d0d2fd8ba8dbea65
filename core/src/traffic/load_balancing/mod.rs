//! Which backend takes this attempt?
//!
//! A [`Balancer`] is prepared at each publication over the eligible members and answers in O(1) (`hash`: O(log n)). One file per
//! mechanism; all policies skip the backends that this request already tried, by identity.

mod alias;
mod ring;
mod turns;

use crate::base::identity::BackendKey;
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::plan::{BalancePlan, Policy};
use crate::traffic::endpoint::Endpoint;
use alias::AliasTable;
use ring::Ring;
use std::sync::Arc;
use std::time::Duration;
use turns::Turns;

/// Draws before a scan takes over: with half of the pool tried, all fail once in 256 requests.
const DRAWS: usize = 8;
/// Members that are asked for their load to estimate the pool's.
const LOAD_SAMPLE: usize = 16;

/// A failure makes a backend suspect for so long: a share of failures that matters shows itself more often than this.
const SUSPECT_FOR: Duration = Duration::from_secs(2);

/// What a pick may depend on.
#[derive(Clone, Copy, Debug)]
pub struct PickInput<'a> {
    /// Backends that this request already tried.
    pub tried: &'a [BackendKey],
    pub now: Timestamp,
    /// 64 fresh random bits.
    pub random: u64,
    /// The hash of what the policy hashes by (policy `hash`), see [`crate::plan::HashBy`].
    pub hash: Option<u64>,
    /// The backend to which a sticky cookie or a connection of its own binds the client.
    pub sticky: Option<BackendKey>,
    /// This request may be the one that decides a trial (bodyless, idempotent, still with a retry).
    pub trial_allowed: bool,
    /// What fails here fails for the client: it is not idempotent, or its last retry. Of two draws such a request takes the one that has
    /// not failed lately, whatever the loads.
    pub last_chance: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Pick {
    pub member: Arc<Endpoint>,
    pub trial: bool,
}

/// Prepared over one publication.
#[derive(Debug)]
pub struct Balancer {
    members: Arc<[Arc<Endpoint>]>,
    serving: Vec<Serving>,
    /// Where in `serving` each member is.
    place: Vec<Option<u32>>,
    trials: Vec<usize>,
    /// Members in the order of their keys, where sticky clients name them.
    by_key: Vec<(BackendKey, u32)>,
    choice: Choice,
}

/// A member that may be picked, with the weight in force.
#[derive(Clone, Debug)]
struct Serving {
    member: Arc<Endpoint>,
    weight: f64,
}

/// What each policy prepares.
#[derive(Debug)]
enum Choice {
    LeastRequest(AliasTable),
    PeakEwma(AliasTable),
    Random(AliasTable),
    RoundRobin(Turns),
    /// The ring is over all members; requests without a hash are drawn.
    Hash {
        ring: Ring,
        spare: AliasTable,
    },
}

impl Balancer {
    /// `serving`: the members that may be picked (index into `members` with their effective weight > 0), `trials`: members whose
    /// trial is armed. `members` is the whole pool (the ring of `hash` is built over it). `previous` lets a policy carry its
    /// position (round robin) or its ring over.
    pub fn prepare(
        plan: &BalancePlan,
        members: &Arc<[Arc<Endpoint>]>,
        serving: &[(usize, f64)],
        trials: &[usize],
        previous: Option<&Balancer>,
    ) -> Self {
        let weights: Vec<f64> = serving.iter().map(|(_, weight)| *weight).collect();
        let choice = match plan.policy {
            Policy::LeastRequest => Choice::LeastRequest(AliasTable::new(&weights)),
            Policy::PeakEwma => Choice::PeakEwma(AliasTable::new(&weights)),
            Policy::Random => Choice::Random(AliasTable::new(&weights)),
            Policy::RoundRobin => {
                let before = previous.and_then(|previous| match &previous.choice {
                    Choice::RoundRobin(turns) => Some(turns),
                    _ => None,
                });
                Choice::RoundRobin(Turns::new(&weights, before))
            }
            Policy::Hash(_) => {
                let before = previous.and_then(|previous| match &previous.choice {
                    Choice::Hash { ring, .. } => Some(ring),
                    _ => None,
                });
                Choice::Hash { ring: Ring::new(members, before), spare: AliasTable::new(&weights) }
            }
        };
        let by_key = if plan.sticky.is_some() { in_order_of_keys(members) } else { Vec::new() };
        let place = places(members.len(), serving);
        let serving = serving
            .iter()
            .filter_map(|(index, weight)| {
                members.get(*index).map(|m| Serving { member: Arc::clone(m), weight: *weight })
            })
            .collect();
        Self { members: Arc::clone(members), serving, place, trials: trials.to_vec(), by_key, choice }
    }

    /// `None`: nobody that this request has not tried.
    pub fn pick(&self, input: &PickInput<'_>) -> Option<Pick> {
        if input.trial_allowed
            && let Some(member) = self.trial(input)
        {
            return Some(Pick { member, trial: true });
        }
        let chosen = match input.sticky.and_then(|key| self.sticky(key, input)) {
            Some(pinned) => pinned,
            None => self.choose(input)?,
        };
        Some(Pick { member: Arc::clone(&chosen.member), trial: false })
    }

    /// Is there a member, not in `tried`, that [`Self::pick`] could return?
    pub fn has_untried(&self, tried: &[BackendKey]) -> bool {
        self.serving.iter().any(|serving| !tried.contains(&serving.member.key))
    }

    /// The member to which a client is bound, serving or not.
    pub fn member(&self, key: BackendKey) -> Option<&Arc<Endpoint>> {
        self.members.get(self.position(key)?)
    }

    fn position(&self, key: BackendKey) -> Option<usize> {
        if self.by_key.is_empty() {
            // Few are bound where there are no cookies: by a connection that knows them.
            return self.members.iter().position(|member| member.key == key);
        }
        let at = self.by_key.binary_search_by_key(&key, |(candidate, _)| *candidate).ok()?;
        self.by_key.get(at).map(|(_, index)| *index as usize)
    }

    /// The request decides a trial only when somebody else could take it afterwards, or when nobody serves at all: then its
    /// alternative is our own 503, and a success brings the pool back.
    fn trial(&self, input: &PickInput<'_>) -> Option<Arc<Endpoint>> {
        if self.trials.is_empty() || !(self.serving.is_empty() || self.has_untried(input.tried)) {
            return None;
        }
        let open = self.trials.iter().filter_map(|index| self.members.get(*index));
        open.filter(|member| !input.tried.contains(&member.key))
            .find(|member| member.cell.claim_trial())
            .map(Arc::clone)
    }

    fn sticky(&self, key: BackendKey, input: &PickInput<'_>) -> Option<&Serving> {
        self.served(self.position(key)?, input)
    }

    fn choose(&self, input: &PickInput<'_>) -> Option<&Serving> {
        let mut rng = Rng::new(input.random);
        match &self.choice {
            Choice::Random(table) => self.draw(table, input, &mut rng, None),
            Choice::RoundRobin(turns) => {
                let turn = (0..DRAWS).find_map(|_| self.untried(turns.next(), input));
                turn.or_else(|| self.scan(input, &mut rng))
            }
            Choice::LeastRequest(table) => self.better_of_two(table, input, &mut rng, |serving| {
                f64::from(serving.member.cell.load(input.now)) / serving.weight
            }),
            Choice::PeakEwma(table) => {
                self.better_of_two(table, input, &mut rng, |serving| expected_wait(serving, input.now))
            }
            Choice::Hash { ring, spare } => match input.hash {
                // Where the ring meets nobody, the key still decides: it stays with one of the few that are left.
                Some(hash) => self.by_hash(ring, hash, input).or_else(|| self.scan(input, &mut Rng::new(hash))),
                None => self.draw(spare, input, &mut rng, None),
            },
        }
    }

    /// The power of two choices (Mitzenmacher 2001): two different draws, the less loaded one; a tie goes to the first.
    fn better_of_two(
        &self,
        table: &AliasTable,
        input: &PickInput<'_>,
        rng: &mut Rng,
        cost: impl Fn(&Serving) -> f64,
    ) -> Option<&Serving> {
        let first = self.draw(table, input, rng, None)?;
        // Nobody is looked for beside the only one.
        if self.serving.len() == 1 {
            return Some(first);
        }
        let Some(second) = self.draw(table, input, rng, Some(first.member.key)) else { return Some(first) };
        let suspect =
            |serving: &Serving| input.last_chance && serving.member.cell.failed_after(input.now - SUSPECT_FOR);
        let second_is_better = match (suspect(first), suspect(second)) {
            (true, false) => true,
            (false, true) => false,
            _ => cost(second) < cost(first),
        };
        Some(if second_is_better { second } else { first })
    }

    /// One that was not tried and is not `other`; `None` where there is none.
    fn draw(
        &self,
        table: &AliasTable,
        input: &PickInput<'_>,
        rng: &mut Rng,
        other: Option<BackendKey>,
    ) -> Option<&Serving> {
        let suits = |serving: &&Serving| Some(serving.member.key) != other;
        (0..DRAWS)
            .find_map(|_| self.untried(table.draw(rng.next_u64()), input).filter(suits))
            .or_else(|| self.rotated(rng).find(|serving| suits(serving) && !input.tried.contains(&serving.member.key)))
    }

    fn untried(&self, at: usize, input: &PickInput<'_>) -> Option<&Serving> {
        looked_at_one();
        self.serving.get(at).filter(|serving| !input.tried.contains(&serving.member.key))
    }

    /// From a random place on, so that the first in line does not take what is left over by all.
    fn scan(&self, input: &PickInput<'_>, rng: &mut Rng) -> Option<&Serving> {
        self.rotated(rng).find(|serving| !input.tried.contains(&serving.member.key))
    }

    fn rotated(&self, rng: &mut Rng) -> impl Iterator<Item = &Serving> {
        let start = rng.below(self.serving.len() as u32) as usize;
        self.serving.iter().skip(start).chain(self.serving.iter().take(start)).inspect(|_| looked_at_one())
    }

    fn by_hash(&self, ring: &Ring, hash: u64, input: &PickInput<'_>) -> Option<&Serving> {
        let mut first = None;
        let mut bound = None;
        // A few dozen points meet several members; whoever is still above the bound then is as good as any.
        for member in ring.walk(hash).take(256) {
            let Some(serving) = self.served(member, input) else { continue };
            let in_flight = f64::from(serving.member.cell.in_flight());
            // An idle backend is within every bound.
            if in_flight == 0.0
                || in_flight < (*bound.get_or_insert_with(|| self.load_bound(input)) * serving.weight).ceil()
            {
                return Some(serving);
            }
            first.get_or_insert(serving);
        }
        first
    }

    /// What one unit of weight may have in flight, this request included. Exact for small pools; of large ones a
    /// sample is asked, so that a pick costs the same.
    fn load_bound(&self, input: &PickInput<'_>) -> f64 {
        let mut rng = Rng::new(input.random);
        let sample = self.rotated(&mut rng).take(LOAD_SAMPLE);
        let (load, weight) = sample.fold((1.0, 0.0), |(load, weight), serving| {
            (load + f64::from(serving.member.cell.in_flight()), weight + serving.weight)
        });
        ring::LOAD_BOUND * load / weight
    }

    /// The member at this position of the pool, if it serves and was not tried.
    fn served(&self, member: usize, input: &PickInput<'_>) -> Option<&Serving> {
        self.untried(self.place.get(member).copied().flatten()? as usize, input)
    }
}

fn in_order_of_keys(members: &[Arc<Endpoint>]) -> Vec<(BackendKey, u32)> {
    let mut by_key: Vec<_> = members.iter().enumerate().map(|(index, member)| (member.key, index as u32)).collect();
    by_key.sort_unstable();
    by_key
}

fn places(members: usize, serving: &[(usize, f64)]) -> Vec<Option<u32>> {
    let mut places = vec![None; members];
    for (at, (index, _)) in serving.iter().enumerate() {
        if let Some(place) = places.get_mut(*index) {
            *place = Some(at as u32);
        }
    }
    places
}

/// Latency × queue, after Finagle's peak EWMA. A backend whose latency is not known gets one request to show it, not all of
/// them until its first answer.
fn expected_wait(serving: &Serving, now: Timestamp) -> f64 {
    const UNKNOWN: f64 = 1e6;
    let (latency, load) = (serving.member.cell.latency_ewma(now), serving.member.cell.load(now));
    let seconds = if latency.is_zero() && load > 0 { UNKNOWN } else { latency.as_secs_f64() };
    seconds * f64::from(load + 1) / serving.weight
}

/// Tests count how many backends a pick looks at.
#[cfg(not(test))]
const fn looked_at_one() {}
#[cfg(test)]
use tests::looked_at_one;

#[cfg(test)]
mod tests;
