//! Manifests and indexes, read with every list bounded. They are the registry's word until their digest is
//! compared.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{
    bounded::{List, TOO_LONG, TOO_MANY_TEXTS, Texts},
    budget::Share,
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
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "a bare subject could be a statement's or a certificate's"
)]
pub(super) struct Manifest {
    pub(super) kind: Kind,
    /// The digest of its bytes, computed by us.
    pub(super) digest: Digest,
    /// The configuration of a manifest.
    pub(super) config: Option<Descriptor>,
    /// The layers of a manifest.
    pub(super) layers: Vec<Descriptor>,
    /// The manifests that an index lists.
    pub(super) manifests: Vec<Descriptor>,
    /// Its own annotations. Docker's forms have none.
    pub(super) annotations: BTreeMap<String, String>,
    /// The digest of the manifest that it says it is about.
    pub(super) manifest_subject: Option<String>,
    /// What pays for it, when it came from a registry.
    pub(super) share: Option<Arc<Share>>,
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

/// What an entry of an index is there for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// It is an image that may run.
    Image,
    /// It holds BuildKit's statements about one.
    Attestation,
    /// It is something else about one.
    Other,
}

/// What an image runs on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Platform {
    pub(super) os: Option<String>,
    pub(super) architecture: Option<String>,
    pub(super) variant: Option<String>,
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
    /// The form before 2016. Its digest is not that of its bytes, and nothing signs it.
    #[error("has it in Docker's schema 1 only, which is not read: push the image again")]
    SchemaOne,
    /// No JSON of the expected shape, or one that can be read as two things.
    #[error("answered a malformed manifest ({detail})")]
    Malformed {
        /// What is wrong with it, escaped and cut.
        detail: String,
    },
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
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Descriptors>,
    #[serde(default)]
    manifests: Option<Descriptors>,
    #[serde(default)]
    annotations: Option<Annotations>,
    #[serde(default)]
    subject: Option<Subject>,
}

type Descriptors = List<Descriptor, { limits::DESCRIPTORS_PER_INDEX }>;

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

    /// Whether annotations mean something in it.
    pub(super) fn has_annotations(self) -> bool {
        match self {
            Self::OciManifest | Self::OciIndex => true,
            Self::DockerManifest | Self::DockerList => false,
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
        let kind = Kind::parse(media_type).ok_or_else(|| other_type(media_type))?;
        Document::parse(body)?.read_as(kind, body)
    }

    /// The same for what came over HTTP. Some registries and proxies serve everything as one type that says nothing:
    /// then the document's own word counts, which its digest covers.
    pub(super) fn parse_served(content_type: &str, body: &[u8]) -> Result<Self, ManifestError> {
        if !GENERIC_TYPES.contains(&content_type) {
            return Self::parse(content_type, body);
        }
        let document = Document::parse(body)?;
        let own = document.media_type.as_deref().unwrap_or_default();
        let kind = Kind::parse(own).ok_or_else(|| other_type(content_type))?;
        document.read_as(kind, body)
    }

    /// The images that an index lists.
    pub(super) fn children<T: FromIterator<Digest>>(&self) -> T {
        let images = self
            .manifests
            .iter()
            .filter(|one| one.role() == Role::Image);
        images.filter_map(Descriptor::digest).collect()
    }
}

impl Document {
    fn parse(body: &[u8]) -> Result<Self, ManifestError> {
        // From bytes, the parser would not look at the texts that it skips.
        let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
        serde_json::from_str(text).map_err(|error| refusal(&error))
    }

    fn annotation_count(&self) -> usize {
        let listed = self.layers.iter().chain(&self.manifests);
        let listed = listed.flat_map(List::items).chain(&self.config);
        let listed = listed.filter_map(|one| one.annotations.as_ref());
        let all = listed.chain(&self.annotations);
        all.map(|texts| texts.as_map().len()).sum()
    }

    /// One document must not be an index to one reader and a manifest to another.
    fn read_as(self, kind: Kind, body: &[u8]) -> Result<Manifest, ManifestError> {
        let document = self;
        if let Some(inner) = document.media_type.as_ref()
            && inner != kind.media_type()
        {
            return Err(malformed(&format!("it says that it is {inner}")));
        }
        let found = document.annotation_count();
        let limit = limits::ANNOTATIONS_PER_MANIFEST;
        if found > limit {
            let what = "annotations";
            return Err(ManifestError::TooMany { what, limit });
        }
        let (layers, manifests) = (document.layers, document.manifests);
        if kind.is_index() && layers.is_some() {
            return Err(malformed("it is an index and has layers"));
        }
        if !kind.is_index() && manifests.is_some() {
            return Err(malformed("it is a manifest and lists manifests"));
        }
        Ok(Manifest {
            kind,
            digest: Digest::of(body),
            config: document.config,
            layers: layers.map(List::into_items).unwrap_or_default(),
            manifests: manifests.map(List::into_items).unwrap_or_default(),
            annotations: document
                .annotations
                .filter(|_| kind.has_annotations())
                .map(Texts::into_map)
                .unwrap_or_default(),
            manifest_subject: document.subject.map(|subject| subject.digest),
            share: None,
        })
    }
}

impl Descriptor {
    /// The digest, when it is one we accept.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest.parse().ok()
    }

    /// The digest for messages, whatever it is.
    pub(super) fn shown_digest(&self) -> String {
        shown(&self.digest, limits::SHOWN_CHARS)
    }

    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let annotations = self.annotations.as_ref();
        annotations
            .map(|annotations| annotations.as_map().clone())
            .unwrap_or_default()
    }

    /// How long the annotations are together.
    pub(super) fn annotation_bytes(&self) -> usize {
        self.annotations.as_ref().map_or(0, Texts::bytes)
    }

    /// As in `linux/arm64/v8`, for an entry of an index that says it.
    pub(super) fn platform(&self) -> Option<String> {
        self.platform.as_ref().map(Platform::text)
    }

    /// What this entry of an index is there for.
    ///
    /// A runtime chooses by the platform alone, so that what has one may run, whatever the annotations call it.
    pub(super) fn role(&self) -> Role {
        let is_for_none = self.platform.as_ref().is_some_and(Platform::is_unknown);
        match self.annotation(REFERENCE_TYPE) {
            Some(ATTESTATION_MANIFEST) if is_for_none => Role::Attestation,
            Some(_) if is_for_none => Role::Other,
            Some(_) | None => Role::Image,
        }
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.annotations.as_ref()?;
        annotations.as_map().get(key).map(String::as_str)
    }

    pub(super) fn has_annotation(&self, key: &str) -> bool {
        self.annotation(key).is_some()
    }
}

impl Platform {
    /// As in `linux/arm64/v8`.
    pub(super) fn text(&self) -> String {
        let parts = [&self.os, &self.architecture, &self.variant];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join("/")
    }

    fn is_unknown(&self) -> bool {
        let unknown = Some("unknown");
        self.os.as_deref() == unknown && self.architecture.as_deref() == unknown
    }
}

/// The annotations of one manifest or descriptor.
type Annotations = Texts<{ limits::ANNOTATIONS_PER_DESCRIPTOR }>;

/// Serde carries no error type of ours through a parse, so the two limits are told apart by their text.
fn refusal(error: &serde_json::Error) -> ManifestError {
    let text = error.to_string();
    if text.starts_with(TOO_LONG) {
        ManifestError::TooMany {
            what: "descriptors",
            limit: limits::DESCRIPTORS_PER_INDEX,
        }
    } else if text.starts_with(TOO_MANY_TEXTS) {
        ManifestError::TooMany {
            what: "annotations in one place",
            limit: limits::ANNOTATIONS_PER_DESCRIPTOR,
        }
    } else {
        malformed(&text)
    }
}

fn malformed(detail: &str) -> ManifestError {
    ManifestError::Malformed {
        detail: shown(detail, limits::SIGNATURE_ERROR_CHARS),
    }
}

/// Whether this is the media type of Docker's first form of manifests.
pub(super) fn is_schema_one(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

fn other_type(media_type: &str) -> ManifestError {
    if is_schema_one(media_type) {
        return ManifestError::SchemaOne;
    }
    ManifestError::MediaType {
        presented: shown(media_type, limits::SHOWN_CHARS),
    }
}

/// Types that say nothing of what is served as them; the first is that of an answer that names none.
const GENERIC_TYPES: [&str; 5] = [
    "",
    "application/json",
    "application/octet-stream",
    "binary/octet-stream",
    "text/plain",
];

/// What BuildKit calls an entry of an index that is no image.
pub(super) const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

const ATTESTATION_MANIFEST: &str = "attestation-manifest";
