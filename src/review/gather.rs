//! Asking registries for what a plan wants to know.

mod children;
mod search;

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

use self::search::PlaceSearch;
use super::{
    allowance::Allowance,
    failure::lookup_failure,
    memory::{Memory, View},
    verdicts::Verifier,
};
use crate::{
    decision::{Circumstances, ImageEvidence, Inquiry, LookupFailure},
    image::{Contents, Digest, Part, Reference, Repository},
    limits::LOOKUPS_PER_REVIEW,
    registry::{Access, Registry, RegistryError},
};

/// Asks on behalf of one review. Every await ends at the review's deadline, which then is the evidence.
#[derive(Debug)]
pub(super) struct Gatherer<'a> {
    pub(super) registry: &'a dyn Registry,
    pub(super) verifier: Verifier<'a>,
    pub(super) memory: Option<&'a Memory>,
    pub(super) access: Access,
    pub(super) allowance: Allowance,
    pub(super) circumstances: &'a Circumstances,
}

impl Gatherer<'_> {
    /// Looks every inquiry up, several at a time. What is found goes by the reference as it was written.
    pub(super) async fn gather(&self, inquiries: &[&Inquiry]) -> BTreeMap<String, ImageEvidence> {
        let lookups: Vec<_> = inquiries
            .iter()
            .map(|inquiry| async {
                let written = inquiry.reference.written().to_owned();
                let span = tracing::debug_span!("image", image = written, digest = Empty);
                (written, self.look_up(inquiry).instrument(span).await)
            })
            .collect();
        stream::iter(lookups)
            .buffer_unordered(LOOKUPS_PER_REVIEW)
            .collect()
            .await
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
            .map(|places| PlaceSearch::new(self, inquiry, places, &digest, &found).run());
        let held = join_all(searches).await;
        found.signatures = places.into_iter().zip(held).collect();
        if inquiry.asks_for_signatures() && is_unsigned(&found) {
            found.unsigned = self.why_unsigned(inquiry, &digest).await;
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

    /// Until when one of so many places may be waited for: one that does not answer leaves time for the others.
    fn share_of_time(&self, places_left: usize) -> Instant {
        let now = Instant::now();
        let time_left = self.access.deadline.saturating_duration_since(now);
        let places_left = u32::try_from(places_left).unwrap_or(u32::MAX).max(1);
        now + time_left / places_left
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
    places.all(|place| place.unread.is_none() && place.checked.is_empty())
}
