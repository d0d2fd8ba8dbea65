//! What is known of a request from its beginning, and on whose terms does it go out?

use super::action::Question;
use super::bounds::{BodyBounds, Bounds, Call};
use super::ties::{Owner, Ties};
use crate::base::own::Own;
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::plan::{Forward, Plan, Protocol, RouteAction, RoutePlan, UpstreamPlan};
use crate::traffic::outcome::LetGo;
use crate::traffic::snapshot::Pool;

/// The route of a request, in the plan that was in force when it began. The plan is held, since a reload may take it away.
#[derive(Clone, Debug)]
pub struct Terms {
    plan: Own<Plan>,
    route: usize,
}

impl Terms {
    /// `None`: there is no such route, or it forwards nothing.
    pub fn of(plan: impl Into<Own<Plan>>, route: usize) -> Option<Self> {
        let plan = plan.into();
        let forwards = matches!(plan.routes.get(route)?.action, RouteAction::Forward(_));
        forwards.then_some(Self { plan, route })
    }

    /// There is one: it was looked for when the terms were made, and no plan ever changes.
    pub fn route(&self) -> &RoutePlan {
        &self.plan.routes[self.route]
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn forward(&self) -> Option<&Forward> {
        match &self.route().action {
            RouteAction::Forward(forward) => Some(forward),
            RouteAction::Redirect { .. } | RouteAction::Respond { .. } => None,
        }
    }
}

/// What a request is from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Facts {
    pub terms: Terms,
    pub kind: Kind,
    /// When its head was there.
    pub began: Timestamp,
    /// A hash of the client's address.
    pub client: u64,
    /// RFC 9110 §9.2.2: it may be sent twice.
    pub idempotent: bool,
    pub has_body: bool,
    /// It asks for another protocol on its connection, which nobody else can take over.
    pub upgrades: bool,
    /// It is a gRPC call.
    pub call: Option<Call>,
    pub body: BodyBounds,
    pub ties: Ties,
    /// Somebody else has a word before anybody is asked.
    pub question: Option<Question>,
}

/// Copies that one process may have under way; more are not made.
pub const COPIES_AT_MOST: usize = 256;

/// For whom a request goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For a client.
    Original,
    /// For nobody: a mirror's copy. It goes to this upstream of the plan, is tried once, waits for no room, and nothing is learnt from it.
    Copy { upstream: usize },
}

impl Terms {
    /// gRPC is spoken to backends of HTTP/2 only; elsewhere a request that looks like a call is none, and has the bounds of all others.
    pub fn may_be_calls(&self) -> bool {
        let speaks =
            |upstream: usize| self.plan.upstreams.get(upstream).is_some_and(|to| to.protocol == Protocol::Http2);
        self.forward().is_some_and(|forward| forward.targets.iter().all(|target| speaks(target.upstream)))
    }
}

impl Facts {
    pub fn is_copy(&self) -> bool {
        matches!(self.kind, Kind::Copy { .. })
    }

    /// When the whole request must be over.
    pub fn deadline(&self) -> Timestamp {
        self.time().0
    }

    /// When the whole request must be over, and what it is then.
    fn time(&self) -> (Timestamp, LetGo) {
        let timeouts = &self.terms.route().timeouts;
        let (total, time_up) = match self.call {
            None => (timeouts.total, LetGo::TotalTimeout),
            // A stream of messages has no total.
            Some(Call { timeout: None }) => (None, LetGo::TotalTimeout),
            // A caller that says how long it waits knows its call better than the route does, but does not make our bounds.
            Some(Call { timeout: Some(own) }) if own <= timeouts.longest_call() => (Some(own), LetGo::Deadline),
            Some(Call { timeout: Some(_) }) => (Some(timeouts.longest_call()), LetGo::TotalTimeout),
        };
        (total.map_or(Timestamp::NEVER, |total| self.began + total), time_up)
    }

    /// Whose is a connection that it went over? `asked`: the answer asks for credentials that authenticate it, or says that they were taken.
    /// `known`: its client was bound to it before.
    pub fn owner(&self, upstream: &UpstreamPlan, asked: bool, known: bool) -> Owner {
        self.own_ties().owner(upstream, asked, known)
    }

    /// May its client own connections that it is to go over?
    pub(super) fn may_be_bound(&self, upstream: &UpstreamPlan) -> bool {
        self.own_ties().may_bind(upstream)
    }

    /// A copy goes out for nobody.
    fn own_ties(&self) -> Ties {
        Ties { one_user: self.ties.one_user && !self.is_copy(), ..self.ties }
    }

    /// May somebody else of this pool be asked too when the answer to so many attempts is late? Only the first may be one of two.
    pub(super) fn may_hedge(&self, attempts: u32, pool: &Pool) -> bool {
        attempts == 1
            && self.terms.route().hedge.is_some()
            && !self.has_body
            && self.idempotent
            && !self.upgrades
            && !self.ties.authenticates
            && pool.upstream.balance.sticky.is_none()
            && self.call.is_none()
            && !self.is_copy()
    }

    /// What its copy for the route's mirror is, if it is one of the share that is mirrored. It is sent when the request is over, so that it
    /// costs its client nothing.
    pub fn mirrored(&self, now: Timestamp, rng: &mut Rng) -> Option<Self> {
        let mirror = self.terms.forward()?.mirror.filter(|_| !self.is_copy())?;
        let kind = Kind::Copy { upstream: mirror.upstream };
        (rng.unit() < mirror.share).then(|| Self { kind, began: now, question: None, ..self.clone() })
    }

    /// What each of its attempts must keep within.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds::of(&self.terms.route().timeouts, self.call, self.body, self.time())
    }
}
