//! Policy and trust root objects as they were found, readable or not.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Action, CompileError, Fault, FieldPath, KeySource, ObjectEntry, Policy, PolicyId, Problem,
    Scope, Selector, TrustRootDefinition,
    crd::{
        self, ClusterImageTrustPolicySpec, GROUP, ImageTrustPolicySpec, ImageTrustRootSpec, VERSION,
    },
};
use crate::image::RepositoryPattern;

/// A policy object: which one it is, and its spec as far as it can be read.
#[derive(Clone, Debug)]
pub struct PolicyObject {
    id: PolicyId,
    spec: Result<ClusterImageTrustPolicySpec, CompileError>,
    raw: Value,
}

/// A trust root object: its name, and its spec as far as it can be read.
#[derive(Clone, Debug)]
pub struct TrustRootObject {
    /// The object's name.
    pub name: String,
    /// Where its text is, or why that cannot be told.
    pub spec: Result<ImageTrustRootSpec, CompileError>,
}

/// Why an object cannot even be told apart from others.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ObjectError {
    /// It is of another kind or version.
    #[error("expected a kind of {GROUP}/{VERSION}, found {found}")]
    Kind {
        /// What it says it is.
        found: String,
    },
    /// It has no name, or a namespaced one no namespace.
    #[error("{field}: expected a name")]
    Name {
        /// The field.
        field: &'static str,
    },
}

impl PolicyObject {
    /// Reads a `ClusterImageTrustPolicy` or `ImageTrustPolicy`.
    ///
    /// # Errors
    /// Only when it cannot be told which object it is. A spec that cannot be read is kept for [`PolicySet::update`],
    /// because an unreadable policy must not turn into no policy.
    ///
    /// [`PolicySet::update`]: super::PolicySet::update
    pub fn from_json(object: Value) -> Result<Self, ObjectError> {
        let kind = kind_of(&object)?;
        let name = text(&object, "/metadata/name", "metadata.name")?;
        let (namespace, spec) = match kind {
            "ClusterImageTrustPolicy" => (None, read_spec(&object)),
            "ImageTrustPolicy" => {
                let namespace = text(&object, "/metadata/namespace", "metadata.namespace")?;
                let spec = read_spec::<ImageTrustPolicySpec>(&object);
                (Some(namespace.to_owned()), spec.map(Into::into))
            }
            other => {
                let found = other.to_owned();
                return Err(ObjectError::Kind { found });
            }
        };
        let name = name.to_owned();
        Ok(Self {
            id: PolicyId { namespace, name },
            spec,
            raw: object,
        })
    }

    /// Which object it is.
    pub fn id(&self) -> &PolicyId {
        &self.id
    }

    /// The spec, when it can be read.
    pub fn spec(&self) -> Option<&ClusterImageTrustPolicySpec> {
        self.spec.as_ref().ok()
    }

    /// The entries of Secrets and ConfigMaps that it refers to, as far as it can be read.
    pub fn entries(&self) -> impl Iterator<Item = ObjectEntry> {
        self.spec()
            .into_iter()
            .flat_map(ClusterImageTrustPolicySpec::entries)
    }

    /// Compiles it.
    pub fn compile(&self, keys: &dyn KeySource) -> Result<Policy, CompileError> {
        let spec = self.spec.as_ref().map_err(Clone::clone)?;
        Policy::compile(self.id.clone(), spec, keys)
    }

    /// What it may cover, at least as wide as its author meant: what can be read stays, and what cannot
    /// be read is taken for everything.
    pub fn widest_scope(&self) -> Scope {
        let found = |pointer: &str| self.raw.pointer(&format!("/spec/{pointer}"));
        let namespace_selector = match self.id.namespace {
            None => selector(found("match/namespaceSelector")),
            Some(_) => Selector::default(),
        };
        let action = found("action").and_then(|value| crd_value::<crd::Action>(value).ok());
        Scope {
            id: self.id.clone(),
            images: found("match/images")
                .and_then(every_pattern)
                .unwrap_or_default(),
            exclude_images: found("match/excludeImages")
                .and_then(every_pattern)
                .unwrap_or_default(),
            namespace_selector,
            object_selector: selector(found("match/objectSelector")),
            action: action.map_or(Action::Deny, Into::into),
        }
    }
}

impl TrustRootObject {
    /// Reads an `ImageTrustRoot`.
    ///
    /// # Errors
    /// Only when it cannot be told which object it is.
    pub fn from_json(object: &Value) -> Result<Self, ObjectError> {
        match kind_of(object)? {
            "ImageTrustRoot" => Ok(Self {
                name: text(object, "/metadata/name", "metadata.name")?.to_owned(),
                spec: read_spec(object),
            }),
            other => {
                let found = other.to_owned();
                Err(ObjectError::Kind { found })
            }
        }
    }

    /// What it consists of, with the texts that it refers to.
    pub fn definition(&self, keys: &dyn KeySource) -> Result<TrustRootDefinition, CompileError> {
        self.spec.as_ref().map_err(Clone::clone)?.definition(keys)
    }
}

fn kind_of(object: &Value) -> Result<&str, ObjectError> {
    let field = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (field("apiVersion"), field("kind"));
    if version == format!("{GROUP}/{VERSION}") {
        return Ok(kind);
    }
    let found = format!("{kind:?} of {version:?}");
    Err(ObjectError::Kind { found })
}

fn text<'a>(object: &'a Value, pointer: &str, field: &'static str) -> Result<&'a str, ObjectError> {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or(ObjectError::Name { field })
}

/// The spec of an object that has nothing else beside it than Kubernetes puts there.
fn read_spec<T: DeserializeOwned>(object: &Value) -> Result<T, CompileError> {
    let mut problems: Vec<Problem> = object
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .filter(|name| !TOP_LEVEL.contains(&name.as_str()))
        .map(|name| {
            let detail = format!("unknown field `{name}`, expected one of `spec`, `metadata`");
            FieldPath::new("")
                .field(name)
                .problem(Fault::Shape { detail })
        })
        .collect();
    let spec = object.get("spec");
    let missing = spec.map(|spec| nulls(spec, &FieldPath::new("spec")));
    problems.extend(missing.unwrap_or_default());
    let spec = match spec {
        None => Err(FieldPath::new("spec").problem(Fault::expected("an object", "nothing"))),
        Some(spec) => read(spec, "spec"),
    };
    match spec {
        Ok(spec) if problems.is_empty() => Ok(spec),
        Ok(_) => Err(CompileError::new(problems)),
        Err(problem) => {
            if problems.iter().all(|known| known.path != problem.path) {
                problems.push(problem);
            }
            Err(CompileError::new(problems))
        }
    }
}

/// The fields that are named and have no value, as where all entries of a list are commented out. The API server drops
/// them; here a demand would be lost without a word.
fn nulls(value: &Value, at: &FieldPath) -> Vec<Problem> {
    match value {
        Value::Null => vec![at.problem(Fault::expected("a value, or no such field", "nothing"))],
        Value::Array(entries) => {
            let entries = entries.iter().enumerate();
            entries
                .flat_map(|(index, entry)| nulls(entry, &at.index(index)))
                .collect()
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .flat_map(|(name, field)| nulls(field, &at.field(name)))
                .collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Reads a part of an object, strictly, naming the field at fault.
fn read<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let path = match inner.as_str() {
            "." => FieldPath::new(at),
            _ => FieldPath::new(at).field(&inner),
        };
        let detail = error.into_inner().to_string();
        path.problem(Fault::Shape { detail })
    })
}

fn crd_value<T: DeserializeOwned>(value: &Value) -> Result<T, serde_json::Error> {
    T::deserialize(value)
}

/// All patterns of a list, or none where the list or any of it cannot be read.
fn every_pattern(list: &Value) -> Option<Vec<RepositoryPattern>> {
    list.as_array()?
        .iter()
        .map(|pattern| pattern.as_str()?.parse().ok())
        .collect()
}

fn selector(wire: Option<&Value>) -> Selector {
    wire.and_then(|wire| crd_value::<crd::LabelSelector>(wire).ok())
        .and_then(|wire| Selector::compile(&wire, &FieldPath::new("")).ok())
        .unwrap_or_default()
}

const TOP_LEVEL: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

#[cfg(test)]
mod tests;
