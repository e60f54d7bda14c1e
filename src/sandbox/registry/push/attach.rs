//! What cosign attached before bundles, and any other referrer.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{EMPTY, json_bytes};
use crate::{
    image::Digest,
    sandbox::registry::{
        MemoryRegistry, lock,
        store::{OCI_MANIFEST, Store},
    },
};

/// A layer as it is pushed.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its media type.
    pub media_type: String,
    /// Its blob.
    pub content: Bytes,
    /// The annotations of its descriptor.
    pub annotations: BTreeMap<String, String>,
}

impl MemoryRegistry {
    /// Adds an attestation as `cosign attest` of cosign 2 does: one more layer of the manifest tagged
    /// `sha256-….att`. Answers with that manifest's digest.
    pub fn attach_legacy_attestation(
        &self,
        repository: &str,
        image: &Digest,
        envelope: impl Into<Bytes>,
        annotations: &BTreeMap<String, String>,
    ) -> Digest {
        let layer = Layer::of(DSSE, envelope, annotations);
        self.attach_to_tag(repository, &format!("sha256-{}.att", image.hex()), &layer)
    }

    /// Attaches a signature in the experimental layout of cosign 2: a referrer with the layers of the tag.
    pub fn attach_experimental_signature(
        &self,
        repository: &str,
        image: &Digest,
        payload: impl Into<Bytes>,
        annotations: &BTreeMap<String, String>,
    ) -> Digest {
        let layer = Layer::of(SIMPLE_SIGNING, payload, annotations);
        self.attach_referrer(
            repository,
            image,
            COSIGN_SIGNATURE,
            COSIGN_SIGNATURE,
            &[layer],
        )
    }

    /// Attaches an attestation in the experimental layout of cosign 2.
    pub fn attach_experimental_attestation(
        &self,
        repository: &str,
        image: &Digest,
        envelope: impl Into<Bytes>,
        annotations: &BTreeMap<String, String>,
    ) -> Digest {
        let layer = Layer::of(DSSE, envelope, annotations);
        self.attach_referrer(
            repository,
            image,
            "application/vnd.in-toto+json",
            EMPTY,
            &[layer],
        )
    }

    /// Attaches any artifact that refers to the image. Answers with its manifest's digest.
    pub fn attach_referrer(
        &self,
        repository: &str,
        image: &Digest,
        artifact_type: &str,
        config_media_type: &str,
        layers: &[Layer],
    ) -> Digest {
        let mut store = lock(&self.shared.store);
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| store.put_layer(repository, layer))
            .collect();
        let config = store.put_blob(repository, Bytes::from_static(b"{}"));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": {"mediaType": config_media_type, "digest": config.as_str(), "size": 2},
            "layers": layers,
            "subject": store.descriptor(repository, image),
        });
        let digest = store.put_manifest(repository, OCI_MANIFEST, json_bytes(&manifest));
        self.list_referrer(&mut store, repository, image, &digest);
        digest
    }

    /// Adds a layer to the manifest of this tag, which need not be there yet.
    pub(super) fn attach_to_tag(&self, repository: &str, tag: &str, layer: &Layer) -> Digest {
        let mut store = lock(&self.shared.store);
        let mut layers = store.list(repository, tag, "layers");
        layers.push(store.put_layer(repository, layer));
        let config = store.put_config(repository, &json!({"architecture": "", "os": ""}));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config,
            "layers": layers,
        });
        let digest = store.put_manifest(repository, OCI_MANIFEST, json_bytes(&manifest));
        store.put_tag(repository, tag, digest.clone());
        digest
    }
}

impl Layer {
    pub(super) fn of(
        media_type: &str,
        content: impl Into<Bytes>,
        annotations: &BTreeMap<String, String>,
    ) -> Self {
        Self {
            media_type: media_type.to_owned(),
            content: content.into(),
            annotations: annotations.clone(),
        }
    }
}

impl Store {
    /// Stores the layer's blob. Gives its descriptor.
    fn put_layer(&mut self, repository: &str, layer: &Layer) -> Value {
        let blob = self.put_blob(repository, layer.content.clone());
        json!({
            "mediaType": layer.media_type,
            "digest": blob.as_str(),
            "size": layer.content.len(),
            "annotations": layer.annotations,
        })
    }
}

pub(super) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

const DSSE: &str = "application/vnd.dsse.envelope.v1+json";

const COSIGN_SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
