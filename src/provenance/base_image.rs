//! The images that a build used, and the package URLs that name them (the package-url specification, types `docker`
//! and `oci`; BuildKit writes the former).

use super::{
    ProvenanceError, Source, Unreadable,
    node::{Node, Stated},
    url::{percent_decoded, split_once_or_all},
};
use crate::{
    image::{Digest, Reference, Repository},
    limits,
};

/// An image that a build used: a stage's base, or one that only helped to build. No format says which is which.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseImage {
    /// As it is written, without what wraps it in a package URL: `golang:1.21`.
    pub name: String,
    /// The repository that the name means; none when it means none that a registry serves.
    pub repository: Option<Repository>,
    /// What the build used.
    pub digest: Option<Digest>,
    /// Who says so.
    pub source: Source,
    /// Where.
    pub path: String,
}

impl BaseImage {
    /// What tells two of them apart.
    pub(super) fn key(&self) -> (Source, &str, Option<&Digest>) {
        (self.source, &self.name, self.digest.as_ref())
    }

    /// This and all that follow are not told of.
    pub(super) fn beyond_the_bound(&self, found: usize) -> Unreadable {
        Unreadable {
            source: self.source,
            path: self.path.clone(),
            error: ProvenanceError::Limit {
                what: "base images",
                found,
                limit: limits::BASE_IMAGES,
            },
        }
    }

    /// The image that a dependency's URI names, if it is an image's.
    ///
    /// # Errors
    /// A digest that is none, and two digests that differ.
    pub(super) fn of_dependency(
        dependency: &Node<'_>,
        source: Source,
    ) -> Result<Option<Self>, ProvenanceError> {
        let Some(uri) = dependency.field("uri")?.text()? else {
            return Ok(None);
        };
        let Some(named) = Named::by(&uri.value) else {
            return Ok(None);
        };
        let stated = dependency.at(&["digest", "sha256"])?;
        let digest = match stated.text()? {
            Some(hex) => Some(whole(&stated, &hex)?),
            None => None,
        };
        if let (Some(digest), Some(written)) = (&digest, &named.digest)
            && digest != written
        {
            let written = serde_json::Value::String(written.to_string());
            return Err(dependency.malformed("an image of one digest", &written));
        }
        Ok(Some(Self {
            name: named.name,
            repository: named.repository,
            digest: digest.or(named.digest),
            source,
            path: uri.path,
        }))
    }

    /// The image that a name in an annotation or label means, with the digest beside it.
    pub(super) fn of_name(name: &str, digest: Option<&str>, source: Source, path: String) -> Self {
        let reference = name.parse::<Reference>().ok();
        let repository = reference.as_ref().map(|it| it.repository().clone());
        let written = reference.and_then(|it| it.digest().cloned());
        Self {
            name: name.to_owned(),
            repository,
            digest: digest.and_then(|text| text.parse().ok()).or(written),
            source,
            path,
        }
    }
}

/// What a dependency's URI says of an image.
struct Named {
    name: String,
    repository: Option<Repository>,
    digest: Option<Digest>,
}

impl Named {
    fn by(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once(':')?;
        if scheme.eq_ignore_ascii_case("docker-image") {
            return Some(Self::by_reference(rest.trim_start_matches('/')));
        }
        if !scheme.eq_ignore_ascii_case("pkg") {
            return None;
        }
        let (kind, rest) = rest.trim_start_matches('/').split_once('/')?;
        let kind = if kind.eq_ignore_ascii_case("docker") {
            Kind::Docker
        } else if kind.eq_ignore_ascii_case("oci") {
            Kind::Oci
        } else {
            return None;
        };
        Some(Self::by_purl(kind, rest))
    }

    fn by_reference(text: &str) -> Self {
        let reference = text.parse::<Reference>().ok();
        Self {
            name: text.to_owned(),
            repository: reference.as_ref().map(|it| it.repository().clone()),
            digest: reference.and_then(|it| it.digest().cloned()),
        }
    }

    /// `name@version?qualifiers#subpath`, each part percent-encoded by itself.
    fn by_purl(kind: Kind, rest: &str) -> Self {
        let (rest, _subpath) = split_once_or_all(rest, '#');
        let (rest, qualifiers) = split_once_or_all(rest, '?');
        let (name, version) = split_once_or_all(rest, '@');
        let qualifier = |key: &str| {
            let pairs = qualifiers.unwrap_or_default().split('&');
            let mut found = pairs.filter_map(|pair| pair.split_once('='));
            let (_, value) = found.find(|(name, _)| name.eq_ignore_ascii_case(key))?;
            percent_decoded(value)
        };
        let version = version.and_then(percent_decoded);
        let name = percent_decoded(name).unwrap_or_else(|| name.to_owned());
        let full_name = kind.full_name(&name, qualifier("repository_url").as_deref());
        let repository = full_name.as_deref().and_then(|it| it.parse().ok());
        let name = full_name.unwrap_or(name);
        let by_version = version.as_deref().and_then(|it| it.parse::<Digest>().ok());
        let tag = match (&by_version, version) {
            (None, Some(version)) => Some(version),
            (Some(_) | None, _) => qualifier("tag"),
        };
        let digest = by_version.or_else(|| qualifier("digest")?.parse().ok());
        Self {
            name: match tag {
                Some(tag) => format!("{name}:{tag}"),
                None => name,
            },
            repository,
            digest,
        }
    }
}

/// The types of package URLs that name images.
#[derive(Clone, Copy)]
enum Kind {
    Docker,
    Oci,
}

impl Kind {
    /// The name with its registry, if it has one.
    fn full_name(self, name: &str, repository_url: Option<&str>) -> Option<String> {
        match (self, repository_url.map(trimmed)) {
            // There the name is only the last part of the repository's.
            (Self::Oci, Some(url)) if url.rsplit('/').next() == Some(name) => Some(url.to_owned()),
            (Self::Docker | Self::Oci, Some(url)) => Some(format!("{url}/{name}")),
            // The registry is before the name, as BuildKit writes it.
            (Self::Docker, None) => Some(name.to_owned()),
            // An image of a folder.
            (Self::Oci, None) => None,
        }
    }
}

fn trimmed(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.trim_end_matches('/')
}

fn whole(node: &Node<'_>, hex: &Stated) -> Result<Digest, ProvenanceError> {
    let digest = format!("sha256:{}", hex.value);
    digest.parse().map_err(|_| {
        let found = serde_json::Value::String(hex.value.clone());
        node.malformed("64 lower-case hex digits", &found)
    })
}
