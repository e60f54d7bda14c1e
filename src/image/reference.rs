//! Image references, as the kubelet reads them.

use std::{fmt, str::FromStr};

use super::{
    Digest, DigestError, Repository, Tag,
    digest::is_whole_hex,
    name::{plain_text, split_tag},
};

/// An image reference: a repository with a tag, a digest or both, and the text it was written as.
///
/// Reading it normalises the repository (`nginx` is `docker.io/library/nginx`); printing it gives the text as
/// written. Two references that mean the same but are written differently are not equal.
///
/// ```
/// # use assay::image::Reference;
/// let image: Reference = "nginx:1.29".parse()?;
/// assert_eq!(image.repository().to_string(), "docker.io/library/nginx");
/// assert_eq!(image.to_string(), "nginx:1.29");
/// # Ok::<(), assay::image::ReferenceError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Reference {
    written: String,
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// Why a text is no image reference (or no part of one). What it shows of the text is escaped and cut.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// There is no text.
    #[error("the image reference is empty")]
    Empty,
    /// It is too long.
    #[error("the image reference has {found} bytes, at most {limit} are read")]
    TooLong {
        /// How long it is.
        found: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A space, a control character, or one that is not ASCII.
    #[error("the character \"{presented}\" cannot stand in an image reference")]
    Character {
        /// The character.
        presented: String,
    },
    /// A URL.
    #[error("an image reference has no scheme, leave out \"{presented}\"")]
    Scheme {
        /// The scheme, with its slashes.
        presented: String,
    },
    /// 64 hex digits, which runtimes take for an image id.
    #[error("64 hex digits alone are an image id, expected repository@sha256:…")]
    BareHex,
    /// The registry host is malformed.
    #[error("\"{presented}\" is not a registry host, expected host or host:port")]
    Host {
        /// What stands in the host's place.
        presented: String,
    },
    /// A host that only its upper case tells from a path.
    #[error("registry host \"{presented}\" needs a domain or a port, as in registry.example")]
    AmbiguousHost {
        /// The host.
        presented: String,
    },
    /// The port is no port.
    #[error("\"{presented}\" is not a port, expected 1 to 65535")]
    Port {
        /// What stands behind the host's colon.
        presented: String,
    },
    /// The repository path has upper-case letters.
    #[error("repository paths are lower case, found \"{presented}\"")]
    UpperCase {
        /// The component.
        presented: String,
    },
    /// A component of the repository path is malformed.
    #[error(
        "\"{presented}\" cannot stand in a repository path, expected lower-case letters and digits divided by . _ __ or -"
    )]
    PathComponent {
        /// The component.
        presented: String,
    },
    /// The repository path is too long.
    #[error("the repository path has {found} bytes, at most {limit} are allowed")]
    PathTooLong {
        /// How long it is, normalised.
        found: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The tag is malformed.
    #[error(
        "\"{presented}\" is not a tag, expected at most 128 letters, digits, _ . - that begin with a letter, a digit or _"
    )]
    Tag {
        /// What stands in the tag's place.
        presented: String,
    },
    /// The digest is malformed or of another algorithm.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A tag or digest where only a repository is wanted.
    #[error("expected a repository without tag and digest, found \"{presented}\"")]
    NotOnlyRepository {
        /// The text.
        presented: String,
    },
}

impl Reference {
    /// The text as its author wrote it.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The normalised repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, when one was written.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The tag a runtime would pull when there is no digest: the one written, else `latest`.
    pub fn tag_or_latest(&self) -> Tag {
        self.tag.clone().unwrap_or_else(Tag::latest)
    }

    /// The digest, when one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The text as written with this digest instead of (or added to) its own: `repo:tag@sha256:…`.
    pub fn pinned(&self, digest: &Digest) -> String {
        let (name, _) = split_digest(&self.written);
        format!("{name}@{digest}")
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let written = plain_text(text)?;
        if let Some(presented) = SCHEMES.into_iter().find(|s| starts_with_scheme(written, s)) {
            return Err(ReferenceError::Scheme {
                presented: presented.to_owned(),
            });
        }
        if is_whole_hex(written) {
            return Err(ReferenceError::BareHex);
        }
        let (named, digest) = split_digest(written);
        let (name, tag) = split_tag(named);
        Ok(Self {
            repository: Repository::from_name(name)?,
            tag: tag.map(str::parse).transpose()?,
            digest: digest.map(str::parse).transpose()?,
            written: written.to_owned(),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn split_digest(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (text, None),
    }
}

fn starts_with_scheme(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

const SCHEMES: [&str; 4] = ["https://", "http://", "docker://", "oci://"];
