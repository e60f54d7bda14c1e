//! A place in a predicate: what stands there, and how it is called.

use jiff::Timestamp;
use serde_json::Value;

use super::error::{ProvenanceError, malformed, within};
use crate::limits;

/// A value and the path to it. Nothing there, null and (where a text is read) an empty text are all "not stated".
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    value: Option<&'a Value>,
    path: String,
}

/// What a place states, and where it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stated {
    pub(super) value: String,
    pub(super) path: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(path: &str, value: &'a Value) -> Self {
        Self {
            value: Some(value).filter(|value| !value.is_null()),
            path: path.to_owned(),
        }
    }

    pub(super) fn is_stated(&self) -> bool {
        self.value.is_some()
    }

    /// The field of this name, if this is an object or nothing.
    pub(super) fn field(&self, name: &str) -> Result<Self, ProvenanceError> {
        let value = match self.value {
            None => None,
            Some(Value::Object(fields)) => fields.get(name).filter(|value| !value.is_null()),
            Some(other) => return Err(self.malformed("an object", other)),
        };
        let dotted = !name.contains(['.', ':', '#']);
        let path = if dotted {
            format!("{}.{name}", self.path)
        } else {
            format!("{}[\"{name}\"]", self.path)
        };
        Ok(Self { value, path })
    }

    /// The field at the end of these names.
    pub(super) fn at(&self, names: &[&str]) -> Result<Self, ProvenanceError> {
        names
            .iter()
            .try_fold(self.clone(), |node, name| node.field(name))
    }

    /// The elements, if this is a list or nothing.
    pub(super) fn elements(&self) -> Result<Vec<Self>, ProvenanceError> {
        let elements = match self.value {
            None => return Ok(Vec::new()),
            Some(Value::Array(elements)) => elements,
            Some(other) => return Err(self.malformed("a list", other)),
        };
        let nodes = elements.iter().enumerate().map(|(index, value)| Self {
            value: Some(value).filter(|value| !value.is_null()),
            path: format!("{}[{index}]", self.path),
        });
        Ok(nodes.collect())
    }

    /// How many fields it has, if it is an object or nothing.
    pub(super) fn fields(&self) -> Result<usize, ProvenanceError> {
        match self.value {
            None => Ok(0),
            Some(Value::Object(fields)) => Ok(fields.len()),
            Some(other) => Err(self.malformed("an object", other)),
        }
    }

    /// The text.
    pub(super) fn text(&self) -> Result<Option<Stated>, ProvenanceError> {
        match self.value {
            None => Ok(None),
            Some(Value::String(text)) => self.stated(text),
            Some(other) => Err(self.malformed("a text", other)),
        }
    }

    /// An id, which is written as a text or as a whole number.
    pub(super) fn id(&self) -> Result<Option<Stated>, ProvenanceError> {
        match self.value {
            None => Ok(None),
            Some(Value::String(text)) => self.stated(text),
            Some(Value::Number(number)) if number.is_u64() => self.stated(&number.to_string()),
            Some(other) => Err(self.malformed("a text or a whole number", other)),
        }
    }

    /// A time of RFC 3339, as it is written.
    pub(super) fn time(&self) -> Result<Option<Stated>, ProvenanceError> {
        let Some(stated) = self.text()? else {
            return Ok(None);
        };
        match stated.value.parse::<Timestamp>() {
            Ok(_) => Ok(Some(stated)),
            Err(_) => Err(self.malformed("an RFC 3339 time", &Value::String(stated.value))),
        }
    }

    pub(super) fn malformed(&self, expected: &'static str, found: &Value) -> ProvenanceError {
        malformed(&self.path, expected, found)
    }

    fn stated(&self, text: &str) -> Result<Option<Stated>, ProvenanceError> {
        within("bytes of one fact", text.len(), limits::FACT_BYTES)?;
        Ok((!text.is_empty()).then(|| Stated {
            value: text.to_owned(),
            path: self.path.clone(),
        }))
    }
}
