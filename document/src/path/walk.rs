//! Which nodes does a path visit? Segment by segment, selector by selector, in the order of the RFC, and never more than the budget allows.

use super::super::json::Json;
use super::compare;
use super::functions;
use jsonpath_rust::parser::model::{Filter, FilterAtom, Segment, Selector, Test};

/// The budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Exhausted;

pub(super) struct Walk<'a> {
    pub(super) root: &'a Json,
    left: u32,
    pub(super) patterns: functions::Patterns,
}

type Nodes<'a> = Result<Vec<&'a Json>, Exhausted>;

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Json, budget: u32) -> Self {
        Self { root, left: budget, patterns: functions::Patterns::default() }
    }

    pub(super) fn pay(&mut self, cost: usize) -> Result<(), Exhausted> {
        let cost = u32::try_from(cost).map_err(|_| Exhausted)?;
        self.left = self.left.checked_sub(cost).ok_or(Exhausted)?;
        Ok(())
    }

    pub(super) fn query(&mut self, segments: &[Segment]) -> Nodes<'a> {
        self.from(self.root, segments)
    }

    pub(super) fn from(&mut self, node: &'a Json, segments: &[Segment]) -> Nodes<'a> {
        let mut nodes = vec![node];
        for segment in segments {
            let mut found = Vec::new();
            for node in nodes {
                self.segment(segment, node, &mut found)?;
            }
            nodes = found;
        }
        Ok(nodes)
    }

    fn segment(&mut self, segment: &Segment, node: &'a Json, found: &mut Vec<&'a Json>) -> Result<(), Exhausted> {
        self.pay(1)?;
        match segment {
            Segment::Selector(selector) => self.selector(selector, node, found),
            Segment::Selectors(several) => several.iter().try_for_each(|selector| self.selector(selector, node, found)),
            Segment::Descendant(inner) => {
                self.segment(inner, node, found)?;
                children(node).try_for_each(|child| self.segment(segment, child, found))
            }
        }
    }

    fn selector(&mut self, selector: &Selector, node: &'a Json, found: &mut Vec<&'a Json>) -> Result<(), Exhausted> {
        match selector {
            Selector::Name(name) => found.extend(self.named(node, name)?),
            Selector::Index(index) => found.extend(at(node, *index)),
            Selector::Wildcard => {
                for child in children(node) {
                    self.pay(1)?;
                    found.push(child);
                }
            }
            Selector::Slice(start, end, step) => {
                for index in slice(node.items().len(), *start, *end, step.unwrap_or(1)) {
                    self.pay(1)?;
                    found.extend(node.items().get(index));
                }
            }
            Selector::Filter(filter) => {
                for child in children(node) {
                    self.pay(1)?;
                    if self.holds(filter, child)? {
                        found.push(child);
                    }
                }
            }
        }
        Ok(())
    }

    /// Every value of that name: where it stands twice, an assertion must hold for both.
    pub(super) fn named(&mut self, node: &'a Json, name: &str) -> Nodes<'a> {
        let members = node.members();
        self.pay(members.len())?;
        Ok(members.iter().filter(|(member, _)| member == name).map(|(_, value)| value).collect())
    }

    fn holds(&mut self, filter: &Filter, node: &'a Json) -> Result<bool, Exhausted> {
        self.pay(1)?;
        match filter {
            Filter::Or(several) => {
                for one in several {
                    if self.holds(one, node)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::And(several) => {
                for one in several {
                    if !self.holds(one, node)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Atom(FilterAtom::Filter { expr, not }) => Ok(self.holds(expr, node)? != *not),
            Filter::Atom(FilterAtom::Test { expr, not }) => Ok(self.test(expr, node)? != *not),
            Filter::Atom(FilterAtom::Comparison(comparison)) => compare::holds(self, comparison, node),
        }
    }

    fn test(&mut self, test: &Test, node: &'a Json) -> Result<bool, Exhausted> {
        match test {
            Test::RelQuery(segments) => Ok(!self.from(node, segments)?.is_empty()),
            Test::AbsQuery(query) => Ok(!self.query(&query.segments)?.is_empty()),
            Test::Function(function) => functions::says_yes(self, function, node),
        }
    }
}

fn children(node: &Json) -> impl Iterator<Item = &Json> {
    node.items().iter().chain(node.members().iter().map(|(_, value)| value))
}

pub(super) fn at(node: &Json, index: i64) -> Option<&Json> {
    let items = node.items();
    let length = i64::try_from(items.len()).ok()?;
    let index = if index < 0 { index.checked_add(length)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

/// RFC 9535 §2.3.4.2.2.
fn slice(length: usize, start: Option<i64>, end: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let length = i128::try_from(length).unwrap_or(i128::MAX);
    let step = i128::from(step);
    let normal = |bound: Option<i64>, otherwise: i128| match bound.map(i128::from) {
        Some(bound) if bound >= 0 => bound,
        Some(bound) => length + bound,
        None => otherwise,
    };
    let (lower, upper) = if step >= 0 {
        (normal(start, 0).clamp(0, length), normal(end, length).clamp(0, length))
    } else {
        (normal(start, length - 1).clamp(-1, length - 1), normal(end, -length - 1).clamp(-1, length - 1))
    };
    let mut at = lower;
    std::iter::from_fn(move || {
        let inside = if step > 0 { at < upper } else { step < 0 && at > upper };
        let index = inside.then(|| usize::try_from(at).ok()).flatten()?;
        at += step;
        Some(index)
    })
}
