//! The words where several signatures were judged: how many, and what is wrong with the one that came closest.

use super::{cut, cut_short, provenance, rejections};
use crate::decision::{
    cause::{FactMismatch, Presented, Rejection, Signing, SigningKind},
    text::listed,
};

/// What is wrong with the image, of which so many signatures were judged.
pub(super) fn fact(rejection: &Rejection, judged: usize, policy: &str) -> String {
    let found = format!("{judged} {} found, none", what(rejection));
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
        Rejection::AttestationInvalid { detail, .. } => {
            format!("{found} valid: the closest fails: {}", cut(detail))
        }
        Rejection::IdentityMismatch {
            presented,
            accepted,
            fact,
        } => {
            let by = identity(presented, accepted, fact.as_ref(), policy);
            format!("{found} by {by}")
        }
        Rejection::KeyMismatch { accepted, .. } => format!(
            "{found} by {} as policy {policy} asks",
            listed(accepted, "or", 2)
        ),
        Rejection::ImageNotInProject { .. } | Rejection::KeyExpired { .. } => format!(
            "{found} accepted: the closest {}",
            rejections::fact(rejection, policy)
        ),
        Rejection::Provenance(fault) => provenance::fact_of_several(fault, judged, policy),
        Rejection::PredicateMismatch {
            presented,
            signing:
                Signing {
                    kind: SigningKind::Signature,
                    ..
                },
        } => format!(
            "has no signature, only {judged} attestations, one of type {}",
            presented
                .first()
                .map(|it| cut_short(it))
                .unwrap_or_default()
        ),
        Rejection::PredicateMismatch { .. }
        | Rejection::AttestationMissing { .. }
        | Rejection::SignatureMissing { .. }
        | Rejection::SignedChildOnly { .. }
        | Rejection::ThresholdNotMet { .. }
        | Rejection::TagNotAllowed { .. }
        | Rejection::ConditionFailed { .. }
        | Rejection::NoPolicyMatches { .. }
        | Rejection::ImageNotFound
        | Rejection::ReferenceInvalid { .. } => rejections::fact(rejection, policy),
    }
}

fn identity(
    presented: &Presented,
    accepted: &[String],
    fact: Option<&FactMismatch>,
    policy: &str,
) -> String {
    match fact {
        None => format!(
            "{} as policy {policy} asks, the closest is by {}",
            listed(accepted, "or", 2),
            presented.signer()
        ),
        Some(fact) => with_fact(presented, accepted, fact, policy),
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
        presented.signer(),
        rejections::found_fact(fact)
    )
}

/// What was judged.
fn what(rejection: &Rejection) -> String {
    let attestations = |predicate_type: &str| {
        let attestation = rejections::attestation(predicate_type);
        attestation.replacen("attestation", "attestations", 1)
    };
    match rejection {
        Rejection::IdentityMismatch {
            presented: Presented::Attester { predicate_type, .. },
            ..
        }
        | Rejection::AttestationInvalid { predicate_type, .. }
        | Rejection::KeyMismatch {
            signing:
                Signing {
                    kind: SigningKind::Attestation { predicate_type },
                    ..
                },
            ..
        }
        | Rejection::KeyExpired {
            signing:
                Signing {
                    kind: SigningKind::Attestation { predicate_type },
                    ..
                },
            ..
        } => attestations(predicate_type),
        Rejection::IdentityMismatch { .. }
        | Rejection::KeyMismatch { .. }
        | Rejection::KeyExpired { .. }
        | Rejection::SignatureMissing { .. }
        | Rejection::SignedChildOnly { .. }
        | Rejection::SignatureInvalid { .. }
        | Rejection::CertificateInvalid { .. }
        | Rejection::TimestampMissing { .. }
        | Rejection::LogEntryInvalid { .. }
        | Rejection::AttestationMissing { .. }
        | Rejection::PredicateMismatch { .. }
        | Rejection::ImageNotInProject { .. }
        | Rejection::ThresholdNotMet { .. }
        | Rejection::Provenance(_)
        | Rejection::TagNotAllowed { .. }
        | Rejection::ConditionFailed { .. }
        | Rejection::NoPolicyMatches { .. }
        | Rejection::ImageNotFound
        | Rejection::ReferenceInvalid { .. } => "signatures".to_owned(),
    }
}
