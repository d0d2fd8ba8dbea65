//! Is a path that can be parsed also well-typed (RFC 9535 §2.4.3)? Functions take and give what the RFC says, and none exist but its five.

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, Test, TestFunction,
};

/// What is wrong, and a text near which it stands.
pub(super) struct Wrong {
    pub(super) near: String,
    pub(super) why: String,
}

pub(super) fn check(query: &JpQuery) -> Result<(), Wrong> {
    segments(&query.segments)
}

fn segments(list: &[Segment]) -> Result<(), Wrong> {
    list.iter().try_for_each(segment)
}

fn segment(one: &Segment) -> Result<(), Wrong> {
    match one {
        Segment::Descendant(inner) => segment(inner),
        Segment::Selector(one) => selector(one),
        Segment::Selectors(several) => several.iter().try_for_each(selector),
    }
}

fn selector(one: &Selector) -> Result<(), Wrong> {
    match one {
        Selector::Filter(inner) => filter(inner),
        _ => Ok(()),
    }
}

fn filter(one: &Filter) -> Result<(), Wrong> {
    match one {
        Filter::Or(several) | Filter::And(several) => several.iter().try_for_each(filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => test(expr),
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let (one, other) = sides(comparison);
            comparable(one).and_then(|()| comparable(other))
        }
    }
}

pub(super) fn sides(comparison: &Comparison) -> (&Comparable, &Comparable) {
    match comparison {
        Comparison::Eq(one, other)
        | Comparison::Ne(one, other)
        | Comparison::Gt(one, other)
        | Comparison::Gte(one, other)
        | Comparison::Lt(one, other)
        | Comparison::Lte(one, other) => (one, other),
    }
}

/// A test by itself: a query, or a function that says yes or no.
fn test(one: &Test) -> Result<(), Wrong> {
    match one {
        Test::RelQuery(list) => segments(list),
        Test::AbsQuery(query) => segments(&query.segments),
        Test::Function(function) => match function.as_ref() {
            TestFunction::Match(..) | TestFunction::Search(..) => arguments(function),
            TestFunction::Custom(name, _) => Err(no_such_function(name)),
            other => Err(Wrong {
                near: format!("{}(", name(other)),
                why: format!("{}() gives a value, which must be compared with another", name(other)),
            }),
        },
    }
}

fn comparable(one: &Comparable) -> Result<(), Wrong> {
    match one {
        Comparable::Function(function) => value_function(function),
        Comparable::Literal(_) | Comparable::SingularQuery(_) => Ok(()),
    }
}

fn value_function(function: &TestFunction) -> Result<(), Wrong> {
    match function {
        TestFunction::Length(_) | TestFunction::Count(_) | TestFunction::Value(_) => arguments(function),
        TestFunction::Custom(name, _) => Err(no_such_function(name)),
        other => Err(Wrong {
            near: format!("{}(", name(other)),
            why: format!("{}() says yes or no, which cannot be compared", name(other)),
        }),
    }
}

fn arguments(function: &TestFunction) -> Result<(), Wrong> {
    match function {
        TestFunction::Length(one) => value(one, name(function)),
        TestFunction::Match(one, other) | TestFunction::Search(one, other) => {
            value(one, name(function)).and_then(|()| value(other, name(function)))
        }
        TestFunction::Count(one) | TestFunction::Value(one) => nodes(one, name(function)),
        TestFunction::Custom(name, _) => Err(no_such_function(name)),
    }
}

/// A literal, a query that finds one value at most, or a function that gives a value.
fn value(one: &FnArg, of: &str) -> Result<(), Wrong> {
    match one {
        FnArg::Literal(_) => Ok(()),
        FnArg::Test(test) => match test.as_ref() {
            Test::RelQuery(list) => singular(list, of),
            Test::AbsQuery(query) => singular(&query.segments, of),
            Test::Function(function) => value_function(function),
        },
        FnArg::Filter(_) => Err(not_a_value(of)),
    }
}

fn singular(list: &[Segment], of: &str) -> Result<(), Wrong> {
    let one = |segment: &Segment| matches!(segment, Segment::Selector(Selector::Name(_) | Selector::Index(_)));
    if list.iter().all(one) { Ok(()) } else { Err(not_a_value(of)) }
}

fn nodes(one: &FnArg, of: &str) -> Result<(), Wrong> {
    match one {
        FnArg::Test(test) => match test.as_ref() {
            Test::RelQuery(list) => segments(list),
            Test::AbsQuery(query) => segments(&query.segments),
            Test::Function(_) => Err(not_a_query(of)),
        },
        FnArg::Literal(_) | FnArg::Filter(_) => Err(not_a_query(of)),
    }
}

fn name(function: &TestFunction) -> &str {
    match function {
        TestFunction::Length(_) => "length",
        TestFunction::Count(_) => "count",
        TestFunction::Value(_) => "value",
        TestFunction::Match(..) => "match",
        TestFunction::Search(..) => "search",
        TestFunction::Custom(name, _) => name,
    }
}

fn no_such_function(name: &str) -> Wrong {
    Wrong {
        near: format!("{name}("),
        why: format!("there is no function {name}(); RFC 9535 has length(), count(), value(), match() and search()"),
    }
}

fn not_a_value(of: &str) -> Wrong {
    Wrong {
        near: format!("{of}("),
        why: format!("{of}() takes a literal, or a path that finds one value at most (names and indexes only)"),
    }
}

fn not_a_query(of: &str) -> Wrong {
    Wrong { near: format!("{of}("), why: format!("{of}() takes a path") }
}
