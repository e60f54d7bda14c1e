//! Admission reviews, as the API server sends them.

use serde_json::{Value, json};

/// A Pod with one container `api`.
pub(crate) fn pod(image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "api", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "api", "image": image}]},
    })
}

/// The creation of a Pod.
pub(crate) fn creation(pod: &Value) -> Value {
    review("CREATE", pod, &Value::Null)
}

/// The update of a Pod.
pub(crate) fn update(pod: &Value, old_pod: &Value) -> Value {
    review("UPDATE", pod, old_pod)
}

fn review(operation: &str, object: &Value, old_object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "5e3b1f0a-0000-4000-8000-000000000001",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "requestResource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "api",
            "namespace": NAMESPACE,
            "operation": operation,
            "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
            "object": object,
            "oldObject": old_object,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        }
    })
}

/// Where reviews take place.
pub(crate) const NAMESPACE: &str = "shop";
