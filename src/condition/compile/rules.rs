//! What can never work, told from the types that are known before there are values.

use regex::RegexBuilder;

use super::super::{
    error::{ConditionError, shown},
    function::Function,
    node::{Arithmetic, Literal, Node, Operator, Pattern},
    schema::Shape,
    value::Kind,
};
use crate::{limits, untrusted};

/// The shape of a field.
pub(super) fn field(operand: &Node, of: Shape, name: &str) -> Result<Shape, ConditionError> {
    match of {
        Shape::Any | Shape::Of(Kind::Map) => Ok(Shape::Any),
        Shape::Map(value) => Ok(*value),
        Shape::Record(fields) => match fields.iter().find(|(known, _)| *known == name) {
            Some((_, shape)) => Ok(*shape),
            None => Err(ConditionError::UnknownField {
                of: operand
                    .path()
                    .map_or("it".to_owned(), |path| path.join(".")),
                name: shown(name),
                known: fields
                    .iter()
                    .map(|(known, _)| *known)
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        },
        Shape::Of(_) | Shape::List(_) => Err(wrong(&format!(".{}", shown(name)), &[of])),
    }
}

/// The shape of an item of a list or of a value of a map.
pub(super) fn item(
    operand: &Node,
    of: Shape,
    index: &Node,
    by: Shape,
) -> Result<Shape, ConditionError> {
    let refused = || wrong("[]", &[of, by]);
    match (of, by.kind()) {
        (Shape::List(_) | Shape::Of(Kind::List), Some(kind)) if !kind.is_number() => Err(refused()),
        (Shape::List(item), _) => Ok(*item),
        (Shape::Map(_) | Shape::Record(_), Some(kind)) if kind != Kind::Text => Err(refused()),
        (Shape::Map(value), _) => Ok(*value),
        (Shape::Record(_), _) => match index {
            Node::Literal(Literal::Text(name)) => field(operand, of, name),
            _ => Ok(Shape::Any),
        },
        (Shape::Any | Shape::Of(Kind::List | Kind::Map), _) => Ok(Shape::Any),
        (Shape::Of(_), _) => Err(refused()),
    }
}

/// The shape of what an operator gives.
pub(super) fn binary(
    operator: Operator,
    one: Shape,
    other: Shape,
) -> Result<Shape, ConditionError> {
    let refused = || Err(wrong(operator.as_str(), &[one, other]));
    let (Some(first), Some(second)) = (one.kind(), other.kind()) else {
        return half_known(operator, one, other);
    };
    let alike = first == second || first.is_number() && second.is_number();
    let can = match operator {
        Operator::Calculate(operator) => first == second && can_calculate(operator, first),
        Operator::Equal | Operator::Unequal => alike || first == Kind::Null || second == Kind::Null,
        Operator::Order(_) => alike && is_ordered(first),
        Operator::In => match other {
            Shape::List(item) => item
                .kind()
                .is_none_or(|kind| kind == first || kind.is_number() && first.is_number()),
            Shape::Map(_) | Shape::Record(_) => first == Kind::Text,
            Shape::Of(kind) => matches!(kind, Kind::List | Kind::Map),
            Shape::Any => true,
        },
    };
    if !can {
        return refused();
    }
    Ok(gives(operator, Shape::Of(first)))
}

/// One of the operands may be anything: the other may still be of no use.
fn half_known(operator: Operator, one: Shape, other: Shape) -> Result<Shape, ConditionError> {
    let known = one.kind().or(other.kind());
    let can = match operator {
        Operator::Calculate(operator) => known.is_none_or(|kind| can_calculate(operator, kind)),
        Operator::Equal | Operator::Unequal => true,
        Operator::Order(_) => known.is_none_or(is_ordered),
        Operator::In => other
            .kind()
            .is_none_or(|kind| matches!(kind, Kind::List | Kind::Map)),
    };
    if !can {
        return Err(wrong(operator.as_str(), &[one, other]));
    }
    Ok(gives(operator, known.map_or(Shape::Any, Shape::Of)))
}

/// The result, of operands of this shape.
fn gives(operator: Operator, operands: Shape) -> Shape {
    match operator {
        Operator::Calculate(_) => operands,
        Operator::Equal | Operator::Unequal | Operator::Order(_) | Operator::In => Shape::BOOL,
    }
}

fn can_calculate(operator: Arithmetic, kind: Kind) -> bool {
    match operator {
        Arithmetic::Add => kind.is_number() || matches!(kind, Kind::Text | Kind::List),
        Arithmetic::Subtract | Arithmetic::Multiply | Arithmetic::Divide => kind.is_number(),
        Arithmetic::Remainder => matches!(kind, Kind::Int | Kind::UInt),
    }
}

fn is_ordered(kind: Kind) -> bool {
    kind.is_number() || matches!(kind, Kind::Text | Kind::Bool)
}

pub(super) fn negatable(shape: Shape) -> Result<(), ConditionError> {
    match shape.kind() {
        None | Some(Kind::Int | Kind::Double) => Ok(()),
        Some(_) => Err(wrong("-", &[shape])),
    }
}

/// The shape of one of two.
pub(super) fn either(one: Shape, other: Shape) -> Shape {
    match (one.kind(), other.kind()) {
        (Some(first), Some(second)) if first == second => Shape::Of(first),
        _ => Shape::Any,
    }
}

pub(super) fn iterable(shape: Shape) -> Result<(), ConditionError> {
    match shape.kind() {
        None | Some(Kind::List | Kind::Map) => Ok(()),
        Some(_) => Err(wrong("a loop", &[shape])),
    }
}

pub(super) fn argument(function: Function, shape: Shape) -> Result<(), ConditionError> {
    let takes = function.takes();
    match shape.kind() {
        Some(kind) if !takes.is_empty() && !takes.contains(&kind) => {
            Err(wrong(&format!("{}()", function.as_str()), &[shape]))
        }
        None | Some(_) => Ok(()),
    }
}

pub(super) fn no_function(name: &str) -> ConditionError {
    const MACROS: [&str; 6] = ["has", "all", "exists", "exists_one", "filter", "map"];
    let usage = match name {
        "has" => Some("has(a.b)"),
        "all" => Some("list.all(item, item > 0)"),
        "exists" => Some("list.exists(item, item > 0)"),
        "exists_one" => Some("list.exists_one(item, item > 0)"),
        "filter" => Some("list.filter(item, item > 0)"),
        "map" => Some("list.map(item, item + 1)"),
        _ => None,
    };
    if let Some(usage) = usage {
        return ConditionError::WrongCall {
            function: name.to_owned(),
            usage,
        };
    }
    let functions = Function::ALL.into_iter().map(Function::as_str);
    ConditionError::UnknownFunction {
        name: shown(name),
        known: MACROS
            .into_iter()
            .chain(functions)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Compiles a regular expression into at most so many bytes, and says how many it takes, roughly.
pub(super) fn pattern(written: &str, most: usize) -> Result<(Pattern, usize), ConditionError> {
    let mut size = SMALLEST_PATTERN.min(most);
    loop {
        match RegexBuilder::new(written).size_limit(size).build() {
            Ok(regex) => {
                let weight = u64::try_from(size.div_ceil(SMALLEST_PATTERN)).unwrap_or(u64::MAX);
                return Ok((Pattern { regex, weight }, size));
            }
            Err(regex::Error::CompiledTooBig(_)) if size < most => {
                size = size.saturating_mul(2).min(most);
            }
            Err(error) => {
                let said = error.to_string();
                let line = said.lines().last().unwrap_or_default();
                let detail = line.trim_start_matches("error: ");
                return Err(ConditionError::Pattern {
                    pattern: shown(written),
                    detail: untrusted::shown(detail, limits::CONDITION_ERROR_CHARS),
                });
            }
        }
    }
}

const SMALLEST_PATTERN: usize = 2048;

fn wrong(what: &str, shapes: &[Shape]) -> ConditionError {
    let names: Vec<&str> = shapes
        .iter()
        .map(|shape| shape.kind().map_or("any", Kind::as_str))
        .collect();
    ConditionError::WrongType {
        what: what.to_owned(),
        found: names.join(" and "),
    }
}
