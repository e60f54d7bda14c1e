//! Assay's own certificates in the cluster: a Secret that keeps them, and the `caBundle`s that trust them.
//!
//! Every replica watches both and serves what the Secret holds. The one that leads also writes: it asks
//! [`plan`](crate::certificates::plan()) for the next step, takes it, and looks again. Every write names the version that it
//! was decided upon, so that of two that lead for a moment only one has its way.

mod bundles;
mod keeper;
mod mirrors;
mod secret;
mod server_time;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::{
    admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
    core::v1::Secret,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    runtime::watcher::Config,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::task::TaskTracker;

use self::{keeper::Keeper, mirrors::Source};
use super::{ClusterError, leader::Role, watch::events};
use crate::{
    certificates::{ServingCertificate, Wanted},
    clock::Clock,
};

/// What the certificates are told at start.
#[derive(Clone, Debug)]
pub struct CertificateSettings {
    /// Assay's own namespace.
    pub namespace: String,
    /// The Secret there that keeps them.
    pub secret: String,
    /// Both webhook configurations.
    pub configuration: String,
    /// What the certificates shall be like.
    pub wanted: Wanted,
    /// For when they are renewed.
    pub clock: Arc<dyn Clock>,
}

/// The latest certificate to serve; none until there is one that every webhook configuration trusts.
pub type GivenCertificate = watch::Receiver<Option<Arc<ServingCertificate>>>;

/// Starts to keep and to follow the certificates, with a task on `tasks`.
///
/// The handle ends only when the API server can no longer be followed, and the owner is to end the program.
pub fn keep_certificates(
    client: &Client,
    settings: CertificateSettings,
    role: watch::Receiver<Role>,
    tasks: &TaskTracker,
) -> (GivenCertificate, JoinHandle<ClusterError>) {
    let (give, given) = watch::channel(None);
    let changes = futures::stream::select_all(Source::ALL.map(|source| {
        let (api, name) = source.api(client, &settings);
        let only = Config::default().fields(&format!("metadata.name={name}"));
        events(api, only, source.name())
            .map(move |event| (source, event))
            .boxed()
    }));
    let keeper = Keeper::new(client.clone(), settings, give);
    let kept = tasks.spawn(keeper.run(changes, role));
    (given, kept)
}

impl Source {
    pub(super) const ALL: [Self; 3] = [Self::Secret, Self::Mutating, Self::Validating];

    fn resource(self) -> ApiResource {
        match self {
            Self::Secret => ApiResource::erase::<Secret>(&()),
            Self::Mutating => ApiResource::erase::<MutatingWebhookConfiguration>(&()),
            Self::Validating => ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
        }
    }

    /// Where the one object is, and its name.
    fn api(self, client: &Client, settings: &CertificateSettings) -> (Api<DynamicObject>, String) {
        let resource = self.resource();
        match self {
            Self::Secret => (
                Api::namespaced_with(client.clone(), &settings.namespace, &resource),
                settings.secret.clone(),
            ),
            Self::Mutating | Self::Validating => (
                Api::all_with(client.clone(), &resource),
                settings.configuration.clone(),
            ),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Secret => "certificate secret",
            Self::Mutating => "mutating webhook configuration",
            Self::Validating => "validating webhook configuration",
        }
    }
}
