//! The use case: plan what must be known, gather it under a deadline, decide.

use std::{fmt::Debug, sync::Arc};

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    decision::{Decision, Enforcement, Evidence, Plan},
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
    registry: Arc<dyn Registry>,
    snapshots: Arc<dyn Snapshots>,
    pull_secrets: Arc<dyn PullSecrets>,
}

/// A decision with what led to it.
#[derive(Clone, Debug)]
pub struct Examination {
    /// What had to be known.
    pub plan: Plan,
    /// What was found.
    pub evidence: Evidence,
    /// What follows.
    pub decision: Decision,
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
    /// A reviewer that asks these three.
    pub fn new(
        registry: Arc<dyn Registry>,
        snapshots: Arc<dyn Snapshots>,
        pull_secrets: Arc<dyn PullSecrets>,
    ) -> Self {
        Self {
            registry,
            snapshots,
            pull_secrets,
        }
    }

    /// Whether there is a policy snapshot to judge by.
    pub fn is_ready(&self) -> bool {
        self.snapshots.current().is_some()
    }

    /// Judges all images of a request. Never takes longer than its deadline by more than the time to decide.
    pub async fn review(&self, _request: Request) -> Result<Decision, ReviewError> {
        todo!()
    }
    /// Judges all images and keeps what was found, for the command line.
    pub async fn examine(&self, _request: Request) -> Result<Examination, ReviewError> {
        todo!()
    }
}
