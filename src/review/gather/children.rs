//! Why an image has no signature: it is not there, or what it lists is signed in its place.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::Gatherer;
use crate::{
    decision::{Inquiry, LookupFailure, WhyUnsigned},
    image::{Digest, Repository},
    limits::CHILDREN_PER_INDEX,
    registry::{Attachment, Search, Wanted},
    verify::Layout,
};

impl Gatherer<'_> {
    /// Whether there is such an image, and a manifest of it, if it is an index, that has a signature. This only makes a
    /// denial clearer, so that what cannot be looked up is left out, and no more than [`CHILDREN_PER_INDEX`] are looked at.
    pub(super) async fn why_unsigned(
        &self,
        inquiry: &Inquiry,
        image: &Digest,
    ) -> Option<WhyUnsigned> {
        let repository = inquiry.reference.repository();
        let children = self.registry.children(repository, image, &self.access);
        let mut children = match self.in_time(repository, children).await {
            Ok(children) => children,
            Err(LookupFailure::NotFound) => return Some(WhyUnsigned::NoImage),
            Err(_) => return None,
        };
        children.truncate(CHILDREN_PER_INDEX);
        let places = inquiry.signature_repositories();
        let signed = join_all(children.iter().map(|child| self.is_signed(&places, child))).await;
        children
            .into_iter()
            .zip(signed)
            .find_map(|(child, signed)| signed.then_some(WhyUnsigned::SignedChild(child)))
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
}

/// Whether it is stored as signatures are.
fn is_signature(attachment: &Attachment) -> bool {
    match Layout::of_media_type(&attachment.media_type) {
        Some(Layout::Legacy | Layout::Bundle) => true,
        Some(Layout::LegacyAttestation) | None => false,
    }
}
