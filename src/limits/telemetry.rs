//! Bounds on what metrics and traces tell.

use std::time::Duration;

/// The most spans that wait to be sent; what ends meanwhile is dropped.
pub const SPANS_WAITING: usize = 4096;

/// The most spans that are sent at once.
pub const SPANS_PER_EXPORT: usize = 512;

/// How long a collector may take to answer.
pub const TRACE_EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of the program waits for the last traces to be sent.
pub const TRACE_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest answer of a collector that is read, in bytes.
pub const TRACE_ANSWER_BYTES: usize = 64 * 1024;

/// The most registries that metrics tell apart.
pub const REGISTRIES_MEASURED: usize = 32;

/// The most policies that metrics tell apart.
pub const POLICIES_MEASURED: usize = 200;

/// The most trust roots that metrics tell of.
pub const TRUST_ROOTS_MEASURED: usize = 100;
