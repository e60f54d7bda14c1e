//! Bounds on the cloud's identities, by which registries of that cloud are read.

use std::time::Duration;

/// How long a connection to a service of the cloud may take to stand.
pub const IDENTITY_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a service of the cloud may take for one whole answer.
pub const IDENTITY_ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The largest answer of a service of the cloud that is read, in bytes.
pub const IDENTITY_ANSWER_BYTES: usize = 64 * 1024;

/// The largest file with a token for a service of the cloud that is read, in bytes.
pub const IDENTITY_FILE_BYTES: usize = 64 * 1024;

/// How long a login by an identity is used when its service does not say.
pub const IDENTITY_TTL: Duration = Duration::from_hours(1);

/// The longest a login by an identity is used, whatever its service says.
pub const MAX_IDENTITY_TTL: Duration = Duration::from_hours(12);

/// How long before its end a login by an identity is no longer used.
pub const IDENTITY_MARGIN: Duration = Duration::from_secs(30);

/// How long it is remembered that an identity could not be had.
pub const FAILED_IDENTITY_TTL: Duration = Duration::from_secs(30);

/// The same of a failure that may pass: no connection, no answer in time, a service's own error.
pub const PASSING_IDENTITY_FAILURE_TTL: Duration = Duration::from_secs(5);

/// How long it is remembered that Assay does not run in the cloud a registry belongs to.
pub const ABSENT_IDENTITY_TTL: Duration = Duration::from_mins(5);

/// How old a login by an identity is that is replaced when a registry refuses it.
pub const DOUBTED_IDENTITY_AGE: Duration = Duration::from_mins(1);

/// The most registries whose logins by an identity are remembered.
pub const IDENTITIES: u64 = 200;
