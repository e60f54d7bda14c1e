//! `AdmissionReview` in and out (`admission.k8s.io/v1`, formats.md §7.1): what is asked, and the answer with status,
//! patch, warnings and audit annotations.

use tokio::time::Instant;

use crate::review::Reviewer;

/// Which of the two webhooks is called: only the mutating one may patch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Webhook {
    /// `/mutate`: judges and pins.
    Mutate,
    /// `/validate`: judges again, after all mutation.
    Validate,
}

impl Webhook {
    /// As metrics and logs name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }
}

/// Why a body is no admission review: answered with HTTP 400.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReviewBodyError {
    /// Not JSON, or not an `AdmissionReview` of `admission.k8s.io/v1` with a request.
    #[error("not an admission review: {detail}")]
    Malformed {
        /// What is wrong, without the content.
        detail: String,
    },
}

/// What came of one review, beside the body: for the metrics and the log line.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response review, JSON.
    pub body: Vec<u8>,
    /// Whether it allows.
    pub allowed: bool,
    /// The codes of all denials, in order.
    pub codes: Vec<&'static str>,
}

/// Answers one review.
pub async fn answer(
    _webhook: Webhook,
    _body: &[u8],
    _reviewer: &Reviewer,
    _deadline: Instant,
) -> Result<Answer, ReviewBodyError> {
    todo!()
}
