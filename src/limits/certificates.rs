//! The bounds of Assay's own certificates.

use std::time::Duration;

/// How long a certificate authority of our own lives.
pub const AUTHORITY_LIFETIME: Duration = Duration::from_hours(365 * 24);

/// How long a serving certificate of our own lives.
pub const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// The shortest life of a serving certificate that can be asked for: below it, a rotation does not fit in.
pub const SHORTEST_CERTIFICATE: Duration = Duration::from_secs(30);

/// The longest life of a certificate authority that can be asked for.
pub const LONGEST_AUTHORITY: Duration = Duration::from_hours(10 * 365 * 24);

/// How long before it was made a certificate is valid, for clocks that are behind.
pub const CERTIFICATE_BACKDATE: Duration = Duration::from_hours(1);

/// How long every `caBundle` names a new authority before anything is signed by it.
pub const AUTHORITY_SETTLING: Duration = Duration::from_mins(1);

/// The same while nothing is served: API servers learn of a `caBundle` within a second or so.
pub const AUTHORITY_SETTLING_URGENT: Duration = Duration::from_secs(3);

/// How long an old authority stays in every `caBundle` after the last certificate of it was replaced.
pub const AUTHORITY_OVERLAP: Duration = Duration::from_hours(1);

/// How long a replica without a certificate waits for the leader to make one.
pub const CERTIFICATE_PATIENCE: Duration = Duration::from_secs(30);

/// How often the certificates are looked at when nothing happens.
pub const CERTIFICATE_LOOK: Duration = Duration::from_hours(1);

/// The longest `caBundle` that is read, in bytes.
pub const CA_BUNDLE_BYTES: usize = 256 * 1024;

/// The most authorities of one `caBundle`.
pub const CA_BUNDLE_AUTHORITIES: usize = 8;
