//! Who may be picked, with what weight? The first tier that has somebody, or the wider set where the plan says so.

use super::correlated_failures::CorrelatedFailures;
use super::group::Group;
use super::members::Members;
use crate::base::identity::BackendKey;
use crate::board::desk::place::Seat;
use crate::board::member::Member;
use crate::board::probing::check::Check;
use crate::health::standing::Cause;
use crate::plan::{UpstreamPlan, WhenNoneEligible};

/// Those that serve, with the weight in force.
pub(super) type Serving = Vec<(Seat, f64)>;

/// `last_good`: who was eligible when somebody last was.
pub(super) fn serving(
    Group { plan, members }: &Group,
    correlated: &CorrelatedFailures,
    last_good: &mut Vec<BackendKey>,
) -> Serving {
    // Who has no weight takes nothing, so it must not keep the backups out either.
    let serves = |member: &Member| member.cause().eligible() && member.weight() > 0;
    let primaries = members.those(|member| serves(member) && !member.is_backup());
    let backups_serve = primaries.is_empty();
    let eligible = if backups_serve { members.those(|member| serves(member) && member.is_backup()) } else { primaries };
    let holds = |member: &Member| correlated.holds(member.key(), member.cause());
    let held = members.those(|member| holds(member) && member.weight() > 0 && !member.is_backup());
    if !held.is_empty() && (!backups_serve || eligible.is_empty()) {
        return weighted(members, in_order(eligible, held));
    }
    if !eligible.is_empty() && !panics(plan, members, eligible.len()) {
        *last_good = eligible.iter().map(|seat| members[*seat].key()).collect();
        return weighted(members, eligible);
    }
    let wider = match plan.when_none_eligible {
        WhenNoneEligible::FailClosed if eligible.is_empty() => Vec::new(),
        WhenNoneEligible::LastKnownGood => {
            members.those(|member| last_good.contains(&member.key()) && unfit_but_usable(member))
        }
        WhenNoneEligible::FailClosed | WhenNoneEligible::FailOpen => members.those(unfit_but_usable),
    };
    weighted(members, in_order(eligible, wider))
}

fn in_order(some: Vec<Seat>, others: Vec<Seat>) -> Vec<Seat> {
    let mut all = [some, others].concat();
    all.sort_unstable();
    all
}

/// May `fail_open` and its kin choose it? Never the forced down, the drained, the unchecked or the starting, and never another service.
fn unfit_but_usable(member: &Member) -> bool {
    let causes = [Cause::NotAlive, Cause::Down, Cause::NotReady, Cause::Ejected, Cause::Trial];
    causes.contains(&member.cause()) && !member.probes().stranger()
}

/// Fewer are eligible than the panic threshold wants: then being picky would bury the few that are left.
fn panics(plan: &UpstreamPlan, members: &Members, eligible: usize) -> bool {
    let pool = members.count(Member::counts);
    plan.panic_threshold > 0.0 && pool > 0 && (eligible as f64) < plan.panic_threshold * pool as f64
}

/// Weight × share; a ramp is skipped when over half of the pool ramps, since nobody would carry the load then.
fn weighted(members: &Members, seats: Vec<Seat>) -> Serving {
    let ramps = |member: &Member| {
        matches!(member.cause(), Cause::Ramping | Cause::Degraded) && member.status().ramp_since().is_some()
    };
    let skip_ramps = members.count(ramps) * 2 > members.len();
    let share = |member: &Member| match member.cause() {
        Cause::Ramping if skip_ramps => 1.0,
        Cause::Degraded if skip_ramps => member.probes().readiness().map_or(1.0, Check::degraded_share),
        cause if cause.eligible() => member.status().standing().share,
        _ => 1.0,
    };
    let weight = |member: &Member| f64::from(member.weight()) * share(member);
    let weighted = seats.into_iter().map(|seat| (seat, weight(&members[seat])));
    weighted.filter(|(_, weight)| *weight > 0.0).collect()
}
