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
    memory::{Memory, View},
    verdicts::{Verified, Verifier},
};
use crate::{
    decision::{
        Candidates, CheckFailure, Checked, Circumstances, Evidence, ImageEvidence, Inquiry,
        LookupFailure, Method,
    },
    image::{Contents, Digest, Part, Reference, Repository},
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
        let mut found = ImageEvidence {
            digest: self.resolve(&inquiry.reference).await,
            signatures: BTreeMap::new(),
            contents: None,
            signed_child: None,
            remembered: BTreeMap::new(),
        };
        let Ok(digest) = found.digest.clone() else {
            return found;
        };
        Span::current().record("digest", digest.as_str());
        found.contents = self.contents(inquiry, &digest).await;
        let places = inquiry.signature_repositories();
        let searches = places.iter().map(|place| {
            let span = tracing::debug_span!("signatures", repository = %place);
            self.search(inquiry, place, &digest, &found)
                .instrument(span)
        });
        found.signatures = places
            .iter()
            .cloned()
            .zip(join_all(searches).await)
            .collect();
        if inquiry.asks_for_signatures() && is_unsigned(&found) {
            found.signed_child = self.signed_child(inquiry, &digest).await;
        }
        if let Some(memory) = self.memory {
            let view = View {
                keyring: &self.access.keyring,
                trust_roots: self.verifier.trust_roots,
            };
            found.remembered = memory.recall(inquiry, &found, view);
        }
        found
    }

    /// A digest that is written down is what will run, whatever a registry says about it.
    async fn resolve(&self, reference: &Reference) -> Result<Digest, LookupFailure> {
        match reference.digest() {
            Some(digest) => Ok(digest.clone()),
            None => {
                self.in_time(self.registry.resolve(reference, &self.access))
                    .instrument(tracing::debug_span!("resolve"))
                    .await
            }
        }
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
        self.allowance.take([])?;
        let repository = inquiry.reference.repository();
        let contents = self
            .registry
            .contents(repository, image, parts, &self.access);
        let contents = self.in_time(contents).await?;
        self.allowance.take([(image, contents.bytes())])?;
        Ok(contents)
    }

    /// What is found in one signature repository: no more than is needed, but everything before the answer is "none".
    async fn search(
        &self,
        inquiry: &Inquiry,
        place: &Repository,
        image: &Digest,
        so_far: &ImageEvidence,
    ) -> Result<Candidates, LookupFailure> {
        let look = |search| self.find(inquiry, place, image, so_far, search);
        let first = look(Search::First).await?;
        if first.is_enough {
            return Ok(first.candidates);
        }
        let mut all = look(Search::Everywhere).await?;
        // "Nothing" is never old news, but a list of signatures that do not count may be.
        if !all.is_enough && !all.candidates.checked.is_empty() {
            all = look(Search::Afresh).await?;
        }
        match all.left_out {
            Some(limit) if !all.is_enough => Err(limit),
            Some(_) | None => Ok(all.candidates),
        }
    }

    async fn find(
        &self,
        inquiry: &Inquiry,
        place: &Repository,
        image: &Digest,
        so_far: &ImageEvidence,
        search: Search,
    ) -> Result<Find, LookupFailure> {
        let methods = inquiry.methods(place);
        let wanted = if methods.of_attestations.is_empty() {
            Wanted::Signatures
        } else {
            Wanted::SignaturesAndAttestations
        };
        self.allowance.take([])?;
        let attachments = self
            .in_time(
                self.registry
                    .attachments(place, image, wanted, search, &self.access),
            )
            .await?;
        let given = attachments.iter();
        self.allowance
            .take(given.map(|one| (&one.digest, one.content.len())))?;
        let all: Vec<Candidate> = attachments.iter().filter_map(candidate).collect();
        let mut candidates = Candidates::default();
        let mut done = 0;
        for candidate in all.iter().take(CANDIDATES_PER_IMAGE) {
            let results = self
                .verify(candidate, image, &methods.of_signatures, &mut done)
                .await?;
            let attestations = self
                .verify(candidate, image, &methods.of_attestations, &mut done)
                .await?;
            candidates.checked.push(Checked {
                layout: candidate.layout,
                candidate: candidate.digest.clone(),
                claimed_type: claimed_predicate_type(candidate),
                results,
                attestations,
            });
        }
        let found = with(so_far, place, &candidates);
        Ok(Find {
            is_enough: self.is_enough(inquiry, place, &found).await?,
            candidates,
            left_out: (all.len() > CANDIDATES_PER_IMAGE).then(|| too_many(all.len())),
        })
    }

    /// Whether the demands on this place are satisfied, others having their turn between those that take long.
    async fn is_enough(
        &self,
        inquiry: &Inquiry,
        place: &Repository,
        found: &ImageEvidence,
    ) -> Result<bool, LookupFailure> {
        let mut judgements = inquiry.judgements(place, found, &self.circumstances);
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
        let mut children = self.in_time(children).await.ok()?;
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
            self.in_time(self.registry.attachments(
                place,
                child,
                Wanted::Signatures,
                Search::First,
                &self.access,
            ))
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
        answer: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, LookupFailure> {
        match timeout_at(self.access.deadline, answer).await {
            Ok(answer) => answer.map_err(|error| lookup_failure(error, &self.access.keyring)),
            Err(_) => Err(LookupFailure::Deadline),
        }
    }
}

/// What one search found.
struct Find {
    candidates: Candidates,
    /// Whether the demands on this place are satisfied by it.
    is_enough: bool,
    /// Set when there were more candidates than are verified.
    left_out: Option<LookupFailure>,
}

/// What is known so far, with these candidates in this place.
fn with(so_far: &ImageEvidence, place: &Repository, candidates: &Candidates) -> ImageEvidence {
    ImageEvidence {
        signatures: BTreeMap::from([(place.clone(), Ok(candidates.clone()))]),
        ..so_far.clone()
    }
}

/// Whether every place was looked at and none holds a candidate.
fn is_unsigned(found: &ImageEvidence) -> bool {
    found.signatures.values().all(|place| {
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
