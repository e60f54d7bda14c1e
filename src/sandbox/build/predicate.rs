//! A predicate and its type, to be signed or put into an index.

use serde_json::{Map, Value, json};

use crate::image::Digest;

/// What a statement says, and of which type that is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Predicate {
    /// As in `https://slsa.dev/provenance/v1`.
    pub predicate_type: String,
    /// The predicate itself.
    pub content: Value,
}

impl Predicate {
    /// Any predicate.
    pub fn new(predicate_type: &str, content: Value) -> Self {
        Self {
            predicate_type: predicate_type.to_owned(),
            content,
        }
    }

    pub(super) fn slsa_v1(content: Value) -> Self {
        Self::new(SLSA_V1, content)
    }

    pub(super) fn slsa_v02(content: Value) -> Self {
        Self::new(SLSA_V02, content)
    }

    /// Replaces what stands at this path, as in `runDetails.builder.id`, or adds it. The number of an element that a
    /// list has is a step too.
    #[must_use]
    pub fn with(mut self, path: &str, value: impl Into<Value>) -> Self {
        let steps: Vec<&str> = path.split('.').collect();
        set(&mut self.content, &steps, value.into());
        self
    }

    /// Leaves out what stands at this path.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        let (parent, name) = match path.rsplit_once('.') {
            Some((parent, name)) => (parent.split('.').collect(), name),
            None => (Vec::new(), path),
        };
        match parent.iter().try_fold(&mut self.content, step_into) {
            Some(Value::Object(fields)) => {
                fields.remove(name);
            }
            Some(Value::Array(elements)) => {
                if let Some(index) = name.parse().ok().filter(|it| *it < elements.len()) {
                    elements.remove(index);
                }
            }
            _ => {}
        }
        self
    }

    /// A statement about these, which nobody has signed.
    pub fn statement(&self, about: &[Digest]) -> Value {
        let subjects: Vec<Value> = about
            .iter()
            .map(|digest| json!({"name": "_", "digest": {"sha256": digest.hex()}}))
            .collect();
        json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": self.predicate_type,
            "subject": subjects,
            "predicate": self.content,
        })
    }
}

/// What a step leads to, if there is something.
fn step_into<'a>(place: &'a mut Value, step: &&str) -> Option<&'a mut Value> {
    match place {
        Value::Object(fields) => fields.get_mut(*step),
        Value::Array(elements) => elements.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    }
}

fn set(place: &mut Value, steps: &[&str], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *place = value;
        return;
    };
    if place.is_array() {
        if let Some(element) = step_into(place, step) {
            set(element, rest, value);
        }
        return;
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    if let Value::Object(fields) = place {
        set(fields.entry(*step).or_insert(Value::Null), rest, value);
    }
}

const SLSA_V1: &str = "https://slsa.dev/provenance/v1";
const SLSA_V02: &str = "https://slsa.dev/provenance/v0.2";
