//! Which of all that is wrong with the candidates is worth telling.

use jiff::Timestamp;

use super::{Case, trial::Failure};
use crate::{
    decision::{
        authority::Mismatch,
        cause::{Cause, Obstacle, Presented, Rejection, Signing, SigningKind, SigningMeans},
        signer::{authority_text, signer_text},
    },
    policy::{AuthorityKind, TrustRootName},
    verify::{SignatureError, Signer},
};

/// The failure that came closest to being accepted; of equals the first found.
pub(super) fn most_telling<'t, 'a: 't, T>(
    failures: impl Iterator<Item = (T, &'t Failure<'a>)>,
) -> Option<(T, &'t Failure<'a>)> {
    failures.reduce(|best, next| {
        if next.1.rank() > best.1.rank() {
            next
        } else {
            best
        }
    })
}

impl Case<'_> {
    /// How this image is signed or attested so that the first of the authorities stands for it.
    pub(super) fn signing(&self, kind: SigningKind) -> Signing {
        let authority = self.authorities().next();
        Signing {
            kind,
            with: match authority.map(|(_, authority)| &authority.kind) {
                Some(AuthorityKind::Keys(_)) => SigningMeans::Key,
                Some(AuthorityKind::GitLab(_)) => SigningMeans::GitLabJob,
                Some(AuthorityKind::GitHub(_)) => SigningMeans::GitHubJob,
                Some(AuthorityKind::Keyless { .. }) | None => SigningMeans::Identity,
            },
            digest: self.digest.clone(),
            image: self.reference.repository().clone(),
            places: self.places.clone(),
        }
    }

    /// What this failure, of this authority, means for the image.
    pub(super) fn told(&self, authority: usize, failure: &Failure<'_>, signing: Signing) -> Cause {
        match failure {
            Failure::Mismatch(signer, mismatch) => {
                self.mismatch(authority, signer, mismatch, &signing).into()
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
        signer: &Signer,
        mismatch: &Mismatch,
        signing: &Signing,
    ) -> Rejection {
        let fact = match mismatch {
            Mismatch::ImageNotInProject { project } => {
                return Rejection::ImageNotInProject {
                    project: project.clone(),
                    path: self.places.source().path().to_owned(),
                };
            }
            Mismatch::OtherFact(fact) => Some(fact.clone()),
            Mismatch::OtherSigner | Mismatch::OtherProject | Mismatch::OtherRef => None,
        };
        Rejection::IdentityMismatch {
            presented: signing.kind.presented(Some(signer)),
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
                presented: signing.kind.presented(None),
                accepted: accepted(),
                fact: None,
            },
            SignatureError::PredicateType { presented } => Rejection::PredicateMismatch {
                presented: vec![presented.clone()],
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

    /// What the authorities accept, this one first.
    fn accepted(&self, closest: usize) -> Vec<String> {
        let authorities = self.authorities();
        let (first, others): (Vec<_>, Vec<_>) =
            authorities.partition(|(index, _)| *index == closest);
        first
            .into_iter()
            .chain(others)
            .map(|(_, authority)| authority_text(authority))
            .collect()
    }

    /// The name of this authority.
    pub(super) fn name(&self, authority: usize) -> String {
        let authority = self.policy.authorities.get(authority);
        authority.map_or_else(String::new, |authority| authority.name.clone())
    }
}

impl SigningKind {
    /// Who made it, when it is not who was to make it; none is the holder of some key.
    fn presented(&self, signer: Option<&Signer>) -> Presented {
        match (self, signer.map(signer_text)) {
            (Self::Signature, Some(signer)) => Presented::Signer(signer),
            (Self::Signature, None) => Presented::SomeKey,
            (Self::Attestation { predicate_type }, signer) => Presented::Attester {
                predicate_type: predicate_type.clone(),
                signer,
            },
        }
    }
}

impl Failure<'_> {
    /// What kept this candidate from being judged, if something did.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
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
