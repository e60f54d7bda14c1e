//! The trust roots that policies name, and whether each could be loaded.

use std::{collections::BTreeMap, sync::Arc};

use crate::{policy::TrustRootName, verify::TrustRoot};

/// Every trust root by name: one immutable snapshot. The public-good root is always there.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    roots: BTreeMap<TrustRootName, Result<Arc<TrustRoot>, String>>,
}

impl TrustRoots {
    /// Only the public-good root.
    pub fn public_only() -> Self {
        let public = TrustRoot::public_good()
            .map(Arc::new)
            .map_err(|error| error.to_string());
        Self {
            roots: BTreeMap::from([(TrustRootName::Public, public)]),
        }
    }

    /// Adds or replaces a named root, loaded or with the reason why not.
    #[must_use]
    pub fn with(mut self, name: TrustRootName, root: Result<Arc<TrustRoot>, String>) -> Self {
        self.roots.insert(name, root);
        self
    }

    /// The root of this name, or why there is none.
    pub fn find(&self, name: &TrustRootName) -> Result<&Arc<TrustRoot>, String> {
        match self.roots.get(name) {
            Some(Ok(root)) => Ok(root),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("there is no such ImageTrustRoot".to_owned()),
        }
    }
}
