//! What `assay verify` is to judge: images by name, or the images of Kubernetes objects in YAML.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    commands::{
        files::{FileError, read_or_stdin},
        folder::FolderImage,
    },
    limits,
    registry::LayoutError,
    workload::{self, ImageSlot, PullReferences, SlotError, SlotKind, WorkloadKind, image_slots},
};

/// What is admitted or refused as a whole.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The object, unless an image was named alone.
    pub(super) object: Option<ObjectName>,
    /// Its images.
    pub(super) slots: Vec<ImageSlot>,
    /// The namespace it names.
    pub(super) namespace: Option<String>,
    /// The labels that object selectors see.
    pub(super) labels: BTreeMap<String, String>,
    /// The Pod or the template of Pods; null when an image was named alone.
    pub(super) pod: Arc<Value>,
    /// Which pull credentials it names.
    pub(super) pull: PullReferences,
    /// Where they are.
    pub(super) origin: Origin,
}

/// Where a target's images are.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// In registries.
    Registry,
    /// In an OCI layout folder.
    Folder(Box<FolderImage>),
    /// In a folder that holds something other than it lists.
    Unreadable(Arc<LayoutError>),
}

/// An object's kind and name, as people refer to it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct ObjectName {
    /// As in `Deployment`.
    pub(super) kind: String,
    /// `metadata.name`, or `generateName`.
    pub(super) name: String,
}

/// Why a file cannot be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not YAML.
    #[error("{file} is not YAML: {detail}")]
    Yaml {
        /// Which file.
        file: String,
        /// What the parser said.
        detail: String,
    },
    /// A document has no `apiVersion` and `kind`.
    #[error("{file}: document {document} is no Kubernetes object")]
    NotAnObject {
        /// Which file.
        file: String,
        /// Which document, counted from 1.
        document: usize,
    },
    /// An object's images cannot be told.
    #[error("{file}: {object}")]
    Slots {
        /// Which file.
        file: String,
        /// Which object.
        object: String,
        /// Why.
        source: SlotError,
    },
    /// There is no object in it: most likely whatever should have written it has failed.
    #[error("{file} holds no Kubernetes object")]
    Empty {
        /// Which file.
        file: String,
    },
}

impl Target {
    /// An image named on the command line.
    pub(super) fn image(written: &str, origin: Origin) -> Self {
        let slot = ImageSlot {
            kind: SlotKind::Container,
            name: String::new(),
            pointer: String::new(),
            written: written.to_owned(),
        };
        Self {
            object: None,
            slots: vec![slot],
            namespace: None,
            labels: BTreeMap::new(),
            pod: Arc::default(),
            pull: PullReferences::default(),
            origin,
        }
    }

    fn object(kind: WorkloadKind, name: ObjectName, object: &Value) -> Result<Self, SlotError> {
        Ok(Self {
            object: Some(name),
            slots: image_slots(kind, object)?,
            namespace: text(object, "/metadata/namespace").map(str::to_owned),
            labels: workload::pod_labels(kind, object),
            pod: Arc::new(workload::pod(kind, object).cloned().unwrap_or_default()),
            pull: workload::pull_references(kind, object),
            origin: Origin::Registry,
        })
    }
}

impl Display for ObjectName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.kind, self.name)
    }
}

/// Every object in this file that can carry images, in order; `-` is stdin. Objects of other kinds are left out.
pub(super) fn read_objects(file: &Path) -> Result<Vec<Target>, InputError> {
    let text = read_or_stdin(file, limits::INPUT_FILE_BYTES)?;
    parse_objects(&file.display().to_string(), &text)
}

fn parse_objects(file: &str, text: &str) -> Result<Vec<Target>, InputError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| InputError::Yaml {
            file: file.to_owned(),
            detail: error.to_string(),
        })?;
    if documents.is_empty() {
        let file = file.to_owned();
        return Err(InputError::Empty { file });
    }
    let mut targets = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let Some((api_version, kind)) = type_of(document) else {
            let (file, document) = (file.to_owned(), index + 1);
            return Err(InputError::NotAnObject { file, document });
        };
        add_object(file, api_version, kind, document, &mut targets)?;
    }
    Ok(targets)
}

/// Adds an object, or the items of a list. The depth is that of the YAML, which the parser bounds.
fn add_object(
    file: &str,
    api_version: &str,
    kind: &str,
    object: &Value,
    targets: &mut Vec<Target>,
) -> Result<(), InputError> {
    if let (Some(item_kind), Some(items)) = (
        kind.strip_suffix("List"),
        object.get("items").and_then(Value::as_array),
    ) {
        for item in items {
            // The items of a typed list, as in `PodList`, need not repeat their type.
            let (api_version, kind) = type_of(item).unwrap_or((api_version, item_kind));
            add_object(file, api_version, kind, item, targets)?;
        }
        return Ok(());
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let resource = format!("{}s", kind.to_ascii_lowercase());
    let Some(workload) = WorkloadKind::of(group, &resource, None) else {
        return Ok(());
    };
    let name = ObjectName {
        kind: kind.to_owned(),
        name: text(object, "/metadata/name")
            .or_else(|| text(object, "/metadata/generateName"))
            .unwrap_or_default()
            .to_owned(),
    };
    let described = name.to_string();
    let target = Target::object(workload, name, object).map_err(|source| InputError::Slots {
        file: file.to_owned(),
        object: described,
        source,
    })?;
    targets.push(target);
    Ok(())
}

fn type_of(object: &Value) -> Option<(&str, &str)> {
    Some((text(object, "/apiVersion")?, text(object, "/kind")?))
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// Reads the objects of all files, in order.
pub(super) fn read_all(files: &[PathBuf]) -> Result<Vec<Target>, InputError> {
    let mut targets = Vec::new();
    for file in files {
        targets.extend(read_objects(file)?);
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(yaml: &str) -> Vec<(String, Vec<String>)> {
        parse_objects("app.yaml", yaml)
            .unwrap()
            .into_iter()
            .map(|target| {
                let images = target.slots.into_iter().map(|slot| slot.written).collect();
                (target.object.unwrap().to_string(), images)
            })
            .collect()
    }

    fn refusal(yaml: &str) -> String {
        parse_objects("app.yaml", yaml).unwrap_err().to_string()
    }

    const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: one:1}]}}";

    #[test]
    fn every_document_is_read_and_other_kinds_are_left_out() {
        let yaml = format!(
            "---\n{POD}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\n---\n\
             apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\n\
             spec: {{template: {{spec: {{containers: [{{name: c, image: \"two:2\"}}]}}}}}}\n"
        );
        let expected = [
            ("Pod \"a\"".to_owned(), vec!["one:1".to_owned()]),
            ("Deployment \"web\"".to_owned(), vec!["two:2".to_owned()]),
        ];
        assert_eq!(images(&yaml), expected);
    }

    #[test]
    fn the_items_of_lists_are_read() {
        let plain = format!("{{apiVersion: v1, kind: List, items: [{POD}]}}");
        let typed = "{apiVersion: v1, kind: PodList, items: [{metadata: {generateName: a-}, spec: {containers: [{name: c, image: one:1}]}}]}";
        assert_eq!(
            images(&plain),
            [("Pod \"a\"".to_owned(), vec!["one:1".to_owned()])]
        );
        assert_eq!(
            images(typed),
            [("Pod \"a-\"".to_owned(), vec!["one:1".to_owned()])]
        );
    }

    #[test]
    fn an_empty_stream_is_an_error_and_not_nothing_to_refuse() {
        assert_eq!(
            refusal("# helm failed\n---\n"),
            "app.yaml holds no Kubernetes object"
        );
    }

    #[test]
    fn a_document_that_is_no_object_is_named() {
        let yaml = format!("{POD}\n---\nimage: nginx\n");
        assert_eq!(
            refusal(&yaml),
            "app.yaml: document 2 is no Kubernetes object"
        );
    }
}
