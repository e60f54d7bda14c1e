//! Whether the API server knows where to ask, and whom to trust there.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::Finding;
use crate::cluster::Found;

/// Where a webhook is asked, and the authorities that its certificate may come from.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Target {
    /// As in `https://assay.assay-system.svc`.
    pub(super) url: String,
    /// PEM.
    pub(super) authorities: Vec<u8>,
}

/// Looks at both configurations; answers also whom the API server would ask.
pub(super) fn judge(
    name: &str,
    namespace: &str,
    mutating: &Found,
    validating: &Found,
) -> (Vec<Finding>, BTreeSet<Target>) {
    let mut findings = Vec::new();
    let mut targets = BTreeSet::new();
    for (kind, found, webhook) in [
        ("MutatingWebhookConfiguration", mutating, "mutate.assay.dev"),
        (
            "ValidatingWebhookConfiguration",
            validating,
            "validate.assay.dev",
        ),
    ] {
        let configuration = match found {
            Ok(Some(configuration)) => configuration,
            Ok(None) => {
                findings.push(Finding::wrong(
                    format!("the {kind} {name:?} is missing, so that nothing is judged"),
                    "install it again: helm upgrade, or kubectl apply -k manifests",
                ));
                continue;
            }
            Err(reason) => {
                findings.push(Finding::wrong(
                    format!("the {kind} {name:?} cannot be read: {reason}"),
                    "use a kubeconfig that may read it",
                ));
                continue;
            }
        };
        let webhooks = configuration.get("webhooks").and_then(Value::as_array);
        let webhooks: Vec<&Value> = webhooks.into_iter().flatten().collect();
        if !webhooks.iter().any(|one| text(one, "/name") == webhook) {
            findings.push(Finding::wrong(
                format!("the {kind} {name:?} has no webhook {webhook}"),
                "install it again: helm upgrade, or kubectl apply -k manifests",
            ));
        }
        for webhook in webhooks {
            match target(webhook) {
                Ok(target) => {
                    targets.insert(target);
                }
                Err(fact) => findings.push(Finding::wrong(
                    format!("webhook {}: {fact}", text(webhook, "/name")),
                    format!(
                        "Assay writes it when it starts: kubectl --namespace {namespace} logs --selector app.kubernetes.io/name=assay"
                    ),
                )),
            }
        }
    }
    if findings.is_empty() {
        let fact =
            format!("the webhook configurations {name:?} say where to ask and whom to trust");
        findings.push(Finding::Fine(fact));
    }
    (findings, targets)
}

fn target(webhook: &Value) -> Result<Target, String> {
    let bundle = text(webhook, "/clientConfig/caBundle");
    if bundle.is_empty() {
        return Err("it has no caBundle, so that the API server trusts nobody there".to_owned());
    }
    let authorities = STANDARD
        .decode(bundle)
        .map_err(|_| "its caBundle is not base64".to_owned())?;
    let given = webhook.pointer("/clientConfig/url").and_then(Value::as_str);
    let url = if let Some(given) = given {
        url::Url::parse(given)
            .map_err(|error| format!("its url is none: {error}"))?
            .origin()
            .ascii_serialization()
    } else {
        let name = text(webhook, "/clientConfig/service/name");
        let namespace = text(webhook, "/clientConfig/service/namespace");
        format!("https://{name}.{namespace}.svc")
    };
    Ok(Target { url, authorities })
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
