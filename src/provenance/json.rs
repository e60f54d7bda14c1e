//! JSON as two readers must agree on it: no object has a name twice. And no larger in memory than allowed: as values,
//! `[0,0,…]` takes sixteen times its size and `[{"":0},…]` ninety times.

use std::cell::{Cell, RefCell};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::{ProvenanceError, within};
use crate::{limits, untrusted::shown};

/// Reads one JSON value and nothing after it.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, ProvenanceError> {
    within(
        "bytes of one statement",
        bytes.len(),
        limits::STATEMENT_BYTES,
    )?;
    let bounds = Bounds::default();
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let seed = Bounded {
        bounds: &bounds,
        depth: 0,
    };
    let value = seed
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value));
    value.map_err(|error| {
        bounds
            .crossed
            .into_inner()
            .unwrap_or_else(|| ProvenanceError::NotJson {
                detail: shown(&error.to_string(), limits::SHOWN_CHARS),
            })
    })
}

/// What was used so far, and why reading ended early.
#[derive(Default)]
struct Bounds {
    memory: Cell<usize>,
    crossed: RefCell<Option<ProvenanceError>>,
}

impl Bounds {
    /// Counts these bytes of memory, or ends the reading.
    fn take<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        let used = self.memory.get().saturating_add(bytes);
        self.memory.set(used);
        let bound = within(
            "bytes of memory for one statement",
            used,
            limits::STATEMENT_MEMORY_BYTES,
        );
        bound.map_err(|error| self.end(error))
    }

    fn end<E: serde::de::Error>(&self, error: ProvenanceError) -> E {
        let text = error.to_string();
        self.crossed.replace(Some(error));
        E::custom(text)
    }
}

/// One value at this depth.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    bounds: &'a Bounds,
    depth: usize,
}

impl Bounded<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        within("levels of one statement", depth, limits::STATEMENT_DEPTH)
            .map_err(|error| self.bounds.end(error))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.bounds.take(size_of::<Value>())?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        let number =
            Number::from_f64(number).ok_or_else(|| E::custom("a number without a value"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.bounds.take(text.len())?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if fields.contains_key(&name) {
                let name = shown(&name, limits::SHOWN_CHARS);
                return Err(self.bounds.end(ProvenanceError::NameTwice { name }));
            }
            let node = if fields.len().is_multiple_of(FIELDS_PER_NODE) {
                NODE_BYTES
            } else {
                0
            };
            self.bounds.take::<A::Error>(node + name.len())?;
            let value = map.next_value_seed(inner)?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

/// The tree of an object's fields grows by nodes of eleven places, of which at least these are taken.
const FIELDS_PER_NODE: usize = 5;

/// A node: eleven names and values, and what ties it to others.
const NODE_BYTES: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 16;
