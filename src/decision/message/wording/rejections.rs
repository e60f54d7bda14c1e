//! The words of what is wrong with an image.

use super::{cut, cut_short, listed_short, quoted_short};
use crate::{
    decision::{
        cause::{FactMismatch, JudgedAt, Presented, Rejection, Signing, SigningMeans},
        text::listed,
    },
    policy::Validity,
};

/// What is wrong with the image, as the second half of a sentence about it.
pub(super) fn fact(rejection: &Rejection, policy: &str) -> String {
    match rejection {
        Rejection::SignatureMissing { .. } => "has no signature".to_owned(),
        Rejection::SignedChildOnly { child, .. } => format!(
            "is an index without a signature, only its platform manifest {} is signed",
            child.short()
        ),
        Rejection::SignatureInvalid { detail, .. }
        | Rejection::CertificateInvalid { detail, .. }
        | Rejection::TimestampMissing { detail, .. }
        | Rejection::LogEntryInvalid { detail, .. } => {
            format!(
                "has a signature {}: {}",
                failed_step(rejection),
                cut(detail)
            )
        }
        Rejection::PredicateMismatch { presented, .. } => {
            format!(
                "has no signature, only an attestation of type {}",
                cut_short(presented)
            )
        }
        Rejection::IdentityMismatch {
            presented,
            accepted,
            fact,
        } => identity_mismatch(presented, accepted, fact.as_ref(), policy),
        Rejection::ImageNotInProject { project, path } => format!(
            "was signed by project {}, but {} is not its registry path, and policy {} asks for that",
            cut_short(project),
            cut_short(path),
            policy
        ),
        Rejection::KeyMismatch { accepted, .. } => format!(
            "was not signed with an accepted key, policy {} accepts {}",
            policy,
            listed(accepted, "or", 2)
        ),
        Rejection::KeyExpired {
            authority,
            validity,
            judged_at,
            ..
        } => key_expired(authority, *validity, *judged_at, policy),
        Rejection::ThresholdNotMet {
            required,
            signed,
            missing,
        } => threshold_not_met(*required, signed, missing, policy),
        Rejection::NoPolicyMatches { .. } => "is matched by no policy".to_owned(),
        Rejection::ImageNotFound => "was not found in the registry".to_owned(),
        Rejection::ReferenceInvalid { reason } => {
            format!("is no image reference: {}", cut(&reason.to_string()))
        }
    }
}

/// What to do next.
pub(super) fn hint(rejection: &Rejection) -> String {
    match rejection {
        Rejection::SignatureMissing { signing } | Rejection::PredicateMismatch { signing, .. } => {
            signing_hint("sign it", signing)
        }
        Rejection::SignedChildOnly { signing, .. } => signing_hint("sign the index", signing),
        Rejection::KeyMismatch { signing, .. } => signing_hint("sign it", signing),
        Rejection::KeyExpired { .. } => "sign it with a key that is accepted now".to_owned(),
        Rejection::SignatureInvalid { signing, .. }
        | Rejection::CertificateInvalid { signing, .. }
        | Rejection::TimestampMissing { signing, .. }
        | Rejection::LogEntryInvalid { signing, .. } => signing_hint("sign it again", signing),
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
        Rejection::NoPolicyMatches { repository } => {
            format!(
                "ask for a policy that matches {}",
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

/// The command that signs the image, where signing it is the next step.
pub(super) fn command(rejection: &Rejection) -> Option<String> {
    match rejection {
        Rejection::SignatureMissing { signing }
        | Rejection::SignedChildOnly { signing, .. }
        | Rejection::SignatureInvalid { signing, .. }
        | Rejection::CertificateInvalid { signing, .. }
        | Rejection::TimestampMissing { signing, .. }
        | Rejection::LogEntryInvalid { signing, .. }
        | Rejection::PredicateMismatch { signing, .. }
        | Rejection::KeyMismatch { signing, .. }
        | Rejection::KeyExpired { signing, .. } => Some(signing.command()),
        Rejection::IdentityMismatch { .. }
        | Rejection::ImageNotInProject { .. }
        | Rejection::ThresholdNotMet { .. }
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
        Rejection::PredicateMismatch { .. } => "has only attestations",
        Rejection::IdentityMismatch { .. } => "was signed by another",
        Rejection::ImageNotInProject { .. } => "lies outside its project",
        Rejection::KeyMismatch { .. } => "was signed with another key",
        Rejection::KeyExpired { .. } => "was signed with an expired key",
        Rejection::ThresholdNotMet { .. } => "lacks signers",
        Rejection::NoPolicyMatches { .. } => "is matched by no policy",
        Rejection::ImageNotFound => "was not found",
        Rejection::ReferenceInvalid { .. } => "is no image reference",
    }
}

impl Signing {
    /// The whole command, to be copied.
    fn command(&self) -> String {
        let place = match &self.signature_repository {
            Some(repository) => format!("COSIGN_REPOSITORY={repository} "),
            None => String::new(),
        };
        let key = match self.with {
            SigningMeans::Key => "--key <your private key> ",
            SigningMeans::GitLabJob | SigningMeans::GitHubJob | SigningMeans::Identity => "",
        };
        format!(
            "{place}cosign sign {key}{}@{}",
            self.repository, self.digest
        )
    }
}

fn signing_hint(verb: &str, signing: &Signing) -> String {
    let with = match signing.with {
        SigningMeans::Key => "with an accepted key",
        SigningMeans::GitLabJob => "in the GitLab release pipeline",
        SigningMeans::GitHubJob => "in the GitHub release workflow",
        SigningMeans::Identity => "with an accepted identity",
    };
    format!("{verb} {with}")
}

/// `was signed by … , policy … accepts …`; where one more fact decides, both sides name it.
fn identity_mismatch(
    presented: &Presented,
    accepted: &[String],
    fact: Option<&FactMismatch>,
    policy: &str,
) -> String {
    let signer = match presented {
        Presented::Signer(text) => text.as_str(),
        Presented::SomeKey => "a key",
    };
    let Some(fact) = fact else {
        let accepted = listed(accepted, "or", 2);
        return format!("was signed by {signer}, policy {policy} accepts {accepted}");
    };
    let found = found_fact(fact);
    let closest = accepted.first().map_or("", String::as_str);
    let others = match accepted.len() {
        0 | 1 => String::new(),
        count => format!(" or {} more", count - 1),
    };
    let wanted = cut_short(&fact.accepted);
    format!(
        "was signed by {signer} with {found}, policy {policy} accepts {closest} with {} {wanted}{others}",
        fact.name
    )
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
        | Rejection::PredicateMismatch { .. }
        | Rejection::IdentityMismatch { .. }
        | Rejection::ImageNotInProject { .. }
        | Rejection::KeyMismatch { .. }
        | Rejection::KeyExpired { .. }
        | Rejection::ThresholdNotMet { .. }
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
            "was signed with {key} at {time} (verified time), policy {policy} accepts that key {window}"
        ),
        JudgedAt::Present(now) => {
            let when = if validity.not_before.is_some_and(|start| now < start) {
                "earlier"
            } else {
                "later"
            };
            format!(
                "was signed with {key}, policy {policy} accepts that key {window}; the signature carries no \
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

fn names(authorities: &[String], conjunction: &str) -> String {
    listed_short(authorities, NAME_BYTES, conjunction)
}

/// The longest name of an authority that is shown whole, in bytes.
const NAME_BYTES: usize = 40;
