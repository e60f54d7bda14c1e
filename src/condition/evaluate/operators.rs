//! What operators do with values.

use std::cmp::Ordering;

use super::{
    super::{
        error::{EvaluationError, kinds, shown_value},
        node::Operator,
        value::{Entries, List, Text, Value},
    },
    Budget,
};
use crate::limits;

/// Applies an operator.
pub(super) fn apply<'a>(
    operator: Operator,
    one: &Value<'a>,
    other: &Value<'a>,
    budget: &Budget,
) -> Result<Value<'a>, EvaluationError> {
    let truth = |result: Result<bool, EvaluationError>| result.map(Value::Bool);
    match operator {
        Operator::Add => match (one, other) {
            (Value::Text(one), Value::Text(other)) => joined(one, other, budget),
            (Value::List(one), Value::List(other)) => appended(one, other, budget),
            _ => calculated(operator, one, other),
        },
        Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
            calculated(operator, one, other)
        }
        Operator::Equal => truth(equal(one, other, budget)),
        Operator::Unequal => truth(equal(one, other, budget).map(|equal| !equal)),
        Operator::Less => truth(ordered(operator, one, other, budget, Ordering::is_lt)),
        Operator::LessOrEqual => truth(ordered(operator, one, other, budget, Ordering::is_le)),
        Operator::Greater => truth(ordered(operator, one, other, budget, Ordering::is_gt)),
        Operator::GreaterOrEqual => truth(ordered(operator, one, other, budget, Ordering::is_ge)),
        Operator::In => truth(contained(one, other, budget)),
    }
}

/// Whether two values are the same: numbers by what they are worth, lists and maps by what is in them.
pub(super) fn equal(
    one: &Value<'_>,
    other: &Value<'_>,
    budget: &Budget,
) -> Result<bool, EvaluationError> {
    equal_within(one, other, budget, limits::CONDITION_VALUE_DEPTH)
}

fn equal_within(
    one: &Value<'_>,
    other: &Value<'_>,
    budget: &Budget,
    depth: usize,
) -> Result<bool, EvaluationError> {
    budget.take(1)?;
    let deeper = depth.checked_sub(1).ok_or_else(|| budget.limit())?;
    match (one, other) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Text(one), Value::Text(other)) => {
            let (one, other) = (one.as_str(), other.as_str());
            if one.len() != other.len() {
                return Ok(false);
            }
            budget.read(one)?;
            Ok(one == other)
        }
        (Value::Type(one), Value::Type(other)) => Ok(one == other),
        (Value::List(one), Value::List(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in super::items(one).zip(super::items(other)) {
                if !equal_within(&one, &other, budget, deeper)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Map(one), Value::Map(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            budget.items(one.len())?;
            for key in one.keys() {
                look_up(one, &key, budget)?;
                look_up(other, &key, budget)?;
                let same = match (one.get(&key), other.get(&key)) {
                    (Some(one), Some(other)) => equal_within(&one, &other, budget, deeper)?,
                    (None, _) | (_, None) => false,
                };
                if !same {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(one.compare(other) == Some(Ordering::Equal)),
    }
}

/// Whether a map can have such a key: numbers that are no fraction, truth values and texts.
pub(super) fn is_key(value: &Value<'_>) -> bool {
    is_written_key(value) || matches!(value, Value::Double(_))
}

/// Whether a map can be written with such a key.
pub(super) fn is_written_key(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Text(_)
    )
}

/// Pays for looking a key up in a map.
pub(super) fn look_up(
    entries: &Entries<'_>,
    key: &Value<'_>,
    budget: &Budget,
) -> Result<(), EvaluationError> {
    if let Value::Text(key) = key {
        budget.read(key.as_str())?;
    }
    match entries {
        Entries::Borrowed(_) => Ok(()),
        Entries::Built(_) => budget.items(entries.len()),
    }
}

pub(super) fn negated<'a>(value: &Value<'a>) -> Result<Value<'a>, EvaluationError> {
    let negated = match value {
        Value::Int(number) => number.checked_neg().map(Value::Int),
        Value::Double(number) => Some(Value::Double(-number)),
        Value::Null
        | Value::Bool(_)
        | Value::UInt(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Type(_) => {
            return Err(EvaluationError::WrongType {
                what: "-",
                found: value.kind().to_string(),
            });
        }
    };
    negated.ok_or_else(|| EvaluationError::NoResult {
        operator: "-",
        one: "0".to_owned(),
        other: shown_value(value),
    })
}

fn joined<'a>(
    one: &Text<'_>,
    other: &Text<'_>,
    budget: &Budget,
) -> Result<Value<'a>, EvaluationError> {
    let (one, other) = (one.as_str(), other.as_str());
    // Twice: it is written, and copied once more to where it stays.
    for text in [one, other, one, other] {
        budget.read(text)?;
    }
    Ok(Value::Text(Text::Built([one, other].concat().into())))
}

fn appended<'a>(
    one: &List<'a>,
    other: &List<'a>,
    budget: &Budget,
) -> Result<Value<'a>, EvaluationError> {
    budget.items(one.len().saturating_add(other.len()))?;
    let items: Vec<Value<'a>> = super::items(one).chain(super::items(other)).collect();
    Ok(Value::List(List::Built(items.into())))
}

fn ordered(
    operator: Operator,
    one: &Value<'_>,
    other: &Value<'_>,
    budget: &Budget,
    holds: fn(Ordering) -> bool,
) -> Result<bool, EvaluationError> {
    if let Value::Text(text) = one {
        budget.read(text.as_str())?;
    }
    one.compare(other)
        .map(holds)
        .ok_or_else(|| wrong(operator, one, other))
}

fn contained(one: &Value<'_>, other: &Value<'_>, budget: &Budget) -> Result<bool, EvaluationError> {
    match other {
        Value::List(list) => {
            for item in super::items(list) {
                if equal(&item, one, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(entries) if is_key(one) => {
            look_up(entries, one, budget)?;
            Ok(entries.get(one).is_some())
        }
        Value::Map(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Double(_)
        | Value::Text(_)
        | Value::Type(_) => Err(wrong(Operator::In, one, other)),
    }
}

fn calculated<'a>(
    operator: Operator,
    one: &Value<'a>,
    other: &Value<'a>,
) -> Result<Value<'a>, EvaluationError> {
    let result = match (one, other) {
        (Value::Int(one), Value::Int(other)) => whole(operator, *one, *other).map(Value::Int),
        (Value::UInt(one), Value::UInt(other)) => unsigned(operator, *one, *other).map(Value::UInt),
        (Value::Double(first), Value::Double(second)) => match operator {
            Operator::Add => Some(Value::Double(first + second)),
            Operator::Subtract => Some(Value::Double(first - second)),
            Operator::Multiply => Some(Value::Double(first * second)),
            Operator::Divide => Some(Value::Double(first / second)),
            _ => return Err(wrong(operator, one, other)),
        },
        _ => return Err(wrong(operator, one, other)),
    };
    result.ok_or_else(|| EvaluationError::NoResult {
        operator: operator.as_str(),
        one: shown_value(one),
        other: shown_value(other),
    })
}

fn whole(operator: Operator, one: i64, other: i64) -> Option<i64> {
    match operator {
        Operator::Add => one.checked_add(other),
        Operator::Subtract => one.checked_sub(other),
        Operator::Multiply => one.checked_mul(other),
        Operator::Divide => one.checked_div(other),
        Operator::Remainder => one.checked_rem(other),
        Operator::Equal
        | Operator::Unequal
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::In => None,
    }
}

fn unsigned(operator: Operator, one: u64, other: u64) -> Option<u64> {
    match operator {
        Operator::Add => one.checked_add(other),
        Operator::Subtract => one.checked_sub(other),
        Operator::Multiply => one.checked_mul(other),
        Operator::Divide => one.checked_div(other),
        Operator::Remainder => one.checked_rem(other),
        Operator::Equal
        | Operator::Unequal
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::In => None,
    }
}

fn wrong(operator: Operator, one: &Value<'_>, other: &Value<'_>) -> EvaluationError {
    EvaluationError::WrongType {
        what: operator.as_str(),
        found: kinds(&[one.clone(), other.clone()]),
    }
}
