//! Whether every attestation that a policy asks for is there.

use std::collections::BTreeSet;

use super::{
    Case, Unsatisfied,
    telling::most_telling,
    trial::{Failure, Trial},
};
use crate::{
    decision::cause::{Cause, Rejection, Signing, SigningKind},
    policy::AttestationDemand,
    verify::{Layout, SIGN_PREDICATE, SignatureError, VerifiedAttestation},
};

/// What a candidate is to somebody who looks for attestations of one type, by its own word.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind<'a> {
    /// What is looked for.
    Asked,
    /// A statement of this other type.
    Other(&'a str),
    /// It may be anything: there is no statement in it that can be read.
    Unreadable,
    /// No attestation at all.
    Signature,
}

impl Case<'_> {
    /// For every type that the policy asks for, an attestation by one of its authorities, in policy order.
    pub(super) fn attestations(
        &self,
    ) -> Result<Vec<(String, VerifiedAttestation)>, Box<Unsatisfied>> {
        if self.policy.attestations.is_empty() {
            return Ok(Vec::new());
        }
        let trials = self.trials();
        let (mut attestations, mut failures) = (Vec::new(), Vec::new());
        for asked in &self.policy.attestations {
            match self.accepted_attestation(asked, &trials) {
                Some(attestation) => attestations.push(attestation),
                None => failures.push(self.missing(asked, &trials)),
            }
        }
        let told = failures.into_iter().min_by_key(|it| it.cause.outcome());
        told.map_or(Ok(attestations), |it| Err(Box::new(it)))
    }

    /// The first that counts. What type it is of is what its signer wrote, and nothing that lies beside it.
    fn accepted_attestation(
        &self,
        asked: &AttestationDemand,
        trials: &[Trial<'_, VerifiedAttestation>],
    ) -> Option<(String, VerifiedAttestation)> {
        let (authority, attestation) = trials.iter().find_map(|trial| {
            let attestation = *trial.result.as_ref().ok()?;
            (attestation.predicate_type() == asked.predicate_type)
                .then_some((trial.authority, attestation))
        })?;
        Some((self.name(authority), attestation.clone()))
    }

    fn missing(
        &self,
        asked: &AttestationDemand,
        trials: &[Trial<'_, VerifiedAttestation>],
    ) -> Unsatisfied {
        let kinds: Vec<Kind<'_>> = (0..self.candidates.checked.len())
            .map(|candidate| self.kind(candidate, asked, trials))
            .collect();
        let signing = self.signing(SigningKind::Attestation {
            predicate_type: asked.predicate_type.clone(),
        });
        let of_type = failures_of(Kind::Asked, &kinds, trials);
        let unreadable = failures_of(Kind::Unreadable, &kinds, trials);
        let judged = kinds.iter().filter(|kind| **kind == Kind::Asked).count();
        let obstacle = (of_type.iter().chain(&unreadable)).find_map(|(_, it)| it.obstacle());
        if let Some(obstacle) = obstacle {
            let cause = obstacle.into();
            return Unsatisfied { cause, judged };
        }
        let closest =
            most_telling(of_type.into_iter()).or_else(|| most_telling(unreadable.into_iter()));
        let cause = match closest {
            Some((authority, failure)) => {
                self.told_of_attestation(asked, authority, failure, signing)
            }
            None => none_found(asked, &kinds, signing),
        };
        Unsatisfied { cause, judged }
    }

    /// What has verified in any way is what it is; all else is what it claims to be.
    fn kind<'k>(
        &'k self,
        candidate: usize,
        asked: &AttestationDemand,
        trials: &[Trial<'k, VerifiedAttestation>],
    ) -> Kind<'k> {
        let checked = self.candidates.checked.get(candidate);
        let claimed = checked.and_then(|checked| checked.claimed_type.as_deref());
        match claimed {
            Some(claimed) if claimed == asked.predicate_type => Kind::Asked,
            Some(SIGN_PREDICATE) => Kind::Signature,
            Some(claimed) => Kind::Other(claimed),
            None if checked.is_some_and(|checked| checked.layout == Layout::Legacy) => {
                Kind::Signature
            }
            None => {
                let mut own = trials.iter().filter(|trial| trial.candidate == candidate);
                let is_signature = own.any(|trial| {
                    let error = SignatureError::NotAttestation;
                    matches!(&trial.result, Err(Failure::Signature(it)) if **it == error)
                });
                if is_signature {
                    Kind::Signature
                } else {
                    Kind::Unreadable
                }
            }
        }
    }

    fn told_of_attestation(
        &self,
        asked: &AttestationDemand,
        authority: usize,
        failure: &Failure<'_>,
        signing: Signing,
    ) -> Cause {
        let detail = match failure {
            Failure::Signature(
                SignatureError::OtherKey
                | SignatureError::OtherKind(_)
                | SignatureError::Limit { .. },
            )
            | Failure::Mismatch(..)
            | Failure::KeyExpired(..)
            | Failure::TrustRoot(..)
            | Failure::TrustRootExpired(..)
            | Failure::NotVerified => return self.told(authority, failure, signing),
            Failure::Signature(error) => error.to_string(),
            Failure::OtherImage(digest) => format!("is about another image ({})", digest.short()),
        };
        Rejection::AttestationInvalid {
            predicate_type: asked.predicate_type.clone(),
            detail,
            signing,
        }
        .into()
    }
}

/// Why the candidates of this kind do not count, each with the authority that does not take it.
fn failures_of<'t, 'a>(
    kind: Kind<'_>,
    kinds: &[Kind<'_>],
    trials: &'t [Trial<'a, VerifiedAttestation>],
) -> Vec<(usize, &'t Failure<'a>)> {
    trials
        .iter()
        .filter(|trial| kinds.get(trial.candidate) == Some(&kind))
        .filter_map(|trial| Some((trial.authority, trial.result.as_ref().err()?)))
        .collect()
}

/// There is nothing of this type, nor anything that cannot be told apart from it.
fn none_found(asked: &AttestationDemand, kinds: &[Kind<'_>], signing: Signing) -> Cause {
    let presented: BTreeSet<&str> = kinds
        .iter()
        .filter_map(|kind| match kind {
            Kind::Other(claimed) => Some(*claimed),
            Kind::Asked | Kind::Unreadable | Kind::Signature => None,
        })
        .collect();
    if presented.is_empty() {
        return Rejection::AttestationMissing {
            predicate_type: asked.predicate_type.clone(),
            signing,
        }
        .into();
    }
    Rejection::PredicateMismatch {
        presented: presented.into_iter().map(str::to_owned).collect(),
        signing,
    }
    .into()
}
