//! Why something that should tell of a build cannot be read.

use serde_json::Value;

use super::Source;
use crate::{image::StatementFault, limits, untrusted::shown};

/// Why a statement cannot be read. What it shows of the statement is escaped and cut.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProvenanceError {
    /// It is no JSON.
    #[error("the statement is not JSON: {detail}")]
    NotJson {
        /// What the parser said.
        detail: String,
    },
    /// An object has a name twice, so that two readers could read it differently.
    #[error("the name \"{name}\" occurs twice in one object")]
    NameTwice {
        /// The name.
        name: String,
    },
    /// Something other than a fact's kind of value stands where that fact is read.
    #[error("{path} is {found}, expected {expected}")]
    Malformed {
        /// Where.
        path: String,
        /// What should stand there.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// It is in an index and no statement about an image of it.
    #[error("{0}")]
    Link(StatementFault),
    /// A limit was crossed.
    #[error("{what}: {found}, at most {limit} are read")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much is allowed.
        limit: usize,
    },
}

/// A part of an image's contents that says something about its build and cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// What kind of part.
    pub source: Source,
    /// Which one: an annotation's or label's key, the platform whose build a statement describes, or the manifest that
    /// holds what is no such statement.
    pub path: String,
    /// Why not.
    pub error: ProvenanceError,
}

/// `path` holds this value, which is not the `expected` one.
pub(super) fn malformed(path: &str, expected: &'static str, found: &Value) -> ProvenanceError {
    ProvenanceError::Malformed {
        path: shown(path, limits::PROVENANCE_PATH_CHARS),
        expected,
        found: kind(found),
    }
}

/// Refuses more of `what` than `limit`.
pub(super) fn within(
    what: &'static str,
    found: usize,
    limit: usize,
) -> Result<(), ProvenanceError> {
    if found > limit {
        return Err(ProvenanceError::Limit { what, found, limit });
    }
    Ok(())
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "not stated".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => shown(&number.to_string(), limits::SHOWN_CHARS),
        Value::String(text) => format!("\"{}\"", shown(text, limits::SHOWN_CHARS)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
