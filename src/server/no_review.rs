//! What is answered where there is no review, or none that can be judged.

use http::StatusCode;

use crate::telemetry::ReviewResult;

/// Why a request is answered with a status of its own: the API server then goes by its failure policy.
pub(super) struct NoReview {
    pub(super) status: StatusCode,
    pub(super) reason: String,
}

impl NoReview {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }

    /// Whose fault it is.
    pub(super) fn result(&self) -> ReviewResult {
        match self.status {
            StatusCode::INTERNAL_SERVER_ERROR => ReviewResult::Failed,
            StatusCode::REQUEST_TIMEOUT => ReviewResult::Late,
            _ => ReviewResult::Malformed,
        }
    }
}
