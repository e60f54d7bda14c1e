//! What operators do with values.

use std::cmp::Ordering;

use crate::{
    condition::{
        budget::Budget,
        error::{EvaluationError, kinds, shown_value},
        node::{Arithmetic, Comparison, Operator},
        value::{Entries, List, Text, Value},
    },
    limits,
};

/// Applies an operator.
pub(super) fn apply<'a>(
    operator: Operator,
    one: &Value<'a>,
    other: &Value<'a>,
    budget: &Budget,
) -> Result<Value<'a>, EvaluationError> {
    let truth = |result: Result<bool, EvaluationError>| result.map(Value::Bool);
    match operator {
        Operator::Calculate(operator) => calculated(operator, one, other, budget),
        Operator::Equal => truth(equal(one, other, budget)),
        Operator::Unequal => truth(equal(one, other, budget).map(|equal| !equal)),
        Operator::Order(operator) => truth(ordered(operator, one, other, budget)),
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
            for (one, other) in one.items().zip(other.items()) {
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
    let items: Vec<Value<'a>> = one.items().chain(other.items()).collect();
    Ok(Value::List(List::Built(items.into())))
}

fn ordered(
    operator: Comparison,
    one: &Value<'_>,
    other: &Value<'_>,
    budget: &Budget,
) -> Result<bool, EvaluationError> {
    if let Value::Text(text) = one {
        budget.read(text.as_str())?;
    }
    one.compare(other)
        .map(|ordering| operator.holds(ordering))
        .ok_or_else(|| wrong(operator.as_str(), one, other))
}

fn contained(one: &Value<'_>, other: &Value<'_>, budget: &Budget) -> Result<bool, EvaluationError> {
    match other {
        Value::List(list) => {
            for item in list.items() {
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
        | Value::Type(_) => Err(wrong(Operator::In.as_str(), one, other)),
    }
}

fn calculated<'a>(
    operator: Arithmetic,
    one: &Value<'a>,
    other: &Value<'a>,
    budget: &Budget,
) -> Result<Value<'a>, EvaluationError> {
    let result = match (operator, one, other) {
        (Arithmetic::Add, Value::Text(one), Value::Text(other)) => {
            return joined(one, other, budget);
        }
        (Arithmetic::Add, Value::List(one), Value::List(other)) => {
            return appended(one, other, budget);
        }
        (_, Value::Int(one), Value::Int(other)) => whole(operator, *one, *other).map(Value::Int),
        (_, Value::UInt(one), Value::UInt(other)) => {
            unsigned(operator, *one, *other).map(Value::UInt)
        }
        (_, Value::Double(first), Value::Double(second)) => {
            let result = fraction(operator, *first, *second);
            let result = result.ok_or_else(|| wrong(operator.as_str(), one, other))?;
            Some(Value::Double(result))
        }
        _ => return Err(wrong(operator.as_str(), one, other)),
    };
    result.ok_or_else(|| EvaluationError::NoResult {
        operator: operator.as_str(),
        one: shown_value(one),
        other: shown_value(other),
    })
}

fn whole(operator: Arithmetic, one: i64, other: i64) -> Option<i64> {
    match operator {
        Arithmetic::Add => one.checked_add(other),
        Arithmetic::Subtract => one.checked_sub(other),
        Arithmetic::Multiply => one.checked_mul(other),
        Arithmetic::Divide => one.checked_div(other),
        Arithmetic::Remainder => one.checked_rem(other),
    }
}

fn unsigned(operator: Arithmetic, one: u64, other: u64) -> Option<u64> {
    match operator {
        Arithmetic::Add => one.checked_add(other),
        Arithmetic::Subtract => one.checked_sub(other),
        Arithmetic::Multiply => one.checked_mul(other),
        Arithmetic::Divide => one.checked_div(other),
        Arithmetic::Remainder => one.checked_rem(other),
    }
}

/// The language has no remainder of fractions.
fn fraction(operator: Arithmetic, one: f64, other: f64) -> Option<f64> {
    match operator {
        Arithmetic::Add => Some(one + other),
        Arithmetic::Subtract => Some(one - other),
        Arithmetic::Multiply => Some(one * other),
        Arithmetic::Divide => Some(one / other),
        Arithmetic::Remainder => None,
    }
}

fn wrong(operator: &'static str, one: &Value<'_>, other: &Value<'_>) -> EvaluationError {
    EvaluationError::WrongType {
        what: operator,
        found: kinds(&[one.clone(), other.clone()]),
    }
}
