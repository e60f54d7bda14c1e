//! Credentials that may change while the program runs.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Keyring;

/// Assay's own credentials as they are now. Cheap to clone; all clones see a change.
#[derive(Clone, Debug, Default)]
pub struct OwnCredentials(Arc<ArcSwap<Keyring>>);

impl OwnCredentials {
    /// The credentials now; who asks again may get others.
    pub fn current(&self) -> Arc<Keyring> {
        self.0.load_full()
    }

    /// Puts others in force.
    pub fn replace(&self, keyring: Keyring) {
        self.0.store(Arc::new(keyring));
    }
}

impl From<Keyring> for OwnCredentials {
    fn from(keyring: Keyring) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keyring)))
    }
}
