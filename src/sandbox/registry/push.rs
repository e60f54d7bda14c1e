//! The write side: images, indexes and what cosign attaches to them.

mod attach;
mod described;

pub use attach::Layer;
pub use described::{AttestationLink, DescribedImage, DescribedIndex};

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use self::attach::SIMPLE_SIGNING;
use super::{
    MemoryRegistry, Referrers, lock,
    store::{Manifest, OCI_INDEX, OCI_MANIFEST, Store},
};
use crate::image::Digest;

impl MemoryRegistry {
    /// Pushes a small image under this tag. Images with equal `content` are equal.
    pub fn push_image(&self, repository: &str, tag: &str, content: &str) -> Digest {
        let mut store = lock(&self.shared.store);
        let digest = store.put_image(repository, content);
        store.put_tag(repository, tag, digest.clone());
        digest
    }

    /// Pushes an index over manifests that this repository holds, each as another platform.
    pub fn push_index(&self, repository: &str, tag: &str, children: &[Digest]) -> Digest {
        let mut store = lock(&self.shared.store);
        let descriptors: Vec<Value> = children
            .iter()
            .zip(
                ["amd64", "arm64", "s390x", "ppc64le", "riscv64"]
                    .iter()
                    .cycle(),
            )
            .map(|(child, architecture)| {
                let mut descriptor = store.descriptor(repository, child);
                if let Some(fields) = descriptor.as_object_mut() {
                    let platform = json!({"architecture": architecture, "os": "linux"});
                    fields.insert("platform".to_owned(), platform);
                }
                descriptor
            })
            .collect();
        let digest = store.put_index(repository, &descriptors);
        store.put_tag(repository, tag, digest.clone());
        digest
    }

    /// Pushes any manifest, as it is; untagged when `tag` is none.
    pub fn push_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        content: impl Into<Bytes>,
    ) -> Digest {
        let mut store = lock(&self.shared.store);
        let digest = store.put_manifest(repository, media_type, content.into());
        if let Some(tag) = tag {
            store.put_tag(repository, tag, digest.clone());
        }
        digest
    }

    /// Pushes a blob.
    pub fn push_blob(&self, repository: &str, content: impl Into<Bytes>) -> Digest {
        lock(&self.shared.store).put_blob(repository, content.into())
    }

    /// Adds a legacy signature as cosign 2 does: one more layer of the manifest tagged `sha256-….sig`.
    /// `repository` is where signatures live; it need not hold the image. Answers with that manifest's digest.
    pub fn attach_legacy(
        &self,
        repository: &str,
        image: &Digest,
        payload: impl Into<Bytes>,
        annotations: &BTreeMap<String, String>,
    ) -> Digest {
        let layer = Layer::of(SIMPLE_SIGNING, payload, annotations);
        self.attach_to_tag(repository, &format!("sha256-{}.sig", image.hex()), &layer)
    }

    /// Attaches a Sigstore bundle as cosign 3 does: a manifest of its own that refers to the image, found by the
    /// referrers API or the fallback tag. Answers with that manifest's digest.
    pub fn attach_bundle(
        &self,
        repository: &str,
        image: &Digest,
        bundle: impl Into<Bytes>,
    ) -> Digest {
        let mut store = lock(&self.shared.store);
        let digest = store.put_bundle_manifest(repository, image, bundle.into());
        self.list_referrer(&mut store, repository, image, &digest);
        digest
    }

    /// Puts a referrer into the fallback tag, where the registry is one without the referrers API or with both.
    fn list_referrer(
        &self,
        store: &mut Store,
        repository: &str,
        image: &Digest,
        referrer: &Digest,
    ) {
        match self.shared.settings.referrers {
            Referrers::Api => {}
            Referrers::FallbackTag | Referrers::Both => {
                store.add_to_fallback_tag(repository, image, referrer);
            }
        }
    }

    /// Lets a tag name another manifest.
    pub fn move_tag(&self, repository: &str, tag: &str, digest: &Digest) {
        lock(&self.shared.store).put_tag(repository, tag, digest.clone());
    }

    /// Forgets everything that was pushed.
    pub fn clear(&self) {
        *lock(&self.shared.store) = Store::default();
    }

    /// Takes a tag away; the manifest stays.
    pub fn remove_tag(&self, repository: &str, tag: &str) {
        lock(&self.shared.store).remove_tag(repository, tag);
    }
}

impl Store {
    fn put_image(&mut self, repository: &str, content: &str) -> Digest {
        // Two blocks of zeros: an archive without files.
        let layer = Bytes::from_static(&[0; 1024]);
        let layer_size = layer.len();
        let layer = self.put_blob(repository, layer);
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"content": content}},
            "rootfs": {"type": "layers", "diff_ids": [layer.as_str()]},
        });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.put_config(repository, &config),
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer.as_str(),
                "size": layer_size,
            }],
        });
        self.put_manifest(repository, OCI_MANIFEST, json_bytes(&manifest))
    }

    fn put_bundle_manifest(&mut self, repository: &str, image: &Digest, bundle: Bytes) -> Digest {
        let size = bundle.len();
        let blob = self.put_blob(repository, bundle);
        let empty = self.put_blob(repository, Bytes::from_static(b"{}"));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": BUNDLE,
            "config": {"mediaType": EMPTY, "digest": empty.as_str(), "size": 2},
            "layers": [{"mediaType": BUNDLE, "digest": blob.as_str(), "size": size}],
            "subject": self.descriptor(repository, image),
            "annotations": {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
                "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
            },
        });
        self.put_manifest(repository, OCI_MANIFEST, json_bytes(&manifest))
    }

    /// As go-containerregistry does it, the wrong artifact type included.
    fn add_to_fallback_tag(&mut self, repository: &str, image: &Digest, referrer: &Digest) {
        let tag = format!("sha256-{}", image.hex());
        let mut descriptors = self.list(repository, &tag, "manifests");
        let mut descriptor = self.descriptor(repository, referrer);
        if let Some(fields) = descriptor.as_object_mut() {
            fields.insert("artifactType".to_owned(), json!(EMPTY));
        }
        descriptors.push(descriptor);
        let index = self.put_index(repository, &descriptors);
        self.put_tag(repository, &tag, index);
    }

    fn put_config(&mut self, repository: &str, config: &Value) -> Value {
        let content = json_bytes(config);
        let size = content.len();
        let digest = self.put_blob(repository, content);
        json!({
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest.as_str(),
            "size": size,
        })
    }

    fn put_index(&mut self, repository: &str, descriptors: &[Value]) -> Digest {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": descriptors,
        });
        self.put_manifest(repository, OCI_INDEX, json_bytes(&index))
    }

    /// The descriptors that a tagged manifest lists in this field; none when there is no such tag.
    fn list(&self, repository: &str, tag: &str, field: &str) -> Vec<Value> {
        self.manifest(repository, tag)
            .and_then(|manifest| serde_json::from_slice::<Value>(&manifest.content).ok())
            .and_then(|manifest| manifest.get(field)?.as_array().cloned())
            .unwrap_or_default()
    }

    /// A manifest's descriptor; for one that lies elsewhere, what its pusher would have known about it.
    fn descriptor(&self, repository: &str, digest: &Digest) -> Value {
        self.manifest(repository, digest.as_str()).map_or_else(
            || json!({"mediaType": OCI_MANIFEST, "digest": digest.as_str(), "size": 1}),
            Manifest::descriptor,
        )
    }
}

fn json_bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
