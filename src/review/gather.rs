//! Asking registries for what a plan wants to know.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
};

use futures::{StreamExt as _, future::join_all, stream};
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};

use tracing::{Instrument as _, Span, field::Empty};

use super::{
    allowance::Allowance,
    failure::lookup_failure,
    found::{Find, Found, Task},
    memory::{Memory, View},
    verdicts::{Verified, Verifier},
};
use crate::{
    decision::{
        CheckFailure, Checked, Circumstances, Evidence, FoundByPlace, ImageEvidence, Inquiry,
        LookupFailure, Method,
    },
    image::{Contents, Digest, Part, Reference, Repository, SignaturePlaces},
    limits::{CANDIDATES_PER_IMAGE, CHILDREN_PER_INDEX, LOOKUPS_PER_REVIEW},
    registry::{Access, Attachment, Registry, RegistryError, Search, Wanted},
    verify::{Candidate, Layout, claimed_predicate_type},
};

/// Asks on behalf of one review. Every await ends at the review's deadline, which then is the evidence.
#[derive(Debug)]
pub(super) struct Gatherer<'a> {
    pub(super) registry: &'a dyn Registry,
    pub(super) verifier: Verifier<'a>,
    pub(super) memory: Option<&'a Memory>,
    pub(super) access: Access,
    pub(super) allowance: Allowance,
    pub(super) circumstances: Circumstances,
}

impl Gatherer<'_> {
    /// Looks every inquiry up, several at a time.
    pub(super) async fn gather(&self, inquiries: &[&Inquiry]) -> Evidence {
        let lookups: Vec<_> = inquiries
            .iter()
            .map(|inquiry| async {
                let written = inquiry.reference.written().to_owned();
                let span = tracing::debug_span!("image", image = written, digest = Empty);
                (written, self.look_up(inquiry).instrument(span).await)
            })
            .collect();
        let images = stream::iter(lookups)
            .buffer_unordered(LOOKUPS_PER_REVIEW)
            .collect()
            .await;
        Evidence {
            circumstances: self.circumstances.clone(),
            images,
        }
    }

    async fn look_up(&self, inquiry: &Inquiry) -> ImageEvidence {
        let mut found = ImageEvidence::of(self.resolve(&inquiry.reference).await);
        let Ok(digest) = found.digest.clone() else {
            return found;
        };
        Span::current().record("digest", digest.as_str());
        found.contents = self.contents(inquiry, &digest).await;
        let places = inquiry.signature_places();
        let searches = places
            .iter()
            .map(|places| self.search(inquiry, places, &digest, &found));
        let held = join_all(searches).await;
        found.signatures = places.into_iter().zip(held).collect();
        if inquiry.asks_for_signatures() && is_unsigned(&found) {
            found.signed_child = self.signed_child(inquiry, &digest).await;
        }
        if let Some(memory) = self.memory {
            let view = View {
                keyring: &self.access.keyring,
                trust_roots: self.verifier.trust_roots,
            };
            found.remembered = memory.recall(inquiry, &found, view, self.circumstances.now);
        }
        found
    }

    /// A digest that is written down is what will run, whatever a registry says about it.
    async fn resolve(&self, reference: &Reference) -> Result<Digest, LookupFailure> {
        if let Some(digest) = reference.digest() {
            return Ok(digest.clone());
        }
        let repository = reference.repository();
        self.in_time(repository, self.registry.resolve(reference, &self.access))
            .instrument(tracing::debug_span!("resolve"))
            .await
    }

    /// What the image says about itself, if anything asks for that.
    async fn contents(
        &self,
        inquiry: &Inquiry,
        image: &Digest,
    ) -> Option<Result<Arc<Contents>, LookupFailure>> {
        let parts = inquiry.parts();
        if parts.is_empty() {
            return None;
        }
        let reading = self.read_contents(inquiry, image, &parts);
        let span = tracing::debug_span!("contents");
        Some(reading.instrument(span).await)
    }

    async fn read_contents(
        &self,
        inquiry: &Inquiry,
        image: &Digest,
        parts: &BTreeSet<Part>,
    ) -> Result<Arc<Contents>, LookupFailure> {
        let _reading = timeout_at(self.access.deadline, self.allowance.reading())
            .await
            .map_err(|_| LookupFailure::Deadline)?;
        self.allowance.still_open()?;
        let repository = inquiry.reference.repository();
        let contents = self
            .registry
            .contents(repository, image, parts, &self.access);
        let contents = self.in_time(repository, contents).await?;
        self.allowance.take([(image, contents.bytes())])?;
        Ok(contents)
    }

    /// What is found in these places, in their order: no more than is needed, but everything before the answer is
    /// "none". Every place is looked at in the cheapest way before any is looked at more closely.
    async fn search(
        &self,
        inquiry: &Inquiry,
        places: &SignaturePlaces,
        image: &Digest,
        so_far: &ImageEvidence,
    ) -> FoundByPlace {
        let mut found = Found::default();
        for search in [Search::First, Search::Everywhere, Search::Afresh] {
            let mut left = places.all().count();
            for place in places.all() {
                if !found.is_worth(place, search) {
                    left = left.saturating_sub(1);
                    continue;
                }
                let task = Task {
                    inquiry,
                    places,
                    place,
                    image,
                };
                let span = tracing::debug_span!("signatures", repository = %place);
                let looking = self.look(task, search, so_far, &found, self.share_of_time(left));
                let looked = looking.instrument(span).await;
                left = left.saturating_sub(1);
                let is_enough = looked.as_ref().is_ok_and(|find| find.is_enough);
                found.0.insert(place.clone(), looked);
                if is_enough {
                    return found.into_evidence();
                }
            }
        }
        found.into_evidence_of_too_little()
    }

    /// Until when one of so many places may be waited for: one that does not answer leaves time for the others.
    fn share_of_time(&self, places_left: usize) -> Instant {
        let now = Instant::now();
        let time_left = self.access.deadline.saturating_duration_since(now);
        let places_left = u32::try_from(places_left).unwrap_or(u32::MAX).max(1);
        now + time_left / places_left
    }

    /// What one place holds, besides what was found in others.
    async fn look(
        &self,
        task: Task<'_>,
        search: Search,
        so_far: &ImageEvidence,
        elsewhere: &Found,
        until: Instant,
    ) -> Result<Find, LookupFailure> {
        let attachments = self.attachments(task, search, until).await?;
        let given = attachments.iter();
        self.allowance
            .take(given.map(|one| (&one.digest, one.content.len())))?;
        let mut find = self.verified(task, &attachments, elsewhere).await?;
        let found = elsewhere.with(so_far, task, &find);
        find.is_enough = self.is_enough(task, &found).await?;
        Ok(find)
    }

    async fn attachments(
        &self,
        task: Task<'_>,
        search: Search,
        until: Instant,
    ) -> Result<Arc<[Attachment]>, LookupFailure> {
        let methods = task.inquiry.methods(task.places);
        let wanted = if methods.of_attestations.is_empty() {
            Wanted::Signatures
        } else {
            Wanted::SignaturesAndAttestations
        };
        self.allowance.still_open()?;
        let access = Access {
            deadline: until,
            ..self.access.clone()
        };
        let attachments = self
            .registry
            .attachments(task.place, task.image, wanted, search, &access);
        self.in_time_until(until, task.place, attachments).await
    }

    async fn verified(
        &self,
        task: Task<'_>,
        attachments: &[Attachment],
        elsewhere: &Found,
    ) -> Result<Find, LookupFailure> {
        let methods = task.inquiry.methods(task.places);
        let mut find = Find::default();
        let mut done = 0;
        for attachment in attachments {
            let Some(one) = candidate(attachment) else {
                continue;
            };
            find.holds_something = true;
            let layer = (attachment.manifest.clone(), attachment.digest.clone());
            // A copy of an image's repository holds copies of its signatures.
            if elsewhere.holds(task.place, &layer) {
                continue;
            }
            if find.candidates.checked.len() == CANDIDATES_PER_IMAGE {
                let all = attachments.iter().filter_map(candidate).count();
                find.left_out = Some(too_many(all));
                break;
            }
            let results = self
                .verify(&one, task.image, &methods.of_signatures, &mut done)
                .await?;
            let attestations = self
                .verify(&one, task.image, &methods.of_attestations, &mut done)
                .await?;
            find.layers.insert(layer);
            find.candidates.checked.push(Checked {
                layout: one.layout,
                claimed_type: claimed_predicate_type(&one),
                candidate: one.digest,
                results,
                attestations,
            });
        }
        Ok(find)
    }

    /// Whether the demands on these places are satisfied, others having their turn between those that take long.
    async fn is_enough(
        &self,
        task: Task<'_>,
        found: &ImageEvidence,
    ) -> Result<bool, LookupFailure> {
        let Task {
            inquiry, places, ..
        } = task;
        let mut judgements = inquiry.judgements(places, found, &self.circumstances);
        loop {
            if inquiry.takes_long() {
                self.take_turns().await?;
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
        image: &Digest,
        methods: &BTreeSet<Method>,
        done: &mut usize,
    ) -> Result<BTreeMap<Method, Result<V, CheckFailure>>, LookupFailure> {
        let mut results = BTreeMap::new();
        for method in methods {
            if *done > 0 {
                self.take_turns().await?;
            }
            *done += 1;
            let span = tracing::debug_span!("verify", candidate = candidate.digest.as_str());
            let result = span.in_scope(|| self.verifier.verify(candidate, image, method));
            results.insert(method.clone(), result);
        }
        Ok(results)
    }

    /// A manifest of the index that has a signature. This only makes a denial clearer, so that what cannot be looked
    /// up is left out, and no more than [`CHILDREN_PER_INDEX`] are looked at.
    async fn signed_child(&self, inquiry: &Inquiry, index: &Digest) -> Option<Digest> {
        let repository = inquiry.reference.repository();
        let children = self.registry.children(repository, index, &self.access);
        let mut children = self.in_time(repository, children).await.ok()?;
        children.truncate(CHILDREN_PER_INDEX);
        let places = inquiry.signature_repositories();
        let signed = join_all(children.iter().map(|child| self.is_signed(&places, child))).await;
        children
            .into_iter()
            .zip(signed)
            .find_map(|(child, signed)| signed.then_some(child))
    }

    async fn is_signed(&self, places: &BTreeSet<Repository>, child: &Digest) -> bool {
        let searches = places.iter().map(|place| {
            let found = self.registry.attachments(
                place,
                child,
                Wanted::Signatures,
                Search::First,
                &self.access,
            );
            self.in_time(place, found)
        });
        let found = join_all(searches).await;
        found
            .into_iter()
            .flatten()
            .any(|list| list.iter().any(is_signature))
    }

    /// Each verification takes a millisecond or so, and what an attacker made takes many, as may a policy's conditions:
    /// lets others, and the deadline, have their turn.
    async fn take_turns(&self) -> Result<(), LookupFailure> {
        yield_now().await;
        if Instant::now() < self.access.deadline {
            Ok(())
        } else {
            Err(LookupFailure::Deadline)
        }
    }

    async fn in_time<T>(
        &self,
        repository: &Repository,
        answer: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, LookupFailure> {
        self.in_time_until(self.access.deadline, repository, answer)
            .await
    }

    /// The answer, unless it takes until then. That says nothing about the registry: whoever asks for the review has a say
    /// in how much time there is.
    async fn in_time_until<T>(
        &self,
        until: Instant,
        repository: &Repository,
        answer: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, LookupFailure> {
        match timeout_at(until, answer).await {
            Ok(answer) => {
                answer.map_err(|error| lookup_failure(error, repository, &self.access.keyring))
            }
            Err(_) => Err(LookupFailure::Deadline),
        }
    }
}

/// Whether every place was looked at and none holds a candidate.
fn is_unsigned(found: &ImageEvidence) -> bool {
    let mut places = found.signatures.values().flat_map(BTreeMap::values);
    places.all(|place| {
        place
            .as_ref()
            .is_ok_and(|candidates| candidates.checked.is_empty())
    })
}

fn candidate(attachment: &Attachment) -> Option<Candidate> {
    Some(Candidate {
        layout: Layout::of_media_type(&attachment.media_type)?,
        digest: attachment.digest.clone(),
        content: attachment.content.clone(),
        annotations: attachment.annotations.clone(),
    })
}

/// Whether it is stored as signatures are.
fn is_signature(attachment: &Attachment) -> bool {
    match Layout::of_media_type(&attachment.media_type) {
        Some(Layout::Legacy | Layout::Bundle) => true,
        Some(Layout::LegacyAttestation) | None => false,
    }
}

fn too_many(found: usize) -> LookupFailure {
    LookupFailure::Limit {
        detail: format!("{found} signature candidates, at most {CANDIDATES_PER_IMAGE} are read"),
    }
}
