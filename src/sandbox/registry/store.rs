//! What the registry holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::image::Digest;

pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// All repositories, by path.
#[derive(Debug, Default)]
pub(super) struct Store {
    repositories: BTreeMap<String, Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    manifests: BTreeMap<Digest, Manifest>,
    tags: BTreeMap<String, Digest>,
    blobs: BTreeMap<Digest, Bytes>,
}

/// A manifest or index, and the type it was pushed as.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) content: Bytes,
}

impl Store {
    pub(super) fn put_blob(&mut self, repository: &str, content: Bytes) -> Digest {
        let digest = Digest::of(&content);
        let contents = self.repositories.entry(repository.to_owned()).or_default();
        contents.blobs.insert(digest.clone(), content);
        digest
    }

    pub(super) fn put_manifest(
        &mut self,
        repository: &str,
        media_type: &str,
        content: Bytes,
    ) -> Digest {
        let manifest = Manifest {
            digest: Digest::of(&content),
            media_type: media_type.to_owned(),
            content,
        };
        let digest = manifest.digest.clone();
        let contents = self.repositories.entry(repository.to_owned()).or_default();
        contents.manifests.insert(digest.clone(), manifest);
        digest
    }

    pub(super) fn put_tag(&mut self, repository: &str, tag: &str, digest: Digest) {
        let contents = self.repositories.entry(repository.to_owned()).or_default();
        contents.tags.insert(tag.to_owned(), digest);
    }

    pub(super) fn remove_tag(&mut self, repository: &str, tag: &str) {
        if let Some(contents) = self.repositories.get_mut(repository) {
            contents.tags.remove(tag);
        }
    }

    /// By tag or by digest.
    pub(super) fn manifest(&self, repository: &str, reference: &str) -> Option<&Manifest> {
        let contents = self.repositories.get(repository)?;
        let digest = match contents.tags.get(reference) {
            Some(digest) => digest.clone(),
            None => reference.parse().ok()?,
        };
        contents.manifests.get(&digest)
    }

    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let contents = self.repositories.get(repository)?;
        contents.blobs.get(&digest.parse().ok()?).cloned()
    }

    /// The descriptors of all manifests whose `subject` is this digest, as the referrers API lists them.
    pub(super) fn referrers(&self, repository: &str, manifest_subject: &str) -> Vec<Value> {
        let Some(contents) = self.repositories.get(repository) else {
            return Vec::new();
        };
        contents
            .manifests
            .values()
            .filter_map(|manifest| {
                let json: Value = serde_json::from_slice(&manifest.content).ok()?;
                let refers = json.pointer("/subject/digest")?.as_str()? == manifest_subject;
                refers.then(|| manifest.referrer_descriptor(&json))
            })
            .collect()
    }
}

impl Manifest {
    /// A plain descriptor of this manifest.
    pub(super) fn descriptor(&self) -> Value {
        json!({
            "mediaType": self.media_type,
            "digest": self.digest.as_str(),
            "size": self.content.len(),
        })
    }

    /// The distribution specification adds the artifact type (else the config's type) and the annotations.
    fn referrer_descriptor(&self, json: &Value) -> Value {
        let mut descriptor = self.descriptor();
        let artifact_type = json
            .get("artifactType")
            .or_else(|| json.pointer("/config/mediaType"));
        if let (Some(fields), Some(artifact_type)) = (descriptor.as_object_mut(), artifact_type) {
            fields.insert("artifactType".to_owned(), artifact_type.clone());
        }
        if let (Some(fields), Some(annotations)) =
            (descriptor.as_object_mut(), json.get("annotations"))
        {
            fields.insert("annotations".to_owned(), annotations.clone());
        }
        descriptor
    }
}
