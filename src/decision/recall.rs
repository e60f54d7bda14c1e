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
    cause::{Asked, Cause, Denial, Obstacle},
    demand::{Satisfied, satisfy},
    evidence::{
        Checked, Circumstances, ImageEvidence, Kept, LookupFailure, Method, Recollection,
        Remembered,
    },
};
use crate::{
    image::{Repository, SignaturePlaces},
    policy::{Authority, Policy, TrustRootName},
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
    /// As much of this evidence, by which the image satisfies the policy, as the policy looks at. None unless at least one
    /// place of signatures answered and, where the policy reads the image's contents, those were read.
    pub fn of(
        policy: &Policy,
        inquiry: &Inquiry,
        found: &ImageEvidence,
        verified_at: Timestamp,
    ) -> Option<Self> {
        let places = inquiry.places_for(policy);
        let methods = policy.methods();
        let looked_at = found.signatures.get(&*places)?.iter();
        let told =
            looked_at.filter(|(_, found)| found.unread.is_none() || !found.checked.is_empty());
        let candidates: BTreeMap<Repository, Box<[Kept]>> = told
            .map(|(place, found)| {
                let checked = found.checked.iter();
                let kept = checked.filter_map(|one| Kept::of(one, &methods));
                (place.clone(), kept.collect())
            })
            .collect();
        if candidates.is_empty() {
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
            candidates,
            contents,
        })
    }

    /// What is found now, with what was found then where the registry tells nothing now. What it does tell counts: a
    /// signature may have been withdrawn.
    fn completing(&self, found: &ImageEvidence, places: &SignaturePlaces) -> ImageEvidence {
        let mut by_place = found.signatures.get(places).cloned().unwrap_or_default();
        for (place, kept) in &self.candidates {
            let unread = by_place.get(place).and_then(|found| found.unread.as_ref());
            if unread.is_some_and(LookupFailure::is_outage) {
                let checked: Vec<Checked> = kept.iter().map(Kept::checked).collect();
                by_place.insert(place.clone(), checked.into());
            }
        }
        let contents = match &found.contents {
            Some(Err(failure)) if failure.is_outage() => self.contents.clone().map(Ok),
            contents => contents.clone(),
        };
        ImageEvidence {
            signatures: BTreeMap::from([(places.clone(), by_place)]),
            contents,
            ..ImageEvidence::of(found.digest.clone())
        }
    }
}

impl Policy {
    /// The trust roots on which its verdicts depend.
    pub fn trust_roots(&self) -> BTreeSet<TrustRootName> {
        let roots = self
            .methods()
            .into_iter()
            .filter_map(|method| match method {
                Method::Key { trust_root, .. } => trust_root,
                Method::Certificate { trust_root } => Some(trust_root),
            });
        roots.collect()
    }

    /// Every way in which its authorities verify.
    fn methods(&self) -> BTreeSet<Method> {
        self.authorities
            .iter()
            .flat_map(Authority::methods)
            .collect()
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
    let within = policy.outage.verified_for()?;
    let found = found.filter(|_| is_outage(cause))?;
    let Recollection { remembered, age } = found.remembered.get(&policy.scope.id)?;
    if *age > within || found.digest.as_ref() != Ok(&remembered.digest) {
        return None;
    }
    let evidence = remembered.completing(found, &inquiry.places_for(policy));
    let satisfied = satisfy(policy, inquiry, Some(&evidence), circumstances).ok()?;
    Some((satisfied, remembered.verified_at))
}

pub(super) fn is_outage(cause: &Cause) -> bool {
    match cause {
        Cause::Rejected(_) => false,
        Cause::Undetermined(obstacle) => obstacle.is_outage(),
    }
}

impl LookupFailure {
    /// Whether the registry does not answer.
    fn is_outage(&self) -> bool {
        is_outage(&Cause::of_lookup(self, Asked::ImageRegistry))
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
            // Whoever may push can have a registry answer what cannot be read.
            | Self::RegistryUnusable { .. }
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
