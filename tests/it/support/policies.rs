//! Policies that stand still, and a world in which nothing may be looked up.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use assay::{
    image::{Contents, Digest, Part, Reference, Repository},
    policy::{DefaultAction, PolicySet},
    registry::{Access, Attachment, Keyring, Registry, RegistryError, Search, Wanted},
    review::{PullSecrets, Reviewer, Snapshot, Snapshots},
    trust::TrustRoots,
    workload::PullReferences,
};
use futures::future::BoxFuture;

/// One snapshot, or none as long as it is not loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    current: Arc<Mutex<Option<Snapshot>>>,
    namespace_labels: BTreeMap<String, String>,
}

/// Whoever is asked fails the test, or rather its request.
#[derive(Debug)]
pub(crate) struct NotAsked;

impl Policies {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        let policies = Self::default();
        policies.set(snapshot);
        policies
    }

    /// No policy at all.
    pub(crate) fn none(default_action: DefaultAction) -> Self {
        Self::new(Snapshot {
            policies: Arc::new(PolicySet::default()),
            trust_roots: Arc::new(TrustRoots::public_only()),
            modes: default_action.into(),
        })
    }

    /// The same policies with other trust roots.
    pub(crate) fn replace_roots(&self, roots: TrustRoots) {
        let mut current = self.current.lock().unwrap();
        current.as_mut().unwrap().trust_roots = Arc::new(roots);
    }

    pub(crate) fn set(&self, snapshot: Snapshot) {
        *self.current.lock().unwrap() = Some(snapshot);
    }

    /// A reviewer that must not need a registry.
    pub(crate) fn reviewer_without_registry(&self) -> Reviewer {
        Reviewer::new(
            Arc::new(NotAsked),
            Arc::new(self.clone()),
            Arc::new(NotAsked),
        )
    }
}

impl Snapshots for Policies {
    fn current(&self) -> Option<Snapshot> {
        self.current.lock().unwrap().clone()
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        assert_ne!(namespace, PANICKING_NAMESPACE);
        let mut labels = self.namespace_labels.clone();
        labels.insert(
            "kubernetes.io/metadata.name".to_owned(),
            namespace.to_owned(),
        );
        Box::pin(async { Ok(labels) })
    }
}

impl Registry for NotAsked {
    fn resolve<'a>(
        &'a self,
        image: &'a Reference,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        panic!("{image:?} was looked up")
    }

    fn attachments<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: Wanted,
        _: Search,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<[Attachment]>, RegistryError>> {
        panic!("{repository:?} was searched")
    }

    fn children<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Vec<Digest>, RegistryError>> {
        panic!("{repository:?} was searched")
    }

    fn contents<'a>(
        &'a self,
        repository: &'a Repository,
        _: &'a Digest,
        _: &'a BTreeSet<Part>,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<Contents>, RegistryError>> {
        panic!("{repository:?} was read")
    }
}

impl PullSecrets for NotAsked {
    fn keyring<'a>(
        &'a self,
        _: &'a str,
        references: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        panic!("{references:?} were looked up")
    }
}

/// A review of this namespace is a bug of ours, as it were.
pub(crate) const PANICKING_NAMESPACE: &str = "panicking";
