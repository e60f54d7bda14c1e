//! Manifests and indexes, read with every list bounded. They are the registry's word until their digest is
//! compared.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

use crate::{image::Digest, limits, untrusted::shown};

/// All that Assay can read: what it asks for when it does not know which it will get.
pub(super) const ANY_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// Manifests of single images, of which signatures are a kind.
pub(super) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// The form of a list of referrers.
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    OciManifest,
    OciIndex,
    DockerManifest,
    DockerList,
}

/// A manifest or index.
#[derive(Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "a bare subject could be a statement's or a certificate's"
)]
pub(super) struct Manifest {
    pub(super) kind: Kind,
    /// The digest of its bytes, computed by us.
    pub(super) digest: Digest,
    /// The layers of a manifest.
    pub(super) layers: Vec<Descriptor>,
    /// The manifests that an index lists.
    pub(super) manifests: Vec<Descriptor>,
    /// The digest of the manifest that it says it is about.
    pub(super) manifest_subject: Option<String>,
}

/// What a manifest says of a content: nothing here has been compared with the content.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) artifact_type: Option<String>,
    #[serde(default)]
    annotations: Option<Annotations>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Platform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

/// Why a document is no manifest that we read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ManifestError {
    /// The `Content-Type` is none of the four.
    #[error("answered \"{presented}\" instead of a manifest")]
    MediaType {
        /// What it says it is, escaped and cut.
        presented: String,
    },
    /// No JSON of the expected shape, or one that can be read as two things.
    #[error("answered a malformed manifest")]
    Malformed,
    /// A list is too long.
    #[error("a manifest lists more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    layers: Option<Bounded<Descriptor>>,
    #[serde(default)]
    manifests: Option<Bounded<Descriptor>>,
    #[serde(default)]
    subject: Option<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: String,
}

impl Kind {
    pub(super) fn parse(media_type: &str) -> Option<Self> {
        match media_type {
            "application/vnd.oci.image.manifest.v1+json" => Some(Self::OciManifest),
            "application/vnd.oci.image.index.v1+json" => Some(Self::OciIndex),
            "application/vnd.docker.distribution.manifest.v2+json" => Some(Self::DockerManifest),
            "application/vnd.docker.distribution.manifest.list.v2+json" => Some(Self::DockerList),
            _ => None,
        }
    }

    /// The media type it is served as.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::OciManifest => "application/vnd.oci.image.manifest.v1+json",
            Self::OciIndex => "application/vnd.oci.image.index.v1+json",
            Self::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    /// Whether it lists other manifests.
    pub(super) fn is_index(self) -> bool {
        match self {
            Self::OciIndex | Self::DockerList => true,
            Self::OciManifest | Self::DockerManifest => false,
        }
    }
}

impl Manifest {
    /// Reads a document that was served as `media_type`.
    pub(super) fn parse(media_type: &str, body: &[u8]) -> Result<Self, ManifestError> {
        let kind = Kind::parse(media_type).ok_or_else(|| ManifestError::MediaType {
            presented: shown(media_type, limits::SHOWN_CHARS),
        })?;
        // From bytes, the parser would not look at the texts that it skips.
        let text = std::str::from_utf8(body).map_err(|_| ManifestError::Malformed)?;
        let document: Document = serde_json::from_str(text).map_err(|error| refusal(&error))?;
        // One document must not be an index to one reader and a manifest to another.
        let is_clear = match &document.media_type {
            Some(inner) => inner == media_type,
            None => true,
        };
        let (layers, manifests) = (document.layers, document.manifests);
        let is_fitting = if kind.is_index() {
            layers.is_none()
        } else {
            manifests.is_none()
        };
        if !is_clear || !is_fitting {
            return Err(ManifestError::Malformed);
        }
        Ok(Self {
            kind,
            digest: Digest::of(body),
            layers: layers.map(|list| list.0).unwrap_or_default(),
            manifests: manifests.map(|list| list.0).unwrap_or_default(),
            manifest_subject: document.subject.map(|subject| subject.digest),
        })
    }
}

impl Descriptor {
    /// The digest, when it is one we accept.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest.parse().ok()
    }

    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let annotations = self.annotations.as_ref();
        annotations
            .map(|annotations| annotations.0.clone())
            .unwrap_or_default()
    }

    /// How long the annotations are together.
    pub(super) fn annotation_bytes(&self) -> usize {
        let annotations = self
            .annotations
            .iter()
            .flat_map(|annotations| &annotations.0);
        annotations
            .map(|(key, value)| key.len() + value.len())
            .sum()
    }

    /// As in `linux/arm64/v8`, for an entry of an index.
    pub(super) fn platform(&self) -> String {
        let Some(platform) = &self.platform else {
            return "unknown".to_owned();
        };
        let parts = [&platform.os, &platform.architecture, &platform.variant];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join("/")
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.annotations.as_ref()?;
        annotations.0.get(key).map(String::as_str)
    }

    pub(super) fn has_annotation(&self, key: &str) -> bool {
        let annotations = self.annotations.as_ref();
        annotations.is_some_and(|annotations| annotations.0.contains_key(key))
    }
}

/// A list of at most [`limits::DESCRIPTORS_PER_INDEX`].
#[derive(Debug)]
struct Bounded<T>(Vec<T>);

/// At most [`limits::ANNOTATIONS_PER_DESCRIPTOR`], each key once.
#[derive(Clone, Debug)]
struct Annotations(BTreeMap<String, String>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Bounded<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() == limits::DESCRIPTORS_PER_INDEX {
                        return Err(de::Error::custom(TOO_MANY_DESCRIPTORS));
                    }
                    items.push(item);
                }
                Ok(Bounded(items))
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Annotations;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = BTreeMap::new();
                while let Some((key, value)) = map.next_entry()? {
                    if found.len() == limits::ANNOTATIONS_PER_DESCRIPTOR {
                        return Err(de::Error::custom(TOO_MANY_ANNOTATIONS));
                    }
                    if found.insert(key, value).is_some() {
                        return Err(de::Error::custom("the same annotation twice"));
                    }
                }
                Ok(Annotations(found))
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// Serde carries no error type of ours through a parse, so the two limits are told apart by their text.
fn refusal(error: &serde_json::Error) -> ManifestError {
    let text = error.to_string();
    if text.starts_with(TOO_MANY_DESCRIPTORS) {
        ManifestError::TooMany {
            what: "descriptors",
            limit: limits::DESCRIPTORS_PER_INDEX,
        }
    } else if text.starts_with(TOO_MANY_ANNOTATIONS) {
        ManifestError::TooMany {
            what: "annotations of one descriptor",
            limit: limits::ANNOTATIONS_PER_DESCRIPTOR,
        }
    } else {
        ManifestError::Malformed
    }
}

const TOO_MANY_DESCRIPTORS: &str = "too many descriptors";
const TOO_MANY_ANNOTATIONS: &str = "too many annotations";
