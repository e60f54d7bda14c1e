//! The Secret that keeps the certificates.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::certificates::Entries;

/// The entries of a Secret. What is not base64, which the API server never lets in, is left out.
pub(super) fn entries(secret: &Value) -> Entries {
    let data = secret.get("data").and_then(Value::as_object);
    let decoded: BTreeMap<String, Vec<u8>> = data
        .into_iter()
        .flatten()
        .filter_map(|(name, content)| {
            let content = STANDARD.decode(content.as_str()?).ok()?;
            Some((name.clone(), content))
        })
        .collect();
    Entries::new(decoded)
}

/// The whole Secret, where there is none.
pub(super) fn created(name: &str, entries: &Entries) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/name": "assay",
                "app.kubernetes.io/managed-by": "assay",
            },
        },
        "data": data(entries),
    })
}

/// A merge patch that sets these entries and keeps the others, if the Secret is still of this version.
pub(super) fn patch(version: &str, entries: &Entries) -> Value {
    json!({ "metadata": { "resourceVersion": version }, "data": data(entries) })
}

fn data(entries: &Entries) -> Map<String, Value> {
    entries
        .iter()
        .map(|(name, content)| (name.to_owned(), STANDARD.encode(content).into()))
        .collect()
}
