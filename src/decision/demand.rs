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
    Inquiry,
    cause::{Asked, Cause, Obstacle},
    evidence::{Checked, Circumstances, ImageEvidence, LookupFailure},
    recall::is_outage,
};
use crate::{
    image::{Digest, Reference, Repository, SignaturePlaces},
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
    places: &'a SignaturePlaces,
    digest: &'a Digest,
    /// The candidates of every place.
    candidates: &'a [&'a Checked],
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
    inquiry: &Inquiry,
    found: Option<&ImageEvidence>,
    circumstances: &Circumstances,
) -> Result<Satisfied, Box<Unsatisfied>> {
    let reference = &inquiry.reference;
    tag::allow(policy, reference)?;
    let found = found.ok_or_else(|| Unsatisfied::before_judging(Obstacle::DeadlineExceeded))?;
    let digest = found.digest.as_ref().map_err(|failure| {
        Unsatisfied::before_judging(Cause::of_lookup(failure, Asked::ImageRegistry))
    })?;
    let places = inquiry.places_for(policy);
    let gathered = Gathered::of(&places, reference.repository(), found);
    let case = Case {
        policy,
        reference,
        places: &places,
        digest,
        candidates: &gathered.candidates,
        circumstances,
        only: None,
    };
    // What could not be looked at might have been what is missing.
    case.judge(found).map_err(|unsatisfied| {
        let obstacle = gathered.obstacle(policy, found);
        obstacle.map_or(unsatisfied, Unsatisfied::before_judging)
    })
}

impl Case<'_> {
    /// Judges what was found in every place together.
    fn judge(self, found: &ImageEvidence) -> Result<Satisfied, Box<Unsatisfied>> {
        let signatures = self.signatures(found.unsigned.as_ref());
        let provenance = self.provenance(&found.contents);
        let accepted = match (&signatures, &provenance) {
            (Ok(signatures), Ok(provenance)) => Some(Accepted {
                signatures,
                provenance: provenance.as_ref(),
                contents: &found.contents,
            }),
            (Err(_), _) | (_, Err(_)) => None,
        };
        let mut conditions = accepted
            .filter(|_| self.policy.has_conditions())
            .map(|accepted| Conditions::over(self, accepted))
            .transpose();
        let asked = conditions.as_mut().ok().and_then(Option::as_mut);
        let attestations = self.attestations(asked);
        let statements = both(provenance, attestations);
        let (signatures, (provenance, attestations)) = both(signatures, statements)?;
        if let Some(conditions) = conditions? {
            conditions.of_policy()?;
        }
        Ok(Satisfied {
            digest: self.digest.clone(),
            signatures,
            attestations,
            provenance,
        })
    }
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
    /// How many distinct authorities must have signed: what asks for no signed statement asks for a signature.
    pub(super) fn signers_required(&self) -> usize {
        self.require.max(usize::from(!self.asks_for_statements()))
    }

    /// Whether it asks for a signed statement.
    pub(super) fn asks_for_statements(&self) -> bool {
        !self.attestations.is_empty() || self.provenance.is_some()
    }
}

/// What was found in the places of one policy, together.
struct Gathered<'a> {
    candidates: Vec<&'a Checked>,
    /// Why places could not be looked at.
    failures: Vec<Cause>,
}

impl<'a> Gathered<'a> {
    /// A place that is missing in what was found was not looked at.
    fn of(places: &SignaturePlaces, image: &Repository, found: &'a ImageEvidence) -> Self {
        let (mut candidates, mut failures) = (Vec::new(), Vec::new());
        let asked = |place: &Repository| {
            if place == image {
                Asked::ImageRegistry
            } else if place == places.source() {
                Asked::Source(place.clone())
            } else {
                Asked::SignatureRepository(place.clone())
            }
        };
        let found = found.signatures.get(places);
        for place in places.all() {
            let problem = match found.and_then(|found| found.get(place)) {
                Some(found) => {
                    candidates.extend(&found.checked);
                    found.unread.as_ref()
                }
                None => Some(&LookupFailure::Deadline),
            };
            failures.extend(problem.map(|problem| Cause::of_lookup(problem, asked(place))));
        }
        Self {
            candidates,
            failures,
        }
    }

    /// Why not every place could be looked at, if one could not: the first reason, but what is no outage comes before what
    /// is one, also where it is the image itself that could not be read. What is remembered makes up for an outage alone.
    fn obstacle(self, policy: &Policy, found: &ImageEvidence) -> Option<Cause> {
        let first = self.failures.first()?.clone();
        let contents = found.contents.as_ref().and_then(|read| read.as_ref().err());
        let contents = contents.filter(|_| !policy.parts().is_empty());
        let of_image = contents.map(|failure| Cause::of_lookup(failure, Asked::ImageRegistry));
        let mut all = self.failures.into_iter().chain(of_image);
        Some(all.find(|cause| !is_outage(cause)).unwrap_or(first))
    }
}
