//! What the API server knows of an installation, for whoever asks whether it works.

use std::fmt::Debug;

use k8s_openapi::{
    api::{
        admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
        coordination::v1::Lease,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
};
use serde_json::Value;

use super::{connection::connect, pull_secrets::in_time};
use crate::policy::crd::{ClusterImageTrustPolicy, ImageTrustPolicy, ImageTrustRoot};

/// The API server, asked about one installation.
#[derive(Clone)]
pub struct Installation {
    client: Client,
    namespace: String,
}

/// What was read: none when it is not there, or why it cannot be read.
pub type Found = Result<Option<Value>, String>;

impl Installation {
    /// The API server of the kubeconfig or of the Pod this runs in; `namespace` is Assay's own.
    ///
    /// # Errors
    ///
    /// When no way to an API server is configured. It is not asked yet.
    pub async fn new(namespace: String) -> Result<Self, kube::Error> {
        let client = connect().await?;
        Ok(Self { client, namespace })
    }

    /// A custom resource definition.
    pub async fn definition(&self, name: &str) -> Found {
        let resource = ApiResource::erase::<CustomResourceDefinition>(&());
        self.read(Api::all_with(self.client.clone(), &resource), name)
            .await
    }

    /// The configuration of the webhook that pins.
    pub async fn mutating_configuration(&self, name: &str) -> Found {
        let resource = ApiResource::erase::<MutatingWebhookConfiguration>(&());
        self.read(Api::all_with(self.client.clone(), &resource), name)
            .await
    }

    /// The configuration of the webhooks that only judge.
    pub async fn validating_configuration(&self, name: &str) -> Found {
        let resource = ApiResource::erase::<ValidatingWebhookConfiguration>(&());
        self.read(Api::all_with(self.client.clone(), &resource), name)
            .await
    }

    /// The Lease by which replicas agree who leads.
    pub async fn lease(&self, name: &str) -> Found {
        let resource = ApiResource::erase::<Lease>(&());
        let api = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        self.read(api, name).await
    }

    /// All policies and trust roots.
    ///
    /// # Errors
    ///
    /// When one kind of them cannot be listed: its kind, and why.
    pub async fn objects(&self) -> Result<Vec<Value>, String> {
        let kinds = [
            ApiResource::erase::<ClusterImageTrustPolicy>(&()),
            ApiResource::erase::<ImageTrustPolicy>(&()),
            ApiResource::erase::<ImageTrustRoot>(&()),
        ];
        let mut objects = Vec::new();
        for kind in kinds {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind);
            let listed = in_time(api.list(&ListParams::default()))
                .await
                .map_err(|reason| format!("{}: {reason}", kind.plural))?;
            for mut object in listed {
                // Objects of a list do not say their kind themselves.
                object.types = Some(kube::api::TypeMeta {
                    api_version: kind.api_version.clone(),
                    kind: kind.kind.clone(),
                });
                objects.push(serde_json::to_value(object).map_err(|error| error.to_string())?);
            }
        }
        Ok(objects)
    }

    async fn read(&self, api: Api<DynamicObject>, name: &str) -> Found {
        let found = in_time(api.get_opt(name)).await?;
        found
            .map(|object| serde_json::to_value(object).map_err(|error| error.to_string()))
            .transpose()
    }
}

impl Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installation")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
