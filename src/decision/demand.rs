//! Whether what was found satisfies one policy, and if not, what is most worth telling.

mod attestations;
mod conditions;
mod provenance;
mod signatures;
mod tag;
mod telling;
mod trial;
mod way;

pub(super) use provenance::AcceptedProvenance;

use conditions::{Accepted, Conditions};

use super::{
    cause::{Asked, Cause, Obstacle},
    evidence::{Candidates, Circumstances, ImageEvidence, LookupFailure},
};
use crate::{
    image::{Digest, Reference, Repository},
    policy::{Authority, Policy},
    verify::{VerifiedAttestation, VerifiedSignature},
};

/// How an image satisfies a policy.
pub(super) struct Satisfied {
    /// What was verified.
    pub(super) digest: Digest,
    /// Authority name and signature, in policy order.
    pub(super) signatures: Vec<(String, VerifiedSignature)>,
    /// Authority name and attestation, in policy order.
    pub(super) attestations: Vec<(String, VerifiedAttestation)>,
    /// The provenance, if the policy asks for it.
    pub(super) provenance: Option<AcceptedProvenance>,
}

/// Why an image does not satisfy a policy.
pub(super) struct Unsatisfied {
    pub(super) cause: Cause,
    /// How many signatures were judged, or else how many attestations.
    pub(super) judged: usize,
}

impl Unsatisfied {
    fn before_judging(cause: impl Into<Cause>) -> Box<Self> {
        Box::new(Self {
            cause: cause.into(),
            judged: 0,
        })
    }
}

/// One policy and all that was found for it.
#[derive(Clone, Copy)]
struct Case<'a> {
    policy: &'a Policy,
    reference: &'a Reference,
    digest: &'a Digest,
    candidates: &'a Candidates,
    circumstances: &'a Circumstances,
    /// The authorities that count, where not all of the policy's do.
    only: Option<&'a [usize]>,
}

impl<'a> Case<'a> {
    /// Who counts, each with its index in the policy.
    fn authorities(&self) -> impl Iterator<Item = (usize, &'a Authority)> {
        let only = self.only;
        let all = self.policy.authorities.iter().enumerate();
        all.filter(move |(index, _)| only.is_none_or(|only| only.contains(index)))
    }
}

/// Judges one policy's demand.
pub(super) fn satisfy(
    policy: &Policy,
    reference: &Reference,
    found: Option<&ImageEvidence>,
    circumstances: &Circumstances,
) -> Result<Satisfied, Box<Unsatisfied>> {
    tag::allow(policy, reference)?;
    let found = found.ok_or_else(|| Unsatisfied::before_judging(Obstacle::DeadlineExceeded))?;
    let digest = found.digest.as_ref().map_err(|failure| {
        Unsatisfied::before_judging(Cause::of_lookup(failure, Asked::ImageRegistry))
    })?;
    let case = Case {
        policy,
        reference,
        digest,
        candidates: candidates(policy, reference, found)?,
        circumstances,
        only: None,
    };
    let signatures = case.signatures(found.signed_child.as_ref());
    let provenance = case.provenance(&found.contents);
    let accepted = match (&signatures, &provenance) {
        (Ok(signatures), Ok(provenance)) => Some(Accepted {
            signatures,
            provenance: provenance.as_ref(),
            contents: &found.contents,
        }),
        (Err(_), _) | (_, Err(_)) => None,
    };
    let mut conditions = accepted
        .filter(|_| policy.has_conditions())
        .map(|accepted| Conditions::over(case, accepted))
        .transpose();
    let asked = conditions.as_mut().ok().and_then(Option::as_mut);
    let attestations = case.attestations(asked);
    let statements = both(provenance, attestations);
    let (signatures, (provenance, attestations)) = both(signatures, statements)?;
    if let Some(conditions) = conditions? {
        conditions.of_policy()?;
    }
    Ok(Satisfied {
        digest: digest.clone(),
        signatures,
        attestations,
        provenance,
    })
}

/// Both, or why not: a rejection before what could not be judged, then the first.
fn both<A, B>(
    one: Result<A, Box<Unsatisfied>>,
    other: Result<B, Box<Unsatisfied>>,
) -> Result<(A, B), Box<Unsatisfied>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(one), Err(other)) if other.cause.outcome() < one.cause.outcome() => Err(other),
        (Err(failure), _) | (Ok(_), Err(failure)) => Err(failure),
    }
}

impl Policy {
    /// Where the signatures of this image are to be looked for.
    pub fn place_of_signatures<'a>(&'a self, reference: &'a Reference) -> &'a Repository {
        self.signature_repository
            .as_ref()
            .unwrap_or_else(|| reference.repository())
    }

    /// How many distinct authorities must have signed: what asks for no signed statement asks for a signature.
    pub(super) fn signers_required(&self) -> usize {
        let asks_for_statements = !self.attestations.is_empty() || self.provenance.is_some();
        self.require.max(usize::from(!asks_for_statements))
    }
}

fn candidates<'a>(
    policy: &Policy,
    reference: &Reference,
    found: &'a ImageEvidence,
) -> Result<&'a Candidates, Box<Unsatisfied>> {
    let asked = || match &policy.signature_repository {
        Some(repository) => Asked::SignatureRepository(repository.clone()),
        None => Asked::ImageRegistry,
    };
    let failure = match found.signatures.get(policy.place_of_signatures(reference)) {
        Some(Ok(candidates)) => return Ok(candidates),
        Some(Err(failure)) => failure,
        None => &LookupFailure::Deadline,
    };
    Err(Unsatisfied::before_judging(Cause::of_lookup(
        failure,
        asked(),
    )))
}
