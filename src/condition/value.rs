//! Values while a condition is evaluated: borrowed from the variables where they can be, and cheap to copy.

use std::{cmp::Ordering, fmt, rc::Rc};

use serde_json::{Map, Value as Json};

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(Text<'a>),
    List(List<'a>),
    Map(Entries<'a>),
    Type(Kind),
}

/// A text.
#[derive(Clone, Debug)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Built(Rc<str>),
}

/// A list.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Borrowed(&'a [Json]),
    Built(Rc<[Value<'a>]>),
}

/// A map.
#[derive(Clone, Debug)]
pub(super) enum Entries<'a> {
    Borrowed(&'a Map<String, Json>),
    /// Written out in the condition, so never large: in the order of writing, without repeated keys.
    Built(Rc<[(Value<'a>, Value<'a>)]>),
}

/// What a value is, by its name in the language.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    UInt,
    Double,
    Text,
    List,
    Map,
    Type,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Null,
        Self::Bool,
        Self::Int,
        Self::UInt,
        Self::Double,
        Self::Text,
        Self::List,
        Self::Map,
        Self::Type,
    ];

    /// The kind that the language calls so.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::UInt => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::List => "list",
            Self::Map => "map",
            Self::Type => "type",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::UInt | Self::Double)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Value<'_> {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::UInt(_) => Kind::UInt,
            Self::Double(_) => Kind::Double,
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Type(_) => Kind::Type,
        }
    }

    /// Whether it is a number that is no fraction, and which: numbers of all kinds name the same place of a list.
    pub(super) fn as_index(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(i128::from(*number)),
            Self::UInt(number) => Some(i128::from(*number)),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a fraction and what does not fit are refused"
            )]
            Self::Double(number) => {
                let fits = number.fract() == 0.0 && number.abs() < 9e18;
                fits.then_some(*number as i128)
            }
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Type(_) => None,
        }
    }

    /// Which is the greater, of two numbers, texts or truth values.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.as_str().cmp(other.as_str())),
            (Self::Double(_), _) | (_, Self::Double(_)) => {
                self.as_double()?.partial_cmp(&other.as_double()?)
            }
            _ => Some(self.as_index()?.cmp(&other.as_index()?)),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the language compares numbers of different kinds so"
    )]
    fn as_double(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::UInt(number) => Some(*number as f64),
            Self::Double(number) => Some(*number),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Type(_) => None,
        }
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Self::Int(number),
                (None, Some(number)) => Self::UInt(number),
                (None, None) => number.as_f64().map_or(Self::Null, Self::Double),
            },
            Json::String(text) => Self::Text(Text::Borrowed(text)),
            Json::Array(items) => Self::List(List::Borrowed(items)),
            Json::Object(entries) => Self::Map(Entries::Borrowed(entries)),
        }
    }
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Built(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Borrowed(items) => items.len(),
            Self::Built(items) => items.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Borrowed(items) => items.get(index).map(Value::from),
            Self::Built(items) => items.get(index).cloned(),
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Entries<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Borrowed(entries) => entries.len(),
            Self::Built(entries) => entries.len(),
        }
    }

    /// The keys, in an order that is always the same.
    pub(super) fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Self::Borrowed(entries) => entries
                .keys()
                .map(|key| Value::Text(Text::Borrowed(key)))
                .collect(),
            Self::Built(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        }
    }

    /// What stands under a key. Keys are compared as values are: `1`, `1u` and `1.0` are one.
    pub(super) fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        match self {
            Self::Borrowed(entries) => match key {
                Value::Text(key) => entries.get(key.as_str()).map(Value::from),
                _ => None,
            },
            Self::Built(entries) => entries
                .iter()
                .find(|(known, _)| known.compare(key) == Some(Ordering::Equal))
                .map(|(_, value)| value.clone()),
        }
    }
}
