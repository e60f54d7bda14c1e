//! Whether what was found satisfies one policy, and if not, what is most worth telling.

mod attestations;
mod signatures;
mod telling;
mod trial;
mod way;

use super::{
    cause::{Asked, Cause, Obstacle},
    evidence::{Candidates, Circumstances, ImageEvidence, LookupFailure},
};
use crate::{
    image::{Digest, Reference, Repository},
    policy::Policy,
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
}

/// Judges one policy's demand.
pub(super) fn satisfy(
    policy: &Policy,
    reference: &Reference,
    found: Option<&ImageEvidence>,
    circumstances: &Circumstances,
) -> Result<Satisfied, Box<Unsatisfied>> {
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
    };
    let signatures = case.signatures(found.signed_child.as_ref());
    match (signatures, case.attestations()) {
        (Ok(signatures), Ok(attestations)) => Ok(Satisfied {
            digest: digest.clone(),
            signatures,
            attestations,
        }),
        (Err(one), Err(other)) if other.cause.outcome() < one.cause.outcome() => Err(other),
        (Err(failure), _) | (Ok(_), Err(failure)) => Err(failure),
    }
}

impl Policy {
    /// Where the signatures of this image are to be looked for.
    pub(super) fn place_of_signatures<'a>(&'a self, reference: &'a Reference) -> &'a Repository {
        self.signature_repository
            .as_ref()
            .unwrap_or_else(|| reference.repository())
    }

    /// How many distinct authorities must have signed: what asks for no attestation asks for a signature.
    pub(super) fn signers_required(&self) -> usize {
        self.require.max(usize::from(self.attestations.is_empty()))
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
