//! The labels of namespaces, for `namespaceSelector`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use serde_json::Value;

use super::{mirror::Mirror, pull_secrets::in_time};

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// The labels of every namespace.
pub(super) type NamespaceLabels = BTreeMap<String, Labels>;

/// Reads the labels out of the watched namespaces.
pub(super) fn labels_of_all(namespaces: &Mirror) -> NamespaceLabels {
    namespaces
        .objects()
        .iter()
        .map(|((_, name), object)| (name.clone(), labels(object)))
        .collect()
}

fn labels(object: &Value) -> Labels {
    let Some(labels) = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
    else {
        return Labels::new();
    };
    labels
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Asks for one namespace: for one so new that the watch has not told of it yet.
pub(super) async fn fetch_labels(client: &Client, namespace: &str) -> Result<Labels, String> {
    let api: Api<Namespace> = Api::all(client.clone());
    match in_time(api.get_opt(namespace)).await? {
        Some(found) => Ok(found.metadata.labels.unwrap_or_default()),
        None => Err("there is no such namespace".to_owned()),
    }
}
