//! Bounds of what the replica that leads does, and of how it is chosen.

use std::time::Duration;

/// How long the lead is good after each renewal, for those who look on.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);

/// The longest such time that is believed when another version of Assay has written it.
pub const MAX_LEASE_DURATION: Duration = Duration::from_mins(1);

/// How often the leader renews it, and the others look, give or take a tenth.
pub const LEASE_RENEWAL_PERIOD: Duration = Duration::from_secs(5);

/// How long after its last renewal a leader stops leading: well before the others take over.
pub const LEASE_RENEWAL_DEADLINE: Duration = Duration::from_secs(10);

/// The pause after a renewal or a look that failed, give or take a tenth.
pub const LEASE_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The pause before a renewal is tried again after something else in the Lease was changed, give or take a tenth.
pub const LEASE_REREAD_PAUSE: Duration = Duration::from_millis(200);

/// How often a replica adds what it has counted to the status of a policy, at most.
pub const COUNT_PERIOD: Duration = Duration::from_mins(1);

/// The most policies whose images are counted between two writes.
pub const COUNTED_POLICIES: usize = 10_000;

/// How many statuses are added to at the same time.
pub const COUNTS_WRITTEN_AT_ONCE: usize = 4;

/// How often a count is added again after another replica was faster.
pub const COUNT_ATTEMPTS: usize = 5;

/// The pause before that, give or take a half.
pub const COUNT_RETRY_PAUSE: Duration = Duration::from_millis(200);
