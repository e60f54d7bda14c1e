//! From image slots and policies to what must be known.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    Circumstances, Enforcement, ImageEvidence, Inquiry, Methods, Plan, PlannedImage, Question,
    demand::satisfy,
};
use crate::{
    image::{Part, Reference, Repository, SignaturePlaces},
    limits,
    policy::{Authority, ClusterModes, Demand, Place, Policy, PolicySet},
    workload::ImageSlot,
};

/// Says what must be known about each image. Where the signatures of a repository's images lie is told by `places`.
pub fn plan(
    slots: Vec<ImageSlot>,
    policies: &PolicySet,
    place: &Place,
    modes: ClusterModes,
    enforcement: Enforcement,
    places: impl Fn(&Repository) -> SignaturePlaces,
) -> Plan {
    let images = slots
        .into_iter()
        .map(|slot| PlannedImage {
            question: question(&slot, policies, place, &places),
            slot,
        })
        .collect();
    Plan {
        images,
        modes: modes.within(&place.namespace_labels),
        enforcement,
    }
}

impl Plan {
    /// What is to be found out, each reference once however many slots it is written in.
    pub fn inquiries(&self) -> Vec<&Inquiry> {
        let mut seen = BTreeSet::new();
        self.images
            .iter()
            .filter_map(|image| match &image.question {
                Question::Judge(inquiry) => Some(inquiry),
                Question::Unreadable(_) | Question::Unmatched(_) => None,
            })
            .filter(|inquiry| seen.insert(inquiry.reference.written()))
            .collect()
    }

    /// How many steps the conditions of one policy may take over one image: all of a review together have a bound, of
    /// which each has an equal share.
    pub fn condition_steps(&self) -> u64 {
        let inquiries = self.inquiries().into_iter();
        let asked = inquiries.flat_map(Inquiry::policies);
        let asked = asked.filter(|policy| policy.has_conditions()).count();
        let asked = u64::try_from(asked).unwrap_or(u64::MAX).max(1);
        limits::CONDITION_STEPS.min(limits::CONDITION_STEPS_PER_REVIEW / asked)
    }
}

impl Inquiry {
    /// Where signatures are to be looked for, for each policy: in its signature repository, else where those of the
    /// image lie.
    ///
    /// Empty when every policy that matches is broken: then there is nothing to find out.
    pub fn signature_places(&self) -> BTreeSet<SignaturePlaces> {
        let places = self.policies().map(|policy| self.places_for(policy));
        places.map(Cow::into_owned).collect()
    }

    /// Every repository among those places.
    pub fn signature_repositories(&self) -> BTreeSet<Repository> {
        let places = self.signature_places();
        let all = places.iter().flat_map(SignaturePlaces::all);
        all.cloned().collect()
    }

    /// Where this policy looks for signatures.
    pub fn places_for(&self, policy: &Policy) -> Cow<'_, SignaturePlaces> {
        match &policy.signature_repository {
            Some(repository) => Cow::Owned(self.places.only_in(repository.clone())),
            None => Cow::Borrowed(&self.places),
        }
    }

    /// Every way in which the demands that look in these places want candidates verified.
    pub fn methods(&self, places: &SignaturePlaces) -> Methods {
        let mut methods = Methods::default();
        for policy in self.policies_at(places) {
            let all = policy.authorities.iter().flat_map(Authority::methods);
            if policy.signers_required() > 0 {
                methods.of_signatures.extend(all.clone());
            }
            if !policy.attestations.is_empty() {
                methods.of_attestations.extend(all);
            }
            if let Some(demand) = &policy.provenance {
                let attesters = demand.authorities.iter();
                let attesters = attesters.filter_map(|index| policy.authorities.get(*index));
                let methods_of_attesters = attesters.flat_map(Authority::methods);
                methods.of_attestations.extend(methods_of_attesters);
            }
        }
        methods
    }

    /// What has to be read of the image itself; empty when no demand is about that.
    pub fn parts(&self) -> BTreeSet<Part> {
        self.policies().flat_map(Policy::parts).collect()
    }

    /// Whether any of the demands is for signatures.
    pub fn asks_for_signatures(&self) -> bool {
        self.policies().any(|policy| policy.signers_required() > 0)
    }

    /// Whether any of the demands is for a signed statement.
    pub fn asks_for_statements(&self) -> bool {
        self.policies().any(Policy::asks_for_statements)
    }

    /// Whether this evidence satisfies every demand that looks for signatures in these places.
    pub fn is_satisfied_by(
        &self,
        places: &SignaturePlaces,
        evidence: &ImageEvidence,
        circumstances: &Circumstances,
    ) -> bool {
        self.judgements(places, evidence, circumstances)
            .all(|is_satisfied| is_satisfied)
    }

    /// Whether each of the demands that look for signatures in these places is satisfied. Each is judged when it is
    /// asked for.
    pub fn judgements<'a>(
        &'a self,
        places: &SignaturePlaces,
        evidence: &'a ImageEvidence,
        circumstances: &'a Circumstances,
    ) -> impl Iterator<Item = bool> + use<'a> {
        let policies: Vec<&Policy> = self.policies_at(places).collect();
        let judged =
            move |policy: &Policy| satisfy(policy, self, Some(evidence), circumstances).is_ok();
        policies.into_iter().map(judged)
    }

    /// Whether any of the demands may take long to judge: those on what is attested or said have much to read.
    pub fn takes_long(&self) -> bool {
        self.policies()
            .any(|policy| policy.asks_for_statements() || policy.has_conditions())
    }

    /// Whether a policy of the cluster is among those that match: those of the namespace itself can only add demands.
    pub(super) fn is_covered(&self) -> bool {
        self.demands
            .iter()
            .any(|demand| demand.scope().id.namespace.is_none())
    }

    /// The policies that can be satisfied.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.demands.iter().filter_map(|demand| match demand {
            Demand::Satisfy(policy) => Some(policy.as_ref()),
            Demand::Broken { .. } => None,
        })
    }

    fn policies_at<'a>(&'a self, places: &SignaturePlaces) -> impl Iterator<Item = &'a Policy> {
        self.policies()
            .filter(move |policy| *self.places_for(policy) == *places)
    }
}

impl Policy {
    /// What has to be read of the image itself.
    pub(super) fn parts(&self) -> BTreeSet<Part> {
        let mut parts = BTreeSet::new();
        let of_attestations = self.attestations.iter().flat_map(|one| &one.conditions);
        for demand in self.conditions.iter().chain(of_attestations) {
            let reads = |part| demand.condition.reads(&["image", part]);
            parts.extend(reads("annotations").then_some(Part::Annotations));
            parts.extend(reads("labels").then_some(Part::Labels));
            parts.extend(reads("platforms").then_some(Part::Platforms));
        }
        let provenance = self.provenance.as_ref();
        if provenance.is_some_and(|provenance| !provenance.base_images.is_empty()) {
            parts.extend([Part::Annotations, Part::BuildStatements]);
        }
        parts
    }
}

fn question(
    slot: &ImageSlot,
    policies: &PolicySet,
    place: &Place,
    places: impl Fn(&Repository) -> SignaturePlaces,
) -> Question {
    let reference: Reference = match slot.written.parse() {
        Ok(reference) => reference,
        Err(reason) => return Question::Unreadable(reason),
    };
    let demands = policies.demands(reference.repository(), place);
    if demands.is_empty() {
        Question::Unmatched(reference)
    } else {
        Question::Judge(Inquiry {
            places: places(reference.repository()),
            reference,
            demands,
        })
    }
}
