//! The `caBundle` of every webhook of a configuration.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::certificates::Bundle;

/// A webhook's name and what it trusts, in their order.
pub(super) fn bundles(configuration: &Value) -> Vec<(String, Bundle)> {
    webhooks(configuration)
        .map(|webhook| {
            let name = webhook.get("name").and_then(Value::as_str);
            let bundle = webhook
                .pointer("/clientConfig/caBundle")
                .and_then(Value::as_str)
                .and_then(|text| STANDARD.decode(text).ok())
                .unwrap_or_default();
            (name.unwrap_or_default().to_owned(), Bundle::read(&bundle))
        })
        .collect()
}

/// Whether the chart says of this configuration that its certificate is none that Assay makes.
pub(super) fn is_from_elsewhere(configuration: &Value) -> bool {
    configuration
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(CERTIFICATE_MODE)?.as_str())
        .is_some_and(|mode| mode != SELF_MANAGED)
}

/// A strategic merge patch that sets the `caBundle` of these webhooks and keeps all else, if the configuration is
/// still of this version.
pub(super) fn patch(version: &str, wanted: &[(String, Bundle)]) -> Value {
    let webhooks: Vec<Value> = wanted
        .iter()
        .map(|(name, bundle)| {
            json!({ "name": name, "clientConfig": { "caBundle": STANDARD.encode(bundle.pem()) } })
        })
        .collect();
    json!({ "metadata": { "resourceVersion": version }, "webhooks": webhooks })
}

fn webhooks(configuration: &Value) -> impl Iterator<Item = &Value> {
    configuration
        .get("webhooks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Who makes the certificate, as the chart's `certificate.mode` says it.
const CERTIFICATE_MODE: &str = "assay.dev/certificate-mode";

const SELF_MANAGED: &str = "SelfManaged";
