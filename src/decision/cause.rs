//! Why an image is refused, in the words its author will read.

use crate::{image::Digest, policy::PolicyId, workload::ImageSlot};

/// Why one image is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The place at fault.
    pub slot: ImageSlot,
    /// What was judged, when the reference could be resolved.
    pub digest: Option<Digest>,
    /// The policy that refuses, if one does.
    pub policy: Option<PolicyId>,
    /// What went wrong, with what was expected and what was presented.
    pub cause: Cause,
    /// What the policy's author wants the reader to know.
    pub help: Option<String>,
}

/// Whether an image was judged, or could not be.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// Looked, and it is wrong.
    Rejected,
    /// Could not look.
    Undetermined,
}

/// What went wrong. The implementer gives each variant the data its message needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// No signature at all.
    SignatureMissing,
}

impl Cause {
    /// The stable name: in the message, the audit annotation, the metric and the README. Never reused.
    pub fn code(&self) -> &'static str {
        todo!()
    }
    /// Whether the image was judged, or could not be.
    pub fn outcome(&self) -> Outcome {
        todo!()
    }
}

impl std::fmt::Display for Denial {
    /// The one line of product.md §4, without the list's bounds.
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
