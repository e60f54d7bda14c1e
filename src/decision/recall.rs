//! What was verified before, judged again while a registry does not answer.
//!
//! This is a way in, so it is narrow. The registry has to be what is in the way: a rejection stays one. The policy has to
//! want it, what it judged has to be of the same digest and not too old, and by that evidence it has to be satisfied again
//! now: keys that have expired since, builds that have grown too old and conditions on the Pod are judged anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Inquiry,
    cause::{Cause, Denial, Obstacle},
    demand::{Satisfied, satisfy},
    evidence::{Candidates, Checked, Circumstances, ImageEvidence, Kept, Method, Remembered},
};
use crate::{
    image::SignaturePlaces,
    policy::{Authority, Policy, RegistryOutage, TrustRootName},
};

/// An image that satisfied a policy only by what was verified before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recalled {
    /// What it would have been refused for.
    pub failure: Denial,
    /// When it satisfied the policy last.
    pub verified_at: Timestamp,
}

impl Remembered {
    /// As much of this evidence, by which the image satisfies the policy, as the policy looks at; none where no place of
    /// signatures or not what the image says could be looked up.
    pub fn of(
        policy: &Policy,
        inquiry: &Inquiry,
        found: &ImageEvidence,
        verified_at: Timestamp,
    ) -> Option<Self> {
        let places = inquiry.places_for(policy);
        let looked_at = found.signatures.get(&*places)?.values();
        let looked_at: Vec<&Candidates> = looked_at.flatten().collect();
        if looked_at.is_empty() {
            return None;
        }
        let contents = if policy.parts().is_empty() {
            None
        } else {
            Some(Arc::clone(found.contents.as_ref()?.as_ref().ok()?))
        };
        Some(Self {
            verified_at,
            digest: found.digest.as_ref().ok()?.clone(),
            place: places.first().clone(),
            candidates: verified(policy, &looked_at),
            contents,
        })
    }

    fn evidence(&self, places: &SignaturePlaces) -> ImageEvidence {
        let candidates = Candidates {
            checked: self.candidates.iter().map(Kept::checked).collect(),
        };
        let found = BTreeMap::from([(self.place.clone(), Ok(candidates))]);
        ImageEvidence {
            signatures: BTreeMap::from([(places.clone(), found)]),
            contents: self.contents.clone().map(Ok),
            ..ImageEvidence::of(Ok(self.digest.clone()))
        }
    }
}

impl Policy {
    /// Whether anything is worth remembering for the time when a registry does not answer.
    pub fn uses_verified(&self) -> bool {
        match self.outage {
            RegistryOutage::Deny => false,
            RegistryOutage::UseVerified { .. } => true,
        }
    }

    /// The trust roots on which its verdicts depend.
    pub fn trust_roots(&self) -> BTreeSet<TrustRootName> {
        let methods = self.authorities.iter().flat_map(Authority::methods);
        let roots = methods.filter_map(|method| match method {
            Method::Key { trust_root, .. } => trust_root,
            Method::Certificate { trust_root } => Some(trust_root),
        });
        roots.collect()
    }
}

/// How the image satisfies the policy by what was verified before, and when that was; none where that does not count.
pub(super) fn recall(
    policy: &Policy,
    inquiry: &Inquiry,
    found: Option<&ImageEvidence>,
    circumstances: &Circumstances,
    cause: &Cause,
) -> Option<(Satisfied, Timestamp)> {
    let RegistryOutage::UseVerified { within } = policy.outage else {
        return None;
    };
    let found = found.filter(|_| is_outage(cause))?;
    let remembered = found.remembered.get(&policy.scope.id)?;
    let age = circumstances.now.duration_since(remembered.verified_at);
    // What was verified in the future was verified by another clock: nobody can tell its age.
    let is_young = !age.is_negative() && age <= within;
    if !is_young || found.digest.as_ref() != Ok(&remembered.digest) {
        return None;
    }
    let evidence = remembered.evidence(&inquiry.places_for(policy));
    let satisfied = satisfy(policy, inquiry, Some(&evidence), circumstances).ok()?;
    Some((satisfied, remembered.verified_at))
}

pub(super) fn is_outage(cause: &Cause) -> bool {
    match cause {
        Cause::Rejected(_) => false,
        Cause::Undetermined(obstacle) => obstacle.is_outage(),
    }
}

impl Obstacle {
    /// Whether the registry is what is in the way, and nobody in between who might want it to seem so.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::RegistryRateLimited { .. }
            | Self::RegistryUnavailable { .. }
            | Self::RegistryTimeout { .. } => true,
            Self::TrustRootUnavailable { .. }
            | Self::TrustRootExpired { .. }
            | Self::PolicyBroken { .. }
            | Self::RegistryUnauthorized { .. }
            | Self::PullSecretUnreadable { .. }
            // What answered there, if anything did, is no registry.
            | Self::RegistryAddressRefused { .. }
            | Self::RegistryTlsFailed { .. }
            | Self::DeadlineExceeded
            | Self::LimitExceeded { .. } => false,
        }
    }
}

impl Kept {
    /// What of it these methods have verified, if any has.
    fn of(one: &Checked, methods: &BTreeSet<Method>) -> Option<Self> {
        let kept = Self {
            layout: one.layout,
            candidate: one.candidate.clone(),
            claimed_type: one.claimed_type.clone(),
            results: kept(&one.results, methods),
            attestations: kept(&one.attestations, methods),
        };
        let is_any = !kept.results.is_empty() || !kept.attestations.is_empty();
        is_any.then_some(kept)
    }

    fn checked(&self) -> Checked {
        Checked {
            layout: self.layout,
            candidate: self.candidate.clone(),
            claimed_type: self.claimed_type.clone(),
            results: verified_again(&self.results),
            attestations: verified_again(&self.attestations),
        }
    }
}

/// What of these candidates the policy's own methods have verified.
fn verified(policy: &Policy, places: &[&Candidates]) -> Box<[Kept]> {
    let methods: BTreeSet<Method> = policy
        .authorities
        .iter()
        .flat_map(Authority::methods)
        .collect();
    let checked = places.iter().flat_map(|candidates| &candidates.checked);
    checked.filter_map(|one| Kept::of(one, &methods)).collect()
}

fn kept<V: Clone, E>(
    results: &BTreeMap<Method, Result<V, E>>,
    methods: &BTreeSet<Method>,
) -> Box<[(Method, V)]> {
    let results = results.iter();
    let kept = results.filter(|(method, _)| methods.contains(method));
    kept.filter_map(|(method, result)| Some((method.clone(), result.as_ref().ok()?.clone())))
        .collect()
}

fn verified_again<V: Clone, E>(kept: &[(Method, V)]) -> BTreeMap<Method, Result<V, E>> {
    let kept = kept.iter();
    kept.map(|(method, verified)| (method.clone(), Ok(verified.clone())))
        .collect()
}
