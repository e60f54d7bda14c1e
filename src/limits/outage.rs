//! Bounds on what is remembered for the time when a registry does not answer, and on warming up for it.

use std::time::Duration;

/// For how long what was verified may stand in for a registry that does not answer, unless a policy says otherwise.
pub const USE_OF_VERIFIED: Duration = Duration::from_hours(24);

/// The longest such time that a policy may say: a week.
pub const LONGEST_USE_OF_VERIFIED: Duration = Duration::from_hours(168);

/// The most bytes of verified evidence that are remembered for it: about 10,000 images signed once.
pub const VERIFIED_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// How soon what satisfied a policy again is remembered anew.
pub const VERIFIED_AGAIN_AFTER: Duration = Duration::from_secs(30);
