//! The log, and the names of everything that is counted.

mod certificate;
mod json_line;
mod lead;
mod log;
mod metrics;
mod trust_roots;

pub use lead::Lead;
#[cfg(test)]
pub(crate) use log::captured;
pub use log::{LogError, LogFormat, LogLevel, start_log};
pub use metrics::{CONTENT_TYPE, Metrics, PolicyCounts, Readiness, ReviewResult};
pub use trust_roots::TrustRootReading;
