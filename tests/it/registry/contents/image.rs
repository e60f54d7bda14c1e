//! Images that say something about themselves, as buildx pushes them.

use std::collections::BTreeMap;

use assay::image::Digest;
use serde_json::{Map, Value, json};

use super::{PATH, Setup};

/// A manifest for one platform, with a configuration.
#[derive(Clone)]
pub(super) struct Manifest {
    architecture: &'static str,
    annotations: Map<String, Value>,
    labels: Map<String, Value>,
    media_type: &'static str,
    config_type: &'static str,
}

/// An index over manifests, with what BuildKit adds to it.
#[derive(Clone)]
pub(super) struct Index {
    pub(super) platforms: Vec<Manifest>,
    pub(super) records: Vec<Record>,
}

/// An attestation manifest and how the index lists it.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) platform: Value,
    /// What the index says it is about.
    pub(super) link: String,
    pub(super) statements: Vec<Value>,
    pub(super) predicate_type: String,
    /// Further layers, as they are.
    pub(super) layers: Vec<Value>,
}

impl Manifest {
    pub(super) fn new(architecture: &'static str) -> Self {
        Self {
            architecture,
            annotations: Map::new(),
            labels: Map::new(),
            media_type: IMAGE_MANIFEST,
            config_type: "application/vnd.oci.image.config.v1+json",
        }
    }

    pub(super) fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), json!(value));
        self
    }

    pub(super) fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), json!(value));
        self
    }

    pub(super) fn of_docker(mut self) -> Self {
        self.media_type = "application/vnd.docker.distribution.manifest.v2+json";
        self.config_type = "application/vnd.docker.container.image.v1+json";
        self
    }

    fn config(&self) -> String {
        let config = json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": {"Labels": self.labels},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        config.to_string()
    }

    pub(super) fn config_digest(&self) -> Digest {
        Digest::of(self.config().as_bytes())
    }

    fn content(&self) -> String {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": {
                "mediaType": self.config_type,
                "digest": self.config_digest().as_str(),
                "size": self.config().len(),
            },
            "layers": [],
            "annotations": self.annotations,
        });
        manifest.to_string()
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.content().as_bytes())
    }

    pub(super) fn push(&self, setup: &Setup) -> Digest {
        setup.registry.push_blob(PATH, self.config());
        setup
            .registry
            .push_manifest(PATH, None, self.media_type, self.content())
    }

    fn descriptor(&self) -> Value {
        json!({
            "mediaType": self.media_type,
            "digest": self.digest().as_str(),
            "size": self.content().len(),
            "platform": {"os": "linux", "architecture": self.architecture},
            "annotations": {"descriptor": "d", "both": "d"},
        })
    }
}

impl Index {
    /// Over two platforms.
    pub(super) fn of_two() -> Self {
        let platforms = ["amd64", "arm64"].map(|architecture| {
            Manifest::new(architecture)
                .annotated("own", architecture)
                .annotated("both", architecture)
                .labelled("for", architecture)
        });
        Self {
            platforms: platforms.to_vec(),
            records: Vec::new(),
        }
    }

    /// With a statement about each platform.
    pub(super) fn attested(mut self) -> Self {
        let platforms = self.platforms.iter();
        self.records = platforms.map(|one| Record::about(&one.digest())).collect();
        self
    }

    pub(super) fn push(&self, setup: &Setup) -> Digest {
        let mut listed = Vec::new();
        for platform in &self.platforms {
            platform.push(setup);
            listed.push(platform.descriptor());
        }
        listed.extend(self.records.iter().map(|record| record.push(setup)));
        push_index(setup, &listed)
    }
}

impl Record {
    /// BuildKit's, about this manifest.
    pub(super) fn about(platform: &Digest) -> Self {
        Self {
            platform: json!({"os": "unknown", "architecture": "unknown"}),
            link: platform.to_string(),
            statements: vec![statement(platform)],
            predicate_type: PROVENANCE.to_owned(),
            layers: Vec::new(),
        }
    }

    /// Pushes it; its descriptor.
    fn push(&self, setup: &Setup) -> Value {
        let mut layers = self.layers.clone();
        for statement in &self.statements {
            let text = match statement {
                // No JSON of its own: the text as it is.
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let digest = setup.registry.push_blob(PATH, text.clone());
            layers.push(json!({
                "mediaType": "application/vnd.in-toto+json",
                "digest": digest.as_str(),
                "size": text.len(),
                "annotations": {"in-toto.io/predicate-type": self.predicate_type},
            }));
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": Digest::of(b"{}").as_str(),
                "size": 2,
            },
            "layers": layers,
        });
        let text = manifest.to_string();
        let size = text.len();
        let digest = setup
            .registry
            .push_manifest(PATH, None, IMAGE_MANIFEST, text);
        json!({
            "mediaType": IMAGE_MANIFEST,
            "digest": digest.as_str(),
            "size": size,
            "platform": self.platform,
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": self.link,
            },
        })
    }
}

/// Pushes an index of these entries.
pub(super) fn push_index(setup: &Setup, listed: &[Value]) -> Digest {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_INDEX,
        "manifests": listed,
        "annotations": {"index": "i"},
    });
    setup
        .registry
        .push_manifest(PATH, None, IMAGE_INDEX, index.to_string())
}

/// A statement of provenance about this manifest.
pub(super) fn statement(platform: &Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [{
            "name": "pkg:docker/acme/api@1?platform=linux%2Famd64",
            "digest": {"sha256": platform.hex()},
        }],
        "predicateType": PROVENANCE,
        "predicate": {"buildDefinition": {}},
    })
}

pub(super) fn texts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let entries = entries.iter();
    entries
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(super) const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
pub(super) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
