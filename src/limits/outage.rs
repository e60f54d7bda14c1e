//! Bounds on what is remembered for the time when a registry does not answer, and on warming up for it.

use std::time::Duration;

use jiff::SignedDuration;

/// For how long what was verified may stand in for a registry that does not answer, unless a policy says otherwise.
pub const USE_OF_VERIFIED: SignedDuration = SignedDuration::from_hours(24);

/// The longest such time that a policy may say: a week.
pub const LONGEST_USE_OF_VERIFIED: SignedDuration = SignedDuration::from_hours(168);

/// The most bytes of verified evidence that are remembered for it: about 10,000 images signed once.
pub const VERIFIED_MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// How soon what satisfied a policy again is remembered anew.
pub const VERIFIED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// How many images of running Pods are looked at in a second, about, where registries have to be asked for them.
pub const WARM_UP_IMAGES_PER_SECOND: u32 = 5;

/// How often it is looked whether policies have changed, so that running Pods are to be looked at.
pub const WARM_UP_TICK: Duration = Duration::from_secs(5);

/// The least pause between two rounds over all running Pods. One that could not be ended is tried again after twice
/// as long, and each further time after twice as long again.
pub const WARM_UP_PAUSE: Duration = Duration::from_secs(30);

/// How often such a round is tried again, and how often a list of Pods that has expired is begun again in one round.
pub const WARM_UP_RETRIES: u32 = 5;

/// How long a registry may take for the images of one running Pod.
pub const WARM_UP_PATIENCE: Duration = Duration::from_secs(10);

/// The longest time between two rounds where a policy uses what it has verified: half of what it says, but no longer.
pub const WARM_UP_PERIOD: Duration = Duration::from_hours(6);

/// The shortest such time.
pub const WARM_UP_LEAST_PERIOD: Duration = Duration::from_mins(5);

/// The most kinds of running Pods that one round looks at: where registries have to be asked, three hours' work.
pub const WARM_UP_PODS: usize = 50_000;

/// How many repositories of one namespace may fail in a round before the namespace is left alone: no one namespace is to
/// use up the time of the others.
pub const WARM_UP_FAILURES: usize = 10;

/// How many Pods are listed at once.
pub const PODS_PER_PAGE: u32 = 50;

/// The most bytes of Pods that are read at once: of larger ones, fewer are listed.
pub const POD_PAGE_BYTES: usize = 4 * 1024 * 1024;
