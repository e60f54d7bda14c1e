//! The words where several signatures were judged: how many, and what is wrong with the one that came closest.

use super::{cut, cut_short, rejections};
use crate::decision::{
    cause::{FactMismatch, Presented, Rejection},
    text::listed,
};

/// What is wrong with the image, of which so many signatures were judged.
pub(super) fn fact(rejection: &Rejection, judged: usize, policy: &str) -> String {
    let found = format!("{judged} signatures found, none");
    let at_step = |step: &str, detail: &str| {
        format!(
            "{found} valid: the closest fails at the {step}: {}",
            cut(detail)
        )
    };
    match rejection {
        Rejection::SignatureInvalid { detail, .. } => at_step("signature", detail),
        Rejection::CertificateInvalid { detail, .. } => at_step("certificate", detail),
        Rejection::TimestampMissing { detail, .. } => at_step("verified time", detail),
        Rejection::LogEntryInvalid { detail, .. } => at_step("transparency log entry", detail),
        Rejection::IdentityMismatch {
            presented,
            accepted,
            fact,
        } => match fact {
            None => format!(
                "{found} by {} as policy {policy} asks, the closest is by {}",
                listed(accepted, "or", 2),
                signer(presented)
            ),
            Some(fact) => format!(
                "{found} by {}",
                with_fact(presented, accepted, fact, policy)
            ),
        },
        Rejection::KeyMismatch { accepted, .. } => format!(
            "{found} by {} as policy {policy} asks",
            listed(accepted, "or", 2)
        ),
        Rejection::ImageNotInProject { .. } | Rejection::KeyExpired { .. } => format!(
            "{found} accepted: the closest {}",
            rejections::fact(rejection, policy)
        ),
        Rejection::PredicateMismatch { presented, .. } => format!(
            "has no signature, only {judged} attestations, one of type {}",
            cut_short(presented)
        ),
        Rejection::SignatureMissing { .. }
        | Rejection::SignedChildOnly { .. }
        | Rejection::ThresholdNotMet { .. }
        | Rejection::NoPolicyMatches { .. }
        | Rejection::ImageNotFound
        | Rejection::ReferenceInvalid { .. } => rejections::fact(rejection, policy),
    }
}

fn with_fact(
    presented: &Presented,
    accepted: &[String],
    fact: &FactMismatch,
    policy: &str,
) -> String {
    let closest = accepted.first().map_or("", String::as_str);
    let others = match accepted.len() {
        0 | 1 => String::new(),
        count => format!(" or {} more", count - 1),
    };
    format!(
        "{closest} with {} {}{others} as policy {policy} asks, the closest is by {} with {}",
        fact.name,
        cut_short(&fact.accepted),
        signer(presented),
        rejections::found_fact(fact)
    )
}

fn signer(presented: &Presented) -> &str {
    match presented {
        Presented::Signer(text) => text,
        Presented::SomeKey => "a key",
    }
}
