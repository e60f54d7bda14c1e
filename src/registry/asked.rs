//! Whether a registry had to be asked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether what was wanted of registries was in caches. Clones are told together.
#[derive(Clone, Debug, Default)]
pub struct Asked(Arc<AtomicBool>);

impl Asked {
    /// A registry is asked, or somebody else's question to it waited for.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether one was.
    pub fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
