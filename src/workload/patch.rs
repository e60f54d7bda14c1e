//! The JSON Patch that pins images (RFC 6902).

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
    jsonptr::PointerBuf,
};
use serde_json::{Map, Value};

use super::{ImageSlot, WorkloadKind};

/// The annotation that an admitted Pod carries.
pub const IMAGES_ANNOTATION: &str = "assay.dev/images";

/// The patch that replaces each slot's reference (guarded by a `test` of the old one) and sets, or
/// without a value removes, our annotation. Touches nothing else; empty when nothing is to change.
///
/// Only Pods as a whole get the annotation: templates stay as they were written, and the API server lets a request
/// for ephemeral containers change nothing else.
pub fn pin_patch(
    kind: WorkloadKind,
    object: &Value,
    pins: &[(ImageSlot, String)],
    annotation: Option<&str>,
) -> Patch {
    let mut operations: Vec<PatchOperation> = pins
        .iter()
        .filter(|(slot, pinned)| {
            let present = object.pointer(&slot.pointer).and_then(Value::as_str);
            slot.written != *pinned && present != Some(pinned)
        })
        .flat_map(|(slot, pinned)| replacement(slot, pinned))
        .collect();
    if kind == WorkloadKind::Pod {
        operations.extend(annotating(object, annotation));
    }
    Patch(operations)
}

fn replacement(slot: &ImageSlot, pinned: &str) -> [PatchOperation; 2] {
    let path = PointerBuf::from_tokens(slot.pointer.split('/').skip(1).map(unescaped));
    [
        PatchOperation::Test(TestOperation {
            path: path.clone(),
            value: slot.written.as_str().into(),
        }),
        PatchOperation::Replace(ReplaceOperation {
            path,
            value: pinned.into(),
        }),
    ]
}

/// What its author wrote into our annotation is never kept: it would pass for our word.
fn annotating(object: &Value, annotation: Option<&str>) -> Vec<PatchOperation> {
    let metadata = member(object, METADATA);
    let annotations = metadata.and_then(|metadata| member(metadata, ANNOTATIONS));
    if is_other(object, METADATA) || metadata.is_some_and(|it| is_other(it, ANNOTATIONS)) {
        // No object that Kubernetes knows: nothing of ours is in it, and nothing of its author's is replaced.
        return Vec::new();
    }
    let present = annotations.and_then(|annotations| annotations.get(IMAGES_ANNOTATION));
    let path = PointerBuf::from_tokens([METADATA, ANNOTATIONS, IMAGES_ANNOTATION]);
    match (annotation, present) {
        (None, None) => Vec::new(),
        (None, Some(_)) => vec![PatchOperation::Remove(RemoveOperation { path })],
        (Some(wanted), Some(present)) if present.as_str() == Some(wanted) => Vec::new(),
        (Some(wanted), Some(_)) => vec![PatchOperation::Replace(ReplaceOperation {
            path,
            value: wanted.into(),
        })],
        (Some(wanted), None) => {
            let mut operations = Vec::new();
            // `add` reaches no further than one level below what exists.
            if metadata.is_none() {
                operations.push(empty_object(&[METADATA]));
            }
            if annotations.is_none() {
                operations.push(empty_object(&[METADATA, ANNOTATIONS]));
            }
            operations.push(PatchOperation::Add(AddOperation {
                path,
                value: wanted.into(),
            }));
            operations
        }
    }
}

fn empty_object(path: &[&str]) -> PatchOperation {
    PatchOperation::Add(AddOperation {
        path: PointerBuf::from_tokens(path.iter().copied()),
        value: Value::Object(Map::new()),
    })
}

/// A member that holds an object; null counts as absent.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| value.is_object())
}

/// A member that is there and holds something else than an object.
fn is_other(object: &Value, name: &str) -> bool {
    object
        .get(name)
        .is_some_and(|value| !value.is_object() && !value.is_null())
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

const METADATA: &str = "metadata";
const ANNOTATIONS: &str = "annotations";
