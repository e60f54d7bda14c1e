//! What the API server asks.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{ReviewBodyError, object};
use crate::{limits, workload::WorkloadKind};

/// The request of one review. The objects stay raw JSON, so that fields this version does not know survive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdmissionRequest {
    pub(super) uid: String,
    #[serde(default)]
    pub(super) kind: ObjectKind,
    pub(super) resource: Resource,
    #[serde(default)]
    pub(super) sub_resource: Option<String>,
    /// Objects of controllers may name no namespace themselves, or another: this one counts.
    #[serde(default)]
    pub(super) namespace: String,
    /// Empty while the API server has yet to choose one.
    #[serde(default)]
    pub(super) name: String,
    pub(super) operation: Operation,
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) user_info: UserInfo,
    /// Shared with the conditions that read it.
    #[serde(default, deserialize_with = "shared")]
    pub(super) object: Arc<Value>,
    #[serde(default, deserialize_with = "object::read")]
    pub(super) old_object: Value,
}

/// A group, version and resource; the API server has converted the object to it.
#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    #[serde(default)]
    pub(super) group: String,
    pub(super) resource: String,
}

/// What the object is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ObjectKind {
    #[serde(default)]
    pub(super) group: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default, rename = "kind")]
    pub(super) name: String,
}

/// Who asks.
#[derive(Debug, Default, Deserialize)]
pub(super) struct UserInfo {
    #[serde(default)]
    pub(super) username: String,
    #[serde(default)]
    groups: Vec<String>,
}

/// What is to be done; an operation of a later Kubernetes is an error, never skipped.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionReview {
    api_version: String,
    kind: String,
    request: Option<AdmissionRequest>,
}

impl AdmissionRequest {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ReviewBodyError> {
        // From bytes, the parser would not look at the texts that it skips.
        let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
        let review: AdmissionReview =
            serde_json::from_str(text).map_err(|error| malformed(reason(&error)))?;
        if review.api_version != API_VERSION || review.kind != KIND {
            return Err(malformed(format!("expected {API_VERSION} {KIND}")));
        }
        let request = review
            .request
            .ok_or_else(|| malformed("request is missing"))?;
        if request.uid.is_empty() {
            return Err(malformed("request.uid is empty"));
        }
        // They go into the log, and Kubernetes knows no longer ones.
        let Self {
            uid,
            kind,
            resource,
            namespace,
            name,
            ..
        } = &request;
        let names = [uid, namespace, name, &resource.group, &resource.resource];
        let of_kind = [&kind.group, &kind.version, &kind.name];
        if names
            .into_iter()
            .chain(of_kind)
            .any(|name| name.len() > limits::NAME_BYTES)
        {
            return Err(malformed("a name in the request is too long"));
        }
        Ok(request)
    }

    pub(super) fn workload_kind(&self) -> Option<WorkloadKind> {
        let sub_resource = self.sub_resource.as_deref().filter(|name| !name.is_empty());
        WorkloadKind::of(&self.resource.group, &self.resource.resource, sub_resource)
    }
}

impl UserInfo {
    /// Whether this is the kubelet of that node, as the API server names kubelets.
    pub(super) fn is_kubelet_of(&self, node: &str) -> bool {
        self.username.strip_prefix(NODE_USER) == Some(node)
            && self.groups.iter().any(|group| group == NODES)
    }
}

fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Value>, D::Error> {
    object::read(deserializer).map(Arc::new)
}

fn malformed(detail: impl Into<String>) -> ReviewBodyError {
    ReviewBodyError::Malformed {
        detail: detail.into(),
    }
}

/// What is wrong and where, without the text that is: serde quotes values, and an object may hold secrets.
fn reason(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let what = match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "is not JSON",
        serde_json::error::Category::Eof => "ends too early",
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let missing = text.starts_with("missing field");
            let unquoted = text.split(" at line").next().filter(|_| missing);
            return unquoted.map_or_else(
                || format!("a field has the wrong type or value at line {line}, column {column}"),
                str::to_owned,
            );
        }
    };
    format!("the body {what} at line {line}, column {column}")
}

pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
pub(super) const KIND: &str = "AdmissionReview";
const NODE_USER: &str = "system:node:";
const NODES: &str = "system:nodes";
