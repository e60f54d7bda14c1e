//! Looking for signatures in the places where they may lie.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::time::Instant;
use tracing::Instrument as _;

use super::Gatherer;
use crate::{
    decision::{
        CheckFailure, Checked, FoundByPlace, ImageEvidence, Inquiry, LookupFailure, Method, Methods,
    },
    image::{Digest, Repository, SignaturePlaces},
    limits::CANDIDATES_PER_IMAGE,
    registry::{Access, Attachment, Search, Wanted},
    review::{
        found::{Findings, PlaceFindings},
        verdicts::Verified,
    },
    verify::{Candidate, Layout, claimed_predicate_type},
};

/// A search for what the demands on one image want that look in the same places.
pub(super) struct PlaceSearch<'a> {
    gatherer: &'a Gatherer<'a>,
    inquiry: &'a Inquiry,
    places: &'a SignaturePlaces,
    image: &'a Digest,
    /// What is known of the image besides.
    so_far: &'a ImageEvidence,
    methods: Methods,
    found: Findings,
}

impl<'a> PlaceSearch<'a> {
    pub(super) fn new(
        gatherer: &'a Gatherer<'a>,
        inquiry: &'a Inquiry,
        places: &'a SignaturePlaces,
        image: &'a Digest,
        so_far: &'a ImageEvidence,
    ) -> Self {
        Self {
            gatherer,
            inquiry,
            places,
            image,
            so_far,
            methods: inquiry.methods(places),
            found: Findings::default(),
        }
    }

    /// What is found in these places, in their order: no more than is needed, but everything before the answer is
    /// "none". Every place is looked at in the cheapest way before any is looked at more closely.
    pub(super) async fn run(mut self) -> FoundByPlace {
        'searches: for search in [Search::First, Search::Everywhere, Search::Afresh] {
            let mut left = self.places.all().count();
            for place in self.places.all() {
                let is_enough =
                    self.found.is_worth(place, search) && self.step(place, search, left).await;
                if is_enough {
                    break 'searches;
                }
                left = left.saturating_sub(1);
            }
        }
        self.found.into_evidence()
    }

    /// Looks in one place, of so many that are still to be looked in. Whether all that was found is enough then.
    async fn step(&mut self, place: &Repository, search: Search, left: usize) -> bool {
        let until = self.gatherer.share_of_time(left);
        let span = tracing::debug_span!("signatures", repository = %place);
        let looked = self.look(place, search, until).instrument(span).await;
        let is_enough = looked.as_ref().is_ok_and(|found| found.is_enough);
        self.found.add(place, looked);
        is_enough
    }

    async fn look(
        &self,
        place: &Repository,
        search: Search,
        until: Instant,
    ) -> Result<PlaceFindings, LookupFailure> {
        let attachments = self.attachments(place, search, until).await?;
        let given = attachments.iter();
        self.gatherer
            .allowance
            .take(given.map(|one| (&one.digest, one.content.len())))?;
        let mut found = self.verified(place, &attachments).await?;
        let all = ImageEvidence {
            signatures: BTreeMap::from([(self.places.clone(), self.found.with(place, &found))]),
            ..self.so_far.clone()
        };
        found.is_enough = self.is_enough(&all).await?;
        Ok(found)
    }

    async fn attachments(
        &self,
        place: &Repository,
        search: Search,
        until: Instant,
    ) -> Result<Arc<[Attachment]>, LookupFailure> {
        let wanted = if self.methods.of_attestations.is_empty() {
            Wanted::Signatures
        } else {
            Wanted::SignaturesAndAttestations
        };
        let Gatherer {
            registry,
            access,
            allowance,
            ..
        } = self.gatherer;
        allowance.still_open()?;
        let access = Access {
            deadline: until,
            ..access.clone()
        };
        let attachments = registry.attachments(place, self.image, wanted, search, &access);
        self.gatherer.in_time_until(until, place, attachments).await
    }

    async fn verified(
        &self,
        place: &Repository,
        attachments: &[Attachment],
    ) -> Result<PlaceFindings, LookupFailure> {
        let asks_for_statements = self.inquiry.asks_for_statements();
        let mut found = PlaceFindings::default();
        let mut done = 0;
        for attachment in attachments {
            let Some(one) = candidate(attachment) else {
                continue;
            };
            found.holds_something = true;
            let layer = (attachment.manifest.clone(), attachment.digest.clone());
            // A copy of an image's repository holds copies of its signatures.
            if self.found.holds(place, &layer) {
                continue;
            }
            if found.candidates.checked.len() == CANDIDATES_PER_IMAGE {
                let all = attachments.iter().filter_map(candidate).count();
                found.candidates.unread = Some(too_many(all));
                break;
            }
            let results = self
                .verify(&one, &self.methods.of_signatures, &mut done)
                .await?;
            let attestations = self
                .verify(&one, &self.methods.of_attestations, &mut done)
                .await?;
            found.layers.insert(layer);
            found.candidates.checked.push(Checked {
                layout: one.layout,
                claimed_type: asks_for_statements
                    .then(|| claimed_predicate_type(&one))
                    .flatten(),
                candidate: one.digest,
                results,
                attestations,
            });
        }
        Ok(found)
    }

    /// Whether the demands on these places are satisfied, others having their turn between those that take long.
    async fn is_enough(&self, found: &ImageEvidence) -> Result<bool, LookupFailure> {
        let circumstances = self.gatherer.circumstances;
        let mut judgements = self.inquiry.judgements(self.places, found, circumstances);
        loop {
            if self.inquiry.takes_long() {
                self.gatherer.take_turns().await?;
            }
            match judgements.next() {
                Some(true) => {}
                Some(false) => return Ok(false),
                None => return Ok(true),
            }
        }
    }

    /// One candidate by each of these methods, the first verification of a search without waiting for a turn.
    async fn verify<V: Verified>(
        &self,
        candidate: &Candidate,
        methods: &BTreeSet<Method>,
        done: &mut usize,
    ) -> Result<BTreeMap<Method, Result<V, CheckFailure>>, LookupFailure> {
        let verifier = &self.gatherer.verifier;
        let mut results = BTreeMap::new();
        for method in methods {
            if *done > 0 {
                self.gatherer.take_turns().await?;
            }
            *done += 1;
            let span = tracing::debug_span!("verify", candidate = candidate.digest.as_str());
            let result = span.in_scope(|| verifier.verify(candidate, self.image, method));
            results.insert(method.clone(), result);
        }
        Ok(results)
    }
}

fn candidate(attachment: &Attachment) -> Option<Candidate> {
    Some(Candidate {
        layout: Layout::of_media_type(&attachment.media_type)?,
        digest: attachment.digest.clone(),
        content: attachment.content.clone(),
        annotations: attachment.annotations.iter().cloned().collect(),
    })
}

fn too_many(found: usize) -> LookupFailure {
    LookupFailure::Limit {
        detail: format!("{found} signature candidates, at most {CANDIDATES_PER_IMAGE} are read"),
    }
}
