//! Policies, trust roots and the Secrets and ConfigMaps they name from a directory of YAML files, reloaded when they change.
//!
//! A directory is read as a whole: at the start any error in any file is refused, and later it leaves the last
//! good reading in force. Hidden entries are skipped, so that a mounted `ConfigMap` is read once and not again
//! through the folders that the kubelet keeps behind it.

mod catalog;
mod document;
mod error;
mod files;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod watch;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use arc_swap::ArcSwap;
use futures::{FutureExt, future::BoxFuture};

pub use crate::trust::CacheDirectory;
pub use error::{LoadError, LoadFault, LoadProblem, Place};

use crate::{
    policy::{ClusterModes, PolicySet},
    registry::{Holder, Keyring, OwnCredentials},
    review::{PullSecrets, Snapshot, Snapshots},
    trust::{TrustRoots, TufDefinition},
    workload::PullReferences,
};
use files::Files;

/// The labels of namespaces, by name.
pub type NamespaceLabels = BTreeMap<String, BTreeMap<String, String>>;

/// What one reading of a directory holds. Every policy in it has compiled, and every trust root that it holds itself is usable.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policies.
    pub policies: Arc<PolicySet>,
    /// The trust roots, the public-good one among them.
    pub trust_roots: Arc<TrustRoots>,
    /// The trust roots that have to be fetched, by name. Until somebody does, [`Self::trust_roots`] has none of them.
    pub from_tuf: BTreeMap<String, TufDefinition>,
    /// The labels of the `Namespace` objects.
    pub namespaces: NamespaceLabels,
}

/// What the command line adds to the files.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What failures mean.
    pub modes: ClusterModes,
    /// Labels of namespaces; they win over those of `Namespace` objects in the files.
    pub namespaces: NamespaceLabels,
    /// Where copies of fetched trust roots are kept, if anywhere.
    pub cache: Option<CacheDirectory>,
}

/// Policies and trust roots without a cluster.
#[derive(Debug)]
pub struct Standalone {
    current: ArcSwap<Loaded>,
    settings: Settings,
}

/// Pull credentials without a cluster: every Pod gets the same.
#[derive(Clone, Debug)]
pub struct FixedKeyring {
    own: OwnCredentials,
    holder: Holder,
}

/// Reads a directory once.
///
/// # Errors
/// Everything that is wrong in any file, with file, line, column and field.
pub fn load(directory: &Path) -> Result<Loaded, LoadError> {
    Loaded::from_files(&Files::read(directory)?)
}

impl Loaded {
    fn from_files(files: &Files) -> Result<Self, LoadError> {
        let catalog = catalog::Catalog::read(files)?;
        let (policies, policy_problems) = catalog.policies();
        let (trust_roots, from_tuf, root_problems) = catalog.trust_roots();
        let problems: Vec<LoadProblem> = policy_problems.into_iter().chain(root_problems).collect();
        if !problems.is_empty() {
            return Err(LoadError::new(problems));
        }
        Ok(Self {
            policies: Arc::new(policies),
            trust_roots: Arc::new(trust_roots),
            from_tuf,
            namespaces: catalog.namespaces().clone(),
        })
    }
}

impl Standalone {
    /// Serves one reading, and never another unless it is [followed](Self::follow).
    pub fn new(loaded: Loaded, settings: Settings) -> Self {
        Self {
            current: ArcSwap::from_pointee(loaded),
            settings,
        }
    }

    /// A namespace's labels: its name as Kubernetes adds it, those of the files, those of the command line.
    fn labels_of(&self, namespace: &str) -> BTreeMap<String, String> {
        let loaded = self.current.load();
        let sources = [&loaded.namespaces, &self.settings.namespaces];
        let mut labels: BTreeMap<String, String> = sources
            .into_iter()
            .filter_map(|source| source.get(namespace))
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        labels.insert(NAME_LABEL.to_owned(), namespace.to_owned());
        labels
    }
}

impl Snapshots for Standalone {
    fn current(&self) -> Option<Snapshot> {
        let loaded = self.current.load();
        Some(Snapshot {
            policies: Arc::clone(&loaded.policies),
            trust_roots: loaded.trust_roots.current(),
            modes: self.settings.modes,
        })
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        async move { Ok(self.labels_of(namespace)) }.boxed()
    }
}

impl FixedKeyring {
    /// Hands out these credentials, which are this one's.
    pub fn new(own: impl Into<OwnCredentials>, holder: Holder) -> Self {
        Self {
            own: own.into(),
            holder,
        }
    }
}

impl PullSecrets for FixedKeyring {
    fn keyring<'a>(
        &'a self,
        _namespace: &'a str,
        _references: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        let own = Keyring::clone(&self.own.current());
        async move { Ok(Arc::new(own.held_by(self.holder))) }.boxed()
    }
}

/// The label that Kubernetes puts on every namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

#[cfg(test)]
mod tests;
