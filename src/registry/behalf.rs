//! On whose behalf a registry is asked.

use std::sync::Arc;

use tokio::time::Instant;

use super::Access;

/// One who asks, as far as the order and the shares of those who ask together go by it.
#[derive(Clone, Debug)]
pub(super) struct Behalf {
    /// When the review began. Until when it must end does not count: its requester may say.
    pub(super) since: Instant,
    /// Whose images are reviewed; none for what all share.
    pub(super) namespace: Option<Arc<str>>,
}

impl Behalf {
    /// What all share.
    pub(super) fn of_all() -> Self {
        Self {
            since: Instant::now(),
            namespace: None,
        }
    }
}

impl From<&Access> for Behalf {
    fn from(access: &Access) -> Self {
        Self {
            since: access.since,
            namespace: access.keyring.namespace(),
        }
    }
}
