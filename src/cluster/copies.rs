//! Copies of trust roots from TUF, each in a Secret of Assay's own namespace.
//!
//! Every replica may write one: each verifies what it writes, and verifies again what it reads.

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::pull_secrets::in_time;
use crate::trust::CopyKeeper;

/// Keeps copies in Secrets.
#[derive(Clone)]
pub(super) struct SecretCopies {
    client: Client,
    namespace: String,
}

impl SecretCopies {
    /// In this namespace.
    pub(super) fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace }
    }
}

impl std::fmt::Debug for SecretCopies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretCopies")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl CopyKeeper for SecretCopies {
    fn keep<'a>(&'a self, name: &'a str, copy: String) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
            let name = secret_name(name);
            let object = json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "labels": { "app.kubernetes.io/managed-by": "assay" },
                },
                "data": { ENTRY: STANDARD.encode(copy) },
            });
            let parameters = PatchParams::apply("assay").force();
            in_time(api.patch(&name, &parameters, &Patch::Apply(&object)))
                .await
                .map(drop)
        })
    }
}

/// The Secret that holds the copy of this trust root.
pub(super) fn secret_name(root: &str) -> String {
    format!("assay-trust-root-{root}")
}

/// The entry of the Secret.
pub(super) const ENTRY: &str = "copy.json";
