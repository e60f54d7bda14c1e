//! Policies that the counters know before anybody is judged by them.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;

use super::Counting;
use crate::{
    policy::{KeySource, PolicySet},
    review::{Snapshot, Snapshots},
};

/// Hands out snapshots, each only after its policies and their registries can be told apart in what is counted.
#[derive(Debug)]
pub(super) struct KnownSnapshots {
    snapshots: Arc<dyn Snapshots>,
    counting: Counting,
    /// Those that were handed out last.
    known: ArcSwapOption<PolicySet>,
}

impl KnownSnapshots {
    pub(super) fn new(snapshots: Arc<dyn Snapshots>, counting: Counting) -> Self {
        Self {
            snapshots,
            counting,
            known: ArcSwapOption::empty(),
        }
    }
}

impl Snapshots for KnownSnapshots {
    fn current(&self) -> Option<Snapshot> {
        let snapshot = self.snapshots.current()?;
        let known = self.known.load();
        let is_known = known
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &snapshot.policies));
        if !is_known {
            self.counting.count(&snapshot);
            self.known.store(Some(Arc::clone(&snapshot.policies)));
        }
        Some(snapshot)
    }

    fn entries(&self) -> Option<Arc<dyn KeySource + Send + Sync>> {
        self.snapshots.entries()
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        self.snapshots.namespace_labels(namespace)
    }
}
