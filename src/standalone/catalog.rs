//! The objects of a directory, sorted by what they are.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{
    NamespaceLabels,
    document::Document,
    error::{LoadError, LoadFault, LoadProblem},
    files::Files,
};
use crate::{
    policy::{
        CompileError, Fault, FieldPath, KeySource, ObjectEntry, PolicyObject, PolicySet,
        TrustRootName, TrustRootObject,
        crd::{ClusterImageTrustPolicySpec, GROUP},
    },
    trust::{Described, TrustRoots, TufDefinition},
};

/// Everything that a directory holds.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    policies: Vec<(Origin, PolicyObject)>,
    trust_roots: Vec<(Origin, TrustRootObject)>,
    secrets: BTreeMap<String, BTreeMap<String, String>>,
    config_maps: BTreeMap<String, BTreeMap<String, String>>,
    namespaces: NamespaceLabels,
    /// Every object seen, and where.
    seen: BTreeMap<String, String>,
}

/// Where an object came from.
#[derive(Clone, Debug)]
struct Origin {
    file: PathBuf,
    document: Arc<Document>,
}

impl Catalog {
    /// Reads all files. Says everything that is wrong, not only the first.
    pub(super) fn read(files: &Files) -> Result<Self, LoadError> {
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        for (file, text) in files.iter() {
            match Document::read_all(file, text) {
                Ok(documents) => {
                    for document in documents {
                        problems.extend(catalog.add(file, document));
                    }
                }
                Err(error) => problems.extend(error.into_problems()),
            }
        }
        if problems.is_empty() {
            Ok(catalog)
        } else {
            Err(LoadError::new(problems))
        }
    }

    /// The compiled policies, and what is wrong with the others.
    pub(super) fn policies(&self) -> (PolicySet, Vec<LoadProblem>) {
        let mut problems = Vec::new();
        for (origin, policy) in &self.policies {
            if let Err(error) = policy.compile(self) {
                problems.extend(origin.problems(&error));
            }
            problems.extend(self.missing_roots(origin, policy));
        }
        let objects = self.policies.iter().map(|(_, policy)| policy);
        (PolicySet::default().update(objects, self), problems)
    }

    /// The usable trust roots, those to be fetched, and what is wrong with the others.
    pub(super) fn trust_roots(
        &self,
    ) -> (
        TrustRoots,
        BTreeMap<String, TufDefinition>,
        Vec<LoadProblem>,
    ) {
        let (mut roots, mut problems) = (TrustRoots::public_only(), Vec::new());
        let mut from_tuf = BTreeMap::new();
        for (origin, object) in &self.trust_roots {
            let described = object.definition(self).and_then(|definition| {
                Described::new(definition).map_err(|error| {
                    let detail = error.to_string();
                    CompileError::one("spec", Fault::Shape { detail })
                })
            });
            match described {
                Ok(Described::Given(root)) => {
                    let name = TrustRootName::Named(object.name.clone());
                    roots = roots.with(name, Ok(root));
                }
                Ok(Described::Tuf(definition)) => {
                    from_tuf.insert(object.name.clone(), definition);
                }
                Err(error) => problems.extend(origin.problems(&error)),
            }
        }
        (roots, from_tuf, problems)
    }

    /// The labels of the namespaces.
    pub(super) fn namespaces(&self) -> &NamespaceLabels {
        &self.namespaces
    }

    fn missing_roots(&self, origin: &Origin, policy: &PolicyObject) -> Vec<LoadProblem> {
        let is_here = |name: &str| self.trust_roots.iter().any(|(_, root)| root.name == name);
        policy
            .spec()
            .into_iter()
            .flat_map(ClusterImageTrustPolicySpec::trust_root_names)
            .filter(|(_, name)| !is_here(name))
            .map(|(index, name)| {
                let path = format!("spec.authorities[{index}].trustRootRef.name");
                let expected = "the name of an ImageTrustRoot in this directory";
                CompileError::one(&path, Fault::expected_text(expected, name))
            })
            .flat_map(|error| origin.problems(&error))
            .collect()
    }

    fn add(&mut self, file: &Path, document: Document) -> Vec<LoadProblem> {
        let origin = Origin {
            file: file.to_owned(),
            document: Arc::new(document),
        };
        let added = self
            .note(&origin)
            .and_then(|(kind, name)| self.sort(&origin, kind, name));
        added.err().unwrap_or_default()
    }

    /// Notes the object's kind and name, once.
    fn note(&mut self, origin: &Origin) -> Result<(Kind, String), Vec<LoadProblem>> {
        let object = &origin.document.value;
        let kind = Kind::of(object).map_err(|found| vec![origin.wrong_kind(found)])?;
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
        let name = text("/metadata/name").unwrap_or_default();
        if name.is_empty() {
            let fault = Fault::expected("a name", "none");
            return Err(origin.problems(&CompileError::one("metadata.name", fault)));
        }
        let namespace = text("/metadata/namespace").filter(|_| kind == Kind::NamespacedPolicy);
        let in_namespace = namespace.map(|namespace| format!(" in {namespace:?}"));
        let object = format!(
            "{} {name:?}{}",
            kind.name(),
            in_namespace.unwrap_or_default()
        );
        match self.seen.entry(object) {
            Entry::Vacant(entry) => {
                entry.insert(origin.to_string());
                Ok((kind, name.to_owned()))
            }
            Entry::Occupied(entry) => {
                let (object, first) = (entry.key().clone(), entry.get().clone());
                Err(vec![origin.problem(
                    "metadata.name",
                    LoadFault::Duplicate { object, first },
                )])
            }
        }
    }

    fn sort(&mut self, origin: &Origin, kind: Kind, name: String) -> Result<(), Vec<LoadProblem>> {
        let object = &origin.document.value;
        let number = origin.document.number;
        let unknown = |error| {
            let fault = LoadFault::Object {
                document: number,
                error,
            };
            vec![origin.problem("metadata", fault)]
        };
        match kind {
            Kind::ClusterPolicy | Kind::NamespacedPolicy => {
                let policy = PolicyObject::from_json(object.clone()).map_err(unknown)?;
                self.policies.push((origin.clone(), policy));
            }
            Kind::TrustRoot => {
                let root = TrustRootObject::from_json(object).map_err(unknown)?;
                self.trust_roots.push((origin.clone(), root));
            }
            Kind::Secret => {
                self.secrets.insert(name, origin.secret()?);
            }
            Kind::ConfigMap => {
                self.config_maps.insert(name, origin.texts("data")?);
            }
            Kind::Namespace => {
                self.namespaces.insert(name, origin.labels()?);
            }
        }
        Ok(())
    }
}

impl KeySource for Catalog {
    fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
        let (objects, name, key) = match entry {
            ObjectEntry::Secret { name, key } => (&self.secrets, name, key),
            ObjectEntry::ConfigMap { name, key } => (&self.config_maps, name, key),
        };
        let object = objects
            .get(name)
            .ok_or("there is no such object in this directory")?;
        Ok(object
            .get(key)
            .ok_or("the object has no such key, or it is no text")?
            .clone())
    }
}

/// The kinds that are read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    ClusterPolicy,
    NamespacedPolicy,
    TrustRoot,
    Secret,
    ConfigMap,
    Namespace,
}

impl Kind {
    /// The kind of an object, or what it says it is.
    fn of(object: &Value) -> Result<Self, String> {
        let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let (version, name) = (text("apiVersion"), text("kind"));
        let kind = [
            Self::ClusterPolicy,
            Self::NamespacedPolicy,
            Self::TrustRoot,
            Self::Secret,
            Self::ConfigMap,
            Self::Namespace,
        ]
        .into_iter()
        .find(|kind| kind.name() == name);
        match kind {
            Some(kind) if kind.is_of(version) => Ok(kind),
            _ if !object.is_object() => Err("no object".to_owned()),
            _ => Err(format!("kind {name:?} of {version:?}")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ClusterPolicy => "ClusterImageTrustPolicy",
            Self::NamespacedPolicy => "ImageTrustPolicy",
            Self::TrustRoot => "ImageTrustRoot",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Namespace => "Namespace",
        }
    }

    fn is_of(self, version: &str) -> bool {
        match self {
            // Another version of our own is reported by the reader of the object.
            Self::ClusterPolicy | Self::NamespacedPolicy | Self::TrustRoot => version
                .split_once('/')
                .is_some_and(|(group, _)| group == GROUP),
            Self::Secret | Self::ConfigMap | Self::Namespace => version == "v1",
        }
    }
}

impl Origin {
    fn problem(&self, path: &str, fault: LoadFault) -> LoadProblem {
        LoadProblem {
            file: self.file.clone(),
            place: self.document.place(&FieldPath::new(path)),
            fault,
        }
    }

    fn problems(&self, error: &CompileError) -> Vec<LoadProblem> {
        error
            .problems()
            .iter()
            .map(|problem| self.problem(problem.path.as_str(), LoadFault::Field(problem.clone())))
            .collect()
    }

    fn wrong_kind(&self, found: String) -> LoadProblem {
        let fault = LoadFault::Kind {
            document: self.document.number,
            expected: "a policy, an ImageTrustRoot, a Secret, a ConfigMap, a Namespace or a List of them",
            found,
        };
        self.problem("kind", fault)
    }

    /// The texts of a `Secret`; entries that are no texts can be nobody's key.
    fn secret(&self) -> Result<BTreeMap<String, String>, Vec<LoadProblem>> {
        let mut texts = BTreeMap::new();
        for (key, encoded) in self.texts("data")? {
            // The value stays out of the message: it is a secret.
            let bytes = STANDARD.decode(encoded.split_whitespace().collect::<String>());
            let Ok(bytes) = bytes else {
                let fault = Fault::expected("Base64", "something else");
                let path = format!("data.{key}");
                return Err(self.problems(&CompileError::one(&path, fault)));
            };
            if let Ok(text) = String::from_utf8(bytes) {
                texts.insert(key, text);
            }
        }
        texts.extend(self.texts("stringData")?);
        Ok(texts)
    }

    fn labels(&self) -> Result<BTreeMap<String, String>, Vec<LoadProblem>> {
        let labels = self.document.value.pointer("/metadata/labels");
        self.text_map("metadata.labels", labels)
    }

    fn texts(&self, field: &str) -> Result<BTreeMap<String, String>, Vec<LoadProblem>> {
        self.text_map(field, self.document.value.get(field))
    }

    fn text_map(
        &self,
        path: &str,
        map: Option<&Value>,
    ) -> Result<BTreeMap<String, String>, Vec<LoadProblem>> {
        let wrong = |path: &str, expected| {
            let fault = Fault::expected(expected, "something else");
            self.problems(&CompileError::one(path, fault))
        };
        let empty = Map::new();
        let map = match map {
            None | Some(Value::Null) => &empty,
            Some(map) => map.as_object().ok_or_else(|| wrong(path, "a map"))?,
        };
        map.iter()
            .map(|(key, value)| match value.as_str() {
                Some(text) => Ok((key.clone(), text.to_owned())),
                None => Err(wrong(&format!("{path}.{key}"), "a text")),
            })
            .collect()
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.document.place(&FieldPath::new("metadata.name")) {
            Some(place) => write!(f, ":{place}"),
            None => Ok(()),
        }
    }
}
