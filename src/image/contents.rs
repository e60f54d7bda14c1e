//! What an image says about itself. The image's digest covers all of it, and whoever built the image wrote all of it.

use std::{collections::BTreeMap, fmt};

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
    /// What a single manifest runs on: its configuration says it. An index says it of its images anyway.
    Platforms,
}

/// What was read of an image. Parts that were not asked for are empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// The media type of what the digest names: an index, or a single manifest.
    pub media_type: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The images in it, in the order of the index; of a single manifest that one.
    pub platforms: Vec<PlatformContents>,
    /// What BuildKit says about how they were built.
    pub build_statements: Vec<BuildStatement>,
    /// What passes for such a statement and is none. Who relies on [`Self::build_statements`] relies on there being
    /// none of these: one that is left out may have said what the others do not.
    pub broken_statements: Vec<BrokenStatement>,
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

/// Something in the index that the index calls a statement about one of its images.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BrokenStatement {
    /// The attestation manifest that the index lists.
    pub manifest: Digest,
    /// What is wrong.
    pub fault: StatementFault,
}

/// Why a statement in an index is none about an image in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StatementFault {
    /// The index links it to a manifest that it does not list, or to none.
    #[error("the index links it to \"{presented}\", which is no image in it")]
    UnknownPlatform {
        /// To what, escaped and cut.
        presented: String,
    },
    /// It is about something else than the index says.
    #[error("it is about {presented}, the index says {expected}")]
    OtherImage {
        /// By its subject, escaped and cut.
        presented: String,
        /// By the index.
        expected: Digest,
    },
    /// It is of another type than its manifest says.
    #[error("it is of type \"{presented}\", its manifest says \"{listed}\"")]
    OtherType {
        /// By the manifest, escaped and cut.
        listed: String,
        /// By itself, escaped and cut.
        presented: String,
    },
    /// It cannot be read.
    #[error("{detail}")]
    Malformed {
        /// What is wrong, escaped and cut.
        detail: String,
    },
}

impl Contents {
    /// How much there is of it, in bytes of text.
    pub fn bytes(&self) -> usize {
        let platforms: usize = self.platforms.iter().map(PlatformContents::bytes).sum();
        let statements = self.build_statements.iter();
        let statements: usize = statements.map(BuildStatement::bytes).sum();
        text_bytes(&self.annotations)
            .saturating_add(platforms)
            .saturating_add(statements)
    }
}

impl PlatformContents {
    fn bytes(&self) -> usize {
        self.platform.len() + text_bytes(&self.annotations) + text_bytes(&self.labels)
    }
}

impl BuildStatement {
    /// How much there is of it.
    pub fn bytes(&self) -> usize {
        self.predicate_type.len() + self.statement.len()
    }
}

fn text_bytes(texts: &BTreeMap<String, String>) -> usize {
    let lengths = texts.iter().map(|(key, value)| key.len() + value.len());
    lengths.sum()
}

impl fmt::Display for BrokenStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = self.manifest.short();
        write!(f, "the build statement in {manifest}: {}", self.fault)
    }
}
