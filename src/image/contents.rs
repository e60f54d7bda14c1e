//! What an image says about itself. The image's digest covers all of it, and whoever built the image wrote all of it.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Digest;

/// A part of an image's content that has to be fetched for itself.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// The annotations of the index and of the manifests in it.
    Annotations,
    /// The labels in the configurations of the manifests.
    Labels,
    /// The statements that BuildKit puts into the index.
    BuildStatements,
}

/// What was read of an image. Parts that were not asked for are empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// The annotations of what the digest names: an index, or a single manifest.
    pub annotations: BTreeMap<String, String>,
    /// The images in it, in the order of the index; of a single manifest that one.
    pub platforms: Vec<PlatformContents>,
    /// What BuildKit says about how they were built.
    pub build_statements: Vec<BuildStatement>,
}

/// The image for one platform.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlatformContents {
    /// As in `linux/amd64`; empty where nothing says it.
    pub platform: String,
    /// The manifest.
    pub digest: Digest,
    /// The annotations of the manifest and of its descriptor in the index; the manifest's own count where both have one.
    pub annotations: BTreeMap<String, String>,
    /// The labels in its configuration, some of which may come from the base image.
    pub labels: BTreeMap<String, String>,
}

/// A statement in the index: not signed by itself, and linked to the image of one platform by both its manifest and
/// its subject.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BuildStatement {
    /// The manifest of the platform that it is about.
    pub platform: Digest,
    /// Its predicate type, as the statement says.
    pub predicate_type: String,
    /// The whole statement.
    pub statement: Bytes,
}
