//! Reading OCI registries: resolve a tag, list what is attached to a digest. What the bytes mean is not known here.

mod address;
mod asked;
mod auth;
mod behalf;
mod body;
mod bounded;
mod budget;
mod cache;
mod caller;
mod client;
mod cloud;
mod contents;
mod credentials;
mod discovery;
mod flight;
mod form;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod layout;
mod manifest;
mod options;
mod passage;
mod prefix;
mod proxies;
mod reach;
mod session;
mod settings;
mod terms;
mod tls;
mod tls_error;
mod transport;

pub use asked::Asked;
pub use client::OciRegistry;
pub use cloud::CloudSettings;
pub use credentials::{
    Credential, CredentialId, DockerConfigError, Holder, Keyring, NoLogin, OwnCredentials, Secret,
};
pub use layout::{LayoutError, LayoutName, OciLayout};
pub use options::RegistryOptions;
pub use prefix::PrefixFault;
pub use proxies::{Proxies, ProxyError, ProxyVariables};
pub use reach::{Names, SystemNames};
pub use settings::{RegistrySettings, SettingsError, SettingsProblem};
pub use tls::{ClientError, ServerVerifier};

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::image::{Contents, Digest, Part, Reference, RegistryHost, Repository, SignaturePlaces};

/// A registry, or many of them, as far as Assay reads them.
pub trait Registry: std::fmt::Debug + Send + Sync {
    /// Where the signatures of this repository's images lie, as far as the operator has said: beside them by default.
    fn signature_places(&self, repository: &Repository) -> SignaturePlaces {
        SignaturePlaces::beside(repository.clone())
    }

    /// The digest this reference names: its own, or what its tag resolves to now (or did, within the tag TTL).
    fn resolve<'a>(
        &'a self,
        image: &'a Reference,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Digest, RegistryError>>;

    /// Candidates of what is wanted that are attached to this digest, as far as `search` says. An empty list means that the
    /// registry has answered that there are none (with [`Search::First`] also that it leads to another host for the answer,
    /// where none was had); any other answer is an error.
    fn attachments<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        wanted: Wanted,
        search: Search,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<[Attachment]>, RegistryError>>;

    /// The manifests an index lists; empty when the digest is a single manifest.
    fn children<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Vec<Digest>, RegistryError>>;

    /// What the image of this digest says about itself, as far as these parts go.
    fn contents<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        parts: &'a BTreeSet<Part>,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<Contents>, RegistryError>>;
}

/// What is looked for. More is asked of a registry for attestations; a bundle may be either and always counts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Wanted {
    /// What may be a signature.
    Signatures,
    /// Also envelopes, which lie in places of their own.
    SignaturesAndAttestations,
}

/// How far to look for attachments.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Search {
    /// In the cheapest order; stops at the first place that holds candidates where looking further costs a round trip.
    First,
    /// In every place.
    Everywhere,
    /// In every place, and no list is believed that is older than "nothing is attached" would be: for the last look
    /// before an image is refused, so that one that has been signed since is let in.
    Afresh,
}

/// For whom and until when a registry is read.
#[derive(Clone, Debug)]
pub struct Access {
    /// The credentials that may be used; results are never shared between different ones.
    pub keyring: Arc<Keyring>,
    /// When the answer is no longer needed.
    pub deadline: Instant,
    /// When the review began that wants it: of those who wait for one registry, who began first goes first.
    pub since: Instant,
    /// Is told when no cache has the answer.
    pub asked: Asked,
}

/// One blob attached to an image.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where it was found.
    pub place: AttachmentPlace,
    /// The layer's media type.
    pub media_type: String,
    /// The blob's digest, computed by us.
    pub digest: Digest,
    /// The blob.
    pub content: Bytes,
    /// The layer descriptor's annotations, each name once and in order. Thousands are kept, and a map of one text has
    /// room for eleven.
    pub annotations: Arc<[(String, String)]>,
    /// The digest of the manifest it is a layer of.
    pub manifest: Digest,
}

/// Where an attachment was found.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AttachmentPlace {
    /// In the manifest tagged `sha256-….sig`.
    SignatureTag,
    /// In the manifest tagged `sha256-….att`.
    AttestationTag,
    /// By the referrers API.
    ReferrersApi,
    /// By the referrers fallback tag `sha256-…`.
    ReferrersTag,
}

/// Why a registry could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistryError {
    /// 404: there is no such image.
    #[error("{host} has no {what}")]
    NotFound {
        /// The registry.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// 401 or 403.
    #[error("{host} refused access ({status})")]
    Unauthorized {
        /// The registry or token service.
        host: String,
        /// The last status.
        status: u16,
        /// The credentials that were tried, by name, as in `pull secret "regcred"`.
        tried: Vec<String>,
    },
    /// 429.
    #[error("{host} limits the rate of requests")]
    RateLimited {
        /// The registry.
        host: String,
        /// How long it has asked to be left alone, if it has.
        wait: Option<Duration>,
    },
    /// It does not answer, for whatever other reason: `detail` says which.
    #[error("{host} {detail}")]
    Unavailable {
        /// The registry.
        host: String,
        /// As in `answered 502`, or `could not be reached (connection refused)`.
        detail: String,
    },
    /// It answers, and what it answers is of no use: it is not what was asked for, is not what its digest says, or was
    /// lost here.
    #[error("{host} {detail}")]
    Unusable {
        /// The registry.
        host: String,
        /// As in `answered a malformed manifest`.
        detail: String,
    },
    /// The host is at an address that no registry has unless the settings name it.
    #[error("no request is sent to {host}, {reason}")]
    AddressRefused {
        /// Who should have been asked: the registry, its token service, or where it redirects to.
        host: String,
        /// As in `a loopback address`, or `which is at 169.254.169.254, a link-local address`.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("TLS with {host} failed: {detail}")]
    Tls {
        /// The registry.
        host: String,
        /// What the TLS library said.
        detail: String,
    },
    /// One request took longer than it may.
    #[error("{host} did not answer in time")]
    Timeout {
        /// The registry.
        host: String,
    },
    /// The caller's deadline passed.
    #[error("the deadline passed while {host} was asked")]
    Deadline {
        /// The registry.
        host: String,
    },
    /// A limit was crossed.
    #[error("{host}: {detail}")]
    Limit {
        /// The registry.
        host: String,
        /// What, with numbers.
        detail: String,
    },
}

impl RegistryError {
    /// The host that it is about, where that is another than the repository's own, as its token service is. None for a
    /// refused login, which is the registry's affair wherever it was refused, and for what is about no host.
    pub fn elsewhere(&self, repository: &Repository) -> Option<&str> {
        let host = match self {
            Self::Unauthorized { tried, .. } if !tried.is_empty() => return None,
            Self::Unauthorized { host, .. }
            | Self::RateLimited { host, .. }
            | Self::Unavailable { host, .. }
            | Self::Unusable { host, .. }
            | Self::Tls { host, .. }
            | Self::Timeout { host } => host,
            Self::NotFound { .. }
            | Self::Deadline { .. }
            | Self::Limit { .. }
            // It says itself which host it is.
            | Self::AddressRefused { .. } => return None,
        };
        let own = repository.host().registry();
        let is_own = match host.parse::<RegistryHost>() {
            Ok(named) => named.registry() == own,
            // A folder, which leads nowhere.
            Err(_) => true,
        };
        (!is_own).then_some(host)
    }
}
