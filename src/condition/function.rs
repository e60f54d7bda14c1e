//! The functions that conditions may call.

use super::{
    budget::Budget,
    error::{EvaluationError, kinds, shown_value},
    value::{Kind, Text, Value},
};

/// A function. Its first argument may stand before it, as in `text.startsWith("a")`, or must.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Function {
    Contains,
    EndsWith,
    Matches,
    StartsWith,
    Size,
    Bool,
    Double,
    Dyn,
    Int,
    Text,
    Type,
    UInt,
}

/// Where the first argument of a function stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// Before it: `text.contains(part)`.
    Method,
    /// After it: `int(text)`.
    Free,
    /// Either.
    Both,
}

impl Function {
    pub(super) const ALL: [Self; 12] = [
        Self::Contains,
        Self::EndsWith,
        Self::Matches,
        Self::StartsWith,
        Self::Size,
        Self::Bool,
        Self::Double,
        Self::Dyn,
        Self::Int,
        Self::Text,
        Self::Type,
        Self::UInt,
    ];

    /// The function of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.as_str() == name)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::EndsWith => "endsWith",
            Self::Matches => "matches",
            Self::StartsWith => "startsWith",
            Self::Size => "size",
            Self::Bool => "bool",
            Self::Double => "double",
            Self::Dyn => "dyn",
            Self::Int => "int",
            Self::Text => "string",
            Self::Type => "type",
            Self::UInt => "uint",
        }
    }

    pub(super) fn form(self) -> Form {
        match self {
            Self::Contains | Self::EndsWith | Self::StartsWith => Form::Method,
            Self::Matches | Self::Size => Form::Both,
            Self::Bool
            | Self::Double
            | Self::Dyn
            | Self::Int
            | Self::Text
            | Self::Type
            | Self::UInt => Form::Free,
        }
    }

    /// How it is called.
    pub(super) fn usage(self) -> &'static str {
        match self {
            Self::Contains => "text.contains(part)",
            Self::EndsWith => "text.endsWith(part)",
            Self::Matches => "text.matches(\"pattern\")",
            Self::StartsWith => "text.startsWith(part)",
            Self::Size => "size(value)",
            Self::Bool => "bool(value)",
            Self::Double => "double(value)",
            Self::Dyn => "dyn(value)",
            Self::Int => "int(value)",
            Self::Text => "string(value)",
            Self::Type => "type(value)",
            Self::UInt => "uint(value)",
        }
    }

    /// How many arguments it takes, what stands before it included.
    pub(super) fn arity(self) -> usize {
        match self {
            Self::Contains | Self::EndsWith | Self::Matches | Self::StartsWith => 2,
            Self::Size
            | Self::Bool
            | Self::Double
            | Self::Dyn
            | Self::Int
            | Self::Text
            | Self::Type
            | Self::UInt => 1,
        }
    }

    /// What its arguments must be; none takes everything.
    pub(super) fn takes(self) -> &'static [Kind] {
        match self {
            Self::Contains | Self::EndsWith | Self::Matches | Self::StartsWith => &[Kind::Text],
            Self::Size => &[Kind::Text, Kind::List, Kind::Map],
            Self::Bool => &[Kind::Bool, Kind::Text],
            Self::Double | Self::Int | Self::UInt => {
                &[Kind::Int, Kind::UInt, Kind::Double, Kind::Text]
            }
            Self::Text => &[Kind::Bool, Kind::Int, Kind::UInt, Kind::Double, Kind::Text],
            Self::Dyn | Self::Type => &[],
        }
    }

    /// What it gives, if that is known.
    pub(super) fn gives(self) -> Option<Kind> {
        match self {
            Self::Contains | Self::EndsWith | Self::Matches | Self::StartsWith | Self::Bool => {
                Some(Kind::Bool)
            }
            Self::Size | Self::Int => Some(Kind::Int),
            Self::Double => Some(Kind::Double),
            Self::Dyn => None,
            Self::Text => Some(Kind::Text),
            Self::Type => Some(Kind::Type),
            Self::UInt => Some(Kind::UInt),
        }
    }

    /// Calls it.
    pub(super) fn call<'a>(
        self,
        arguments: &[Value<'a>],
        budget: &Budget,
    ) -> Result<Value<'a>, EvaluationError> {
        for argument in arguments {
            if let Value::Text(text) = argument {
                budget.read(text.as_str())?;
            }
        }
        let refused = || EvaluationError::WrongType {
            what: self.as_str(),
            found: kinds(arguments),
        };
        let converted = |value: &Value<'_>, to: Option<Value<'a>>| match to {
            Some(to) => Ok(to),
            None if self.takes().contains(&value.kind()) => Err(EvaluationError::Conversion {
                function: self.as_str(),
                value: shown_value(value),
            }),
            None => Err(refused()),
        };
        let texts = || match arguments {
            [Value::Text(text), Value::Text(part)] => Ok((text.as_str(), part.as_str())),
            _ => Err(refused()),
        };
        let value = arguments.first().ok_or_else(refused)?;
        match self {
            Self::Contains => texts().map(|(text, part)| Value::Bool(text.contains(part))),
            Self::EndsWith => texts().map(|(text, part)| Value::Bool(text.ends_with(part))),
            Self::StartsWith => texts().map(|(text, part)| Value::Bool(text.starts_with(part))),
            // Its pattern is compiled with the condition: it is a node of its own.
            Self::Matches => Err(refused()),
            Self::Size => size(value).ok_or_else(refused),
            Self::Bool => converted(value, to_bool(value).map(Value::Bool)),
            Self::Double => converted(value, to_double(value).map(Value::Double)),
            Self::Dyn => Ok(value.clone()),
            Self::Int => converted(value, to_int(value).map(Value::Int)),
            Self::Text => converted(value, to_text(value).map(Value::Text)),
            Self::Type => Ok(Value::Type(value.kind())),
            Self::UInt => converted(value, to_uint(value).map(Value::UInt)),
        }
    }
}

fn size<'a>(value: &Value<'_>) -> Option<Value<'a>> {
    let size = match value {
        Value::Text(text) => text.as_str().chars().count(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Double(_)
        | Value::Type(_) => return None,
    };
    i64::try_from(size).ok().map(Value::Int)
}

fn to_bool(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => match text.as_str() {
            "1" | "t" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
        Value::Null
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Double(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Type(_) => None,
    }
}

fn to_text<'a>(value: &Value<'a>) -> Option<Text<'a>> {
    let built = |text: String| Text::Built(text.into());
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(built(value.to_string())),
        Value::Int(number) => Some(built(number.to_string())),
        Value::UInt(number) => Some(built(number.to_string())),
        Value::Double(number) => Some(built(number.to_string())),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Type(_) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "that is what double() is for")]
fn to_double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        Value::Text(text) => text.as_str().parse().ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Type(_) => None,
    }
}

/// The greatest double below 2^63 is a whole number, and so is every one that large.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

#[expect(
    clippy::cast_possible_truncation,
    reason = "the fraction is cut off, and what does not fit is refused"
)]
fn to_int(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::UInt(number) => i64::try_from(*number).ok(),
        Value::Double(number) => {
            (*number > -TWO_TO_63 && *number < TWO_TO_63).then_some(*number as i64)
        }
        Value::Text(text) => text.as_str().parse().ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Type(_) => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the fraction is cut off, and what does not fit is refused"
)]
fn to_uint(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::UInt(number) => Some(*number),
        Value::Double(number) => {
            (*number >= 0.0 && *number < 2.0 * TWO_TO_63).then_some(*number as u64)
        }
        Value::Text(text) => text.as_str().parse().ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Type(_) => None,
    }
}
