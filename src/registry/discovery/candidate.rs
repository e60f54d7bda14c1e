//! Candidates: layers of the right media type, fetched within bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    image::Digest,
    limits,
    registry::{
        Attachment, AttachmentPlace, RegistryError, Wanted,
        budget::{Share, paid},
        cache::Looked,
        manifest::{Descriptor, Manifest},
        session::Session,
    },
};

/// The layers to fetch.
#[derive(Debug)]
pub(super) struct Candidates {
    place: AttachmentPlace,
    layers: Vec<Layer>,
    bytes: usize,
    annotation_bytes: usize,
}

#[derive(Debug)]
struct Layer {
    descriptor: Descriptor,
    digest: Digest,
    size: usize,
    manifest: Digest,
}

impl Candidates {
    pub(super) fn new(place: AttachmentPlace) -> Self {
        Self {
            place,
            layers: Vec::new(),
            bytes: 0,
            annotation_bytes: 0,
        }
    }

    /// Adds the layers of a manifest that may be signatures or attestations; others are left out.
    pub(super) fn add_layers(
        &mut self,
        session: &Session,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let place = self.place;
        let layers = manifest
            .layers
            .iter()
            .filter(|layer| place.may_hold(&layer.media_type));
        for layer in layers {
            self.add(session, manifest, layer)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        session: &Session,
        manifest: &Manifest,
        layer: &Descriptor,
    ) -> Result<(), RegistryError> {
        let Some(digest) = layer.digest() else {
            return Err(session.lists_other_digest(layer));
        };
        let limit = limits::ATTACHMENT_BYTES;
        let size = match usize::try_from(layer.size) {
            Ok(size) if size <= limit => size,
            Ok(_) | Err(_) => {
                return Err(session.limit(format!(
                    "a signature candidate has {} bytes, at most {limit} are read",
                    layer.size
                )));
            }
        };
        let limit = limits::CANDIDATES_PER_IMAGE;
        if self.layers.len() == limit {
            return Err(session.limit(format!(
                "more than {limit} signature candidates are attached"
            )));
        }
        // Annotations are kept as long as the content is, and a referrer's manifest may be full of them.
        let annotation_bytes = layer.annotation_bytes();
        self.annotation_bytes = self.annotation_bytes.saturating_add(annotation_bytes);
        self.bytes = self
            .bytes
            .saturating_add(size)
            .saturating_add(annotation_bytes);
        let limit = limits::CANDIDATE_BYTES_PER_IMAGE;
        if self.bytes > limit {
            return Err(session.limit(format!(
                "the signature candidates have more than {limit} bytes together"
            )));
        }
        self.layers.push(Layer {
            descriptor: layer.clone(),
            digest,
            size,
            manifest: manifest.digest.clone(),
        });
        Ok(())
    }

    /// Fetches them all, in the order in which they were added.
    pub(super) async fn fetch(self, session: &Session) -> Result<Looked, RegistryError> {
        let place = self.place;
        // They stay when their manifests have gone.
        let annotations = Arc::new(session.pay(self.annotation_bytes).await?);
        let blobs = self.fetch_blobs(session).await?;
        annotations.arrived();
        for (_, share) in blobs.values() {
            share.arrived();
        }
        let attachments = self.layers.into_iter().filter_map(|layer| {
            let (content, _) = blobs.get(&(layer.digest.clone(), layer.size))?;
            Some(Attachment {
                place,
                annotations: layer.descriptor.annotations().into_iter().collect(),
                media_type: layer.descriptor.media_type,
                digest: layer.digest,
                content: paid(content.clone(), Arc::clone(&annotations)),
                manifest: layer.manifest,
            })
        });
        let attachments: Vec<Attachment> = attachments.collect();
        Ok(Looked::Found(attachments.into()))
    }

    /// Every blob once: keys sign the same payload in cosign's older layout, one layer for each.
    async fn fetch_blobs(
        &self,
        session: &Session,
    ) -> Result<BTreeMap<(Digest, usize), (Bytes, Arc<Share>)>, RegistryError> {
        let wanted: BTreeSet<(Digest, usize)> = self
            .layers
            .iter()
            .map(|layer| (layer.digest.clone(), layer.size))
            .collect();
        stream::iter(wanted)
            .map(|(digest, size)| async move {
                let content = session.fetch_blob(&digest, size).await?;
                Ok::<_, RegistryError>(((digest, size), content))
            })
            .buffer_unordered(limits::FETCHES_PER_IMAGE)
            .try_collect()
            .await
    }
}

/// Whether a layer of this media type may be a signature.
pub(in crate::registry) fn is_signature(media_type: &str) -> bool {
    is_bundle(media_type) || media_type == SIMPLE_SIGNING
}

/// Whether a layer of this media type may be an attestation in a layout of cosign 2.
pub(in crate::registry) fn is_envelope(media_type: &str) -> bool {
    media_type == ENVELOPE
}

/// Whether this referrer is about this digest and holds what is wanted as cosign stores it: one bundle (the layout of
/// cosign 3), or simple-signing payloads or envelopes alone (the experimental layouts of cosign 2).
pub(in crate::registry) fn is_about(manifest: &Manifest, image: &Digest, wanted: Wanted) -> bool {
    let all = |media_type: &str| {
        let mut layers = manifest.layers.iter();
        !manifest.layers.is_empty() && layers.all(|layer| layer.media_type == media_type)
    };
    let holds_it = match (manifest.layers.as_slice(), wanted) {
        ([layer], _) if is_bundle(&layer.media_type) => true,
        (_, Wanted::Signatures) => all(SIMPLE_SIGNING),
        (_, Wanted::SignaturesAndAttestations) => all(SIMPLE_SIGNING) || all(ENVELOPE),
    };
    holds_it && manifest.manifest_subject.as_deref() == Some(image.as_str())
}

/// Whether this is the media type of some version of a Sigstore bundle.
pub(super) fn is_bundle(media_type: &str) -> bool {
    media_type.starts_with(BUNDLE)
}

const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
