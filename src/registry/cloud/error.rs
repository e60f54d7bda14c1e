//! Why an identity could not be had.

use std::time::Duration;

use crate::limits;

/// Why an identity could not be had; never quotes what a service has sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(in crate::registry) enum IdentityError {
    /// Assay does not run in that cloud, as far as it can tell.
    #[error("there is none here")]
    Absent,
    /// A service refused, or failed.
    #[error("{who} answered {status}")]
    Answered {
        /// Which service.
        who: &'static str,
        /// With what.
        status: u16,
    },
    /// The answer is not what the service hands out.
    #[error("{who} answered something else than {what}")]
    Answer {
        /// Which service.
        who: &'static str,
        /// What was asked of it.
        what: &'static str,
    },
    /// The answer is longer than it may be.
    #[error("the answer of {who} is larger than {limit} bytes")]
    TooLarge {
        /// Which service.
        who: &'static str,
        /// How long it may be.
        limit: usize,
    },
    /// No connection, or one that broke.
    #[error("{who} could not be reached ({reason})")]
    Unreachable {
        /// Which service.
        who: &'static str,
        /// Why.
        reason: String,
    },
    /// No whole answer in time.
    #[error("{who} did not answer in time")]
    Timeout {
        /// Which service.
        who: &'static str,
    },
    /// A file that the environment names.
    #[error("the file of {variable} cannot be read: {reason}")]
    File {
        /// The variable that names it.
        variable: &'static str,
        /// Why.
        reason: String,
    },
    /// The environment itself.
    #[error("{variable} is {problem}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// As in `no URL`.
        problem: &'static str,
    },
    /// The registry, asked for the login itself.
    #[error("{0}")]
    Registry(String),
}

impl IdentityError {
    /// How long it is remembered.
    pub(super) fn ttl(&self) -> Duration {
        match self {
            Self::Absent => limits::ABSENT_IDENTITY_TTL,
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Registry(_) => {
                limits::PASSING_IDENTITY_FAILURE_TTL
            }
            Self::Answered { status, .. } if *status >= 500 => limits::PASSING_IDENTITY_FAILURE_TTL,
            Self::Answered { .. }
            | Self::Answer { .. }
            | Self::TooLarge { .. }
            | Self::File { .. }
            | Self::Variable { .. } => limits::FAILED_IDENTITY_TTL,
        }
    }
}
