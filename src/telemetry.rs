//! The log, traces, and the names of everything that is counted.

mod bounded;
mod caches;
mod causes;
mod certificate;
mod circuits;
mod codes;
mod events;
mod findings;
mod json_line;
mod lead;
mod level;
mod log;
mod metrics;
mod process;
mod registries;
mod registry_settings;
mod reviews;
mod text;
mod traces;
mod trust_roots;
mod warm_up;

pub use caches::{CacheReading, CacheSource, Lookups};
pub use causes::Causes;
pub use circuits::OpenCircuit;
pub use codes::CODES;
pub use events::EventResult;
pub use findings::{Finding, PolicyResult};
pub use lead::Lead;
pub use level::{Held, Level};
#[cfg(test)]
pub(crate) use log::captured;
pub use log::{LogError, LogFormat, LogLevel, start_log};
pub use metrics::{Metrics, PolicyCounts, Readiness};
pub use registries::{RequestEnd, RequestMetrics};
pub use registry_settings::Freshness;
pub use reviews::{CacheUse, ReviewCount, ReviewResult};
pub use text::Format;
pub use traces::{TraceError, TraceExport, TraceSettings, Tracer, continue_trace, traces};
pub use trust_roots::TrustRootReading;
pub use warm_up::{WarmUpMetrics, WarmedUp};
