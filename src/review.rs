//! The use case: plan what must be known, gather it under a deadline, decide.

use std::{fmt::Debug, sync::Arc};

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    decision::{Decision, Enforcement},
    policy::{DefaultAction, Place, PolicySet},
    registry::{Keyring, Registry},
    trust::TrustRoots,
    workload::{ImageSlot, PullReferences},
};

/// What one review is judged by: read once when it starts, kept until it ends.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The policies.
    pub policies: Arc<PolicySet>,
    /// The trust roots.
    pub trust_roots: Arc<TrustRoots>,
    /// What unmatched images get.
    pub default_action: DefaultAction,
}

/// Hands out the current snapshot. `None` until the first one is complete: not ready, never "no policies".
pub trait Snapshots: Debug + Send + Sync {
    /// The current snapshot.
    fn current(&self) -> Option<Snapshot>;
    /// The labels of a namespace, or why they cannot be told.
    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<std::collections::BTreeMap<String, String>, String>>;
}

/// Finds the pull credentials of a Pod. The keyring ends with Assay's own credentials.
pub trait PullSecrets: Debug + Send + Sync {
    /// The keyring for Pods of this namespace with these references, or why it cannot be had.
    fn keyring<'a>(
        &'a self,
        namespace: &'a str,
        references: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>>;
}

/// What is to be judged.
#[derive(Clone, Debug)]
pub struct Request {
    /// The image slots in question (all, or on UPDATE the changed ones).
    pub slots: Vec<ImageSlot>,
    /// Where (the namespace's labels are filled in by the reviewer).
    pub place: Place,
    /// Which pull credentials apply.
    pub pull: PullReferences,
    /// Whether a failure can deny.
    pub enforcement: Enforcement,
    /// When the answer must be there.
    pub deadline: Instant,
}

/// Judges images: the one engine behind the webhook and the command line.
#[derive(Debug)]
pub struct Reviewer {
    /// Reads registries.
    pub registry: Arc<dyn Registry>,
    /// Policies and trust roots.
    pub snapshots: Arc<dyn Snapshots>,
    /// Pull credentials.
    pub pull_secrets: Arc<dyn PullSecrets>,
}

/// Why no decision could be reached at all; the object is refused with this text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReviewError {
    /// The first policy snapshot is not complete.
    #[error("the policies are not loaded yet")]
    NotReady,
    /// The namespace's labels cannot be told.
    #[error("the labels of namespace {namespace:?} cannot be read: {reason}")]
    Namespace {
        /// Which.
        namespace: String,
        /// Why.
        reason: String,
    },
}

impl Reviewer {
    /// Judges all images of a request. Never takes longer than its deadline by more than the time to decide.
    pub async fn review(&self, _request: Request) -> Result<Decision, ReviewError> {
        todo!()
    }
}
