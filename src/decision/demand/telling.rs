//! Which of all that is wrong with the candidates is worth telling.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Failure, Trial, Trials};
use crate::{
    decision::{
        authority::Mismatch,
        cause::{Cause, Obstacle, Presented, Rejection, Signing, SigningMeans},
        signer::{authority_text, signer_text},
    },
    image::{Digest, Reference},
    policy::{AuthorityKind, Policy, TrustRootName},
    verify::{SignatureError, VerifiedSignature},
};

impl Trials<'_> {
    /// Why too few signatures count. What could not be looked at comes first: it might have been what is missing.
    pub(super) fn cause(
        &self,
        counted: &[(String, VerifiedSignature)],
        signed_child: Option<&Digest>,
        signing: Signing,
    ) -> Cause {
        if let Some(obstacle) = self.failures().find_map(|(_, failure)| failure.obstacle()) {
            return obstacle.into();
        }
        if !counted.is_empty() {
            return self.threshold(counted).into();
        }
        match (self.most_telling(), signed_child) {
            (Some((authority, failure)), _) => self.told(authority, failure, signing),
            (None, Some(child)) => Rejection::SignedChildOnly {
                child: child.clone(),
                signing,
            }
            .into(),
            (None, None) => Rejection::SignatureMissing { signing }.into(),
        }
    }

    /// How many candidates were judged as signatures; where all are attestations, how many of those.
    pub(super) fn judged(&self) -> usize {
        let candidates = |is_counted: &dyn Fn(&Trial<'_>) -> bool| {
            let counted = self.all.iter().filter(|trial| is_counted(trial));
            counted
                .map(|trial| trial.candidate)
                .collect::<BTreeSet<_>>()
        };
        let attestations = candidates(&|trial| {
            matches!(
                trial.result,
                Err(Failure::Signature(SignatureError::PredicateType { .. }))
            )
        });
        let all = candidates(&|_| true);
        match all.difference(&attestations).count() {
            0 => all.len(),
            signatures => signatures,
        }
    }

    fn name(&self, authority: usize) -> String {
        let authority = self.policy.authorities.get(authority);
        authority.map_or_else(String::new, |authority| authority.name.clone())
    }

    fn failures(&self) -> impl Iterator<Item = (usize, &Failure<'_>)> {
        self.all
            .iter()
            .filter_map(|trial| Some((trial.authority, trial.result.as_ref().err()?)))
    }

    /// The failure that came closest to being accepted; of equals the first found.
    fn most_telling(&self) -> Option<(usize, &Failure<'_>)> {
        self.failures().reduce(|best, next| {
            if next.1.rank() > best.1.rank() {
                next
            } else {
                best
            }
        })
    }

    fn threshold(&self, counted: &[(String, VerifiedSignature)]) -> Rejection {
        let signed: Vec<String> = counted.iter().map(|(name, _)| name.clone()).collect();
        let missing = (self.policy.authorities.iter())
            .map(|authority| authority.name.clone())
            .filter(|name| !signed.contains(name))
            .collect();
        Rejection::ThresholdNotMet {
            required: self.policy.require,
            signed,
            missing,
        }
    }

    fn told(&self, authority: usize, failure: &Failure<'_>, signing: Signing) -> Cause {
        match failure {
            Failure::Mismatch(signature, mismatch) => {
                self.mismatch(authority, signature, mismatch).into()
            }
            Failure::KeyExpired(validity, judged_at) => Rejection::KeyExpired {
                authority: self.name(authority),
                validity: *validity,
                judged_at: *judged_at,
                signing,
            }
            .into(),
            Failure::Signature(error) => self.signature_error(authority, error, signing),
            Failure::OtherImage(digest) => Rejection::SignatureInvalid {
                detail: format!("signs another image ({})", digest.short()),
                signing,
            }
            .into(),
            Failure::TrustRoot(name, reason) => trust_root_unavailable(name, reason).into(),
            Failure::TrustRootExpired(name, since) => trust_root_expired(name, *since).into(),
            Failure::NotVerified => Obstacle::DeadlineExceeded.into(),
        }
    }

    fn mismatch(
        &self,
        authority: usize,
        signature: &VerifiedSignature,
        mismatch: &Mismatch,
    ) -> Rejection {
        let fact = match mismatch {
            Mismatch::ImageNotInProject { project } => {
                return Rejection::ImageNotInProject {
                    project: project.clone(),
                    path: self.image_path.to_owned(),
                };
            }
            Mismatch::OtherFact(fact) => Some(fact.clone()),
            Mismatch::OtherSigner | Mismatch::OtherProject | Mismatch::OtherRef => None,
        };
        Rejection::IdentityMismatch {
            presented: Presented::Signer(signer_text(signature.signer())),
            accepted: self.accepted(authority),
            fact,
        }
    }

    fn signature_error(&self, authority: usize, error: &SignatureError, signing: Signing) -> Cause {
        let detail = || match error {
            SignatureError::Invalid { detail }
            | SignatureError::Certificate { detail }
            | SignatureError::Timestamp { detail }
            | SignatureError::LogEntry { detail } => detail.clone(),
            other => other.to_string(),
        };
        let accepted = || self.accepted(authority);
        let rejection = match error {
            SignatureError::Invalid { .. }
            | SignatureError::OtherImage { .. }
            | SignatureError::NotAttestation => Rejection::SignatureInvalid {
                detail: detail(),
                signing,
            },
            SignatureError::OtherKey => Rejection::KeyMismatch {
                accepted: accepted(),
                signing,
            },
            SignatureError::OtherKind(_) if signing.with == SigningMeans::Key => {
                Rejection::KeyMismatch {
                    accepted: accepted(),
                    signing,
                }
            }
            SignatureError::OtherKind(_) => Rejection::IdentityMismatch {
                presented: Presented::SomeKey,
                accepted: accepted(),
                fact: None,
            },
            SignatureError::PredicateType { presented } => Rejection::PredicateMismatch {
                presented: presented.clone(),
                signing,
            },
            SignatureError::Certificate { .. } => Rejection::CertificateInvalid {
                detail: detail(),
                signing,
            },
            SignatureError::Timestamp { .. } => Rejection::TimestampMissing {
                detail: detail(),
                signing,
            },
            SignatureError::LogEntry { .. } => Rejection::LogEntryInvalid {
                detail: detail(),
                signing,
            },
            SignatureError::Limit { .. } => {
                return Obstacle::LimitExceeded { detail: detail() }.into();
            }
        };
        rejection.into()
    }

    /// What the policy's authorities accept, this one first.
    fn accepted(&self, closest: usize) -> Vec<String> {
        let authorities = self.policy.authorities.iter().enumerate();
        let (first, others): (Vec<_>, Vec<_>) =
            authorities.partition(|(index, _)| *index == closest);
        first
            .into_iter()
            .chain(others)
            .map(|(_, authority)| authority_text(authority))
            .collect()
    }
}

impl Failure<'_> {
    /// What kept this candidate from being judged, if something did.
    fn obstacle(&self) -> Option<Obstacle> {
        match self {
            Self::TrustRoot(name, reason) => Some(trust_root_unavailable(name, reason)),
            Self::TrustRootExpired(name, since) => Some(trust_root_expired(name, *since)),
            Self::NotVerified => Some(Obstacle::DeadlineExceeded),
            Self::Signature(error @ SignatureError::Limit { .. }) => {
                Some(Obstacle::LimitExceeded {
                    detail: error.to_string(),
                })
            }
            Self::Signature(_)
            | Self::Mismatch(..)
            | Self::KeyExpired(..)
            | Self::OtherImage(_) => None,
        }
    }

    /// How much it tells: the closer a candidate came to being accepted, the more.
    fn rank(&self) -> u8 {
        match self {
            Self::KeyExpired(..) => 25,
            Self::Mismatch(_, Mismatch::ImageNotInProject { .. }) => 24,
            Self::Mismatch(_, Mismatch::OtherFact(_)) => 23,
            Self::Mismatch(_, Mismatch::OtherRef) => 22,
            Self::Mismatch(_, Mismatch::OtherProject) => 21,
            Self::Mismatch(_, Mismatch::OtherSigner) => 20,
            Self::Signature(SignatureError::LogEntry { .. }) => 17,
            Self::Signature(SignatureError::Timestamp { .. }) => 16,
            Self::Signature(SignatureError::Certificate { .. }) => 15,
            Self::Signature(SignatureError::OtherKey) => 14,
            Self::Signature(SignatureError::Invalid { .. }) => 13,
            Self::Signature(SignatureError::OtherImage { .. }) | Self::OtherImage(_) => 12,
            Self::Signature(SignatureError::OtherKind(_)) => 11,
            Self::Signature(
                SignatureError::PredicateType { .. } | SignatureError::NotAttestation,
            ) => 10,
            Self::Signature(SignatureError::Limit { .. })
            | Self::TrustRoot(..)
            | Self::TrustRootExpired(..)
            | Self::NotVerified => 0,
        }
    }
}

impl Signing {
    /// How this image is signed so that the first of the policy's authorities stands for it.
    pub(super) fn of(policy: &Policy, reference: &Reference, digest: &Digest) -> Self {
        Self {
            with: match policy.authorities.first().map(|authority| &authority.kind) {
                Some(AuthorityKind::Keys(_)) => SigningMeans::Key,
                Some(AuthorityKind::GitLab(_)) => SigningMeans::GitLabJob,
                Some(AuthorityKind::GitHub(_)) => SigningMeans::GitHubJob,
                Some(AuthorityKind::Keyless { .. }) | None => SigningMeans::Identity,
            },
            repository: reference.repository().clone(),
            digest: digest.clone(),
            signature_repository: policy.signature_repository.clone(),
        }
    }
}

fn trust_root_expired(name: &TrustRootName, since: Timestamp) -> Obstacle {
    Obstacle::TrustRootExpired {
        name: name.clone(),
        since,
    }
}

fn trust_root_unavailable(name: &TrustRootName, reason: &str) -> Obstacle {
    Obstacle::TrustRootUnavailable {
        name: name.clone(),
        reason: reason.to_owned(),
    }
}
