//! The object of a review, as observers are told of it.

use serde_json::Value;

use super::request::AdmissionRequest;
use crate::{
    limits,
    review::{ObservedObject, ObservedOwner},
};

/// The object that a request is about.
pub(super) fn object(request: &AdmissionRequest) -> ObservedObject {
    let metadata = request.object.get("metadata");
    let kind = &request.kind;
    ObservedObject {
        api_version: match kind.group.as_str() {
            "" => kind.version.clone(),
            group => format!("{group}/{}", kind.version),
        },
        kind: kind.name.clone(),
        namespace: request.namespace.clone(),
        name: request.name.clone(),
        generate_name: text(metadata, "generateName"),
        uid: text(request.old_object.get("metadata"), "uid"),
        owner: owner(metadata),
    }
}

fn owner(metadata: Option<&Value>) -> Option<ObservedOwner> {
    let owners = metadata?.get("ownerReferences")?.as_array()?;
    let owner = owners
        .iter()
        .take(limits::OWNERS_PER_OBJECT)
        .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
    let owner = Some(owner);
    Some(ObservedOwner {
        api_version: text(owner, "apiVersion"),
        kind: text(owner, "kind"),
        name: text(owner, "name"),
        uid: text(owner, "uid"),
    })
}

/// A field's text; one that is longer than any name of Kubernetes is taken for none.
fn text(value: Option<&Value>, field: &str) -> String {
    value
        .and_then(|value| value.get(field)?.as_str())
        .filter(|text| text.len() <= limits::NAME_BYTES)
        .unwrap_or_default()
        .to_owned()
}
