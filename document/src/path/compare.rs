//! Does a comparison hold (RFC 9535 §2.3.5.2.2)? Numbers by their value, objects whatever their order; nothing equals nothing.

use super::super::json::{Json, Number};
use super::functions;
use super::walk::{Exhausted, Walk, at};
use jsonpath_rust::parser::model::{Comparable, Comparison, Literal, SingularQuery, SingularQuerySegment};
use std::borrow::Cow;

/// One value, or nothing.
pub(super) type Value<'a> = Option<Cow<'a, Json>>;

pub(super) fn holds<'a>(walk: &mut Walk<'a>, comparison: &Comparison, node: &'a Json) -> Result<bool, Exhausted> {
    let (one, other) = super::typed::sides(comparison);
    let (one, other) = (value(walk, one, node)?, value(walk, other, node)?);
    let (one, other) = (one.as_deref(), other.as_deref());
    match comparison {
        Comparison::Eq(..) => equal(walk, one, other),
        Comparison::Ne(..) => equal(walk, one, other).map(|equal| !equal),
        Comparison::Lt(..) => less(walk, one, other),
        Comparison::Gt(..) => less(walk, other, one),
        Comparison::Lte(..) => Ok(less(walk, one, other)? || equal(walk, one, other)?),
        Comparison::Gte(..) => Ok(less(walk, other, one)? || equal(walk, one, other)?),
    }
}

fn value<'a>(walk: &mut Walk<'a>, comparable: &Comparable, node: &'a Json) -> Result<Value<'a>, Exhausted> {
    match comparable {
        Comparable::Literal(literal) => Ok(Some(Cow::Owned(of_literal(literal)))),
        Comparable::Function(function) => functions::value(walk, function, node),
        Comparable::SingularQuery(SingularQuery::Current(segments)) => singular(walk, node, segments),
        Comparable::SingularQuery(SingularQuery::Root(segments)) => singular(walk, walk.root, segments),
    }
}

fn singular<'a>(
    walk: &mut Walk<'a>,
    node: &'a Json,
    segments: &[SingularQuerySegment],
) -> Result<Value<'a>, Exhausted> {
    let mut node = Some(node);
    for segment in segments {
        walk.pay(1)?;
        node = match (segment, node) {
            (_, None) => None,
            (SingularQuerySegment::Index(index), Some(node)) => at(node, *index),
            (SingularQuerySegment::Name(name), Some(node)) => walk.named(node, name)?.first().copied(),
        };
    }
    Ok(node.map(Cow::Borrowed))
}

pub(super) fn of_literal(literal: &Literal) -> Json {
    match literal {
        Literal::Int(number) => Json::Number(Number::Whole((*number).into())),
        Literal::Float(number) => Json::Number(Number::Fraction(*number)),
        Literal::String(text) => Json::Text(text.clone()),
        Literal::Bool(yes) => Json::Bool(*yes),
        Literal::Null => Json::Null,
    }
}

fn less(walk: &mut Walk<'_>, one: Option<&Json>, other: Option<&Json>) -> Result<bool, Exhausted> {
    match (one, other) {
        (Some(Json::Number(one)), Some(Json::Number(other))) => Ok(one.value() < other.value()),
        (Some(Json::Text(one)), Some(Json::Text(other))) => {
            pay_for_text(walk, one, other)?;
            Ok(one < other)
        }
        _ => Ok(false),
    }
}

fn equal(walk: &mut Walk<'_>, one: Option<&Json>, other: Option<&Json>) -> Result<bool, Exhausted> {
    match (one, other) {
        (None, None) => Ok(true),
        (Some(one), Some(other)) => same(walk, one, other),
        _ => Ok(false),
    }
}

fn same(walk: &mut Walk<'_>, one: &Json, other: &Json) -> Result<bool, Exhausted> {
    walk.pay(1)?;
    match (one, other) {
        (Json::Text(one), Json::Text(other)) => {
            pay_for_text(walk, one, other)?;
            Ok(one == other)
        }
        (Json::List(one), Json::List(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.iter().zip(other) {
                if !same(walk, one, other)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Json::Map(members), Json::Map(others)) => {
            if members.len() != others.len() {
                return Ok(false);
            }
            for (name, value) in members {
                walk.pay(others.len())?;
                let Some((_, counterpart)) = others.iter().find(|(other, _)| other == name) else { return Ok(false) };
                if !same(walk, value, counterpart)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(one == other),
    }
}

/// Long texts that are alike take time.
fn pay_for_text(walk: &mut Walk<'_>, one: &str, other: &str) -> Result<(), Exhausted> {
    walk.pay(one.len().min(other.len()) / 256)
}
