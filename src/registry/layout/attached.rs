//! What a layout holds about an image.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    LayoutError,
    folder::Folder,
    images::{Contents, Entry},
};
use crate::{
    image::Digest,
    limits,
    registry::{
        Attachment, AttachmentPlace, Wanted,
        discovery::is_about,
        manifest::{Descriptor, Manifest},
    },
};

impl Contents {
    /// The candidates of a digest: by the tags `sha256-….sig` and `sha256-….att`, and of every manifest that is about
    /// it.
    pub(super) fn attached_to(
        &self,
        image: &Digest,
        folder: &Folder,
    ) -> Result<Arc<[Attachment]>, LayoutError> {
        let wanted = Wanted::SignaturesAndAttestations;
        let tag = |suffix: &str| format!("sha256-{}.{suffix}", image.hex());
        let (signatures, attestations) = (tag("sig"), tag("att"));
        self.gather(folder, |entry, manifest| {
            if entry.tag() == Some(&signatures) {
                Some(AttachmentPlace::SignatureTag)
            } else if entry.tag() == Some(&attestations) {
                Some(AttachmentPlace::AttestationTag)
            } else {
                is_about(manifest, image, wanted).then_some(AttachmentPlace::ReferrersTag)
            }
        })
    }

    /// What `cosign save` keeps beside the image, without a tag that says whose it is.
    pub(super) fn saved_by_cosign(
        &self,
        folder: &Folder,
    ) -> Result<Arc<[Attachment]>, LayoutError> {
        self.gather(folder, |entry, _| match entry.cosign_kind.as_deref() {
            Some(COSIGN_SIGNATURES) => Some(AttachmentPlace::SignatureTag),
            Some(COSIGN_ATTESTATIONS) => Some(AttachmentPlace::AttestationTag),
            Some(_) | None => None,
        })
    }

    fn gather(
        &self,
        folder: &Folder,
        place: impl Fn(&Entry, &Manifest) -> Option<AttachmentPlace>,
    ) -> Result<Arc<[Attachment]>, LayoutError> {
        let mut gathered = Gathered {
            folder,
            seen: BTreeSet::new(),
            found: Vec::new(),
            bytes: 0,
        };
        for entry in &self.entries {
            let Some(manifest) = self.manifests.get(&entry.digest) else {
                continue;
            };
            let Some(place) = place(entry, manifest) else {
                continue;
            };
            for layer in &manifest.layers {
                if place.may_hold(&layer.media_type) {
                    gathered.add(place, manifest, layer)?;
                }
            }
        }
        Ok(gathered.found.into())
    }
}

/// Candidates, each once, until they are too many.
struct Gathered<'a> {
    folder: &'a Folder,
    /// Keys sign the same payload in cosign's older layout: only the annotations tell their signatures apart.
    seen: BTreeSet<(Digest, Digest, BTreeMap<String, String>)>,
    found: Vec<Attachment>,
    bytes: usize,
}

impl Gathered<'_> {
    fn add(
        &mut self,
        place: AttachmentPlace,
        manifest: &Manifest,
        layer: &Descriptor,
    ) -> Result<(), LayoutError> {
        let Some(digest) = layer.digest() else {
            return Err(LayoutError::Malformed {
                file: self.folder.shown().to_owned(),
                detail: format!(
                    "it lists a signature by a digest that is not SHA-256 ({})",
                    layer.shown_digest()
                ),
            });
        };
        let annotations = layer.annotations();
        let known = (manifest.digest.clone(), digest.clone(), annotations.clone());
        if !self.seen.insert(known) {
            return Ok(());
        }
        let limit = limits::CANDIDATES_PER_IMAGE;
        if self.found.len() == limit {
            return Err(self.too_much(format!("more than {limit} signature candidates"), limit));
        }
        let content = self
            .folder
            .listed_blob(&digest, layer.size, limits::ATTACHMENT_BYTES)?;
        self.bytes = self
            .bytes
            .saturating_add(content.len())
            .saturating_add(layer.annotation_bytes());
        let limit = limits::CANDIDATE_BYTES_PER_IMAGE;
        if self.bytes > limit {
            let what = format!("more than {limit} bytes of signature candidates");
            return Err(self.too_much(what, limit));
        }
        self.found.push(Attachment {
            place,
            media_type: layer.media_type.clone(),
            digest,
            content,
            annotations: annotations.into_iter().collect(),
            manifest: manifest.digest.clone(),
        });
        Ok(())
    }

    fn too_much(&self, what: String, limit: usize) -> LayoutError {
        LayoutError::Limit {
            file: self.folder.shown().to_owned(),
            what,
            limit,
        }
    }
}

const COSIGN_SIGNATURES: &str = "dev.cosignproject.cosign/sigs";
const COSIGN_ATTESTATIONS: &str = "dev.cosignproject.cosign/atts";
