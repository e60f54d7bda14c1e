//! Images that say something about themselves: annotations, labels, and what BuildKit puts into an index.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{OCI_INDEX, OCI_MANIFEST, json_bytes};
use crate::{
    image::Digest,
    sandbox::{
        build::Predicate,
        registry::{MemoryRegistry, lock, store::Store},
    },
};

/// The image for one platform, before it is pushed.
#[derive(Clone, Debug)]
pub struct DescribedImage {
    architecture: String,
    content: String,
    annotations: BTreeMap<String, String>,
    descriptor_annotations: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    statements: Vec<BuildStatement>,
}

/// An index over images, before it is pushed.
#[derive(Clone, Debug, Default)]
pub struct DescribedIndex {
    annotations: BTreeMap<String, String>,
    images: Vec<DescribedImage>,
}

/// How an attestation manifest and its statement are tied to the image that they are about. The default ties them as
/// BuildKit does.
#[derive(Clone, Debug, Default)]
pub struct AttestationLink {
    /// The digest in the descriptor's annotation, instead of the image's.
    pub reference_digest: Option<Digest>,
    /// The descriptor's `vnd.docker.reference.type`, instead of `attestation-manifest`.
    pub reference_type: Option<String>,
    /// The digest that the statement is about, instead of the image's.
    pub statement_subject: Option<Digest>,
    /// The predicate type beside the statement, instead of its own.
    pub annotated_type: Option<String>,
}

#[derive(Clone, Debug)]
struct BuildStatement {
    predicate: Predicate,
    link: AttestationLink,
}

impl DescribedImage {
    /// An image for this architecture. Images with equal `content` that say the same are equal.
    pub fn new(architecture: &str, content: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            content: content.to_owned(),
            annotations: BTreeMap::new(),
            descriptor_annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            statements: Vec::new(),
        }
    }

    /// Adds an annotation of the manifest.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds an annotation of the manifest's descriptor in the index.
    #[must_use]
    pub fn descriptor_annotation(mut self, key: &str, value: &str) -> Self {
        self.descriptor_annotations
            .insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a label to the configuration.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Lets the index hold an attestation manifest about this image. Used in an index alone.
    #[must_use]
    pub fn stating(self, predicate: Predicate) -> Self {
        self.stating_with(predicate, AttestationLink::default())
    }

    /// The same with a tie of its own.
    #[must_use]
    pub fn stating_with(mut self, predicate: Predicate, link: AttestationLink) -> Self {
        self.statements.push(BuildStatement { predicate, link });
        self
    }
}

impl DescribedIndex {
    /// Adds an annotation of the index.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds an image.
    #[must_use]
    pub fn image(mut self, image: DescribedImage) -> Self {
        self.images.push(image);
        self
    }
}

impl MemoryRegistry {
    /// Pushes one image by itself under this tag.
    pub fn push_described(&self, repository: &str, tag: &str, image: &DescribedImage) -> Digest {
        let mut store = lock(&self.shared.store);
        let digest = store.put_described(repository, image);
        store.put_tag(repository, tag, digest.clone());
        digest
    }

    /// Pushes an index with its images and, after them as buildx does it, what is stated about each. Answers with the
    /// digests of the index and of the images.
    pub fn push_described_index(
        &self,
        repository: &str,
        tag: &str,
        index: &DescribedIndex,
    ) -> (Digest, Vec<Digest>) {
        let mut store = lock(&self.shared.store);
        let (mut descriptors, mut attestations, mut images) = (Vec::new(), Vec::new(), Vec::new());
        for image in &index.images {
            let digest = store.put_described(repository, image);
            let platform = json!({"architecture": image.architecture, "os": "linux"});
            descriptors.push(store.described(
                repository,
                &digest,
                &platform,
                &image.descriptor_annotations,
            ));
            for statement in &image.statements {
                attestations.push(store.put_statement(repository, &digest, statement));
            }
            images.push(digest);
        }
        descriptors.append(&mut attestations);
        let mut json = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": descriptors,
        });
        add_annotations(&mut json, &index.annotations);
        let digest = store.put_manifest(repository, OCI_INDEX, json_bytes(&json));
        store.put_tag(repository, tag, digest.clone());
        (digest, images)
    }
}

impl Store {
    fn put_described(&mut self, repository: &str, image: &DescribedImage) -> Digest {
        let layer = Bytes::from(image.content.clone());
        let layer_size = layer.len();
        let layer = self.put_blob(repository, layer);
        let config = json!({
            "architecture": image.architecture,
            "os": "linux",
            "config": {"Labels": image.labels},
            "rootfs": {"type": "layers", "diff_ids": [layer.as_str()]},
        });
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.put_config(repository, &config),
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer.as_str(),
                "size": layer_size,
            }],
        });
        add_annotations(&mut manifest, &image.annotations);
        self.put_manifest(repository, OCI_MANIFEST, json_bytes(&manifest))
    }

    /// Stores an attestation manifest with one statement. Gives its descriptor in the index.
    fn put_statement(
        &mut self,
        repository: &str,
        image: &Digest,
        statement: &BuildStatement,
    ) -> Value {
        let BuildStatement { predicate, link } = statement;
        let about = link.statement_subject.as_ref().unwrap_or(image);
        let content = json_bytes(&predicate.statement(std::slice::from_ref(about)));
        let annotated_type = link.annotated_type.as_ref();
        let annotated_type = annotated_type.unwrap_or(&predicate.predicate_type);
        let layer = json!({
            "mediaType": "application/vnd.in-toto+json",
            "size": content.len(),
            "digest": self.put_blob(repository, content).as_str(),
            "annotations": {"in-toto.io/predicate-type": annotated_type},
        });
        let config = json!({"architecture": "unknown", "os": "unknown", "config": {}});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.put_config(repository, &config),
            "layers": [layer],
        });
        let digest = self.put_manifest(repository, OCI_MANIFEST, json_bytes(&manifest));
        let reference = link.reference_digest.as_ref().unwrap_or(image);
        let kind = link.reference_type.as_deref();
        let annotations = [
            ("vnd.docker.reference.digest", reference.as_str()),
            (
                "vnd.docker.reference.type",
                kind.unwrap_or("attestation-manifest"),
            ),
        ];
        let annotations = annotations
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let platform = json!({"architecture": "unknown", "os": "unknown"});
        self.described(repository, &digest, &platform, &annotations)
    }

    /// A descriptor for an index.
    fn described(
        &self,
        repository: &str,
        digest: &Digest,
        platform: &Value,
        annotations: &BTreeMap<String, String>,
    ) -> Value {
        let mut descriptor = self.descriptor(repository, digest);
        if let Some(fields) = descriptor.as_object_mut() {
            fields.insert("platform".to_owned(), platform.clone());
        }
        add_annotations(&mut descriptor, annotations);
        descriptor
    }
}

/// Empty ones are left out, as pushers do.
fn add_annotations(json: &mut Value, annotations: &BTreeMap<String, String>) {
    if let (Some(fields), false) = (json.as_object_mut(), annotations.is_empty()) {
        fields.insert("annotations".to_owned(), json!(annotations));
    }
}
