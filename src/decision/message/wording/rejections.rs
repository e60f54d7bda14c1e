//! The words of what is wrong with an image.

use super::{cut, cut_short, listed_short, provenance, quoted_short, signing};
use crate::{
    decision::{
        cause::{FactMismatch, JudgedAt, Presented, Rejection, Signing, SigningKind, Unmatched},
        text::listed,
    },
    policy::Validity,
};

/// What is wrong with the image, as the second half of a sentence about it.
pub(super) fn fact(rejection: &Rejection, policy: &str) -> String {
    match rejection {
        Rejection::SignatureMissing { signing } => {
            format!("has no signature{}", signing::looked_in(signing))
        }
        Rejection::SignedChildOnly { child, .. } => format!(
            "is an index without a signature, only its platform manifest {} is signed",
            child.short()
        ),
        Rejection::SignatureInvalid { detail, .. }
        | Rejection::CertificateInvalid { detail, .. }
        | Rejection::TimestampMissing { detail, .. }
        | Rejection::LogEntryInvalid { detail, .. } => step_failed(rejection, detail),
        Rejection::AttestationMissing {
            predicate_type,
            signing,
        } => attestation_missing(predicate_type, signing),
        Rejection::AttestationInvalid {
            predicate_type,
            detail,
            ..
        } => attestation_invalid(predicate_type, detail),
        Rejection::PredicateMismatch { presented, signing } => other_types(presented, signing),
        Rejection::IdentityMismatch {
            presented,
            accepted,
            fact,
        } => identity_mismatch(presented, accepted, fact.as_ref(), policy),
        Rejection::ImageNotInProject { project, path } => outside_project(project, path, policy),
        Rejection::KeyMismatch { accepted, signing } => other_key(accepted, signing, policy),
        Rejection::KeyExpired {
            authority,
            validity,
            judged_at,
            signing,
        } => signed_in_vain(
            &key_expired(authority, *validity, *judged_at, policy),
            signing,
        ),
        Rejection::ThresholdNotMet {
            required,
            signed,
            missing,
        } => threshold_not_met(*required, signed, missing, policy),
        Rejection::Provenance(fault) => provenance::fact(fault, policy),
        Rejection::TagNotAllowed { tag, allowed } => tag_not_allowed(tag, allowed, policy),
        Rejection::ConditionFailed {
            predicate_type,
            text,
            reason,
        } => condition_failed(predicate_type.as_deref(), text, reason.as_deref(), policy),
        Rejection::NoPolicyMatches { by, .. } => unmatched(*by).to_owned(),
        Rejection::ImageNotFound => "was not found in the registry".to_owned(),
        Rejection::ReferenceInvalid { reason } => {
            format!("is no image reference: {}", cut(&reason.to_string()))
        }
    }
}

fn step_failed(rejection: &Rejection, detail: &str) -> String {
    format!(
        "has a signature {}: {}",
        failed_step(rejection),
        cut(detail)
    )
}

fn attestation_missing(predicate_type: &str, signing: &Signing) -> String {
    let looked_in = signing::looked_in(signing);
    format!("has no {}{looked_in}", attestation(predicate_type))
}

fn unmatched(by: Unmatched) -> &'static str {
    match by {
        Unmatched::ByAny => "is matched by no policy",
        Unmatched::ByCluster => {
            "is matched by no cluster policy, and those of the namespace only add to them"
        }
    }
}

fn attestation_invalid(predicate_type: &str, detail: &str) -> String {
    format!(
        "has an {} that is not valid: {}",
        attestation(predicate_type),
        cut(detail)
    )
}

fn outside_project(project: &str, path: &str, policy: &str) -> String {
    format!(
        "was signed by project {}, but {} is not its registry path, and policy {} asks for that",
        cut_short(project),
        cut_short(path),
        policy
    )
}

fn tag_not_allowed(tag: &str, allowed: &[String], policy: &str) -> String {
    format!(
        "has tag {}, policy {policy} accepts {}",
        cut_short(tag),
        listed_short(allowed, PATTERN_BYTES, "or")
    )
}

/// Signed statements are there, and none of them is what is asked for.
fn other_types(presented: &[String], signing: &Signing) -> String {
    let presented = types(presented);
    match &signing.kind {
        SigningKind::Signature => {
            format!("has no signature, only an attestation of type {presented}")
        }
        SigningKind::Attestation { predicate_type } => format!(
            "has no {}, only of type {presented}",
            attestation(predicate_type)
        ),
    }
}

fn other_key(accepted: &[String], signing: &Signing, policy: &str) -> String {
    let accepted = listed(accepted, "or", 2);
    match &signing.kind {
        SigningKind::Signature => {
            format!("was not signed with an accepted key, policy {policy} accepts {accepted}")
        }
        SigningKind::Attestation { predicate_type } => format!(
            "has an {}, but not signed with an accepted key, policy {policy} accepts {accepted}",
            attestation(predicate_type)
        ),
    }
}

/// `how` says with what it was signed, and why that does not count.
fn signed_in_vain(how: &str, signing: &Signing) -> String {
    match &signing.kind {
        SigningKind::Signature => format!("was signed {how}"),
        SigningKind::Attestation { predicate_type } => {
            format!("has an {} signed {how}", attestation(predicate_type))
        }
    }
}

/// What to do next.
pub(super) fn hint(rejection: &Rejection) -> String {
    match rejection {
        Rejection::SignatureMissing { signing }
        | Rejection::AttestationMissing { signing, .. }
        | Rejection::PredicateMismatch { signing, .. }
        | Rejection::KeyMismatch { signing, .. } => signing::hint("it", signing),
        Rejection::SignedChildOnly { signing, .. } => signing::hint("the index", signing),
        Rejection::KeyExpired { signing, .. } => {
            format!(
                "{} it with a key that is accepted now",
                signing::verb(signing)
            )
        }
        Rejection::SignatureInvalid { signing, .. }
        | Rejection::CertificateInvalid { signing, .. }
        | Rejection::TimestampMissing { signing, .. }
        | Rejection::LogEntryInvalid { signing, .. }
        | Rejection::AttestationInvalid { signing, .. } => signing::hint("it again", signing),
        Rejection::IdentityMismatch {
            fact:
                Some(FactMismatch {
                    name: "token subject",
                    ..
                }),
            ..
        } => "protect the ref and let the project's ID tokens name ref_protected (GitLab 18.7)"
            .to_owned(),
        Rejection::IdentityMismatch { .. } => {
            "deploy an image built by the release pipeline".to_owned()
        }
        Rejection::ImageNotInProject { project, .. } => {
            format!(
                "deploy the image from {} or below",
                cut_short(&project.to_lowercase())
            )
        }
        Rejection::ThresholdNotMet { missing, .. } => {
            format!("have it signed by {}", names(missing, "or"))
        }
        Rejection::Provenance(fault) => provenance::hint(fault),
        Rejection::TagNotAllowed { .. } => "deploy it by an accepted tag, or by digest".to_owned(),
        Rejection::ConditionFailed { .. } => {
            "correct what the condition is about, or ask the policy's author".to_owned()
        }
        Rejection::NoPolicyMatches { repository, by } => {
            let kind = match by {
                Unmatched::ByAny => "policy",
                Unmatched::ByCluster => "cluster policy",
            };
            format!(
                "ask for a {kind} that matches {}",
                cut(&repository.to_string())
            )
        }
        Rejection::ImageNotFound => {
            "push it, or look at the pull secret: without permission a registry may answer the same"
                .to_owned()
        }
        Rejection::ReferenceInvalid { .. } => "write it as registry.example/path:tag".to_owned(),
    }
}

/// The command that signs or attests the image, where that is the next step.
pub(super) fn command(rejection: &Rejection) -> Option<String> {
    match rejection {
        Rejection::SignatureMissing { signing }
        | Rejection::SignedChildOnly { signing, .. }
        | Rejection::SignatureInvalid { signing, .. }
        | Rejection::CertificateInvalid { signing, .. }
        | Rejection::TimestampMissing { signing, .. }
        | Rejection::LogEntryInvalid { signing, .. }
        | Rejection::AttestationMissing { signing, .. }
        | Rejection::AttestationInvalid { signing, .. }
        | Rejection::PredicateMismatch { signing, .. }
        | Rejection::KeyMismatch { signing, .. }
        | Rejection::KeyExpired { signing, .. } => Some(signing.command()),
        Rejection::Provenance(fault) => provenance::command(fault),
        Rejection::IdentityMismatch { .. }
        | Rejection::ImageNotInProject { .. }
        | Rejection::ThresholdNotMet { .. }
        | Rejection::TagNotAllowed { .. }
        | Rejection::ConditionFailed { .. }
        | Rejection::NoPolicyMatches { .. }
        | Rejection::ImageNotFound
        | Rejection::ReferenceInvalid { .. } => None,
    }
}

/// The fact in few words, for a warning.
pub(super) fn brief(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::SignatureMissing { .. } => "has no signature",
        Rejection::SignedChildOnly { .. } => "has no signature as an index",
        Rejection::SignatureInvalid { .. } => "has no valid signature",
        Rejection::CertificateInvalid { .. } => "has no valid certificate",
        Rejection::TimestampMissing { .. } => "has no verified time",
        Rejection::LogEntryInvalid { .. } => "has no valid log entry",
        Rejection::AttestationMissing { .. } => "lacks an attestation",
        Rejection::AttestationInvalid { .. } => "has no valid attestation",
        Rejection::PredicateMismatch { .. } => "has only other attestations",
        Rejection::IdentityMismatch { .. } => "was signed by another",
        Rejection::ImageNotInProject { .. } => "lies outside its project",
        Rejection::KeyMismatch { .. } => "was signed with another key",
        Rejection::KeyExpired { .. } => "was signed with an expired key",
        Rejection::ThresholdNotMet { .. } => "lacks signers",
        Rejection::Provenance(fault) => provenance::brief(fault),
        Rejection::TagNotAllowed { .. } => "has a tag that is not accepted",
        Rejection::ConditionFailed { .. } => "does not meet a condition",
        Rejection::NoPolicyMatches { .. } => "is matched by no policy",
        Rejection::ImageNotFound => "was not found",
        Rejection::ReferenceInvalid { .. } => "is no image reference",
    }
}

/// An attestation, by its type.
pub(super) fn attestation(predicate_type: &str) -> String {
    format!("attestation of type {}", cut_short(predicate_type))
}

fn types(presented: &[String]) -> String {
    match presented {
        [only] => cut_short(only),
        several => listed_short(several, TYPE_BYTES, "and"),
    }
}

/// `was signed by … , policy … accepts …`; where one more fact decides, both sides name it.
fn identity_mismatch(
    presented: &Presented,
    accepted: &[String],
    fact: Option<&FactMismatch>,
    policy: &str,
) -> String {
    let made = match presented {
        Presented::Signer(_) | Presented::SomeKey => "was signed by".to_owned(),
        Presented::Attester { predicate_type, .. } => {
            format!("has an {} by", attestation(predicate_type))
        }
    };
    let signer = presented.signer();
    let Some(fact) = fact else {
        let accepted = listed(accepted, "or", 2);
        return format!("{made} {signer}, policy {policy} accepts {accepted}");
    };
    let found = found_fact(fact);
    let closest = accepted.first().map_or("", String::as_str);
    let others = match accepted.len() {
        0 | 1 => String::new(),
        count => format!(" or {} more", count - 1),
    };
    let wanted = cut_short(&fact.accepted);
    format!(
        "{made} {signer} with {found}, policy {policy} accepts {closest} with {} {wanted}{others}",
        fact.name
    )
}

impl Presented {
    /// Who it was, in few words.
    pub(super) fn signer(&self) -> &str {
        match self {
            Self::Signer(text)
            | Self::Attester {
                signer: Some(text), ..
            } => text,
            Self::SomeKey | Self::Attester { signer: None, .. } => "a key",
        }
    }
}

/// The step of verification that failed, as what is wrong with the signature.
fn failed_step(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::CertificateInvalid { .. } => "whose certificate is not valid",
        Rejection::TimestampMissing { .. } => "without a verified time",
        Rejection::LogEntryInvalid { .. } => "without a valid transparency log entry",
        Rejection::SignatureInvalid { .. }
        | Rejection::SignatureMissing { .. }
        | Rejection::SignedChildOnly { .. }
        | Rejection::AttestationMissing { .. }
        | Rejection::AttestationInvalid { .. }
        | Rejection::PredicateMismatch { .. }
        | Rejection::IdentityMismatch { .. }
        | Rejection::ImageNotInProject { .. }
        | Rejection::KeyMismatch { .. }
        | Rejection::KeyExpired { .. }
        | Rejection::ThresholdNotMet { .. }
        | Rejection::Provenance(_)
        | Rejection::TagNotAllowed { .. }
        | Rejection::ConditionFailed { .. }
        | Rejection::NoPolicyMatches { .. }
        | Rejection::ImageNotFound
        | Rejection::ReferenceInvalid { .. } => "that is not valid",
    }
}

/// What the certificate says about this fact.
pub(super) fn found_fact(fact: &FactMismatch) -> String {
    match &fact.presented {
        Some(value) => format!("{} {}", fact.name, cut_short(value)),
        None => format!("no {} in the certificate", fact.name),
    }
}

/// The present time itself is not shown: the line stays the same for as long as the image is refused.
fn key_expired(authority: &str, validity: Validity, judged_at: JudgedAt, policy: &str) -> String {
    let window = match (validity.not_before, validity.not_after) {
        (Some(start), Some(end)) => format!("from {start} until {end}"),
        (Some(start), None) => format!("from {start}"),
        (None, Some(end)) => format!("until {end}"),
        (None, None) => "at any time".to_owned(),
    };
    let key = format!("a key of authority {}", quoted_short(authority));
    match judged_at {
        JudgedAt::Signing(time) => format!(
            "with {key} at {time} (verified time), policy {policy} accepts that key {window}"
        ),
        JudgedAt::Present(now) => {
            let when = if validity.not_before.is_some_and(|start| now < start) {
                "earlier"
            } else {
                "later"
            };
            format!(
                "with {key}, policy {policy} accepts that key {window}; the signature carries no \
                 verified time, so the present time counts, which is {when}"
            )
        }
    }
}

fn threshold_not_met(
    required: usize,
    signed: &[String],
    missing: &[String],
    policy: &str,
) -> String {
    format!(
        "was signed by {}, policy {policy} requires {required} distinct authorities, and {} did not sign",
        names(signed, "and"),
        names(missing, "and")
    )
}

fn condition_failed(
    predicate_type: Option<&str>,
    text: &str,
    reason: Option<&str>,
    policy: &str,
) -> String {
    let what = match predicate_type {
        Some(of) => format!("has no {} that meets a condition", attestation(of)),
        None => "does not meet a condition".to_owned(),
    };
    let reason = reason.map_or_else(String::new, |it| {
        format!(" (it has no answer: {})", cut_short(it))
    });
    format!("{what} of policy {policy}: {}{reason}", cut(text))
}

fn names(authorities: &[String], conjunction: &str) -> String {
    listed_short(authorities, NAME_BYTES, conjunction)
}

/// The longest predicate type of several that is shown whole, in bytes.
const TYPE_BYTES: usize = 60;

/// The longest name of an authority that is shown whole, in bytes.
const NAME_BYTES: usize = 40;

/// The longest regular expression over tags that is shown whole, in bytes.
const PATTERN_BYTES: usize = 60;
