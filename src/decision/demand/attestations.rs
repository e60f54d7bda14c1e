//! Whether every attestation that a policy asks for is there.

use std::collections::BTreeSet;

use super::{
    Case, Unsatisfied,
    conditions::{Conditions, Unheld},
    telling::most_telling,
    trial::{Failure, Trial},
};
use crate::{
    decision::cause::{Cause, Obstacle, ProvenanceFault, Rejection, Signing, SigningKind},
    policy::AttestationDemand,
    provenance::{SLSA_V1, is_provenance},
    verify::{Layout, SIGN_PREDICATE, SignatureError, VerifiedAttestation},
};

/// What kind of attestation is looked for.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// Of exactly this type.
    Type(&'a str),
    /// Provenance, of any type that is read.
    Provenance,
}

impl<'a> Wanted<'a> {
    /// Whether a statement of this type is one.
    pub(super) fn covers(self, predicate_type: &str) -> bool {
        match self {
            Self::Type(wanted) => predicate_type == wanted,
            Self::Provenance => is_provenance(predicate_type),
        }
    }

    /// The type to make.
    fn predicate_type(self) -> &'a str {
        match self {
            Self::Type(wanted) => wanted,
            Self::Provenance => SLSA_V1,
        }
    }

    /// There is none of any type.
    fn missing(self, signing: Signing) -> Rejection {
        match self {
            Self::Type(wanted) => Rejection::AttestationMissing {
                predicate_type: wanted.to_owned(),
                signing,
            },
            Self::Provenance => Rejection::Provenance(ProvenanceFault::Missing { signing }),
        }
    }
}

/// What a candidate is to somebody who looks for attestations of some type, by its own word.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind<'a> {
    /// What is looked for, of this type.
    Asked(&'a str),
    /// A statement of this other type.
    Other(&'a str),
    /// It may be anything: there is no statement in it that can be read.
    Unreadable,
    /// No attestation at all.
    Signature,
}

impl Case<'_> {
    /// For every type that the policy asks for, an attestation by one of its authorities, in policy order.
    ///
    /// Without `conditions` those of the entries are not asked: something else is wrong with the image then.
    pub(super) fn attestations(
        &self,
        mut conditions: Option<&mut Conditions<'_>>,
    ) -> Result<Vec<(String, VerifiedAttestation)>, Box<Unsatisfied>> {
        if self.policy.attestations.is_empty() {
            return Ok(Vec::new());
        }
        let trials = self.trials();
        let (mut attestations, mut failures) = (Vec::new(), Vec::new());
        for asked in &self.policy.attestations {
            match self.accepted_attestation(asked, &trials, conditions.as_deref_mut()) {
                Ok(attestation) => attestations.push(attestation),
                Err(failure) => failures.push(failure),
            }
        }
        let told = failures.into_iter().min_by_key(|it| it.cause.outcome());
        told.map_or(Ok(attestations), Err)
    }

    /// The first that counts and meets all conditions of its entry. What type it is of is what its signer wrote, and
    /// nothing that lies beside it.
    fn accepted_attestation(
        &self,
        asked: &AttestationDemand,
        trials: &[Trial<'_, VerifiedAttestation>],
        mut conditions: Option<&mut Conditions<'_>>,
    ) -> Result<(String, VerifiedAttestation), Box<Unsatisfied>> {
        let mut unheld: Vec<Unheld> = Vec::new();
        let mut examined: Vec<(usize, usize)> = Vec::new();
        for trial in trials {
            let Ok(attestation) = trial.result.as_ref().copied() else {
                continue;
            };
            let one = (trial.candidate, trial.authority);
            let is_asked = attestation.predicate_type() == asked.predicate_type;
            if !is_asked || examined.contains(&one) {
                continue;
            }
            examined.push(one);
            let authority = self.name(trial.authority);
            let held = match conditions.as_deref_mut() {
                Some(conditions) => conditions.accept(asked, &authority, attestation),
                None => Ok(()),
            };
            match held {
                Ok(()) => return Ok((authority, attestation.clone())),
                Err(failure) => unheld.push(failure),
            }
        }
        let judged = unheld.len();
        match Unheld::most_telling(unheld) {
            Some(cause) => Err(Box::new(Unsatisfied { cause, judged })),
            None => Err(Box::new(
                self.missing(Wanted::Type(&asked.predicate_type), trials),
            )),
        }
    }

    /// Why none of the candidates counts.
    pub(super) fn missing(
        &self,
        wanted: Wanted<'_>,
        trials: &[Trial<'_, VerifiedAttestation>],
    ) -> Unsatisfied {
        let kinds = self.kinds(wanted, trials);
        let judged = kinds.iter().filter(|kind| is_asked(kind)).count();
        if let Some(obstacle) = obstacle(&kinds, trials) {
            let cause = obstacle.into();
            return Unsatisfied { cause, judged };
        }
        let closest = most_telling(failures_of(&kinds, is_asked, trials))
            .or_else(|| most_telling(failures_of(&kinds, is_unreadable, trials)));
        let cause = match closest {
            Some((trial, failure)) => {
                let predicate_type = match kinds.get(trial.candidate) {
                    Some(Kind::Asked(own)) => own,
                    Some(Kind::Other(_) | Kind::Unreadable | Kind::Signature) | None => {
                        wanted.predicate_type()
                    }
                };
                self.told_of_attestation(predicate_type, trial.authority, failure)
            }
            None => none_found(wanted, &kinds, self.attesting(wanted.predicate_type())),
        };
        Unsatisfied { cause, judged }
    }

    /// How the image is attested with a statement of this type.
    pub(super) fn attesting(&self, predicate_type: &str) -> Signing {
        self.signing(SigningKind::Attestation {
            predicate_type: predicate_type.to_owned(),
        })
    }

    fn kinds<'k>(
        &'k self,
        wanted: Wanted<'_>,
        trials: &[Trial<'k, VerifiedAttestation>],
    ) -> Vec<Kind<'k>> {
        (0..self.candidates.len())
            .map(|candidate| self.kind(candidate, wanted, trials))
            .collect()
    }

    /// What has verified in any way is what it is; all else is what it claims to be.
    fn kind<'k>(
        &'k self,
        candidate: usize,
        wanted: Wanted<'_>,
        trials: &[Trial<'k, VerifiedAttestation>],
    ) -> Kind<'k> {
        let checked = self.candidates.get(candidate);
        let claimed = checked.and_then(|checked| checked.claimed_type.as_deref());
        match claimed {
            Some(claimed) if wanted.covers(claimed) => Kind::Asked(claimed),
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
        predicate_type: &str,
        authority: usize,
        failure: &Failure<'_>,
    ) -> Cause {
        let signing = self.attesting(predicate_type);
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
            predicate_type: predicate_type.to_owned(),
            detail,
            signing,
        }
        .into()
    }
}

fn is_asked(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Asked(_))
}

fn is_unreadable(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Unreadable)
}

/// Why the candidates of this kind do not count.
fn failures_of<'t, 'a>(
    kinds: &[Kind<'_>],
    is_of_kind: fn(&Kind<'_>) -> bool,
    trials: &'t [Trial<'a, VerifiedAttestation>],
) -> impl Iterator<Item = (&'t Trial<'a, VerifiedAttestation>, &'t Failure<'a>)> {
    trials
        .iter()
        .filter(move |trial| kinds.get(trial.candidate).is_some_and(is_of_kind))
        .filter_map(|trial| Some((trial, trial.result.as_ref().err()?)))
}

/// What kept a candidate that may be what is looked for from being judged, if something did.
fn obstacle(kinds: &[Kind<'_>], trials: &[Trial<'_, VerifiedAttestation>]) -> Option<Obstacle> {
    failures_of(kinds, is_asked, trials)
        .chain(failures_of(kinds, is_unreadable, trials))
        .find_map(|(_, failure)| failure.obstacle())
}

/// There is nothing of this type, nor anything that cannot be told apart from it.
fn none_found(wanted: Wanted<'_>, kinds: &[Kind<'_>], signing: Signing) -> Cause {
    let presented: BTreeSet<&str> = kinds
        .iter()
        .filter_map(|kind| match kind {
            Kind::Other(claimed) => Some(*claimed),
            Kind::Asked(_) | Kind::Unreadable | Kind::Signature => None,
        })
        .collect();
    if presented.is_empty() {
        return wanted.missing(signing).into();
    }
    Rejection::PredicateMismatch {
        presented: presented.into_iter().map(str::to_owned).collect(),
        signing,
    }
    .into()
}
