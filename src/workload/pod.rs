//! What else a Pod or a Pod template says that a review asks for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::WorkloadKind;

/// The facts of the Pod (or Pod template) that decide which pull credentials apply.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PullReferences {
    /// `imagePullSecrets` names, in order.
    pub pull_secrets: Vec<String>,
    /// `serviceAccountName`, `default` when absent.
    pub service_account: String,
}

/// Which pull secrets and service account the Pod spec names.
///
/// The secrets are looked up in the Pod's own namespace: nothing here can name another.
pub fn pull_references(kind: WorkloadKind, object: &Value) -> PullReferences {
    let spec = pod(kind, object).and_then(|pod| pod.get("spec"));
    let pull_secrets = spec
        .and_then(|spec| spec.get("imagePullSecrets")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(|secret| secret.get("name")?.as_str())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let service_account = spec
        .and_then(|spec| spec.get("serviceAccountName")?.as_str())
        .filter(|name| !name.is_empty())
        .unwrap_or(DEFAULT_SERVICE_ACCOUNT);
    PullReferences {
        pull_secrets,
        service_account: service_account.to_owned(),
    }
}

/// The labels that a policy's `objectSelector` is matched against: those of the Pod, or of the Pod template.
pub fn pod_labels(kind: WorkloadKind, object: &Value) -> BTreeMap<String, String> {
    pod(kind, object)
        .and_then(|pod| pod.get("metadata")?.get("labels")?.as_object())
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Whether this Pod only mirrors a static Pod that the kubelet has already started.
///
/// The annotation is anybody's to write, but a kubelet never starts the containers of a Pod that carries it:
/// it deletes those that mirror nothing. Only Pods can be mirrors; workloads with the annotation are judged.
pub fn is_mirror_pod(object: &Value) -> bool {
    let is_pod = object
        .get("kind")
        .is_none_or(|kind| kind.as_str() == Some("Pod"));
    is_pod
        && object
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations")?.get(MIRROR_ANNOTATION))
            .is_some_and(Value::is_string)
}

/// The node that a Pod is bound to, if it is.
pub fn node_name(object: &Value) -> Option<&str> {
    object.get("spec")?.get("nodeName")?.as_str()
}

/// The Pod, or the template of Pods in a workload, if there is one.
pub fn pod(kind: WorkloadKind, object: &Value) -> Option<&Value> {
    kind.pod_path()
        .iter()
        .try_fold(object, |value, name| value.get(name))
}

const DEFAULT_SERVICE_ACCOUNT: &str = "default";
const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
