//! The pull credentials of a Pod, found as the kubelet finds them.

use std::{future::Future, sync::Arc};

use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::{Api, Client};
use moka::future::Cache;

use crate::{
    limits,
    registry::{Keyring, OwnCredentials},
    review,
    telemetry::{CacheReading, Causes, Lookups},
    workload::PullReferences,
};

/// Reads pull secrets by name, from the Pod's own namespace only.
///
/// What was read is believed for a few seconds, so that the ten reviews of one Deployment cost one read.
#[derive(Clone)]
pub(super) struct PullSecrets {
    client: Client,
    own: OwnCredentials,
    known: Cache<Place, Known>,
    lookups: Lookups,
}

/// What decides which secrets apply. Never shared between namespaces.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Place {
    namespace: String,
    references: Named,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Named {
    Secrets(Vec<String>),
    ServiceAccount(String),
}

#[derive(Clone)]
struct Known {
    keyring: Arc<Keyring>,
    bytes: u32,
}

impl PullSecrets {
    /// `own` is appended to every Pod's keyring.
    pub(super) fn new(client: Client, own: OwnCredentials) -> Self {
        let known = Cache::builder()
            .max_capacity(limits::PULL_SECRET_CACHE_BYTES)
            .weigher(|place: &Place, known: &Known| known.bytes.saturating_add(place.bytes()))
            .time_to_live(limits::PULL_SECRETS_TTL)
            .build();
        Self {
            client,
            own,
            known,
            lookups: Lookups::default(),
        }
    }

    /// What is held now; what was put in or has expired this moment may not be counted yet.
    pub(super) fn reading(&self) -> CacheReading {
        let bytes = Some((self.known.weighted_size(), limits::PULL_SECRET_CACHE_BYTES));
        self.lookups
            .reading("pull_secrets", self.known.entry_count(), bytes)
    }

    async fn read(&self, place: &Place) -> Result<Known, String> {
        let mut keyring = Keyring::default();
        let names = match &place.references {
            Named::Secrets(names) => names.clone(),
            Named::ServiceAccount(name) => {
                let account = self.secrets_of_account(&place.namespace, name).await?;
                account.unwrap_or_else(|Forbidden| {
                    keyring.add_forbidden(place.named("service account", name));
                    Vec::new()
                })
            }
        };
        if names.len() > limits::PULL_SECRETS_PER_POD {
            return Err(format!(
                "{} pull secrets are named, at most {} are read",
                names.len(),
                limits::PULL_SECRETS_PER_POD
            ));
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &place.namespace);
        let secrets: Vec<(String, Readable<Secret>)> = stream::iter(names)
            .map(async |name| {
                let secret = in_time(readable(api.get_opt(&name)))
                    .await
                    .map_err(|reason| format!("pull secret {name:?} cannot be read: {reason}"))?;
                Ok::<_, String>((name, secret))
            })
            .buffered(SECRETS_AT_ONCE)
            .try_collect()
            .await?;
        self.complete(keyring, place, &secrets)
    }

    async fn secrets_of_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Result<Vec<String>, Forbidden>, String> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let account = in_time(readable(api.get_opt(name)))
            .await
            .map_err(|reason| format!("service account {name:?} cannot be read: {reason}"))?;
        // A template may name an account that is not made yet: its Pods will be judged with it.
        Ok(account.map(|account| {
            let references = account.and_then(|account| account.image_pull_secrets);
            references
                .unwrap_or_default()
                .into_iter()
                .map(|reference| reference.name)
                .filter(|name| !name.is_empty())
                .collect()
        }))
    }

    fn complete(
        &self,
        mut keyring: Keyring,
        place: &Place,
        secrets: &[(String, Readable<Secret>)],
    ) -> Result<Known, String> {
        let mut bytes = 0_usize;
        for (name, secret) in secrets {
            match secret {
                Ok(Some(secret)) => bytes += add_secret(&mut keyring, name, secret)?,
                Ok(None) => {
                    // As the kubelet does: the pull is tried without it.
                    let namespace = &place.namespace;
                    tracing::debug!(namespace, secret = name, "pull secret is missing");
                    keyring.add_useless(format!("pull secret {name:?} does not exist"));
                }
                Err(Forbidden) => keyring.add_forbidden(place.named("pull secret", name)),
            }
        }
        keyring.append(&self.own.current());
        Ok(Known {
            keyring: Arc::new(keyring.of_namespace(&place.namespace)),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        })
    }
}

impl Place {
    fn new(namespace: &str, references: &PullReferences) -> Self {
        // The service account's secrets count only when the Pod itself names none.
        let references = if references.pull_secrets.is_empty() {
            Named::ServiceAccount(references.service_account.clone())
        } else {
            Named::Secrets(references.pull_secrets.clone())
        };
        Self {
            namespace: namespace.to_owned(),
            references,
        }
    }

    /// As messages name something in its namespace.
    fn named(&self, what: &str, name: &str) -> String {
        format!("{what} {name:?} of namespace {:?}", self.namespace)
    }

    fn bytes(&self) -> u32 {
        let references = match &self.references {
            Named::Secrets(names) => names.iter().map(String::len).sum(),
            Named::ServiceAccount(name) => name.len(),
        };
        u32::try_from(ENTRY_OVERHEAD + self.namespace.len() + references).unwrap_or(u32::MAX)
    }
}

impl std::fmt::Debug for PullSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PullSecrets").finish_non_exhaustive()
    }
}

impl review::PullSecrets for PullSecrets {
    fn keyring<'a>(
        &'a self,
        namespace: &'a str,
        references: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        Box::pin(async move {
            let place = Place::new(namespace, references);
            self.lookups.count_found(self.known.contains_key(&place));
            // Should this caller be cancelled, the next one that waits reads in its stead.
            let known = self
                .known
                .try_get_with(place.clone(), self.read(&place))
                .await
                .map_err(|reason| reason.as_ref().clone())?;
            Ok(known.keyring)
        })
    }
}

/// Adds what a secret holds, and tells how many bytes that was. As with the kubelet, those of other types hold nothing.
fn add_secret(keyring: &mut Keyring, name: &str, secret: &Secret) -> Result<usize, String> {
    let origin = format!("pull secret {name:?}");
    let entry = |key: &str| -> Result<Option<&str>, String> {
        let Some(bytes) = secret.data.as_ref().and_then(|data| data.get(key)) else {
            return Ok(None);
        };
        std::str::from_utf8(&bytes.0)
            .map(|text| Some(text).filter(|text| !text.is_empty()))
            .map_err(|_| format!("{origin} is not a docker config: it is not UTF-8"))
    };
    let (text, added) = match secret.type_.as_deref() {
        Some("kubernetes.io/dockerconfigjson") => {
            let text = entry(".dockerconfigjson")?;
            let text = text.unwrap_or(EMPTY);
            (text, keyring.add_docker_config_json(&origin, text))
        }
        Some("kubernetes.io/dockercfg") => {
            let text = entry(".dockercfg")?;
            let text = text.unwrap_or(EMPTY);
            (text, keyring.add_dockercfg(&origin, text))
        }
        other => {
            let kind = other.unwrap_or("Opaque");
            keyring.add_useless(format!(
                "{origin} is of type {kind}, which is for no registry"
            ));
            return Ok(0);
        }
    };
    added.map_err(|error| error.to_string())?;
    keyring.add_read(origin);
    Ok(text.len())
}

/// Tells what may not be read from what cannot be read now. In namespaces whose pull secrets Assay was not given, images
/// are still looked up with what is there; should the registry refuse, its line names what could not be read.
async fn readable<T>(
    read: impl Future<Output = kube::Result<Option<T>>>,
) -> kube::Result<Readable<T>> {
    match read.await {
        Err(kube::Error::Api(status)) if status.code == FORBIDDEN => Ok(Err(Forbidden)),
        answer => answer.map(Ok),
    }
}

/// What was read, none when it is not there; or that it may not be.
type Readable<T> = Result<Option<T>, Forbidden>;

/// The rules of the API server do not let Assay read it.
#[derive(Clone, Copy, Debug)]
struct Forbidden;

/// Waits for one read of the API, no longer than [`limits::KUBERNETES_READ_TIMEOUT`].
pub(super) async fn in_time<T>(read: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(limits::KUBERNETES_READ_TIMEOUT, read).await {
        Ok(answer) => answer.map_err(|error| Causes(&error).to_string()),
        Err(_) => Err("the API server did not answer in time".to_owned()),
    }
}

const FORBIDDEN: u16 = 403;

/// A docker config without entries, in either form.
const EMPTY: &str = "{}";
const SECRETS_AT_ONCE: usize = 8;

/// What an entry takes beside its texts, roughly.
const ENTRY_OVERHEAD: usize = 512;
