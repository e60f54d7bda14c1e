//! YAML documents as JSON values, each field with its place in the file.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use super::error::{LoadError, LoadFault, LoadProblem, Place};
use crate::policy::FieldPath;

/// One object of a file.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// Which document of the file it is or is part of, counted from 1.
    pub(super) number: usize,
    /// The object.
    pub(super) value: Value,
    /// Where each of its fields stands.
    places: BTreeMap<String, Place>,
}

impl Document {
    /// All objects of a file. Empty documents are none; the items of a `List` are objects of their own.
    pub(super) fn read_all(file: &Path, text: &str) -> Result<Vec<Self>, LoadError> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: REPLAYED_EVENTS },
        };
        let nodes: Vec<Spanned<Node>> = serde_saphyr::from_multiple_with_options(text, options)
            .map_err(|error| LoadError::new(vec![syntax_problem(file, &error)]))?;
        let documents = nodes.into_iter().enumerate().flat_map(|(index, node)| {
            let number = index + 1;
            match node.value.list_items() {
                Ok(items) => items
                    .into_iter()
                    .map(|item| Self::new(number, item))
                    .collect(),
                Err(value) => vec![Self::new(
                    number,
                    Spanned {
                        value,
                        referenced: node.referenced,
                        defined: node.defined,
                    },
                )],
            }
        });
        Ok(documents.collect())
    }

    fn new(number: usize, node: Spanned<Node>) -> Self {
        let mut places = BTreeMap::new();
        let path = FieldPath::new("");
        note(&mut places, &path, place_of(&node));
        let value = node.value.into_json(&path, &mut places);
        Self {
            number,
            value,
            places,
        }
    }

    /// Where a field stands; for one that is not there, the nearest field around it.
    pub(super) fn place(&self, path: &FieldPath) -> Option<Place> {
        let mut path = path.as_str();
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(*place);
            }
            let end = path.rfind(['.', '[']).unwrap_or(0);
            if path.is_empty() {
                return None;
            }
            path = path.get(..end).unwrap_or_default();
        }
    }
}

/// A YAML node with the places of all nodes in it.
#[derive(Debug)]
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl Node {
    /// The items when this is a `List` object, as `kubectl get -o yaml` writes several objects; else itself.
    fn list_items(self) -> Result<Vec<Spanned<Self>>, Self> {
        let Self::Map(mut fields) = self else {
            return Err(self);
        };
        let is_list = fields.iter().any(|(name, field)| {
            name.value == "kind"
                && matches!(&field.value, Self::Scalar(Value::String(kind)) if kind == "List")
        });
        let items = fields.iter().position(|(name, _)| name.value == "items");
        let Some(index) = items.filter(|_| is_list) else {
            return Err(Self::Map(fields));
        };
        match fields.swap_remove(index) {
            (
                _,
                Spanned {
                    value: Self::List(items),
                    ..
                },
            ) => Ok(items),
            field => {
                fields.push(field);
                Err(Self::Map(fields))
            }
        }
    }

    fn into_json(self, path: &FieldPath, places: &mut BTreeMap<String, Place>) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::List(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = path.index(index);
                    note(places, &path, place_of(&item));
                    item.value.into_json(&path, places)
                })
                .collect(),
            Self::Map(fields) => {
                let mut object = Map::new();
                for (name, field) in fields {
                    let path = path.field(&name.value);
                    note(places, &path, place_of(&name));
                    object.insert(name.value, field.value.into_json(&path, places));
                }
                Value::Object(object)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
        Ok(Node::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}

fn note(places: &mut BTreeMap<String, Place>, path: &FieldPath, place: Option<Place>) {
    if let Some(place) = place {
        places.insert(path.as_str().to_owned(), place);
    }
}

fn place_of<T>(node: &Spanned<T>) -> Option<Place> {
    place(node.referenced)
}

fn place(location: serde_saphyr::Location) -> Option<Place> {
    let (line, column) = (location.line(), location.column());
    (line > 0).then_some(Place { line, column })
}

fn syntax_problem(file: &Path, error: &serde_saphyr::Error) -> LoadProblem {
    let options = serde_saphyr::render_options! {
        formatter: &serde_saphyr::UserMessageFormatter,
        snippets: serde_saphyr::SnippetMode::Off,
    };
    let rendered = error.render_with_options(options);
    LoadProblem {
        file: file.to_owned(),
        place: error.location().and_then(place),
        fault: LoadFault::Syntax { detail: rendered },
    }
}

/// The most that the aliases of one file may grow it by.
const REPLAYED_EVENTS: usize = 10_000;
