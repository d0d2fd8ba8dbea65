//! Who belongs to an upstream, in the order of their addresses, who joins and who leaves?

use super::retired::{Former, Retired};
use crate::base::identity::BackendId;
use crate::board::contract::discovery::Found;
use crate::board::desk::place::Seat;
use crate::board::desk::turn::Turn;
use crate::board::member::{Member, probed, succession};
use crate::health::event::EventKind;
use crate::plan::UpstreamPlan;
use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

#[derive(Debug, Default)]
pub(in crate::board) struct Members(Vec<Member>);

impl Members {
    pub(in crate::board) fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.0.iter()
    }

    pub(in crate::board) fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Member> {
        self.0.iter_mut()
    }

    /// Everybody, each with its place.
    pub(in crate::board) fn seated(&self) -> impl Iterator<Item = (Seat, &Member)> {
        self.seats().zip(&self.0)
    }

    pub(in crate::board) fn seats(&self) -> impl ExactSizeIterator<Item = Seat> + use<> {
        (0..self.0.len()).map(Seat::new)
    }

    pub(in crate::board) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::board) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::board) fn count(&self, wanted: impl Fn(&Member) -> bool) -> usize {
        self.0.iter().filter(|member| wanted(member)).count()
    }

    /// The places of those that are `wanted`.
    pub(in crate::board) fn those(&self, wanted: impl Fn(&Member) -> bool) -> Vec<Seat> {
        self.seated().filter(|(_, member)| wanted(member)).map(|(seat, _)| seat).collect()
    }

    /// Brings the members in line with what was found. Returns how many joined and how many left.
    pub(super) fn regroup(
        &mut self,
        found: &[Found],
        plan: &UpstreamPlan,
        retired: &mut Retired,
        turn: &mut Turn<'_>,
    ) -> (usize, usize) {
        let mut old: BTreeMap<BackendId, Member> =
            std::mem::take(&mut self.0).into_iter().map(|member| (member.id().clone(), member)).collect();
        let mut joined = 0;
        for one in found {
            let id = BackendId { upstream: plan.name.clone(), address: one.address.clone() };
            let mut member = match old.remove(&id) {
                Some(member) => member,
                None => {
                    joined += 1;
                    turn.report(EventKind::MemberJoined { backend: id.clone() });
                    returning_or_new(id, one, plan, retired, turn)
                }
            };
            member.found(one);
            self.0.push(member);
        }
        let left = old.len();
        old.into_values().for_each(|member| leave(member, retired, turn));
        (joined, left)
    }

    /// Everybody leaves.
    pub(super) fn dissolve(self, retired: &mut Retired, turn: &mut Turn<'_>) {
        self.0.into_iter().for_each(|member| leave(member, retired, turn));
    }
}

impl Index<Seat> for Members {
    type Output = Member;

    fn index(&self, seat: Seat) -> &Member {
        &self.0[seat.index()]
    }
}

impl IndexMut<Seat> for Members {
    fn index_mut(&mut self, seat: Seat) -> &mut Member {
        &mut self.0[seat.index()]
    }
}

fn leave(mut member: Member, retired: &mut Retired, turn: &mut Turn<'_>) {
    turn.report(EventKind::MemberLeft { backend: member.id().clone() });
    member.retire(turn);
    retired.keep(member.id().clone(), turn.now, Former::Member(Box::new(member)));
}

fn returning_or_new(
    id: BackendId,
    found: &Found,
    plan: &UpstreamPlan,
    retired: &mut Retired,
    turn: &mut Turn<'_>,
) -> Member {
    match retired.take(&id, turn.now) {
        None => Member::new(id, found, plan, turn),
        Some(Former::Known(state, taken)) => {
            let mut member = Member::new(id, found, plan, turn);
            succession::import(&mut member, *state, taken, turn.now);
            member
        }
        Some(Former::Member(mut member)) => {
            member.redefine(plan, turn);
            probed::pull_all(&mut member, turn.now);
            *member
        }
    }
}
