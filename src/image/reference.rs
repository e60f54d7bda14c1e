//! Image references, as the kubelet reads them (formats.md §7.5).

use super::Digest;

/// A registry's host and port, as in `registry.gitlab.com` or `localhost:5000`; `docker.io` for Docker Hub.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RegistryHost(String);

/// A normalised repository: host and path, as in `docker.io/library/nginx`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Repository {
    host: RegistryHost,
    path: String,
}

/// A tag, as in `1.8.2`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(String);

/// An image reference: a repository with a tag, a digest or both, and the text it was written as.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Reference {
    written: String,
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// Why a text is no image reference.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// There is no text.
    #[error("the image reference is empty")]
    Empty,
    // further variants by the implementer
}

impl RegistryHost {
    /// The text, `host` or `host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether this is the loopback host (`localhost`, 127.0.0.0/8, `[::1]`), whatever the port.
    pub fn is_loopback(&self) -> bool {
        todo!()
    }
}

impl Repository {
    /// The registry.
    pub fn host(&self) -> &RegistryHost {
        &self.host
    }
    /// The path without the host, as in `acme/shop/api`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
        todo!()
    }
    /// The digest, when one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
    /// The text as written with this digest instead of (or added to) its own: `repo:tag@sha256:…`.
    pub fn pinned(&self, _digest: &Digest) -> String {
        todo!()
    }
}

macro_rules! stub_text { ($($t:ty),*) => {$(
    impl std::str::FromStr for $t { type Err = ReferenceError; fn from_str(_t: &str) -> Result<Self, ReferenceError> { todo!() } }
    impl std::fmt::Display for $t { fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
)*} }
stub_text!(RegistryHost, Repository, Tag, Reference);
