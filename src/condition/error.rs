//! What is wrong with a condition, and why one has no answer: each on one line, in the words of its author.

use super::value::{Kind, Value};
use crate::{limits, untrusted};

/// Why a text is no condition.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConditionError {
    /// It is no expression.
    #[error("{detail} (line {line}, column {column})")]
    Syntax {
        /// What the parser said, on one line.
        detail: String,
        /// In which line, the first being 1.
        line: usize,
        /// At which character of the line, the first being 1.
        column: usize,
    },
    /// It is longer, deeper or larger than is read.
    #[error("it has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// It uses a part of the language that there is not here.
    #[error("{what} cannot be used in conditions")]
    Unsupported {
        /// What it uses.
        what: &'static str,
    },
    /// It names a variable that there is not.
    #[error("there is no variable \"{name}\" here, only {known}")]
    UnknownVariable {
        /// What it names.
        name: String,
        /// What there is.
        known: String,
    },
    /// It names a field that there is not.
    #[error("{of} has no field \"{name}\", only {known}")]
    UnknownField {
        /// Of what.
        of: String,
        /// What it names.
        name: String,
        /// What there is.
        known: String,
    },
    /// It calls a function that there is not.
    #[error("there is no function \"{name}\", only {known}")]
    UnknownFunction {
        /// What it calls.
        name: String,
        /// What there is.
        known: String,
    },
    /// It calls a function in another way than there is.
    #[error("{function}() is called as {usage}")]
    WrongCall {
        /// The function.
        function: String,
        /// How it is called.
        usage: &'static str,
    },
    /// It combines values that cannot be combined.
    #[error("{what} cannot be used with {found}")]
    WrongType {
        /// The operator or function.
        what: String,
        /// The types.
        found: String,
    },
    /// It can never be true or false.
    #[error("it can only be of the type {found}, never true or false")]
    NotBoolean {
        /// What it is.
        found: String,
    },
    /// A regular expression in it is none, or too large once compiled.
    #[error("the pattern \"{pattern}\" cannot be used: {detail}")]
    Pattern {
        /// As it is written, cut.
        pattern: String,
        /// What is wrong with it, on one line.
        detail: String,
    },
    /// A regular expression in it is not written out.
    #[error("the pattern of matches() must be written out as a string")]
    PatternNotWritten,
}

/// Why a condition has no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// It asks for what is not there.
    #[error("{of} has no \"{key}\"")]
    Missing {
        /// Of what, as it is written.
        of: String,
        /// For what, cut.
        key: String,
    },
    /// It asks for an item beyond the end of a list.
    #[error("{of} has {size} items and none at {index}")]
    NoItem {
        /// Of what, as it is written.
        of: String,
        /// How many there are.
        size: usize,
        /// Which.
        index: String,
    },
    /// It combines values that cannot be combined.
    #[error("{what} cannot be used with {found}")]
    WrongType {
        /// The operator or function.
        what: &'static str,
        /// The types.
        found: String,
    },
    /// A text or number is none of the other type.
    #[error("{function}() cannot convert {value}")]
    Conversion {
        /// The function.
        function: &'static str,
        /// The value, cut.
        value: String,
    },
    /// A calculation has no result, or one that is too large.
    #[error("{operator} has no result for {one} and {other}")]
    NoResult {
        /// The operator.
        operator: &'static str,
        /// What stands before it.
        one: String,
        /// What stands behind it.
        other: String,
    },
    /// A map is written with the same key twice.
    #[error("a map has the key {key} twice")]
    RepeatedKey {
        /// The key, cut.
        key: String,
    },
    /// Its value is something else than true or false.
    #[error("it is neither true nor false but of the type {found}")]
    NotBoolean {
        /// What it is.
        found: &'static str,
    },
    /// It takes too much work.
    #[error("it takes more than {limit} steps")]
    Limit {
        /// How many it may take.
        limit: u64,
    },
}

/// The types of values, as in `string and int`.
pub(super) fn kinds(values: &[Value<'_>]) -> String {
    let names: Vec<&str> = values.iter().map(|value| value.kind().as_str()).collect();
    names.join(" and ")
}

/// A value, short enough for a message.
pub(super) fn shown_value(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Text(text) => format!("\"{}\"", shown(text.as_str())),
        Value::List(_) => Kind::List.to_string(),
        Value::Map(_) => Kind::Map.to_string(),
        Value::Type(kind) => kind.to_string(),
    }
}

/// A text, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    untrusted::shown(text, limits::SHOWN_CHARS)
}
